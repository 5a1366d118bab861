//! Promise: a key that is not one of ours opens nothing, whatever it is made of: 401 in the caller's
//! dialect, or 400 and 431 where it is no header at all; nothing of it is repeated, and nobody else
//! notices.

use super::{cases, drawn};
use crate::world::{CROSSABLE, Heard, Line, Plan, Request, Said, World, pair, path};
use ir::{Dialect, Shape};
use proptest::prelude::{Just, Strategy, any, prop};
use proptest::prop_oneof;
use proptest::sample::select;
use std::fmt::Write;
use tokio::task::JoinSet;

/// Keys of an ordinary run.
const CASES: usize = 10_000;
/// Connections that they come over.
const LINES: usize = 4;
/// Shorter keys could stand in any text.
const TELLING: usize = 10;

/// What breaks out of the languages that keys are pasted into.
const BREAKS: &[&str] = &[
    "' OR '1'='1",
    "'; DROP TABLE keys; --",
    "\" OR \"\"=\"",
    "1) UNION SELECT key FROM keys--",
    "%%%%%%%%%%%%",
    "admin'/*",
    "*)(uid=*))(|(uid=*",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "${jndi:ldap://127.0.0.1/a}",
    "$(id)`id`|id;id",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "{\"$ne\":null}",
    "%s%n%x%00%0d%0a",
    "\\u0000\\x00\\0",
    "bsk_bsk_bsk_bsk_",
    "null",
    "undefined",
    "true",
    "0",
    "sha256:",
    "Bearer",
    "Bearer Bearer",
];

/// A bad key, as bytes of a header.
fn keys(good: &str) -> impl Strategy<Value = Vec<u8>> {
    let good = good.to_owned();
    let parts = (Just(good), 0..56_usize, "[ -~]{1,40}", 0..8_u8);
    let near = parts.prop_map(|(good, at, other, way)| match way {
        0 => good[..at].to_owned(),
        1 => format!("{}x{}", &good[..at], &good[at..]),
        2 => format!("{good}x{other}"),
        3 => good.to_uppercase(),
        4 => format!("{} {}", &good[..at], &good[at..]).trim().replace(&good, "spaced"),
        5 => format!("{},{good}", other.trim()),
        6 => format!("\"{good}\""),
        _ => format!("{}{}", &good[..at], "0".repeat(56 - at)).replace(&good, "zeros"),
    });
    let texts = prop_oneof![
        select(BREAKS).prop_map(str::to_owned),
        (select(BREAKS), select(BREAKS)).prop_map(|(one, two)| format!("{one}{two}")),
        "[ -~]{0,80}",
        "bsk_[0-9a-v]{52}",
        "\\PC{1,40}",
        (2000..4000_usize).prop_map(|length| "k".repeat(length)),
        near,
    ];
    let bytes = prop::collection::vec(any::<u8>(), 0..60);
    let control = ("[a-z]{10,20}", 0..32_u8, "[a-z]{10,20}")
        .prop_map(|(one, byte, two)| [one.as_bytes(), &[byte], two.as_bytes()].concat());
    prop_oneof![8 => texts.prop_map(String::into_bytes), 1 => bytes, 1 => control]
}

/// A request with a bad key in one or several places, and the key.
#[derive(Clone, Debug)]
struct Try {
    dialect: Dialect,
    list: bool,
    key: Vec<u8>,
    way: u8,
}

// === impl Try ===

impl Try {
    fn bytes(&self, addr: &str) -> Vec<u8> {
        let (path, body) = match (self.list, self.dialect) {
            (true, _) => ("GET /v1/models", ""),
            (false, Dialect::Chat) => ("POST /v1/chat/completions", "{}"),
            (false, Dialect::Messages) => ("POST /v1/messages", "{}"),
            (false, Dialect::Responses) => ("POST /v1/responses", "{}"),
        };
        let mut head = format!(
            "{path} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n",
            body.len()
        );
        if self.dialect == Dialect::Messages {
            head.push_str("anthropic-version: 2023-06-01\r\n");
        }
        let mut head = head.into_bytes();
        let fields: &[&str] = match self.way {
            0 => &["x-backstop-key: "],
            1 => &["authorization: Bearer "],
            2 => &["authorization: bearer  "],
            3 => &["x-api-key: "],
            4 => &["authorization: Basic "],
            5 => &["authorization: "],
            6 => &["x-backstop-key: ", "authorization: Bearer ", "x-api-key: "],
            7 => &["x-api-key: ", "x-api-key: "],
            _ => &["proxy-authorization: Bearer ", "api-key: ", "cookie: key=", "x-key: "],
        };
        for field in fields {
            head.extend_from_slice(field.as_bytes());
            head.extend_from_slice(&self.key);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(body.as_bytes());
        head
    }

    /// Whether it is a header at all: the octets of RFC 9110, 5.5.
    fn is_header(&self) -> bool {
        self.key.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..))
    }

    fn check(&self, heard: &Heard) {
        let shown = String::from_utf8_lossy(&self.key);
        if !self.is_header() {
            // A line end in it makes two lines of it, which may be two headers.
            assert!(matches!(heard.status, 400 | 401), "{shown:?}: {}", heard.status);
            return;
        }
        assert_eq!(heard.status, 401, "{shown:?}: {}", heard.text());
        assert!(matches!(heard.code().as_str(), "BS0110" | "BS0111"), "{}", heard.text());
        let json = heard.json();
        match self.dialect {
            Dialect::Chat | Dialect::Responses => {
                assert_eq!(json["error"]["type"], "authentication_error");
            }
            Dialect::Messages => assert_eq!(json["type"], "error"),
        }
        assert!(!json["error"]["message"].as_str().expect("words").is_empty());
        let said = format!("{:?}{}", heard.headers, heard.text());
        assert!(self.key.len() < TELLING || !said.contains(&*shown), "{shown:?} is repeated");
    }
}

