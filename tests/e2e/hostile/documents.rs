//! Promise: whatever a body holds, there is an answer in bounded time: it is refused in the caller's
//! dialect, or passed on as it came. Where two readers could take different things from it, it is
//! refused: what a request is routed by is what its provider reads.

use crate::world::{Canned, Heard, Pairing, Plan, Request, World, alone, path, plain};
use ir::Dialect;
use std::time::Duration;

/// No body keeps anybody busy for longer, not even in a build without optimisation.
const SOON: Duration = Duration::from_secs(10);
/// How deep, and how wide.
const DEEP: usize = 100_000;
const WIDE: usize = 1_000_000;

/// What becomes of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// Refused here, with one of these codes.
    Refused(&'static [&'static str]),
    /// Sent on as it came; to the other dialect, or with a refusal where it cannot cross.
    Passed,
}

use Fate::{Passed, Refused};

const NO_JSON: Fate = Refused(&["BS0101"]);
const BAD: Fate = Refused(&["BS0101", "BS0102"]);
const NO_TEXT: Fate = Refused(&["BS0103", "BS0101"]);

/// A good body with more fields.
fn with(fields: &str) -> Vec<u8> {
    let body =
        "\"model\":\"ok\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";
    format!("{{{body}{fields}}}").into_bytes()
}

/// The same with these bytes as a text.
fn holding(bytes: &[u8]) -> Vec<u8> {
    let mut body = with(",\"x\":\"");
    body.truncate(body.len() - 1);
    [&body, bytes, b"\"}"].concat()
}

/// A good body in which one text stands for another.
fn instead(text: &str, other: &str) -> Vec<u8> {
    String::from_utf8(with("")).expect("text").replace(text, other).into_bytes()
}

