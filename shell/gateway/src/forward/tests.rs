//! Promise: what the configuration read and what is connected to are the same host and port, for any
//! text that is accepted as a base URL; and what was written here and cannot be read is not sent.

use super::{Question, UNREAD, UNWRITTEN, question, uri};
use crate::ask::{Ask, Endpoint};
use bytes::Bytes;
use codec::read_head;
use config::{Config, Surroundings};
use http::{HeaderMap, Uri};
use ir::{Dialect, Failure, Time, Trace, TraceId};
use proptest::prelude::{Just, Strategy, any, prop};
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::test_runner::{Config as Cases, TestCaseError, TestRunner};
use std::cell::Cell;
use std::fmt::Write;
use std::net::IpAddr;
use transport::Origin;

/// Cases of an ordinary run; `BACKSTOP_HOSTILE_CASES` sets another number, and a release takes a
/// million.
const CASES: u32 = 4096;

/// What URLs are made of, and what breaks them.
const TOKENS: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "0x7f",
    "2130706433",
    "017700000001",
    "0",
    "1",
    "255",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[fe80::1%25eth0]",
    "[",
    "]",
    "::",
    ":",
    ":80",
    ":443",
    ":8080",
    ":0",
    ":080",
    ":99999",
    ":+80",
    "@",
    "me:secret@",
    "/",
    "//",
    "\\",
    "?",
    "#",
    "%",
    "%2e",
    "%00",
    ".",
    "..",
    "-",
    "_",
    "~",
    "!",
    "localhost",
    "LocalHost",
    "good.example",
    "EVIL.example.",
    "xn--bcher-kva.example",
    "bücher",
    "①②⑦",
    "。",
    "\u{ad}",
    "\u{200b}",
    "\t",
    " ",
    "\r\n",
    "\0",
    "v1",
    "openai",
    "http://",
    "https:",
];

/// Nothing.
struct Nowhere;

impl Surroundings for Nowhere {
    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("there is no file {path}"))
    }
}

/// A configuration with this base URL, if it is one.
fn configured(text: &str) -> Option<Config> {
    let mut escaped = String::new();
    for letter in text.chars() {
        write!(escaped, "\\U{:08x}", u32::from(letter)).expect("a string");
    }
    let file = format!(
        "[providers.p]\ndialect = \"openai\"\napi_key = \"caller\"\nbase_url = \"{escaped}\"\n"
    );
    config::load(&file, &Nowhere).ok()
}

/// A host without brackets and the dot at its end, an address as it is meant.
fn meant(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.strip_suffix('.').unwrap_or(bare).to_lowercase();
    bare.parse::<IpAddr>().map_or(bare, |address| address.to_canonical().to_string())
}

/// Holds what was read against what is connected to, and against what another parser reads.
fn agrees(text: &str) -> Result<bool, TestCaseError> {
    let Some(config) = configured(text) else { return Ok(false) };
    let provider = &config.providers[0];
    let base = &provider.base_url;
    let fail = |why: String| Err(TestCaseError::fail(format!("{text:?}: {why}")));
    let Ok(sent) = uri(provider, "/models", Some("limit=1")) else {
        return fail(format!("{base} is no address"));
    };
    let Ok(origin) = Origin::of(&sent) else { return fail(format!("{sent} has no origin")) };
    let connected = (origin.is_tls(), meant(origin.host()), origin.port());
    let read = (base.https, base.host.clone(), base.port);
    if connected != read {
        return fail(format!("read {read:?}, connected {connected:?}"));
    }
    let path = format!("{}/models?limit=1", base.path);
    if sent.path_and_query().map(ToString::to_string) != Some(path)
        || sent.authority().is_none_or(|it| it.as_str().contains('@'))
    {
        return fail(format!("sent to {sent}"));
    }
    if let Ok(other) = text.parse::<Uri>() {
        let usual = if base.https { 443 } else { 80 };
        let host = other.host().map(meant);
        if host.as_ref() != Some(&base.host) || other.port_u16().unwrap_or(usual) != base.port {
            return fail(format!("another parser reads {host:?} and {:?}", other.port_u16()));
        }
    }
    Ok(true)
}

