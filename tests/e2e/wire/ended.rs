//! How a stream ends that was cut, and that nobody goes on with: what was shown stays, and the end says
//! why, and who was asked.

use crate::world::{Act, Canned, Plan, Said, World, alone, continuing, each, pair, sent};
use ir::{Dialect, Ending, Shape};

/// Two targets in one chain, of which the second is not well.
async fn world(dialect: Dialect) -> World {
    let text = continuing(&pair(dialect, "")).replace("b/ok", "b/status-500");
    Plan::new(text).clouds(&["a", "b"]).await.start().await
}

/// Beyond this nothing is gone on with.
const TOLD_MAX: usize = 256 << 10;

const TOO_LONG: &str = "more was delivered than is kept (256 KiB)";
const NOBODY: &str = "nobody went on with it";

/// Asks for an answer that ends so, and hears why, and that these were asked.
async fn check(dialect: Dialect, model: &str, (why, calls): (&str, [usize; 2])) {
    let world = world(dialect).await;
    let heard = world.ask(dialect, Shape::Stream, model).await;
    let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
    assert!(heard.whole && !said.ended && said.cloud() == "a", "{dialect:?} {model}");
    assert_eq!(TOLD_MAX < said.text.len(), why == TOO_LONG, "{}", said.text.len());
    let mut words = said.text.split(' ').filter(|word| word.starts_with('w')).enumerate();
    let counts = |(n, word): (usize, &str)| {
        word.strip_prefix(&format!("w{n}")).is_some_and(|rest| !rest.starts_with(char::is_numeric))
    };
    assert!(words.all(counts), "once, and in order: {dialect:?} {model}");
    assert_eq!(world.calls(), calls, "{dialect:?} {model}");
    let (text, reason) = (heard.text(), format!("not gone on with: {why}"));
    // The last comment, of which there is none behind the error.
    let note = said.comments.last().expect("a note");
    let trail = format!("trail=a/{model}=");
    assert!(note.contains(&trail) && note.ends_with(&format!(" why={why}")), "{note}");
    assert_eq!(note.contains(",b/status-500="), 0 < calls[1], "{note}");
    let error = said.error.expect("an error").to_string();
    let tail = &text[text.find(note.as_str()).expect("it stands there") + note.len()..];
    if model.starts_with("cut") {
        assert!(error.contains("BS0304") && error.contains(&reason), "{error}");
        assert!(error.contains("asked: a/cut-after-"), "{error}");
    } else {
        // What is theirs has its bytes, before the note and behind it.
        let ours = text.find(note.as_str()).expect("it stands there") - ": ".len();
        let (theirs, rest) = tail.trim_start().split_once("\n\n").expect("a frame");
        let theirs = format!("{theirs}\n\n");
        let said = [&heard.body[..ours], theirs.as_bytes()].concat();
        let sent = sent(world.a(), &world.a().log()[0], heard.began.elapsed());
        assert!(sent.iter().any(|sent| sent.starts_with(&said)), "{model}: {tail}");
        // What Codex reads, where they did not say it themselves.
        let more = dialect == Dialect::Responses && !theirs.contains("response.failed");
        assert_eq!(!rest.is_empty(), more, "{rest}");
        let explained = rest.contains(&reason) && rest.contains("asked: a/error-after-");
        assert!(!more || explained, "{rest}");
    }
    let record = world.record().await;
    let seams = if why == TOO_LONG { calls[0] - 1 } else { 0 };
    assert_eq!((record.ending, usize::try_from(record.seams).unwrap()), (Ending::Broken, seams));
    world.stop().await;
}

#[tokio::test]
async fn beyond_what_is_kept_nobody_goes_on_and_it_says_so() {
    each(async |dialect| {
        for fault in ["cut", "error"] {
            let model = format!("{fault}-after-13000+unicode+long+tokens-13001");
            check(dialect, &model, (TOO_LONG, [1, 0])).await;
        }
        // Neither of two halves is too long.
        check(dialect, "cut-after-7000+unicode+long+tokens-20000", (TOO_LONG, [2, 0])).await;
    })
    .await;
}