type Case = (&'static str, Vec<u8>, Fate);

/// Bodies that are deep, wide or long.
fn large() -> Vec<Case> {
    let deep = |open: &str, inside: &str, close: &str| {
        with(&format!(",\"x\":{}{inside}{}", open.repeat(DEEP), close.repeat(DEEP)))
    };
    let keys: Vec<String> = (0..WIDE).map(|at| format!("\"{at}\":1")).collect();
    let keys = keys.join(",");
    let digits = "7".repeat(1 << 20);
    vec![
        ("deep lists", deep("[", "", "]"), NO_JSON),
        ("deep objects", deep("{\"a\":", "1", "}"), NO_JSON),
        ("deep and open", deep("[", "", ""), NO_JSON),
        ("a list alone", "[".repeat(DEEP).into_bytes(), NO_JSON),
        ("keys", with(&format!(",\"x\":{{{keys}}}")), Passed),
        ("keys at the top", with(&format!(",{keys}")), Passed),
        ("digits", with(&format!(",\"x\":{digits}")), Passed),
        ("digits behind a point", with(&format!(",\"temperature\":0.{digits}")), Passed),
        ("digits for a count", instead("9", &digits), Passed),
        ("a large number", with(",\"temperature\":1e99999"), Passed),
        ("a long text", with(&format!(",\"x\":\"{}\"", "x".repeat(10 << 20))), Passed),
        ("a long name", instead("ok", &"o".repeat(300)), BAD),
    ]
}

/// Bodies that are no JSON, no text, or hardly so.
fn broken() -> Vec<Case> {
    let wide: Vec<u8> = with("").iter().flat_map(|byte| [*byte, 0]).collect();
    vec![
        ("half a surrogate", with(",\"x\":\"\\ud800\""), Passed),
        ("half a surrogate in a key", with(",\"\\udfff\":1"), NO_JSON),
        ("half a surrogate in a name", instead("ok", "\\ud800"), BAD),
        ("nul", with(",\"x\":\"\\u0000\""), Passed),
        ("a mark of byte order", [b"\xef\xbb\xbf".as_slice(), &with("")].concat(), NO_JSON),
        ("sixteen bits", wide, NO_TEXT),
        ("a byte of no text", holding(b"\xff"), NO_TEXT),
        ("an overlong slash", holding(b"\xc0\xaf"), NO_TEXT),
        ("a surrogate in bytes", holding(b"\xed\xa0\x80"), NO_TEXT),
        ("a letter that is cut", holding(b"\xf0\x9f\x98"), NO_TEXT),
        ("a control byte", holding(b"\x01"), NO_JSON),
        ("a bare nul", with(",\"x\":\0"), NO_JSON),
        ("not a number", with(",\"x\":NaN"), NO_JSON),
        ("a leading zero", with(",\"x\":01"), NO_JSON),
        ("a comment", with("/* x */"), NO_JSON),
        ("two documents", [with(""), with("")].concat(), NO_JSON),
        ("a quote too few", with(",\"x\":\"y"), NO_JSON),
    ]
}

/// The same field twice, where we read it. Names are what they mean, not how they are spelled.
fn doubled(dialect: Dialect) -> Vec<String> {
    let twice = |one: &str, two: &str| format!(",{one},{two}");
    let mut all = vec![
        ",\"model\":\"ok\"".to_owned(),
        ",\"model\":\"other\"".to_owned(),
        ",\"mod\\u0065l\":\"other\"".to_owned(),
        ",\"messages\":[]".to_owned(),
        ",\"m\\u0065ssages\":[]".to_owned(),
        twice("\"stream\":true", "\"stream\":false"),
        twice("\"stream\":false", "\"str\\u0065am\":true"),
    ];
    if dialect == Dialect::Chat {
        all.push(twice("\"n\":1", "\"n\":2"));
        all.push(twice("\"stream_options\":{}", "\"stream_options\":{\"include_usage\":true}"));
    }
    all
}

/// A provider that reads nothing of what it is asked, and a gateway before it.
async fn world(dialect: Dialect, pairing: Pairing) -> (Canned, World) {
    let theirs = pairing.beside(dialect);
    let answer = match theirs {
        Dialect::Chat => {
            r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#
        }
        Dialect::Messages => {
            r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#
        }
        Dialect::Responses => {
            r#"{"id":"r","object":"response","model":"m","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}"#
        }
    };
    let canned = Canned::say("application/json", answer).await;
    let text = plain(&alone(theirs, ""));
    let world = Plan::new(text).at("a", canned.base_url()).start().await;
    (canned, world)
}

#[track_caller]
fn refused(what: &str, dialect: Dialect, heard: &Heard, codes: &[&str]) {
    assert_eq!(heard.status, 400, "{what}: {}", heard.text());
    assert!(codes.contains(&heard.code().as_str()), "{what}: {}", heard.text());
    assert!(heard.took < SOON, "{what} took {:?}", heard.took);
    assert!(heard.body.len() < 4096, "{what}: it is not repeated at length");
    let json = heard.json();
    assert!(json["error"]["message"].is_string(), "{what}: {json}");
    assert!(dialect != Dialect::Messages || json["type"] == "error", "{what}: {json}");
}

#[tokio::test]
async fn odd_documents_are_refused_or_passed_on() {
    let odd = [large(), broken()].concat();
    for dialect in Dialect::ALL {
        for pairing in Pairing::ALL.into_iter().filter(|it| it.is_there(dialect)) {
            let (canned, world) = world(dialect, pairing).await;
            let mut asked = 0;
            for (what, body, fate) in &odd {
                let what = format!("{what} ({dialect:?}, {pairing:?})");
                let request = Request::post(path(dialect), body.clone());
                let heard = world.hear(&request).await;
                match fate {
                    Refused(codes) => {
                        refused(&what, dialect, &heard, codes);
                        assert_eq!(canned.count(), asked, "{what} was passed on");
                    }
                    Passed if pairing == Pairing::Crossed => {
                        assert!(matches!(heard.status, 200 | 400), "{what}: {}", heard.text());
                        assert!(heard.took < SOON, "{what} took {:?}", heard.took);
                    }
                    Passed => {
                        assert_eq!(heard.status, 200, "{what}: {}", heard.text());
                        assert!(heard.took < SOON, "{what} took {:?}", heard.took);
                        let sent = canned.last().expect("a request");
                        assert!(sent.ends_with(body), "{what}: not as it came");
                    }
                }
                asked = canned.count();
            }
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn what_is_there_twice_is_refused() {
    for dialect in Dialect::ALL {
        for pairing in Pairing::ALL.into_iter().filter(|it| it.is_there(dialect)) {
            let (canned, world) = world(dialect, pairing).await;
            for fields in doubled(dialect) {
                let request = Request::post(path(dialect), with(&fields));
                let heard = world.hear(&request).await;
                refused(&fields, dialect, &heard, &["BS0101", "BS0102"]);
            }
            assert_eq!(canned.count(), 0, "nothing reached the provider");
            // Another spelling is another field, which means nothing here and stays as it is.
            let other = with(",\"Model\":\"other\",\"MESSAGES\":[],\"model \":\"other\"");
            let heard = world.hear(&Request::post(path(dialect), other)).await;
            assert_eq!(heard.header("x-backstop-target"), Some("a/ok"), "{}", heard.text());
            world.stop().await;
        }
    }
}
