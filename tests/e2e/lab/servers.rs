//! The servers of the lab themselves: each does what it says that it does.

use crate::world::LIMIT;
use backstop_e2e::lab::dns::{Fault, Reply, Zone};
use backstop_e2e::lab::http::{Body, Ending, Page, Site};
use backstop_e2e::lab::pages::Trap;
use backstop_e2e::lab::proxy::{self, Policy};
use backstop_e2e::lab::server::ANY;
use backstop_e2e::lab::tcp::{BlackHole, refused};
use bytes::Bytes;
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Nothing comes for so long: nothing will.
const NOTHING: Duration = Duration::from_millis(100);

/// No more of an answer is read.
const A_LOT: usize = 1 << 20;

/// The bytes of a question with this number.
fn question(id: u16, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = id;
    message.add_query(Query::query(Name::from_str("host.example.").unwrap(), kind));
    message.set_edns(Edns::new());
    message.to_vec().unwrap()
}

/// How long an answer is waited for: short only where none is expected.
fn patience(expect: &str) -> Duration {
    if expect == "nothing" { NOTHING } else { LIMIT }
}

async fn over_udp(to: SocketAddr, kind: RecordType, wait: Duration) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind(ANY).await.unwrap();
    socket.send_to(&question(7, kind), to).await.unwrap();
    let mut answer = [0; 2048];
    let length = timeout(wait, socket.recv(&mut answer)).await.ok()?.unwrap();
    Some(answer[..length].to_vec())
}

async fn over_tcp(to: SocketAddr, kind: RecordType, wait: Duration) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let asked = question(7, kind);
    stream.write_u16(asked.len().try_into().unwrap()).await.unwrap();
    stream.write_all(&asked).await.unwrap();
    let length = timeout(wait, stream.read_u16()).await.ok()?.unwrap();
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await.unwrap();
    Some(answer)
}

/// What an answer says in a few words.
fn said(answer: Option<Vec<u8>>) -> String {
    let Some(answer) = answer else { return "nothing".to_owned() };
    let Ok(message) = Message::from_vec(&answer) else { return "garbage".to_owned() };
    let records: Vec<String> = message.answers.iter().map(|it| it.data.to_string()).collect();
    let code = message.metadata.response_code;
    let code = if code == ResponseCode::NoError { "Well".to_owned() } else { format!("{code:?}") };
    let mut words = vec![code.to_lowercase()];
    words.extend(records);
    if message.metadata.id != 7 {
        words.push("another id".to_owned());
    }
    if message.metadata.truncation {
        words.push("cut short".to_owned());
    }
    if !message.authorities.is_empty() {
        words.push("soa".to_owned());
    }
    words.join(" ")
}

#[tokio::test]
async fn a_name_server_says_what_it_was_told_to() {
    let (v4, v6) = (IpAddr::from([203, 0, 113, 7]), "2001:db8::7".parse().unwrap());
    let both = Reply::addresses(&[v4, v6]);
    let check = async |reply: Reply, udp: &str, tcp: &str| {
        let server = Zone::of(Reply::refused()).name("Host.Example", reply).serve(ANY).await;
        let server = server.unwrap();
        assert_eq!(said(over_udp(server.addr(), RecordType::A, patience(udp)).await), udp);
        assert_eq!(said(over_tcp(server.addr(), RecordType::A, patience(tcp)).await), tcp);
        assert_eq!(server.asked(), ["host.example a udp", "host.example a tcp"]);
    };
    let well = "well 203.0.113.7";
    check(both.clone(), well, well).await;
    let there = "well cdn.example. 203.0.113.7";
    check(both.clone().through(&["cdn.example"]), there, there).await;
    check(both.clone().fault(Fault::Truncated), "well cut short", well).await;
    let other = "well 203.0.113.7 another id";
    check(both.clone().fault(Fault::WrongId), other, other).await;
    check(both.clone().fault(Fault::Garbage), "garbage", "garbage").await;
    check(both.clone().fault(Fault::SilentOverUdp), "nothing", well).await;
    check(Reply::silent(), "nothing", "nothing").await;
    check(Reply::empty(), "well soa", "well soa").await;
    check(Reply::no_such_name(), "nxdomain soa", "nxdomain soa").await;
    check(Reply::failure().because(22, "nobody"), "servfail", "servfail").await;
    check(Reply::refused(), "refused", "refused").await;
}