#[tokio::test]
async fn where_nobody_could_it_says_who_was_asked() {
    each(async |dialect| {
        for (fault, calls) in [
            ("cut-after-9", [2, 2]),
            ("error-after-9-api", [2, 2]),
            ("error-after-9-rate-limit", [1, 2]),
        ] {
            check(dialect, fault, (NOBODY, calls)).await;
        }
    })
    .await;
}

/// Text, and then these frames.
fn text_and(dialect: Dialect, rest: &str) -> Vec<Act> {
    let begun: &[&str] = match dialect {
        Dialect::Chat => {
            &[r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"So:"}}]}"#]
        }
        Dialect::Messages => &[
            r#"{"type":"message_start","message":{"id":"msg_1","content":[],"usage":{}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"So:"}}"#,
        ],
        Dialect::Responses => &[
            r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","output":[]}}"#,
            r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"message","content":[]}}"#,
            r#"{"type":"response.output_text.delta","sequence_number":2,"output_index":0,"content_index":0,"delta":"So:"}"#,
        ],
    };
    let begun: Vec<String> = begun.iter().map(|event| format!("data: {event}\n\n")).collect();
    let begun = begun.concat();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    vec![Act::Send(format!("{head}{begun}{rest}").into_bytes())]
}

/// Asks one who says this, and nobody else; the stream that is heard.
async fn heard_of(dialect: Dialect, rest: &str) -> (String, Option<&'static str>) {
    let canned = Canned::start(text_and(dialect, rest)).await;
    let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
    let heard = world.ask(dialect, Shape::Stream, "any").await;
    let record = world.record().await;
    assert_eq!((heard.whole, record.ending), (true, Ending::Broken), "{dialect:?} {rest}");
    world.stop().await;
    (heard.text(), record.code)
}

#[tokio::test]
async fn an_error_that_clients_would_pass_over_is_said_so_that_they_do_not() {
    let chat = [
        r#"data: {"object":"error","message":"no memory","code":500}"#,
        "event: error\ndata: {\"message\":\"no memory\",\"code\":500}",
        "event: error\ndata: no memory",
        r#"data: {"error":"no memory"}"#,
    ];
    let messages = [
        r#"data: {"type":"error","error":{"type":"api_error","message":"no memory"}}"#,
        r#"data: {"error":{"type":"server_error","message":"no memory"}}"#,
        "event: error\ndata: no memory",
        "event: error\ndata: {\"message\":\"no memory\"}",
    ];
    for (dialect, frames, start, kind) in [
        (Dialect::Chat, chat, "data: {\"error\":{", "\"type\":\"server_error\""),
        (
            Dialect::Messages,
            messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{",
            "api_error",
        ),
    ] {
        for frame in frames {
            let (text, code) = heard_of(dialect, &format!("{frame}\n\n")).await;
            let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
            let said = last.starts_with(start) && last.contains("\"no memory\"");
            assert!(said && last.contains(kind), "{frame}: {text}");
            assert!(!text.contains(frame) && code == Some("BS0301"), "{frame}: {text}");
        }
        // In which there is no word.
        let (text, _) = heard_of(dialect, "event: error\ndata: {}\n\n").await;
        assert!(text.contains("a/any answered with status 500"), "{text}");
    }
}

#[tokio::test]
async fn frames_without_a_number_leave_the_count_alone() {
    for frame in [
        "",
        ": a comment\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "data: {\"type\":\"response.x\"}\n\n",
        "data: {\"type\":\"response.x\",\"sequence_number\":\"9\"}\n\n",
        "data: {\"type\":\"error\",\"message\":\"no memory\"}\n\n",
    ] {
        let (text, _) = heard_of(Dialect::Responses, frame).await;
        let ours = text.split_once("So:").map(|(_, ours)| ours).unwrap_or_default();
        assert!(ours.contains("\"type\":\"response.failed\",\"sequence_number\":"), "{text}");
        let own = if frame.contains("memory") { [3, 4] } else { [4, 5] };
        let at = |number| format!("\"response.failed\",\"sequence_number\":{number},");
        assert!(ours.contains(&at(own[0])) && !ours.contains(&at(own[1])), "{frame}: {text}");
    }
}
