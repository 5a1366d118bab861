//! The fake provider: it speaks `OpenAI` Chat Completions and Anthropic Messages, and goes wrong on
//! order.
//!
//! The order is the name of the model, so that any client can place it:
//!
//! ```text
//! model    = [ scope ] ( "ok" | fault ) { "+" modifier }
//! scope    = "once-" | "first-" K "-"            the fault strikes the first K requests only
//! modifier = "text" | "thinking" | "tools" | "tools-" N | "interleaved" | "unicode" | "joined"
//!          | "tokens-" N | "every-" N "ms"       what a good answer holds, and its pace
//!          | "numbered"                          each tool call says which it is
//!          | "halves"                            with unicode: surrogate pairs in two frames
//!          | "long"                              words as long as real ones
//!          | "anonymous"                         no name at the beginning of the text
//!          | "goes-on-" ( "anchor" | "restart" | "preamble" | "overlap" | "longer" | "respelled"
//!                       | "chat" | "quotes" | "other" | "nothing" )
//!          | "after-calls-" ( "nothing-more" | "rest" | "again" | "talk" )
//!          | "strict"                            an illegal request is refused: 400
//!          | "obeys"                             heeds max tokens, stop sequences, schema, wish to
//!                                                think, tool choice, parallel or not
//!          | "echo"                              the text tells what the request said
//!          | "edit"                              the text edits notes.txt, as aider asks for it
//!          | "refusal" | "filtered" | "context" | "paused"         how it ends
//!          | hint                                after status-N only
//! hint     = "retry-after-" N | "retry-after-ms-" N | "retry-after-date" | "retry-absurd"
//!          | "should-retry-true" | "should-retry-false" | "limit-reset-" N
//! fault    = before the head:  reset-before-head | hang-before-head | fin-before-head
//!                            | garbage-http | huge-head | redirect | slow-head-Nms | stale
//!          | errors:           status-N | html-N | overloaded | loading | refuses-prefill
//!                            | needs-key-KEY | 400-invalid | 400-unsupported-param | 400-context
//!                            | 400-content-filter | 400-credit | 400-bare | 401 | 402 | 403
//!                            | 403-html | 404-model | 408 | 409 | 413 | 422 | 429-quota | 501
//!          | 200 without much: empty-200 | empty-answer | wrong-type | whole-to-stream | gzip
//!                            | silent-200 | pings-only | endless-line
//!          | in-band errors:   error-in-200[-KIND] | error-after-start[-KIND] | error-after-N[-KIND]
//!                            | error-in-thinking[-KIND] | error-after-last[-KIND]
//!                            | error-after-call-N[-KIND]
//!                              KIND = overloaded | rate-limit | api | invalid-request
//!          | broken off:       HOW-before-content | HOW-after-N | tool-HOW | text-then-tool-HOW
//!                            | HOW-in-letter-N | HOW-in-pair-N | HOW-in-thinking | HOW-after-last
//!                            | HOW-after-call-N | HOW-in-call-N
//!                              HOW = stall | reset | cut | fin
//!          | odd streams:      garble-after-N | no-end | no-end-open | no-finish
//!                            | done-without-finish | double-end
//!          | whole answers:    short-body | reset-body | stall-body | torn-body | big-answer-NMiB
//!          | slow:             slow-first-Nms | tool-slow-Nms | drip-Nms
//! ```
//!
//! N after a break counts words of text, of which those in a letter or a pair may be some more; N
//! of a call counts calls, and as many are made. What a place needs, the answer holds: letters,
//! thinking, calls. Any other name (`gpt-5.4`, `claude-sonnet-4-6`) answers
//! well; one that begins like a fault and is none is answered 404, so that a typing error in a test
//! cannot pass for a good answer. [`Fault::menu`] has them all.
//!
//! `reset` is a TCP reset, `cut` a close against HTTP's framing, `fin` an end that HTTP calls
//! clean. With a tool result in the conversation every tool order answers in text.
//!
//! A request may ask for the rest of an answer that was cut. Where it ends with the assistant's own
//! words, the answer goes on behind them, letter for letter where they are its own, else after the
//! last `wN`. Where the last words of a user's, behind a blank line, are the end of the assistant's,
//! it repeats them and goes on; or it takes the wish as `goes-on-…` says. Where the results of its
//! calls come with a wish that ends in `NOTHING-MORE`, it says that word, or what `after-calls-…`
//! says. [`Seen::way`] and the log tell how a request asked.

mod answer;
mod asked;
mod chat;
mod control;
mod date;
mod echo;
mod fault;
mod frame;
mod going;
mod grammar;
mod gzip;
mod http;
mod json;
mod log;
mod messages;
mod order;
mod problem;
mod responses;
mod sample;
mod script;
mod seen;
mod socket;
mod state;
mod stream;
mod strict;
#[cfg(test)]
mod tests;
mod tls;
mod whole;
mod wish;
mod words;

pub use answer::{CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, INPUT_TOKENS, text, text_of};
pub use asked::{Asked, Endpoint};
pub use fault::{ErrorPlace, Fault, Hint, Place, Stage};
pub use frame::Scene;
pub use order::{Dish, Misspelt, Order};
pub use script::{Step, script};
pub use seen::{End, Seen};
pub use socket::Wire;
pub use tls::TlsFault;
pub use words::{AfterCalls, Break, Finish, Flaw, GoesOn, InBand, Kind, Pace, Plain, Refusal, Way};

