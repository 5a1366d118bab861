//! A peer that does as its script says, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a peer does next on one connection.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Reads a request, its body included.
    Read,
    Say(&'static str),
    SayBytes(Vec<u8>),
    /// Closes with an RST.
    Reset,
    /// Waits until the other side closes.
    Hang,
}

/// Listens; the n-th connection gets the n-th script, and ends with a FIN after it. Returns the
/// requests that were read, once all scripts are done.
pub(super) async fn peer(scripts: Vec<Vec<Step>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut playing = Vec::new();
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            playing.push(tokio::spawn(play(stream, script)));
        }
        let mut seen = Vec::new();
        for played in playing {
            seen.extend(played.await.unwrap());
        }
        seen
    });
    (address, task)
}

async fn play(mut stream: TcpStream, script: Vec<Step>) -> Vec<String> {
    let mut seen = Vec::new();
    for step in script {
        match step {
            Step::Read => seen.push(request(&mut stream).await),
            Step::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            // The other side may stop reading.
            Step::SayBytes(bytes) => drop(stream.write_all(&bytes).await),
            Step::Reset => {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                return seen;
            }
            Step::Hang => while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {},
        }
    }
    seen
}

async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request was cut: {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
}

/// An address where nobody listens.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// An address that swallows SYNs: its queue is full and nobody accepts. It lasts as long as the
/// returned sockets.
pub(super) async fn silence() -> (SocketAddr, Box<dyn std::any::Any + Send>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await
    {
        held.push(connected.unwrap());
    }
    (address, Box::new((listener, held)))
}
