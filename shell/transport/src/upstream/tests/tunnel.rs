//! Through a proxy: what it is asked, what it may answer, and that its troubles are its own.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use ir::{Dns, Failure, Proxy, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::{Upstream, Via};
use super::peer::{Step, nobody, peer, silence};
use super::tls::{Authority, serve};
use super::{Roots, send, upstream, whole};

const URI: &str = "http://models.example/v1/messages";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// An upstream behind a proxy, which is the only one that knows the provider's name.
fn behind(proxy: SocketAddr, root: Option<&[u8]>, pins: &[&str]) -> Upstream {
    upstream(Err(Dns::NotFound), |settings| {
        settings.connect = Duration::from_secs(5);
        settings.addresses = pins.iter().map(|pin| pin.parse().unwrap()).collect();
        let (host, port) = (proxy.ip().to_string(), proxy.port());
        let authorization = Some(HeaderValue::from_static("Basic bWU6c2VjcmV0"));
        settings.via = Some(Via { host, port, authorization });
        if let Some(root) = root {
            settings.roots = Roots::native().with_der(root.to_vec());
        }
    })
}

/// A proxy that connects everybody with `there`, once; what it was asked.
async fn proxy(there: SocketAddr) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut onward = TcpStream::connect(there).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        drop(copy_bidirectional(&mut stream, &mut onward).await);
        String::from_utf8(head).unwrap()
    });
    (address, task)
}

#[tokio::test]
async fn plain_http_goes_through_the_tunnel_too() {
    let (there, seen) =
        peer(vec![vec![Step::Read, Step::Say(OK), Step::Read, Step::Say(OK)]]).await;
    let (proxy, asked) = proxy(there).await;
    let upstream = behind(proxy, None, &[]);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), true)));
    drop(upstream);
    let expect = "CONNECT models.example:80 HTTP/1.1\r\nhost: models.example:80\r\n\
                  proxy-authorization: Basic bWU6c2VjcmV0\r\n\r\n";
    assert_eq!(asked.await.unwrap(), expect);
    for seen in seen.await.unwrap() {
        assert!(seen.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{seen}");
        assert!(!seen.to_lowercase().contains("proxy"), "{seen}");
    }
}

/// Promise: certificates are checked, whoever is in between. The proxy sees a name and ciphertext; the certificate is still the provider's.
#[tokio::test]
async fn tls_is_checked_through_the_tunnel() {
    for (name, pins, target) in [
        ("models.example", &[][..], "models.example:443"),
        ("models.example", &["203.0.113.7"], "203.0.113.7:443"),
        ("models.example", &["fd00::7"], "[fd00::7]:443"),
        ("elsewhere.example", &[], "models.example:443"),
    ] {
        let authority = Authority::new(name, &["http/1.1"], |_| {});
        let (proxy, asked) = proxy(serve(authority.acceptor).await).await;
        let upstream = behind(proxy, Some(&authority.root), pins);
        let answer = whole(&upstream, "https://models.example/v1").await;
        drop(upstream);
        assert!(asked.await.unwrap().starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")));
        if name == "models.example" {
            assert_eq!(answer, Ok(("ok".to_owned(), false)));
        } else {
            assert!(matches!(answer, Err(Failure::Tls(Tls::Certificate(_)))), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn what_a_proxy_may_not_answer() {
    let check = async |script: Vec<Step>, expect: Proxy| {
        let (address, seen) = peer(vec![script]).await;
        let failure = send(&behind(address, None, &[]), URI).await.unwrap_err();
        assert_eq!(failure, Failure::Proxy(expect));
        for seen in seen.await.unwrap() {
            assert!(seen.starts_with("CONNECT ") && seen.ends_with("\r\n\r\n"), "{seen}");
        }
    };
    let say = |text| vec![Step::Read, Step::Say(text)];
    check(say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), Proxy::Denied(407)).await;
    check(say("HTTP/1.0 503 No\r\ncontent-length: 4\r\n\r\nnope"), Proxy::Denied(503)).await;
    check(say("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n"), Proxy::Denied(302))
        .await;
    check(say("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Proxy::Garbled).await;
    check(say("HTTP/1.1 200 OK\r\n"), Proxy::Garbled).await;
    // Who speaks before us is no tunnel.
    check(say("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Proxy::Garbled).await;
    check(vec![Step::Read], Proxy::Garbled).await;
    check(vec![Step::Read, Step::Reset], Proxy::Garbled).await;
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(16_000));
    check(vec![Step::Read, Step::SayBytes(endless.into_bytes())], Proxy::Garbled).await;
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(16 << 10));
    check(vec![Step::Read, Step::SayBytes(long.into_bytes())], Proxy::Garbled).await;
}

/// Nobody takes a dead proxy for a dead provider.
#[tokio::test]
async fn a_proxy_that_is_not_there() {
    let failure = send(&behind(nobody().await, None, &[]), URI).await.unwrap_err();
    assert_eq!(failure, Failure::Proxy(Proxy::Unreachable));
    let hasty = |proxy: SocketAddr| {
        upstream(Err(Dns::NotFound), |settings| {
            settings.connect = Duration::from_millis(200);
            let (host, port) = (proxy.ip().to_string(), proxy.port());
            settings.via = Some(Via { host, port, authorization: None });
        })
    };
    let (silent, _held) = silence().await;
    let (mute, _) = peer(vec![vec![Step::Read, Step::Hang]]).await;
    for proxy in [silent, mute] {
        let failure = send(&hasty(proxy), URI).await.unwrap_err();
        assert_eq!(failure, Failure::Proxy(Proxy::Silent));
    }
    let nameless = upstream(Err(Dns::NotFound), |settings| {
        let host = "localhost".to_owned();
        settings.via = Some(Via { host, port: 3128, authorization: None });
    });
    let failure = send(&nameless, URI).await.unwrap_err();
    assert_eq!(failure, Failure::Proxy(Proxy::Unreachable));
}

/// The first pin that the proxy reaches.
#[tokio::test]
async fn pins_are_asked_for_in_turn() {
    let deny = vec![Step::Read, Step::Say("HTTP/1.1 502 No\r\n\r\n")];
    let open = "HTTP/1.1 200 OK\r\n\r\n";
    let grant = vec![Step::Read, Step::Say(open), Step::Read, Step::Say(OK)];
    let (address, seen) = peer(vec![deny.clone(), grant]).await;
    let upstream = behind(address, None, &["10.0.0.1", "10.0.0.2"]);
    assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    let seen = seen.await.unwrap();
    assert!(seen[0].starts_with("CONNECT 10.0.0.1:80 "), "{}", seen[0]);
    assert!(seen[1].starts_with("CONNECT 10.0.0.2:80 "), "{}", seen[1]);
    let (address, _) = peer(vec![deny.clone(), deny]).await;
    let failure = send(&behind(address, None, &["10.0.0.1", "10.0.0.2"]), URI).await.unwrap_err();
    assert_eq!(failure, Failure::Proxy(Proxy::Denied(502)));
}

#[test]
fn what_a_proxy_is_told_stands_in_no_log() {
    let upstream = behind("127.0.0.1:1".parse().unwrap(), None, &[]);
    assert!(!format!("{upstream:?}").contains("bWU6c2VjcmV0"), "{upstream:?}");
}
