//! Requests that have no one meaning: none of them is served, and nothing behind them is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use super::{Bytes, Running, SOON, all, settings, timeout};

/// What was sent, and how many requests may be served of it. Each is followed by one request more on
/// the same connection, which is served only where `0` stands in front of it: so nothing that a
/// proxy would have taken for part of a body is ever taken for a request.
const CORPUS: &[(usize, &str)] = &[
    // === sound ===
    (2, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
    (2, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    (
        2,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nt: x\r\n\r\n",
    ),
    (2, "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    (2, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
    // === CL.TE and TE.CL ===
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    ),
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ),
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n",
    ),
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    // === TE.TE ===
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    ),
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chun\0ked\r\n\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"),
    // === lengths ===
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3 \x0b\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1e1\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3;x\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551619\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\n Content-Length: 3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 3\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\nX: y\r\n\r\nabc"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nContent\0-Length: 3\r\n\r\nabc"),
    // === chunks ===
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ng\r\nabc\r\n0\r\n\r\n"),
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
    ),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;\nabc\r\n0\r\n\r\n"),
    (
        0,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    ),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n"),
    (0, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nt: x\n\r\n"),
    // === lines ===
    (0, "GET / HTTP/1.1\nHost: x\n\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\n\n"),
    (0, "GET / HTTP/1.1\rHost: x\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\n\tfolded\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nX\x01: y\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nX: y\0\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nX Y: z\r\n\r\n"),
    (0, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
    (0, "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"),
    (0, "GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
    (0, "GET / HTTP/9.9\r\nHost: x\r\n\r\n"),
    (0, "GET / http/1.1\r\nHost: x\r\n\r\n"),
    (0, "GET /\r\n\r\n"),
    (0, "GET / x HTTP/1.1\r\nHost: x\r\n\r\n"),
    (0, "G\0T / HTTP/1.1\r\nHost: x\r\n\r\n"),
    (0, "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
    (0, "(GET) / HTTP/1.1\r\nHost: x\r\n\r\n"),
    // === versions ===
    (0, "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (1, "GET / HTTP/1.0\r\n\r\n"),
    (1, "GET / HTTP/1.0\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
    // === hosts ===
    (0, "GET / HTTP/1.1\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x?y#z\r\n\r\n"),
    (0, "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    (2, "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    // === what is not served ===
    (0, "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    (0, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n"),
    (0, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
    (0, "nonsense\r\n\r\n"),
    (0, "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n"),
];

/// One request more, behind whatever came before.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn nothing_has_two_meanings() {
    assert!(80 <= CORPUS.len());
    for pieces in [1, 2] {
        for (expect, sent) in CORPUS {
            let served = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&served);
            let handler = move |request: http::Request<hyper::body::Incoming>,
                                peer: super::Peer| {
                let count = Arc::clone(&count);
                async move {
                    let mut response = Response::new(Full::new(Bytes::new()));
                    if let Some(fault) = peer.fault {
                        *response.status_mut() = StatusCode::BAD_REQUEST;
                        *response.body_mut() = fault.words().into();
                    } else if request.into_body().collect().await.is_ok() {
                        count.fetch_add(1, Ordering::SeqCst);
                    } else {
                        *response.status_mut() = StatusCode::BAD_REQUEST;
                    }
                    response
                }
            };
            let running = Running::serve(watch::channel(settings()).1, handler, || {}).await;
            let mut stream = running.connect().await;
            let bytes = [sent.as_bytes(), NEXT.as_bytes()].concat();
            for piece in bytes.chunks(bytes.len().div_ceil(pieces)) {
                // The other side may have closed already.
                stream.write_all(piece).await.ok();
            }
            // A reset, where something came after the end.
            let said = timeout(SOON, all(&mut stream)).await.unwrap().unwrap_or_default();
            let served = served.load(Ordering::SeqCst);
            assert_eq!(served, *expect, "{sent:?} in {pieces}: {said}");
            let refused = said.is_empty() || said.starts_with("HTTP/1.1 400");
            assert!(refused || 0 < *expect, "{sent:?} in {pieces}: {said}");
        }
    }
}
