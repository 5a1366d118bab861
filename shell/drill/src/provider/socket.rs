//! Carries scripts out on sockets.
//!
//! **Invariant:** every read, write and wait ends by itself: by a limit, or when the client leaves.

use super::control;
use super::http::{self, Request};
use super::script::Step;
use super::seen::End;
use super::state::State;
use super::tls::Tls;
use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use std::io::{ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::server::TlsStream;

/// The most open connections; more wait to be accepted.
const CONNECTIONS_MAX: usize = 20_000;
/// The most exchanges on one connection.
const EXCHANGES_MAX: u32 = 1_000_000;
/// The longest wait for a request, for the client to take bytes, and for it to leave.
const PATIENCE: Duration = Duration::from_mins(10);
/// What a client may send ahead while it is being answered.
const AHEAD_BYTES_MAX: usize = 1024 * 1024;

/// A connection that can be reset.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the coming close a reset: without linger the kernel sends RST instead of FIN.
    fn reset_on_close(&self);
}

/// Accepts connections until it is dropped, which ends them all.
pub(super) async fn accept(listener: TcpListener, state: Arc<State>, tls: Tls) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (state, tls) = (Arc::clone(&state), tls.clone());
                connections.spawn(async move {
                    Box::pin(welcome(stream, &state, tls)).await;
                    drop(seat);
                });
            }
            // Out of descriptors, most likely: others close meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn welcome(mut stream: TcpStream, state: &State, tls: Tls) {
    let connection = state.connect();
    // Each step shall be on the wire when the next one begins.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    match tls {
        Tls::Off => connected(stream, state, connection).await,
        Tls::Stall => {
            let mut ahead = BytesMut::new();
            drop(timeout(PATIENCE, gone(&mut stream, &mut ahead)).await);
        }
        Tls::On(acceptor) => {
            if let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await {
                connected(stream, state, connection).await;
            }
        }
    }
}

pub(super) async fn connected<S: Wire>(mut io: S, state: &State, connection: u64) {
    tokio::select! {
        biased;
        () = state.severed.notified() => {
            io.reset_on_close();
            state.sever(connection);
        }
        () = exchanges(&mut io, state, connection) => {}
    }
}

async fn exchanges<S: Wire>(io: &mut S, state: &State, connection: u64) {
    let mut buffer = BytesMut::new();
    for nth in 0..EXCHANGES_MAX {
        let request = match timeout(PATIENCE, http::read_request(io, &mut buffer)).await {
            Ok(Ok(Some(request))) => request,
            Ok(Err(error)) if error.kind() == ErrorKind::InvalidData => {
                let refusal = http::head(400, &[("content-length", "0".to_owned())]);
                drop(send(io, &refusal.into()).await);
                drop(io.shutdown().await);
                return;
            }
            Ok(Ok(None) | Err(_)) | Err(_) => return,
        };
        let close = request.close;
        if !exchange(io, &mut buffer, state, (request, connection, nth)).await {
            return;
        }
        if close {
            drop(io.shutdown().await);
            return;
        }
    }
}

/// One exchange; whether the connection may go on.
async fn exchange<S: Wire>(
    io: &mut S,
    buffer: &mut BytesMut,
    state: &State,
    (request, connection, nth): (Request, u64, u32),
) -> bool {
    if let Some(answer) = control::answer(state, &request) {
        return send(io, &answer.into()).await.is_ok();
    }
    let (serial, steps) = state.serve(request, connection, nth);
    let end = play(io, buffer, steps).await;
    state.end(serial, end);
    end == End::Done
}

/// Carries a script out.
async fn play<S: Wire>(io: &mut S, buffer: &mut BytesMut, steps: Vec<Step>) -> End {
    let begun = Instant::now();
    let mut sent = 0_usize;
    let left = |sent| End::ClientGone { after: begun.elapsed(), sent };
    for step in steps {
        match step {
            Step::Send(bytes) => {
                if send(io, &bytes).await.is_err() {
                    return left(sent);
                }
                sent = sent.saturating_add(bytes.len());
            }
            Step::Wait(wait) => {
                if timeout(wait, gone(io, buffer)).await.is_ok() {
                    return left(sent);
                }
            }
            Step::Hang => {
                return match timeout(PATIENCE, gone(io, buffer)).await {
                    Ok(()) => left(sent),
                    Err(_) => End::Fin,
                };
            }
            Step::Reset => {
                io.reset_on_close();
                return End::Reset;
            }
            Step::Fin => {
                drop(io.shutdown().await);
                return End::Fin;
            }
        }
    }
    End::Done
}

async fn send<S: Wire>(io: &mut S, bytes: &Bytes) -> Result<()> {
    let write = async {
        io.write_all(bytes).await?;
        io.flush().await
    };
    timeout(PATIENCE, write).await?
}

/// Returns when the client has closed or reset the connection. What it sends ahead is kept.
async fn gone<S: AsyncRead + Unpin>(io: &mut S, ahead: &mut BytesMut) {
    while ahead.len() < AHEAD_BYTES_MAX {
        match io.read_buf(ahead).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    // It sends without end; the limits of the caller apply.
    std::future::pending::<()>().await;
}

// === impl Wire ===

impl Wire for TcpStream {
    fn reset_on_close(&self) {
        // Where it fails the client sees a clean close instead, and the log says what was meant.
        drop(SockRef::from(self).set_linger(Some(Duration::ZERO)));
    }
}

impl Wire for TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}
