//! One connection of a caller, from accepting to closing.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::{HttpService, Service, service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::phase::{Clockwork, Timed, Tracked};
use super::{ListenerSettings, Peer, Phase};

/// The bytes that are read ahead of a slow handler, and written ahead of a slow caller.
const BUFFER_MAX: usize = 128 * 1024;

/// A connection that answers with `handler`.
pub(super) fn run<H, F, B>(
    stream: TcpStream,
    settings: ListenerSettings,
    handler: H,
    peer: Peer,
) -> Connection<
    TokioIo<Timed>,
    impl Service<Request<Incoming>, Response = Response<Tracked<B>>, Error = Infallible, Future: Send>
    + Send,
>
where
    H: Fn(Request<Incoming>, Peer) -> F + Send,
    F: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "socket option refused");
    }
    let clockwork = Clockwork::new(settings.head_timeout, settings.idle_timeout);
    let socket = TokioIo::new(Timed::new(stream, clockwork.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = clockwork.busy();
        let unframed = request.version() == Version::HTTP_10;
        let answering = handler(request, peer);
        async move {
            let answer = answering.await;
            Ok::<_, Infallible>(answer.map(|body| Tracked::new(body, unframed, busy)))
        }
    });
    Builder::new()
        .keep_alive(true)
        .header_read_timeout(None)
        .max_buf_size(BUFFER_MAX)
        .max_header_size(settings.head_bytes_max)
        .serve_connection(socket, service)
}

/// Runs a connection as long as the listener's phase lets it, holding its place.
pub(super) async fn until<S, B>(
    connection: Connection<TokioIo<Timed>, S>,
    mut phase: watch::Receiver<Phase>,
    permit: Option<OwnedSemaphorePermit>,
) where
    S: HttpService<Incoming, ResBody = Tracked<B>, Error = Infallible>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    {
        let mut connection = pin!(connection);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection ended");
                    }
                    break;
                }
                changed = phase.changed() => {
                    // The listener outlives its connections, unless it is dropped unfinished.
                    let now = *phase.borrow_and_update();
                    match (changed, now) {
                        (Ok(()), Phase::Serve) => {}
                        (Ok(()), Phase::Finish) => connection.as_mut().graceful_shutdown(),
                        (Ok(()), Phase::Drop) | (Err(_), _) => break,
                    }
                }
            }
        }
    }
    drop(permit);
}
