//! What the fast provider says: answers that are written down once, before anything is measured.
//!
//! Which of them is wanted is the last word of the model's name (`plain-whole` → `whole`), so that
//! the same bytes can be asked of everybody.

use bytes::Bytes;
use std::fmt::Write;
use std::time::Duration;

/// One answer: what is written, and how long is waited before each piece.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) pause: Duration,
    /// The last piece is never followed by an end.
    pub(crate) holds: bool,
}

/// Who is asked in what language.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tongue {
    Chat,
    Messages,
    Responses,
}

/// Bytes of text in a whole answer.
const TEXT: usize = 1024;
/// Events with text in the stream that stands for a whole answer.
pub(crate) const SMALL: usize = 16;
/// Events with text in a burst, and how many of them are written at once.
pub(crate) const BURST: usize = 400;
const AT_ONCE: usize = 16;
/// Events with text in a paced stream, and the pause before each.
pub(crate) const PACED: usize = 100;
const PAUSE: Duration = Duration::from_millis(4);

/// All answers in one language.
pub(crate) fn scripts(tongue: Tongue) -> Vec<Script> {
    let small = events(tongue, SMALL, TEXT / SMALL);
    // Nothing of an answer is shown before its first text: it begins with that.
    let begun = match tongue {
        Tongue::Chat => 2,
        Tongue::Messages => 3,
        Tongue::Responses => 4,
    };
    let mut held = events(tongue, 1, 8);
    held.truncate(begun);
    let mut paced = events(tongue, PACED, 8);
    let rest = paced.split_off(begun);
    let paced = [vec![paced.concat()], rest].concat();
    vec![
        Script::new("whole", vec![whole(tongue)], Duration::ZERO),
        Script::new("small", streamed(&small, small.len()), Duration::ZERO),
        Script::new("burst", streamed(&events(tongue, BURST, 8), AT_ONCE), Duration::ZERO),
        Script::new("paced", streamed(&paced, 1), PAUSE),
        Script { holds: true, ..Script::new("hold", opened(&held), Duration::ZERO) },
    ]
}

// === impl Script ===

impl Script {
    fn new(name: &'static str, pieces: Vec<Bytes>, pause: Duration) -> Self {
        Self { name, pieces, pause, holds: false }
    }
}

/// An answer in one document, with its head.
fn whole(tongue: Tongue) -> Bytes {
    let text = "x".repeat(TEXT);
    let body = match tongue {
        Tongue::Responses => response("completed", &item("completed", &part(&text)), USAGE),
        Tongue::Chat => format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":200,"total_tokens":209}}}}"#
        ),
        Tongue::Messages => format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":9,"output_tokens":200}}}}"#
        ),
    };
    let length = body.len();
    Bytes::from(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

/// The frames of a stream with so many events of text, each of so many bytes.
fn events(tongue: Tongue, count: usize, bytes: usize) -> Vec<String> {
    let text = "x".repeat(bytes);
    match tongue {
        Tongue::Chat => {
            let chunk = |delta: &str, finish: &str| {
                format!(
                    "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\
                     \"created\":1700000000,\"model\":\"m\",\"choices\":[{{\"index\":0,\
                     \"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
                )
            };
            let mut all = vec![chunk(r#"{"role":"assistant","content":""}"#, "null")];
            let content = chunk(&format!(r#"{{"content":"{text}"}}"#), "null");
            all.extend(std::iter::repeat_n(content, count));
            all.push(chunk("{}", "\"stop\""));
            all.push("data: [DONE]\n\n".to_owned());
            all
        }
        Tongue::Messages => {
            let event = |name: &str, rest: &str| {
                format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n")
            };
            let start = r#","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}"#;
            let block = r#","index":0,"content_block":{"type":"text","text":""}"#;
            let delta = format!(r#","index":0,"delta":{{"type":"text_delta","text":"{text}"}}"#);
            let end = r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":200}"#;
            let mut all = vec![event("message_start", start), event("content_block_start", block)];
            all.extend(std::iter::repeat_n(event("content_block_delta", &delta), count));
            all.push(event("content_block_stop", r#","index":0"#));
            all.push(event("message_delta", end));
            all.push(event("message_stop", ""));
            all
        }
        Tongue::Responses => numbered(&text, count),
    }
}

const USAGE: &str = r#"{"input_tokens":9,"output_tokens":200,"total_tokens":209}"#;

/// The same of Responses, whose events have numbers and say at its end all of a text again.
fn numbered(text: &str, count: usize) -> Vec<String> {
    let began = format!(r#""response":{}"#, response("in_progress", "", "null"));
    let item = |word: &str, status: &str, content: &str| {
        (
            format!("output_item.{word}"),
            format!(r#""output_index":0,"item":{}"#, item(status, content)),
        )
    };
    let place = r#""item_id":"msg_1","output_index":0,"content_index":0"#;
    let part_of = |word: &str, text: &str| {
        (format!("content_part.{word}"), format!(r#"{place},"part":{}"#, part(text)))
    };
    let delta = format!(r#"{place},"delta":"{text}","logprobs":[],"obfuscation":"o6siFnnj""#);
    let all = text.repeat(count);
    let ended = response("completed", &self::item("completed", &part(&all)), USAGE);
    let mut events =
        vec![("created".to_owned(), began), item("added", "in_progress", ""), part_of("added", "")];
    events.extend(std::iter::repeat_n(("output_text.delta".to_owned(), delta), count));
    events.extend([
        ("output_text.done".to_owned(), format!(r#"{place},"text":"{all}","logprobs":[]"#)),
        part_of("done", &all),
        item("done", "completed", &part(&all)),
        ("completed".to_owned(), format!(r#""response":{ended}"#)),
    ]);
    let written = events.iter().enumerate().map(|(number, (name, rest))| {
        format!(
            "event: response.{name}\ndata: {{\"type\":\"response.{name}\",\
             \"sequence_number\":{number},{rest}}}\n\n"
        )
    });
    written.collect()
}

/// The document of Responses.
fn response(status: &str, output: &str, usage: &str) -> String {
    format!(
        r#"{{"id":"resp_1","object":"response","created_at":1700000000,"status":"{status}","error":null,"incomplete_details":null,"model":"m","output":[{output}],"usage":{usage}}}"#
    )
}

fn item(status: &str, content: &str) -> String {
    format!(
        r#"{{"id":"msg_1","type":"message","status":"{status}","role":"assistant","content":[{content}]}}"#
    )
}

fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// The pieces of a stream: so many frames at once, each a chunk of its own. The head goes with the
/// first, the end with the last.
fn streamed(frames: &[String], at_once: usize) -> Vec<Bytes> {
    let mut pieces: Vec<String> = frames.chunks(at_once).map(chunked).collect();
    if let Some(first) = pieces.first_mut() {
        first.insert_str(0, HEAD);
    }
    if let Some(last) = pieces.last_mut() {
        last.push_str("0\r\n\r\n");
    }
    pieces.into_iter().map(Bytes::from).collect()
}

/// A stream that begins and goes no further.
fn opened(frames: &[String]) -> Vec<Bytes> {
    vec![Bytes::from(format!("{HEAD}{}", chunked(frames)))]
}

fn chunked(frames: &[String]) -> String {
    let mut piece = String::new();
    for frame in frames {
        // A string takes everything.
        write!(piece, "{:x}\r\n{frame}\r\n", frame.len()).unwrap_or_default();
    }
    piece
}
