//! The edge: bytes in, and either a good question or a clear refusal out.
//!
//! **Invariant:** nothing here asks a provider.

use crate::Shared;
use crate::answer::{Answer, Handle};
use crate::ask::{Ask, Endpoint, Stored};
use crate::drive::Drive;
use crate::memory::Pressure;
use crate::refusal::{Reason, Refusal};
use crate::settle::Turned;
use crate::{models, plan, respond};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use ir::{Dialect, Shape, Time, Trace, TraceId};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use transport::{Fault, Peer};

mod body;
mod gate;
mod guard;
mod route;
mod trace;
mod uploads;

pub(crate) use gate::{Gate, Pass, Who};
pub(crate) use uploads::Uploads;

use gate::Limits;
use route::Route;

/// One request.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
    peer: Peer,
) -> Response<Answer> {
    // Its own digits name the trace that begins with it.
    let digits = (u128::from(shared.entropy.draw()) << 64) | u128::from(shared.entropy.draw());
    let arrival = Arrival {
        id: format!("req_{digits:032x}"),
        trace: trace::read(request.headers(), TraceId(digits.max(1))),
        began: shared.clock.now(),
        at_unix_ms: shared.clock.unix_ms(),
    };
    let (method, uri) = (request.method(), request.uri());
    let route = match route::find(method, (uri.path(), uri.query()), request.headers()) {
        Ok(route) => route,
        Err(refusal) => return respond::refusal(&refusal, &arrival.id),
    };
    if let (Some(fault), None) = (peer.fault, route.asks()) {
        return respond::refusal(&odd(Dialect::Chat, fault), &arrival.id);
    }
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
            let door = Door::new(Arc::clone(&shared), &arrival, (dialect, endpoint));
            question(door, request, (arrival, None), peer).await
        }
        Route::Stored(stored) => {
            let asked = (Dialect::Responses, Endpoint::Stored);
            let door = Door::new(Arc::clone(&shared), &arrival, asked);
            question(door, request, (arrival, Some(stored)), peer).await
        }
    }
}

/// A question comes in, and its answer goes out, or why there is none.
async fn question(
    mut door: Door,
    request: Request<Incoming>,
    (arrival, stored): (Arrival, Option<Stored>),
    peer: Peer,
) -> Response<Answer> {
    let shared = Arc::clone(&door.shared);
    let asked = match peer.fault {
        Some(fault) => Err(odd(door.turned.dialect, fault)),
        None => ask(&shared, request, (arrival, stored), &mut door.turned).await,
    };
    match asked {
        Ok(drive) => {
            door.passed();
            open(drive).await
        }
        Err(refusal) => {
            let response = respond::refusal(&refusal, &door.turned.id);
            door.turned.refusal = Some(refusal);
            response
        }
    }
}

/// When a request came, and its name.
#[derive(Debug)]
struct Arrival {
    id: String,
    trace: Trace,
    began: Time,
    at_unix_ms: u64,
}

/// A question between its arrival and its drive. One that does not get through, because it is
/// refused or because its caller leaves, is handed to the settler when it is dropped.
#[derive(Debug)]
struct Door {
    shared: Arc<Shared>,
    began: Time,
    turned: Turned,
    passed: bool,
}

// === impl Door ===

impl Door {
    fn new(shared: Arc<Shared>, arrival: &Arrival, asked: (Dialect, Endpoint)) -> Self {
        let (dialect, endpoint) = asked;
        let turned = Turned {
            id: arrival.id.clone(),
            at_unix_ms: arrival.at_unix_ms,
            trace: arrival.trace.clone(),
            principal: None,
            dialect,
            endpoint,
            shape: Shape::Whole,
            model: String::new(),
            took_ms: 0,
            refusal: None,
        };
        Self { shared, began: arrival.began, turned, passed: false }
    }

    /// It has a drive, which will be recorded.
    fn passed(&mut self) {
        self.passed = true;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if !self.passed {
            let took = self.shared.clock.now().since(self.began).as_millis();
            self.turned.took_ms = u64::try_from(took).unwrap_or(u64::MAX);
            self.shared.settler.turned(self.turned.clone());
        }
    }
}