use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};
use state::State;
use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tls::{Root, Tls};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running fake provider. Dropped, it closes its listener and all its connections.
#[derive(Debug)]
pub struct Provider {
    addr: SocketAddr,
    root: Option<Root>,
    state: Arc<State>,
    /// Accepts; none where somebody else does.
    task: Option<JoinHandle<()>>,
}

/// A provider about to start, with a name that its answers begin with.
#[derive(Clone, Debug)]
pub struct Named {
    name: String,
}

/// Any port of this machine.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

// === impl Provider ===

impl Provider {
    /// Starts without a name on a free port of the loopback.
    pub async fn start() -> Result<Self> {
        Self::named("").start().await
    }

    /// Starts without a name at an address.
    pub async fn start_at(addr: SocketAddr) -> Result<Self> {
        Self::named("").start_at(addr).await
    }

    /// Starts without a name behind TLS.
    pub async fn start_tls(tls: TlsFault) -> Result<Self> {
        Self::named("").start_tls(tls).await
    }

    /// Gives a name: the answers of this provider begin with it in brackets.
    pub fn named(name: &str) -> Named {
        Named { name: name.to_owned() }
    }

    /// Its name; empty for none.
    pub fn name(&self) -> &str {
        self.state.name()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT/v1`, or `https` behind TLS.
    pub fn base_url(&self) -> String {
        let scheme = if self.root.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/v1", self.addr)
    }

    /// Behind TLS: the DER of the root to trust.
    pub fn root(&self) -> Option<Vec<u8>> {
        self.root.as_ref().map(|root| root.der.clone())
    }

    /// The same as the text of a PEM file.
    pub fn root_pem(&self) -> Option<String> {
        self.root.as_ref().map(|root| root.pem.clone())
    }

    /// Every request so far, in the order they had arrived.
    pub fn log(&self) -> Vec<Seen> {
        self.state.look(<[Seen]>::to_vec)
    }

    /// Forgets the log and the counts of `first-K-…`.
    pub fn clear(&self) {
        self.state.clear();
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.state.connections()
    }

    /// Waits until the log satisfies `pred`; false where it does not within `limit`.
    pub async fn wait_for(&self, pred: impl Fn(&[Seen]) -> bool, limit: Duration) -> bool {
        let satisfied = async {
            loop {
                // Made before the look, so that no change falls between the two.
                let changed = self.state.changed.notified();
                if self.state.look(&pred) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, satisfied).await.is_ok()
    }

    /// Makes every new request meet this fault, whatever its model, until `None`.
    pub fn set(&self, fault: Option<Fault>) {
        self.state.set(fault);
    }

    /// Serves a connection that somebody else accepted, until it ends.
    pub fn serve<S: Wire + 'static>(&self, io: S) -> impl Future<Output = ()> + Send + use<S> {
        let state = Arc::clone(&self.state);
        async move {
            let connection = state.connect();
            socket::connected(io, &state, connection).await;
        }
    }

    /// Stops, and returns when nobody listens at its address any more. Dropping stops it as well,
    /// some microseconds later.
    pub async fn stop(mut self) {
        let Some(task) = &mut self.task else { return };
        task.abort();
        // It ends with the news that it was aborted.
        drop(task.await);
    }

    /// Resets every open connection, now.
    pub fn sever(&self) {
        self.state.severed.notify_waiters();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

// === impl Named ===

impl Named {
    /// Starts on a free port of the loopback.
    pub async fn start(self) -> Result<Provider> {
        self.start_at(ANY).await
    }

    /// Starts at an address.
    pub async fn start_at(self, addr: SocketAddr) -> Result<Provider> {
        self.listen(addr, Tls::Off, None).await
    }

    /// Starts behind TLS on a free port of the loopback.
    pub async fn start_tls(self, tls: TlsFault) -> Result<Provider> {
        let (tls, root) = tls.prepare()?;
        self.listen(ANY, tls, Some(root)).await
    }

    /// Without a listener, and with a calendar of its own, in seconds since 1970-01-01 UTC: for worlds
    /// with a network and a time of their own, who hand connections to [`Provider::serve`]. `addr` is
    /// where it says that it is.
    pub fn apart(self, addr: SocketAddr, now_unix: fn() -> u64) -> Provider {
        let state = Arc::new(State::new(&self.name, now_unix));
        Provider { addr, root: None, state, task: None }
    }

    async fn listen(self, addr: SocketAddr, tls: Tls, root: Option<Root>) -> Result<Provider> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::new(&self.name, frame::calendar));
        let task = tokio::spawn(socket::accept(listener, Arc::clone(&state), tls));
        Ok(Provider { addr, root, state, task: Some(task) })
    }
}

/// Runs a provider until this future is dropped.
pub async fn run(addr: SocketAddr, name: &str) -> Result<()> {
    let _provider = Provider::named(name).start_at(addr).await?;
    std::future::pending().await
}

/// The most addresses that [`unused_addr`] holds.
const UNUSED_MAX: usize = 1024;

static UNUSED: Mutex<Vec<Socket>> = Mutex::new(Vec::new());

/// An address of this machine where nobody listens. It stays bound without listening for the rest
/// of the process, so that nobody else happens upon it; [`Provider::start_at`] may take it.
pub fn unused_addr() -> SocketAddr {
    let bound = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&ANY.into())?;
        let addr = socket.local_addr()?.as_socket();
        let mut held = UNUSED.lock();
        if held.len() < UNUSED_MAX {
            held.push(socket);
        }
        Result::Ok(addr)
    };
    // Where no socket can be had, the port of a service that died long ago.
    let fallback = SocketAddr::new(ANY.ip(), 1);
    bound().ok().flatten().unwrap_or(fallback)
}
