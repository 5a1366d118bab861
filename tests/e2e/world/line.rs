//! Many requests, one after the other, over few connections.

use super::LIMIT;
use super::call::{Call, Heard};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A caller that stays on its connection as long as that is good.
#[derive(Debug)]
pub(crate) struct Line {
    addr: SocketAddr,
    open: Option<TcpStream>,
}

// === impl Line ===

impl Line {
    pub(crate) fn to(addr: SocketAddr) -> Self {
        Self { addr, open: None }
    }

    /// Sends these bytes and hears everything.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> Heard {
        let stream = if let Some(stream) = self.open.take() {
            stream
        } else {
            let stream = timeout(LIMIT, TcpStream::connect(self.addr)).await;
            let stream = stream.expect("in time").expect("a gateway listens");
            stream.set_nodelay(true).expect("a socket");
            stream
        };
        let (heard, stream) = Call::on(stream, bytes).await.finish_keeping().await;
        let closes = heard.header("connection").is_some_and(|it| it == "close");
        self.open = stream.filter(|_| !closes && heard.whole);
        heard
    }
}