/// Reads a request, plans it, and makes its drive. What is learnt on the way is noted for its record.
async fn ask(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    (arrival, stored): (Arrival, Option<Stored>),
    turned: &mut Turned,
) -> Result<Box<Drive>, Refusal> {
    let (dialect, endpoint) = (turned.dialect, turned.endpoint);
    let (mut parts, incoming) = request.into_parts();
    // What is asked about an answer that is kept needs no body.
    let has_body = stored.is_none();
    let principal = guard::admit(&shared.config, &mut parts.headers, dialect, has_body)?;
    turned.principal.clone_from(&principal);
    // Whoever sends a body slowly has no place yet that another could use.
    // In a box, which is gone when it is in: as many wait for an answer as there are requests.
    let entering = Box::pin(enter(shared, &parts.headers, incoming, (dialect, &principal)));
    let (pass, body) = while_served(shared, dialect, entering).await?;
    let head = match &stored {
        Some(_) => codec::Head::default(),
        None => read(&body, dialect, endpoint)?,
    };
    turned.model.clone_from(&head.model);
    let ask = Ask {
        id: arrival.id,
        began: arrival.began,
        at_unix_ms: arrival.at_unix_ms,
        trace: arrival.trace,
        principal,
        pass: Some(pass),
        dialect,
        endpoint,
        http2: parts.version == Version::HTTP_2,
        query: parts.uri.query().map(str::to_owned),
        headers: owned(parts.headers),
        body,
        head,
        stored,
    };
    turned.shape = ask.shape();
    let plan = plan::plan(shared, &ask)?;
    Ok(Box::new(Drive::new(Arc::clone(shared), ask, plan)))
}

/// The same headers in memory of their own: as they come they hold the whole buffer that they were
/// read into, and would for as long as the answer takes.
fn owned(mut headers: HeaderMap) -> HeaderMap {
    let length = headers.values().map(HeaderValue::len).sum();
    let mut all = BytesMut::with_capacity(length);
    headers.values().for_each(|value| all.extend_from_slice(value.as_bytes()));
    let mut all = all.freeze();
    for value in headers.values_mut() {
        let own = all.split_to(value.len());
        // What was a value is one.
        if let Ok(own) = HeaderValue::from_maybe_shared(own) {
            *value = own;
        }
    }
    headers
}

/// Takes a request's body and lets it in, or says when to come back.
async fn enter(
    shared: &Shared,
    headers: &HeaderMap,
    incoming: Incoming,
    (dialect, who): (Dialect, &Who),
) -> Result<(Pass, Bytes), Refusal> {
    let server = &shared.config.server;
    // Where nobody is under way, nothing that could be given up holds it.
    let busy = shared.state.gate.count().0 != 0;
    if busy && shared.state.memory.pressure() == Pressure::Out {
        let message = "there is no memory left for more requests (server.memory_max): try again";
        return refuse(dialect, Reason::Busy, message);
    }
    let limits = Limits {
        inside_max: server.requests_max,
        waiting_max: server.queue_max,
        wait: server.queue_wait,
        // An eighth, where there is somebody to leave it to.
        kept: if shared.config.keys.len() < 2 { 0 } else { server.requests_max / 8 },
    };
    let gate = &shared.state.gate;
    if !gate.is_full(limits, who) {
        let (body, upload) = body::read(shared, headers, incoming, dialect).await?;
        let pass = gate.enter(limits, who).await;
        // While it waits it is held for nothing, as one that is still coming.
        drop(upload);
        if let Some(pass) = pass {
            return Ok((pass, body));
        }
    }
    let message = format!(
        "{} requests are under way here and more wait (server.requests_max): try again",
        server.requests_max
    );
    refuse(dialect, Reason::Busy, message)
}

/// Does the work unless the grace is over: then every connection is polled once more, and what is
/// still coming or waits for its turn is told so.
async fn while_served<T>(
    shared: &Shared,
    dialect: Dialect,
    mut work: impl Future<Output = Result<T, Refusal>> + Unpin,
) -> Result<T, Refusal> {
    poll_fn(|cx| {
        if shared.state.over.load(Ordering::Relaxed) {
            let message = "the gateway stops: try again";
            return Poll::Ready(refuse(dialect, Reason::Stopping, message));
        }
        Pin::new(&mut work).poll(cx)
    })
    .await
}

/// A request that has no one meaning, or asks for what this port does not do.
fn odd(dialect: Dialect, fault: Fault) -> Refusal {
    Refusal::new(dialect, Reason::OddRequest, fault.words())
}

fn read(body: &[u8], dialect: Dialect, endpoint: Endpoint) -> Result<codec::Head, Refusal> {
    match codec::read_head(dialect, body) {
        Ok(mut head) => {
            // Counting has no stream, whatever the body says.
            head.stream &= endpoint == Endpoint::Create;
            Ok(head)
        }
        Err(error) => Err(body::unreadable(dialect, &error)),
    }
}

/// Drives a request until there is a head.
async fn open(drive: Box<Drive>) -> Response<Answer> {
    let mut handle = Handle::new(drive);
    poll_fn(move |cx| {
        let step = match handle.drive() {
            Some(drive) => std::task::ready!(drive.poll(cx)),
            None => crate::drive::Step::End,
        };
        let handle = std::mem::take(&mut handle);
        Poll::Ready(respond::open(handle, step, cx))
    })
    .await
}

fn root() -> Response<Answer> {
    let text = "{\"backstop\":\"running\",\"point clients at\":\"this address\"}";
    respond::document(StatusCode::OK, Bytes::from_static(text.as_bytes()))
}

fn ready(shared: &Shared) -> Response<Answer> {
    let (status, word) = if shared.state.draining.load(Ordering::Relaxed) {
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