fn texts() -> impl Strategy<Value = String> {
    let token =
        prop_oneof![select(TOKENS).prop_map(str::to_owned), any::<char>().prop_map(String::from),];
    let junk = prop::collection::vec(token, 0..8).prop_map(|tokens| tokens.concat());
    let scheme = || select(&["http://", "https://", "HTTP://", "hTTps://", "ftp://", ""][..]);
    let host = prop_oneof![
        "[a-zA-Z0-9_-]{1,12}(\\.[a-z0-9]{1,8}){0,3}\\.?",
        any::<[u8; 4]>().prop_map(|octets| IpAddr::from(octets).to_string()),
        any::<[u16; 8]>().prop_map(|segments| format!("[{}]", IpAddr::from(segments))),
    ];
    let port = prop_oneof![Just(String::new()), ":[0-9]{1,6}"];
    let path = "(/[a-z0-9._~-]{0,6}){0,3}";
    let neat = (scheme(), host, port, path)
        .prop_map(|(scheme, host, port, path)| format!("{scheme}{host}{port}{path}"));
    let odd = (scheme(), junk).prop_map(|(scheme, junk)| format!("{scheme}{junk}"));
    prop_oneof![neat, odd]
}

#[test]
fn what_was_read_is_what_is_connected_to() {
    let cases = std::env::var("BACKSTOP_HOSTILE_CASES").ok().and_then(|text| text.parse().ok());
    let cases = cases.unwrap_or(CASES);
    let settings = Cases { cases, failure_persistence: None, ..Cases::default() };
    let accepted = Cell::new(0_u32);
    let ran = TestRunner::new(settings).run(&texts(), |text| {
        accepted.set(accepted.get() + u32::from(agrees(&text)?));
        Ok(())
    });
    ran.unwrap_or_else(|why| panic!("{why}"));
    assert!(cases / 10 < accepted.get(), "{} of {cases} were accepted", accepted.get());
}

/// Asks this, and expects that it is sent so.
#[track_caller]
fn check(dialect: Dialect, body: &str, going_on: Option<&str>, expect: Result<&str, Failure>) {
    let going_on = going_on.map(|text| Bytes::copy_from_slice(text.as_bytes()));
    let origin = codec::seal::Origin::of("a/m");
    let asked = question(&ask(dialect, body), going_on.as_ref(), Some(origin), |_| false);
    let asked = asked.map(|(question, _)| match question {
        None => "as it came".to_owned(),
        Some(Question { body, .. }) => String::from_utf8_lossy(&body).into_owned(),
    });
    assert_eq!(asked, expect.map(str::to_owned));
}

/// Whoever goes on with an answer is read by what it was asked: the caller's own question in the place
/// of one that cannot be read would be answered from its beginning.
#[test]
fn what_cannot_be_read_is_not_replaced_by_what_came() {
    let sealed = r#"{"model":"m","input":[{"type":"reasoning","encrypted_content":"x"}]}"#;
    let plain = r#"{"model":"m","input":"hi","messages":[]}"#;
    // Two models: of what came nobody could have read it either.
    let twice = sealed.replace("{\"model\"", "{\"model\":\"m\",\"model\"");
    for dialect in Dialect::ALL {
        check(dialect, plain, None, Ok("as it came"));
        check(dialect, plain, Some(plain), Ok(plain));
        for unreadable in ["", "{", "[]", "{\"model\":1}"] {
            check(dialect, plain, Some(unreadable), Err(UNWRITTEN));
        }
    }
    let responses = Dialect::Responses;
    check(responses, sealed, None, Ok(r#"{"model":"m","input":[]}"#));
    check(responses, &twice, None, Err(UNREAD));
}

/// A request of which only the body was read.
fn ask(dialect: Dialect, body: &str) -> Ask {
    Ask {
        id: String::new(),
        began: Time::ZERO,
        at_unix_ms: 0,
        trace: Trace::root(TraceId(1)),
        principal: None,
        pass: None,
        dialect,
        endpoint: Endpoint::Create,
        http2: false,
        query: None,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        head: read_head(dialect, body.as_bytes()).unwrap_or_default(),
        stored: None,
    }
}
