//! A provider of given bytes, for what no real one should send and the drill does not know.

use super::LIMIT;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// One step of an answer. After the last one the connection is closed.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Waits until [`Canned::go`] is called.
    Gate,
    /// Says nothing until the other side leaves.
    Hang,
}

/// What is done with a request.
type Choice = Arc<dyn Fn(&str) -> Vec<Act> + Send + Sync>;

/// A server that answers with given acts.
#[derive(Debug)]
pub(crate) struct Canned {
    addr: SocketAddr,
    seen: Arc<Seen>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: Mutex<Vec<Vec<u8>>>,
    gate: Notify,
}

// === impl Canned ===

impl Canned {
    /// Answers every request with these acts.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        Self::choose(move |_| acts.clone()).await
    }

    /// Answers each request as it is.
    pub(crate) async fn choose(choice: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("its port");
        let seen = Arc::new(Seen::default());
        let serving = tokio::spawn(accept(listener, Arc::new(choice), Arc::clone(&seen)));
        Self { addr, seen, serving }
    }

    /// Answers with a head and this body.
    pub(crate) async fn say(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        Self::start(vec![Act::Send(head.into_bytes()), Act::Send(body)]).await
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Every request so far, as it came.
    pub(crate) fn requests(&self) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.seen.requests.lock().iter().map(text).collect()
    }

    /// How many requests there were so far.
    pub(crate) fn count(&self) -> usize {
        self.seen.requests.lock().len()
    }

    /// The last request, byte by byte.
    pub(crate) fn last(&self) -> Option<Vec<u8>> {
        self.seen.requests.lock().last().cloned()
    }

    /// Lets the one that waits at the gate, or the next one, pass.
    pub(crate) fn go(&self) {
        self.seen.gate.notify_one();
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, choice: Choice, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&choice), Arc::clone(&seen)));
    }
}

async fn answer(mut stream: TcpStream, choice: Choice, seen: Arc<Seen>) {
    let Some(request) = request(&mut stream).await else { return };
    let acts = choice(&String::from_utf8_lossy(&request));
    seen.requests.lock().push(request);
    for act in acts {
        match act {
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Gate => seen.gate.notified().await,
            Act::Hang => drop(within(stream.read_u8()).await),
        }
    }
}

/// A head, and the body that its length announces.
async fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |text| text.trim().parse().expect("a length"));
            if end + 4 + length <= bytes.len() {
                return Some(bytes);
            }
        }
        if within(stream.read_buf(&mut bytes)).await? == 0 {
            return None;
        }
    }
}

async fn within<T>(read: impl Future<Output = std::io::Result<T>>) -> Option<T> {
    const PATIENCE: Duration = LIMIT;
    tokio::time::timeout(PATIENCE, read).await.ok()?.ok()
}