fn tries(good: &str) -> impl Strategy<Value = Try> {
    let dialect = select(&Dialect::ALL[..]);
    (dialect, any::<bool>(), keys(good), 0..9_u8).prop_map(|(dialect, list, key, way)| Try {
        dialect,
        list,
        key,
        way,
    })
}

async fn world(hash: &str) -> World {
    let text = pair(Dialect::Chat, "") + &format!("[keys.team]\nhash = \"{hash}\"\n");
    Plan::new(text).clouds(&["a", "b"]).await.start().await
}

#[tokio::test]
async fn no_other_key_opens_anything() {
    let (key, hash) = config::new_key([7; 32]);
    // Making them takes a while, in which nothing else would go on.
    let tries = drawn(cases(CASES), &tries(&key));
    let world = world(&hash).await;
    let addr = world.addr();
    let other = Request::ask(Dialect::Chat, Shape::Stream, "ok+tokens-300+every-1ms");
    let mut other = world.send(&other.header("x-backstop-key", &key)).await;
    assert!(other.until("w0").await);

    let asked = tries.iter().filter(|it| !it.list && it.is_header()).count();
    let mut lines = JoinSet::new();
    for share in tries.chunks(tries.len().div_ceil(LINES)) {
        let share = share.to_vec();
        lines.spawn(async move {
            let mut line = Line::to(addr);
            for it in share {
                it.check(&line.say(&it.bytes(&addr.to_string())).await);
            }
        });
    }
    while let Some(done) = lines.join_next().await {
        done.unwrap_or_else(|error| panic!("{error}"));
    }

    let heard = other.finish().await;
    let said = Said::read(Dialect::Chat, Shape::Stream, &heard.body).expect("a stream");
    assert!(said.is_complete() && said.text.ends_with("w299"), "{said:?}");
    assert_eq!(world.calls(), [1, 0], "nothing reached a provider");
    let records = world.records_at_least(asked + 1).await;
    let mut all = String::new();
    for record in records.iter().filter(|record| record.status != 200) {
        assert!(matches!(record.status, 400 | 401) && record.principal.is_none(), "{record:?}");
        write!(all, "{}{:?}", record.model, record.attempts).expect("a string");
    }
    assert!(!all.contains("bsk_"), "{all}");
    world.stop().await;
}

#[tokio::test]
async fn keys_that_are_no_header_are_no_http() {
    let (key, hash) = config::new_key([7; 32]);
    let world = world(&hash).await;
    for dialect in CROSSABLE {
        let ask = || Request::ask(dialect, Shape::Whole, "ok");
        let long = "k".repeat(1 << 20);
        for name in ["x-backstop-key", "authorization", "x-api-key"] {
            assert_eq!(world.hear(&ask().header(name, &long)).await.status, 431, "{name}");
        }
        let cut = format!("{key}\0");
        assert_eq!(world.hear(&ask().header("x-backstop-key", &cut)).await.status, 400);
        // A good key beside a bad one is not looked for.
        let both = ask().header("x-backstop-key", "bsk_bad").header("x-api-key", &key);
        assert_eq!(world.hear(&both).await.status, 401);
        // In an address or a cookie it is no key.
        let address = ask().at(&format!("{}?key={key}&api_key={key}", path(dialect)));
        assert_eq!(world.hear(&address.header("cookie", &key)).await.status, 401);
        assert_eq!(world.hear(&ask().header("x-backstop-key", &key)).await.status, 200);
    }
    world.stop().await;
}
