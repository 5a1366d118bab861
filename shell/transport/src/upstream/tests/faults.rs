//! What goes wrong before, in and after the head of an answer.

use std::time::Duration;

use ir::{Connect, Dns, Failure, Proxy, Tls};

use super::super::connect::Stage;
use super::peer::{Step, nobody, peer, silence};
use super::{plain, read, send, upstream, whole};

const URI: &str = "http://localhost/v1/messages";

#[tokio::test]
async fn dns() {
    for (found, expect) in [
        (Err(Dns::NotFound), Dns::NotFound),
        (Err(Dns::Failed), Dns::Failed),
        (Ok(vec![]), Dns::NotFound),
    ] {
        let failure = send(&upstream(found, |_| {}), URI).await.unwrap_err();
        assert_eq!(failure, Failure::Dns(expect));
    }
    let unknown = send(&plain(nobody().await), "http://elsewhere/").await.unwrap_err();
    assert_eq!(unknown, Failure::Dns(Dns::NotFound));
}

#[tokio::test]
async fn connect() {
    let refused = send(&plain(nobody().await), URI).await.unwrap_err();
    assert_eq!(refused, Failure::Connect(Connect::Refused));

    let nowhere = "http://255.255.255.255:9/";
    let unreachable = send(&plain(nobody().await), nowhere).await.unwrap_err();
    assert_eq!(unreachable, Failure::Connect(Connect::Unreachable));

    let (silent, _held) = silence().await;
    let impatient =
        upstream(Ok(vec![silent]), |settings| settings.connect = Duration::from_millis(60));
    assert_eq!(send(&impatient, URI).await.unwrap_err(), Failure::Connect(Connect::Timeout));
}

#[test]
fn a_deadline_means_what_it_interrupts() {
    assert_eq!(Stage::Dns.late(), Failure::Dns(Dns::Failed));
    assert_eq!(Stage::Tcp.late(), Failure::Connect(Connect::Timeout));
    assert_eq!(Stage::Proxy.late(), Failure::Proxy(Proxy::Silent));
    assert_eq!(Stage::Tls.late(), Failure::Tls(Tls::Handshake));
}

#[tokio::test]
async fn another_address_answers() {
    let ok = vec![Step::Read, Step::Say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")];
    let (there, _) = peer(vec![ok.clone(), ok]).await;
    let (silent, _held) = silence().await;
    for first in [nobody().await, silent] {
        let upstream = upstream(Ok(vec![first, there]), |_| {});
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
    }
    let (one, other) = (nobody().await, nobody().await);
    let failure = send(&upstream(Ok(vec![one, other]), |_| {}), URI).await.unwrap_err();
    assert_eq!(failure, Failure::Connect(Connect::Refused));
}

#[tokio::test]
async fn no_head() {
    let check = async |script: Vec<Step>, expect: Failure| {
        let (address, _) = peer(vec![script.clone()]).await;
        assert_eq!(send(&plain(address), URI).await.unwrap_err(), expect, "{script:?}");
    };
    check(vec![], Failure::Reset).await;
    check(vec![Step::Read], Failure::Reset).await;
    check(vec![Step::Read, Step::Reset], Failure::Reset).await;
    check(vec![Step::Read, Step::Say("HTTP/1.1 200 OK\r\ncontent-")], Failure::Reset).await;
    let garbage = [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "\u{15}\u{3}\u{1}\0\u{2}",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ];
    for text in garbage {
        check(vec![Step::Read, Step::Say(text)], Failure::BadHttp("the answer is not HTTP")).await;
    }
    let status = "HTTP/1.1 2x0 OK\r\n\r\n";
    let expect = Failure::BadHttp("the answer has no valid status");
    check(vec![Step::Read, Step::Say(status)], expect).await;
    let lengths = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab";
    check(vec![Step::Read, Step::Say(lengths)], Failure::BadHttp("an answer of two lengths")).await;

    let large = Failure::BadHttp("the head of the answer is too large");
    let wide = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1_000_000));
    check(vec![Step::Read, Step::SayBytes(wide.into_bytes())], large.clone()).await;
    let long = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101));
    check(vec![Step::Read, Step::SayBytes(long.into_bytes())], large).await;
}

#[tokio::test]
async fn a_head_of_100_kb_is_no_trouble() {
    let head =
        format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 2\r\n\r\nok", "x".repeat(100_000));
    let (address, _) = peer(vec![vec![Step::Read, Step::SayBytes(head.into_bytes())]]).await;
    assert_eq!(whole(&plain(address), URI).await, Ok(("ok".to_owned(), false)));
}

#[tokio::test]
async fn bodies() {
    let check = async |answer: &'static str, end: &[Step], text: &str, whole: bool| {
        let mut script = vec![Step::Read, Step::Say(answer)];
        script.extend_from_slice(end);
        let (address, _) = peer(vec![script]).await;
        let mut answer = send(&plain(address), URI).await.unwrap();
        let expect = if whole { Ok(()) } else { Err(Failure::Cut { clean: false }) };
        assert_eq!(read(&mut answer.body).await, (text.to_owned(), expect), "{answer:?}");
    };
    let sized = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello";
    let ended = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let trailed =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n";
    let open = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let mad = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nxx\r\n";
    let unframed = "HTTP/1.1 200 OK\r\n\r\nhello";
    for end in [&[][..], &[Step::Hang]] {
        check(sized, end, "hello", true).await;
        check(ended, end, "hello", true).await;
        check(trailed, end, "hello", true).await;
        check(mad, end, "hello", false).await;
    }
    check(unframed, &[], "hello", true).await;
    check("HTTP/1.1 204 No Content\r\n\r\n", &[], "", true).await;
    check(short, &[], "hello", false).await;
    check(open, &[], "hello", false).await;
}

#[tokio::test]
async fn a_reset_is_never_an_end() {
    for head in ["content-length: 9\r\n\r\n", "transfer-encoding: chunked\r\n\r\n5\r\n", "\r\n"] {
        let say = Step::SayBytes(format!("HTTP/1.1 200 OK\r\n{head}hello").into_bytes());
        // The RST may overtake the head: then there is no answer at all.
        let (address, _) = peer(vec![vec![Step::Read, say, Step::Reset]]).await;
        match send(&plain(address), URI).await {
            Ok(mut answer) => {
                assert_eq!(read(&mut answer.body).await.1, Err(Failure::Cut { clean: false }));
            }
            Err(failure) => assert_eq!(failure, Failure::Reset),
        }
    }
}
