//! A collector on loopback that says what it is told to say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// No wait of a test lasts longer.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// What came.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) path: String,
    pub(super) head: String,
    pub(super) body: String,
}

#[derive(Debug)]
pub(super) struct Collector {
    addr: SocketAddr,
    exports: Receiver<Export>,
    accepted: Arc<AtomicUsize>,
}

/// The answer to the export of this number, from 0; none at all where there is `None`.
type Answers = Arc<dyn Fn(usize) -> Option<&'static str> + Send + Sync>;

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

// === impl Collector ===

impl Collector {
    pub(super) fn start(
        answers: impl Fn(usize) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let addr = listener.local_addr().expect("its port");
        let (told, exports) = channel();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (counted, answers): (_, Answers) = (Arc::clone(&accepted), Arc::new(answers));
        let seen = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let (told, answers, seen) = (told.clone(), Arc::clone(&answers), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &told, &answers, &seen));
            }
        });
        Self { addr, exports, accepted }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next export.
    pub(super) fn next(&self) -> Export {
        self.exports.recv_timeout(LIMIT).expect("an export")
    }

    /// What is here already.
    pub(super) fn rest(&self) -> Vec<Export> {
        self.exports.try_iter().collect()
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, told: &Sender<Export>, answers: &Answers, seen: &AtomicUsize) {
    let mut writer = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let lower = head.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.map_or(0, |it| it.trim().parse().expect("a length"))];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = String::from_utf8(body).expect("UTF-8");
        // The test may be over.
        told.send(Export { path, head: lower, body }).unwrap_or_default();
        match answers(seen.fetch_add(1, Ordering::SeqCst)) {
            Some(answer) => writer.write_all(answer.as_bytes()).unwrap_or_default(),
            // Until the other side leaves.
            None => drop(reader.read_exact(&mut [0])),
        }
    }
}
