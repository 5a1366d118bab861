//! The edge: bytes in, and either a good question or a clear refusal out.
//!
//! **Invariant:** nothing here asks a provider.

use crate::Shared;
use crate::answer::{Answer, Handle};
use crate::ask::{Ask, Endpoint};
use crate::drive::Drive;
use crate::refusal::{Reason, Refusal};
use crate::settle::Turned;
use crate::{models, plan, respond};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use ir::{Dialect, Shape, Time};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use transport::entropy;

mod body;
mod guard;
mod route;

use route::Route;

/// One request.
pub(crate) async fn serve(shared: Arc<Shared>, mut request: Request<Incoming>) -> Response<Answer> {
    let arrival = Arrival {
        id: format!("req_{:016x}{:016x}", entropy(), entropy()),
        began: shared.clock.now(),
        at_unix_ms: shared.clock.unix_ms(),
    };
    let route = match route::find(request.method(), request.uri().path(), request.headers()) {
        Ok(route) => route,
        Err(refusal) => return respond::refusal(&refusal, &arrival.id),
    };
    match route {
        Route::Root => root(),
        Route::Health => {
            respond::document(StatusCode::OK, Bytes::from_static(br#"{"status":"ok"}"#))
        }
        Route::Ready => ready(&shared),
        Route::Models(dialect, id) => {
            match guard::admit(&shared.config, request.headers_mut(), dialect, false) {
                Ok(_) => models::answer(&shared, dialect, id, request.headers(), &arrival.id).await,
                Err(refusal) => respond::refusal(&refusal, &arrival.id),
            }
        }
        Route::Ask(dialect, endpoint) => {
            let id = arrival.id.clone();
            let mut turned = Turning { dialect, shape: Shape::Whole, model: String::new() };
            match ask(&shared, request, arrival, endpoint, &mut turned).await {
                Ok(drive) => open(drive).await,
                Err(unserved) => {
                    let Unserved { refusal, arrival, principal } = unserved;
                    let took = shared.clock.now().since(arrival.began).as_millis();
                    let response = respond::refusal(&refusal, &id);
                    shared.settler.turned(Turned {
                        id,
                        at_unix_ms: arrival.at_unix_ms,
                        principal,
                        shape: turned.shape,
                        model: turned.model,
                        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
                        refusal,
                    });
                    response
                }
            }
        }
    }
}

/// When a request came, and its name.
#[derive(Debug)]
struct Arrival {
    id: String,
    began: Time,
    at_unix_ms: u64,
}

/// What was learnt of a request before it was refused, for its record.
#[derive(Debug)]
struct Turning {
    dialect: Dialect,
    shape: Shape,
    model: String,
}

/// A request that is not served.
#[derive(Debug)]
struct Unserved {
    refusal: Refusal,
    arrival: Arrival,
    principal: Option<Arc<str>>,
}

/// Reads a request, plans it, and makes its drive.
async fn ask(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    arrival: Arrival,
    endpoint: Endpoint,
    turned: &mut Turning,
) -> Result<Drive, Unserved> {
    let dialect = turned.dialect;
    let (mut parts, incoming) = request.into_parts();
    let principal = match guard::admit(&shared.config, &mut parts.headers, dialect, true) {
        Ok(principal) => principal,
        Err(refusal) => return Err(Unserved { refusal, arrival, principal: None }),
    };
    let read = read(shared, &parts.headers, incoming, dialect, endpoint).await;
    let (body, head) = match read {
        Ok(read) => read,
        Err(refusal) => return Err(Unserved { refusal, arrival, principal }),
    };
    turned.model.clone_from(&head.model);
    let ask = Ask {
        id: arrival.id,
        began: arrival.began,
        at_unix_ms: arrival.at_unix_ms,
        principal,
        dialect,
        endpoint,
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
        head,
    };
    turned.shape = ask.shape();
    match plan::plan(shared, &ask) {
        Ok(plan) => Ok(Drive::new(Arc::clone(shared), ask, plan)),
        Err(refusal) => {
            let arrival = Arrival { id: ask.id, began: ask.began, at_unix_ms: ask.at_unix_ms };
            Err(Unserved { refusal, arrival, principal: ask.principal })
        }
    }
}

async fn read(
    shared: &Shared,
    headers: &HeaderMap,
    incoming: Incoming,
    dialect: Dialect,
    endpoint: Endpoint,
) -> Result<(Bytes, codec::Head), Refusal> {
    let body = body::read(&shared.config.server, headers, incoming, dialect).await?;
    match codec::read_head(dialect, &body) {
        Ok(mut head) => {
            // Counting has no stream, whatever the body says.
            head.stream &= endpoint == Endpoint::Create;
            Ok((body, head))
        }
        Err(error) => Err(body::unreadable(dialect, &error)),
    }
}

/// Drives a request until there is a head.
async fn open(drive: Drive) -> Response<Answer> {
    let mut handle = Handle::new(drive);
    poll_fn(move |cx| {
        let step = match handle.drive() {
            Some(drive) => std::task::ready!(drive.poll(cx)),
            None => crate::drive::Step::End,
        };
        let handle = std::mem::replace(&mut handle, Handle::empty());
        std::task::Poll::Ready(respond::open(handle, step, cx))
    })
    .await
}

fn root() -> Response<Answer> {
    let text = "{\"backstop\":\"running\",\"point clients at\":\"this address\"}";
    respond::document(StatusCode::OK, Bytes::from_static(text.as_bytes()))
}

fn ready(shared: &Shared) -> Response<Answer> {
    let (status, word) = if shared.draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else {
        (StatusCode::OK, "ready")
    };
    respond::document(status, Bytes::from(format!("{{\"status\":\"{word}\"}}")))
}

/// A refusal in its usual form.
fn refuse<T>(dialect: Dialect, reason: Reason, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(dialect, reason, message))
}
