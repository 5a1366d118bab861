//! A connection of a caller that speaks HTTP/2.
//!
//! hyper runs each stream as a task of its own, and asks an answer for one piece more than its caller's
//! window takes, so a caller that closes it would hold the answer, and what stands behind it, for ever (the
//! "HTTP/2 bomb", CVE-2026-47774). So streams run under a clock here: one that has something to hand
//! over and is not let to for `write_timeout` is reset. The others of its connection go on.
//!
//! **Invariants:** what a connection can make us hold is bounded by the numbers below; a piece that
//! is queued is small and holds no larger one in memory.

use std::convert::Infallible;
use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::connection::{FRESH, rung};
use super::fault;
use super::front::Front;
use super::place::Place;
use super::{ListenerSettings, Peer, Phase};

/// Streams on one connection. A stream that waits for its caller holds 30 to 45 KiB.
const STREAMS_MAX: u32 = 64;
/// All fields of one head; each counts 32 bytes more than it has (RFC 9113 §6.5.2). A field may be
/// one byte on the wire (HPACK) and takes 72 in memory, so that more of them are a bomb.
const HEAD_BYTES_MAX: u32 = 16 * 1024;
/// What a caller may send of one body ahead of us, and on a whole connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What waits in one stream to be sent.
const SEND_MAX: usize = 64 * 1024;
/// The largest piece of an answer that is queued at once.
const PIECE_MAX: usize = 4 * 1024;
/// Streams that were opened and reset at once, before the connection is given up (rapid reset,
/// CVE-2023-44487).
const RESETS_MAX: usize = 20;
/// A caller that is silent is asked for a sign of life while it has streams, and has this long.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// After saying that it will be closed, an idle connection is.
const GOODBYE: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// The stream that is being polled.
    static STREAM: Arc<Handing>;
}

/// Whether a stream waits for its caller.
#[derive(Debug, Default)]
struct Handing(Mutex<Option<Instant>>);

/// The streams of one connection.
#[derive(Debug)]
struct Streams {
    /// How many there are, and since when there are none.
    open: Mutex<(usize, Instant)>,
    changed: Notify,
}

/// Runs streams: what hyper calls an executor.
#[derive(Clone, Debug)]
struct Runner {
    place: Place,
    /// When the first stream came although the connection was told to finish.
    told: Arc<OnceLock<Instant>>,
    write_timeout: Duration,
}

pin_project_lite::pin_project! {
    /// One stream, under its clock.
    struct Clocked<F> {
        #[pin]
        stream: F,
        handing: Arc<Handing>,
        write_timeout: Duration,
        alarm: Option<Pin<Box<Sleep>>>,
    }
}

pin_project_lite::pin_project! {
    /// An answer's body in small pieces, which says when its caller does not ask for the next.
    struct Piecemeal<B> {
        #[pin]
        body: B,
        // Nobody asked for it, but how long it is.
        bare: bool,
        rest: Bytes,
        // It is part of something larger.
        parted: bool,
        handing: Option<Arc<Handing>>,
        _open: Open,
    }
}

/// While it lives, its connection is not idle.
#[derive(Debug)]
struct Open(Arc<Streams>);

/// What HTTP/1.1 says in `Host` HTTP/2 says in `:authority` (RFC 9113 §8.3.1). Whoever answers reads
/// it in one place.
fn name_host<B>(request: &mut Request<B>) {
    let asked = request.uri().authority().map(Authority::as_str);
    if let Some(Ok(host)) = asked.map(HeaderValue::from_str) {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
}

/// Serves a connection as long as its place lets it.
pub(super) async fn run<H, F, B>(
    front: Front,
    settings: &ListenerSettings,
    handler: H,
    peer: Peer,
    mut place: Place,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let streams = Arc::new(Streams::new(Instant::now()));
    let counted = Arc::clone(&streams);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let open = Open::new(&counted);
        let fault = fault::find(&request);
        let bare = *request.method() == Method::HEAD;
        name_host(&mut request);
        // Boxed: what is left of a stream is as large as what was largest in it.
        let answering = Box::pin(handler(request, Peer { fault, ..peer }));
        async move {
            let mut answer = answering.await;
            if let (true, Some(length)) = (bare, answer.body().size_hint().exact()) {
                answer.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
            }
            let handing = STREAM.try_with(Arc::clone).ok();
            Ok::<_, Infallible>(answer.map(|body| Piecemeal {
                body,
                bare,
                rest: Bytes::new(),
                parted: false,
                handing,
                _open: open,
            }))
        }
    });
    let write_timeout = settings.write_timeout;
    let runner = Runner { place: place.clone(), told: Arc::default(), write_timeout };
    let connection = bounded(runner).serve_connection(TokioIo::new(front), service);
    let mut connection = pin!(connection);
    let mut idle = pin!(streams.idle(settings.head_timeout, settings.idle_timeout));
    let mut leaving = pin!(None::<Sleep>);
    // The listener may have been told to stop while it was greeted.
    if place.has_reached(Phase::Finish) {
        connection.as_mut().graceful_shutdown();
        leaving.set(Some(sleep(GOODBYE)));
    }
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            () = idle.as_mut(), if leaving.is_none() => {
                connection.as_mut().graceful_shutdown();
                leaving.set(Some(sleep(GOODBYE)));
            }
            () = rung(leaving.as_mut()), if leaving.is_some() => {
                if streams.open.lock().0 == 0 {
                    return;
                }
                // One that came as we said goodbye is answered; with the last the connection ends.
                leaving.set(Some(sleep(GOODBYE)));
            }
            phase = place.changed() => match phase {
                Phase::Serve | Phase::Last => {}
                Phase::Finish => {
                    connection.as_mut().graceful_shutdown();
                    // Who has nothing under way may never confirm that he heard it.
                    leaving.set(Some(sleep(GOODBYE)));
                }
                Phase::Drop => return,
            },
        }
    }
}