#[tokio::test]
async fn nobody_answers_where_nobody_should() {
    let hole = BlackHole::open().unwrap();
    assert!(timeout(NOTHING, TcpStream::connect(hole.addr())).await.is_err());
    let error = TcpStream::connect(refused().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// Whether a request is answered with bytes that begin and hold so, and the connection then ends or
/// stays as it should; else what came.
async fn ask(to: SocketAddr, request: &str, expect: (&str, &[u8], bool)) -> Result<(), String> {
    let (begins, holds, ends) = expect;
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    let met = |came: &[u8]| {
        let held = holds.is_empty() || came.windows(holds.len()).any(|it| it == holds);
        held && came.starts_with(begins.as_bytes())
    };
    let ended = loop {
        let wait = if ends || !met(&came) { LIMIT } else { NOTHING };
        match timeout(wait, stream.read_buf(&mut came)).await {
            Ok(Ok(0) | Err(_)) => break true,
            Ok(Ok(_)) if A_LOT <= came.len() => break false,
            Ok(Ok(_)) => {}
            Err(_) => break false,
        }
    };
    if met(&came) && ended == ends {
        return Ok(());
    }
    Err(format!("ended: {ended}, came: {:.300}", String::from_utf8_lossy(&came)))
}

#[tokio::test]
async fn a_site_answers_by_its_table() {
    let drip = Body::Dripped(Bytes::from_static(b"abc"), Duration::from_millis(5));
    let large = Body::Repeated(Bytes::from_static(&[b'x'; 1024]), 64);
    let site = Site::new()
        .keyed("/v1/models", "good", Page::json(200, "[]"))
        .page("/v1/models", Page::json(401, "{}"))
        .page("/same", Page::text("all well").with("etag", "\"7\""))
        .page("/cut", Page::text("half").ending(Ending::Cut))
        .page("/stall", Page::text("never").ending(Ending::Stall))
        .page("/silent", Page::silent())
        .page("/garbled", Page::empty(200).ending(Ending::Garbled))
        .page("/drip", Page::text("").body(drip))
        .page("/large", Page::text("").body(large))
        .page("/moved", Page::redirect(302, "http://login.example/"))
        .otherwise(Page::empty(204));
    let server = Arc::new(site).serve(ANY).await.unwrap();
    let check = async |path: &str, headers: &str, expect: &str, more: &str, ends: bool| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: lab\r\n{headers}\r\n");
        let asked = ask(server.addr(), &request, (expect, more.as_bytes(), ends)).await;
        assert_eq!(asked, Ok(()), "{path}");
    };
    check("/v1/models", "", "HTTP/1.1 401", "{}", false).await;
    check("/v1/models", "Authorization: Bearer bad\r\n", "HTTP/1.1 401", "{}", false).await;
    check("/v1/models?a=b", "X-API-Key: good\r\n", "HTTP/1.1 200", "[]", false).await;
    check("/same", "", "HTTP/1.1 200", "etag: \"7\"", false).await;
    check("/same", "If-None-Match: \"7\"\r\n", "HTTP/1.1 304", "", false).await;
    check("/cut", "", "HTTP/1.1 200", "half", true).await;
    check("/stall", "", "HTTP/1.1 200", "content-length: 5\r\n\r\n", false).await;
    check("/silent", "", "", "", false).await;
    check("/garbled", "", "\x15\x03\x01", "no HTTP", true).await;
    check("/drip", "", "HTTP/1.1 200", "\r\n\r\nabc", false).await;
    check("/large", "", "HTTP/1.1 200", &"x".repeat(64 * 1024), false).await;
    check("/moved", "", "HTTP/1.1 302", "location: http://login.example/", false).await;
    check("/else", "", "HTTP/1.1 204", "", false).await;
    assert_eq!(server.count(), 13);
}

#[tokio::test]
async fn a_proxy_opens_tunnels_or_not() {
    let behind = Arc::new(Site::new().otherwise(Page::text("behind"))).serve(ANY).await.unwrap();
    let roads = BTreeMap::from([("a.example:443".to_owned(), behind.addr())]);
    let check = async |policy: Policy, authority: &str, expect: &str| {
        let server = proxy::start(ANY, policy).await.unwrap();
        let wish = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n");
        // A tunnel stays, and so does silence; a refusal is the end.
        let ends = !matches!(expect, "" | "HTTP/1.1 200");
        let asked = ask(server.addr(), &wish, (expect, b"", ends)).await;
        assert_eq!(asked, Ok(()), "{authority}");
        assert_eq!(server.count(), 1);
    };
    check(Policy::Open(roads.clone()), "a.example:443", "HTTP/1.1 200").await;
    check(Policy::Open(roads), "b.example:443", "HTTP/1.1 502").await;
    check(Policy::Refuse(407), "a.example:443", "HTTP/1.1 407").await;
    check(Policy::Silent, "a.example:443", "").await;
}

#[tokio::test]
async fn pages_go_wrong_as_they_are_told_to() {
    let check = async |trap: Trap, starts: &str, holds: &[u8], ends: bool| {
        let site = Arc::new(trap.site("application/json", "{\"status\":\"well\"}"));
        let server = site.serve(ANY).await.unwrap();
        let request = "GET / HTTP/1.1\r\nhost: lab\r\n\r\n";
        let asked = ask(server.addr(), request, (starts, holds, ends)).await;
        assert_eq!(asked, Ok(()), "{trap:?}");
    };
    for trap in Trap::ALL {
        let (starts, holds, ends): (_, &[u8], _) = match trap {
            Trap::None => ("HTTP/1.1 200", b"{\"status\":\"well\"}", false),
            Trap::Utf16Le => ("HTTP/1.1 200", b"\xFF\xFE{\0\"\0s\0", false),
            Trap::Utf16Be => ("HTTP/1.1 200", b"\xFE\xFF\0{\0\"\0s", false),
            Trap::Html => ("HTTP/1.1 200", b"<html>", false),
            Trap::Challenge => ("HTTP/1.1 403", b"cf-mitigated: challenge", false),
            Trap::Empty => ("HTTP/1.1 200", b"content-length: 0\r\n\r\n", false),
            Trap::Cut => ("HTTP/1.1 200", b"\r\n\r\n{\"status", true),
            Trap::Stalled => ("HTTP/1.1 200", b"content-length: 17\r\n\r\n", false),
            Trap::Silent => ("", b"", false),
            Trap::Dripping => ("HTTP/1.1 200", b"\r\n\r\n{\"", false),
            Trap::Huge => ("HTTP/1.1 200", b"content-length: 52428800\r\n", false),
            Trap::Circle => ("HTTP/1.1 302", b"location: /\r\n", false),
            Trap::Moved => ("HTTP/1.1 301", b"location: /moved\r\n", false),
            Trap::Inward => ("HTTP/1.1 302", b"location: http://169.254.169.254/", false),
            Trap::Marked => ("HTTP/1.1 200", b"etag: \"lab-7\"", false),
            Trap::Failing => ("HTTP/1.1 500", b"internal", false),
        };
        check(trap, starts, holds, ends).await;
    }
}
