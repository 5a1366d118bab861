//! The same answers over HTTPS (RFC 8484), over HTTP/2 as the public resolvers speak it.

use anyhow::Result;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

use super::{QUESTION_MAX, Way, Zone};
use crate::lab::server::{Log, Server};

/// What a message is called.
const KIND: &str = "application/dns-message";

/// Starts one.
pub(super) async fn serve(zone: Zone, at: SocketAddr, acceptor: TlsAcceptor) -> Result<Server> {
    let (zone, log) = (Arc::new(zone), Log::default());
    let noted = log.clone();
    Server::tcp(at, log, move |stream| {
        let (zone, noted, acceptor) = (Arc::clone(&zone), noted.clone(), acceptor.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| {
                let (zone, noted) = (Arc::clone(&zone), noted.clone());
                async move { Ok::<_, Infallible>(answer(request, &zone, &noted).await) }
            });
            let serving = http2::Builder::new(TokioExecutor::new());
            // A caller that leaves in between is no concern of a server.
            drop(serving.serve_connection(TokioIo::new(stream), service).await);
        }
    })
    .await
}

async fn answer(request: Request<Incoming>, zone: &Zone, log: &Log) -> Response<Full<Bytes>> {
    let kind = request.headers().get("content-type").is_some_and(|it| it == KIND);
    if request.uri().path() != "/dns-query" {
        return status(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::POST {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !kind {
        return status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let Ok(question) = Limited::new(request.into_body(), QUESTION_MAX).collect().await else {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let Some(answer) = zone.answer(&question.to_bytes(), Way::Https, log) else {
        return pending().await;
    };
    let mut response = Response::new(Full::new(Bytes::from(answer)));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(KIND));
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}