/// What a connection may have.
fn bounded(runner: Runner) -> Builder<Runner> {
    let mut builder = Builder::new(runner);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

// === impl Streams ===

impl Streams {
    fn new(now: Instant) -> Self {
        Self { open: Mutex::new((0, now)), changed: Notify::new() }
    }

    /// Waits until there was no stream for this long; `first` until there was one at all.
    async fn idle(&self, first: Duration, later: Duration) {
        let begun = self.open.lock().1;
        loop {
            let changed = self.changed.notified();
            let (open, since) = *self.open.lock();
            let wait = if since == begun { first } else { later };
            if open == 0 {
                tokio::select! {
                    () = sleep_until(since + wait) => return,
                    () = changed => {}
                }
            } else {
                changed.await;
            }
        }
    }
}

// === impl Open ===

impl Open {
    fn new(streams: &Arc<Streams>) -> Self {
        streams.open.lock().0 += 1;
        streams.changed.notify_one();
        Self(Arc::clone(streams))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        {
            let mut open = self.0.open.lock();
            *open = (open.0.saturating_sub(1), Instant::now());
        }
        self.0.changed.notify_one();
    }
}

// === impl Runner ===

impl<F> Executor<F> for Runner
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        // A request may cross the word that this is the end. Who does not want to hear it is not served
        // for ever.
        if self.place.has_reached(Phase::Finish)
            && FRESH < self.told.get_or_init(Instant::now).elapsed()
        {
            tracing::debug!("a stream is reset: its connection was told to finish");
            return;
        }
        let Some(seat) = self.place.stream() else {
            tracing::debug!("a stream is reset: there are too many");
            return;
        };
        let handing = Arc::default();
        let write_timeout = self.write_timeout;
        let clocked = Clocked { stream, handing, write_timeout, alarm: None };
        let mut place = self.place.clone();
        let stream = async move {
            let _seat = seat;
            let mut clocked = pin!(clocked);
            loop {
                tokio::select! {
                    () = clocked.as_mut() => return,
                    phase = place.changed() => match phase {
                        // Polled again, its answer knows what to say.
                        Phase::Serve | Phase::Finish | Phase::Last => {}
                        Phase::Drop => return,
                    },
                }
            }
        };
        drop(tokio::spawn(stream));
    }
}

// === impl Clocked ===

impl<F: Future<Output = ()>> Future for Clocked<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let (stream, handing) = (this.stream, Arc::clone(this.handing));
        if STREAM.sync_scope(handing, || stream.poll(cx)).is_ready() {
            return Poll::Ready(());
        }
        let Some(since) = *this.handing.0.lock() else {
            *this.alarm = None;
            return Poll::Pending;
        };
        let until = since + *this.write_timeout;
        let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if alarm.deadline() != until {
            alarm.as_mut().reset(until);
        }
        std::task::ready!(alarm.as_mut().poll(cx));
        // Dropped, the stream is reset.
        tracing::debug!("a stream is reset: its caller takes nothing");
        Poll::Ready(())
    }
}

// === impl Piecemeal ===

impl<B: Body<Data = Bytes>> Body for Piecemeal<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let hand = |handing: &Option<Arc<Handing>>, since| {
            if let Some(handing) = handing {
                *handing.0.lock() = since;
            }
        };
        hand(this.handing, None);
        if this.rest.is_empty() {
            match std::task::ready!(this.body.poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        *this.parted = PIECE_MAX < data.len();
                        *this.rest = data;
                    }
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        hand(this.handing, Some(Instant::now()));
        let piece = this.rest.split_to(this.rest.len().min(PIECE_MAX));
        // What waits to be sent must not hold all that it was a part of.
        let piece = if *this.parted { Bytes::copy_from_slice(&piece) } else { piece };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.bare || (self.rest.is_empty() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
