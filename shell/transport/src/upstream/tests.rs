//! Proofs of the upstream over real loopback sockets: every observation from what a scripted peer
//! does, and the reuse of connections.

mod faults;
mod http1;
mod http2;
mod peer;
mod reach;
mod tls;
mod tunnel;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use ir::{Dns, Failure, Reach};

use super::{Answer, AnswerBody, Resolver, Roots, Upstream, UpstreamSettings};
use crate::Payload;

/// Long for loopback, short for whoever waits for the tests.
const SOON: Duration = Duration::from_secs(10);

/// An upstream that finds `localhost` where the script says.
fn upstream(
    found: Result<Vec<SocketAddr>, Dns>,
    change: impl FnOnce(&mut UpstreamSettings),
) -> Upstream {
    let script = BTreeMap::from([("localhost".to_owned(), found)]);
    let mut settings = UpstreamSettings {
        connect: Duration::from_secs(5),
        resolver: Resolver::Scripted(Arc::new(script)),
        reach: Reach { loopback: true, private: true },
        ..UpstreamSettings::default()
    };
    change(&mut settings);
    Upstream::new(settings).unwrap()
}

fn plain(peer: SocketAddr) -> Upstream {
    upstream(Ok(vec![peer]), |_| {})
}

fn trusting(peer: SocketAddr, root: &[u8]) -> Upstream {
    upstream(Ok(vec![peer]), |settings| settings.roots = Roots::native().with_der(root.to_vec()))
}

fn post(uri: &'static str, body: &'static str) -> Request<Payload> {
    let pieces = [Bytes::from_static(body.as_bytes()), Bytes::new(), Bytes::from_static(b"!")];
    Request::post(uri).body(Payload::from(pieces)).unwrap()
}

async fn send(upstream: &Upstream, uri: &'static str) -> Result<Answer, Failure> {
    tokio::time::timeout(SOON, upstream.send(post(uri, "hi"))).await.expect("an answer in time")
}

async fn next(body: &mut AnswerBody) -> Option<Result<Bytes, Failure>> {
    let chunk = poll_fn(|cx| body.poll_chunk(cx));
    tokio::time::timeout(SOON, chunk).await.expect("a chunk in time")
}

/// What came, and how it ended.
async fn read(body: &mut AnswerBody) -> (String, Result<(), Failure>) {
    let mut text = Vec::new();
    loop {
        match next(body).await {
            Some(Ok(chunk)) => text.extend_from_slice(&chunk),
            Some(Err(failure)) => {
                assert_eq!(next(body).await, None);
                return (String::from_utf8(text).unwrap(), Err(failure));
            }
            None => return (String::from_utf8(text).unwrap(), Ok(())),
        }
    }
}

/// Sends, reads to the end, tells whether the connection was reused.
async fn whole(upstream: &Upstream, uri: &'static str) -> Result<(String, bool), Failure> {
    let mut answer = send(upstream, uri).await?;
    let (text, end) = read(&mut answer.body).await;
    end.map(|()| (text, answer.reused))
}
