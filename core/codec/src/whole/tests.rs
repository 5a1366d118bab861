//! Whole answers: the recorded ones, their streams, and what is no answer.

use super::{NotWhole, read_envelope, read_seals, read_whole, unfold, unfold_unread};
use crate::proof::{counts, documents, events, feed, golden, joined, told, written};
use crate::{Error, json};
use bytes::Bytes;
use ir::{BlockKind, Dialect, Event, Frame, Tokens, Usage, Whole};
use proptest::prelude::{prop_assert_eq, proptest};

fn words(read: Result<Whole, NotWhole>) -> String {
    match read {
        Ok(Whole { finish, usage, empty }) => {
            let usage = match usage {
                Usage::Exact(tokens) => counts(tokens),
                Usage::Unknown | Usage::Estimated(_) => "unknown".to_owned(),
            };
            let finish = finish.map_or_else(|| "none".to_owned(), |finish| format!("{finish:?}"));
            format!("finish {finish}, usage {usage}{}", if empty { ", empty" } else { "" })
        }
        Err(NotWhole::Malformed(reason)) => format!("malformed: {reason}"),
        Err(NotWhole::Rejected(rejection)) => format!("rejected {}", told(&rejection)),
    }
}

#[track_caller]
fn check(dialect: Dialect, body: &str, expect: &str) {
    assert_eq!(words(read_whole(dialect, body.as_bytes())), expect, "from {body}");
}

/// The text of a stream's frames, bytes of one frame each.
fn text(frames: &[Frame]) -> String {
    String::from_utf8(joined(frames, &Bytes::new())).unwrap()
}

#[test]
fn recorded_answers_mean_what_they_meant() {
    let lines = documents().into_iter().map(|document| {
        let read = words(read_whole(document.dialect, &document.bytes));
        format!("{}: {read}\n", document.name)
    });
    golden("whole.txt", &lines.collect::<String>());
}

#[test]
fn recorded_answers_as_streams() {
    for document in documents() {
        let Ok(whole) = read_whole(document.dialect, &document.bytes) else { continue };
        let frames = unfold(document.dialect, &document.bytes, true).unwrap();
        let stream = text(&frames);
        golden(&format!("unfolded/{}.sse", document.name), &stream);
        // The frames are what a decoder reads from their bytes.
        let (read, rest) = feed(document.dialect, 1, &[Bytes::from(stream)]);
        assert_eq!((read, rest), (frames.clone(), Bytes::new()), "{}", document.name);
        // The stream means what the document means.
        let events = events(&frames);
        let bad = |event: &&Event| matches!(event, Event::Malformed(_) | Event::Fail(_));
        assert_eq!(events.iter().find(bad), None, "{}", document.name);
        assert_eq!(events.last(), Some(&Event::End), "{}", document.name);
        let (mut finish, mut usage) = (None, Usage::Unknown);
        for event in &events {
            if let Event::Finish(said, _) = event {
                finish = Some(*said);
            }
            if let Event::Usage(tokens) = event {
                usage = Usage::Exact(*tokens);
            }
        }
        let empty = !events.iter().any(Event::is_content);
        assert_eq!(Whole { finish, usage, empty }, whole, "{}", document.name);
        let open = |event: &&Event| matches!(event, Event::Open(..));
        let close = |event: &&Event| matches!(event, Event::Close(_));
        let (opened, closed) =
            (events.iter().filter(open).count(), events.iter().filter(close).count());
        assert_eq!(opened, closed, "{}", document.name);
    }
}

#[test]
fn chat_answers() {
    let message = |message: &str, reason: &str| {
        format!(r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":{reason}}}]}}"#)
    };
    for (body, expect) in [
        (message(r#"{"content":"hi"}"#, r#""stop""#), "finish Stop, usage unknown"),
        (message(r#"{"content":""}"#, r#""length""#), "finish Length, usage unknown, empty"),
        (message(r#"{"content":null,"refusal":"no"}"#, r#""stop""#), "finish Stop, usage unknown"),
        (
            message(r#"{"content":"","reasoning_content":"x"}"#, "null"),
            "finish none, usage unknown",
        ),
        (message(r#"{"tool_calls":[{"id":"a"}]}"#, r#""stop""#), "finish Tool, usage unknown"),
        (message(r#"{"tool_calls":[]}"#, r#""stop""#), "finish Stop, usage unknown, empty"),
        (message(r#"{"content":"a","content":"b"}"#, r#""stop""#), "finish Stop, usage unknown"),
        (message(r#"{"content":"\ud800"}"#, r#""stop""#), "finish Stop, usage unknown"),
        (message(r#"{"content":5}"#, r#""stop""#), "malformed: a delta whose text is not text"),
        (message(r#"{"content":{}}"#, r#""stop""#), "malformed: a delta whose text is not text"),
        (
            message("null", r#""error""#),
            "rejected 500 kind= code=error param= message=the provider ended the answer with an error in_band bare",
        ),
        (
            message(r#"{"content":"a"}"#, r#""network_error""#),
            "rejected 503 kind= code=network_error param= message=the provider broke the answer off in_band bare",
        ),
        (message(r#"{"content":"a"}"#, r#""sensitive""#), "finish Refusal, usage unknown"),
    ] {
        check(Dialect::Chat, &body, expect);
    }
    for (body, expect) in [
        (r#"{"choices":[]}"#, "malformed: no choice"),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":0}}"#,
            "malformed: no choice",
        ),
        (r#"{"id":"x"}"#, "malformed: no choices array"),
        (r#"{"choices":{}}"#, "malformed: not a JSON object of the expected shape"),
        ("[]", "malformed: not a JSON object of the expected shape"),
        ("", "malformed: not a JSON object of the expected shape"),
        ("data: {}", "malformed: not a JSON object of the expected shape"),
        (
            r#"{"error":{"message":"m","type":"server_error","code":502}}"#,
            "rejected 502 kind=server_error code=502 param= message=m in_band",
        ),
        (r#"{"error":"m"}"#, "rejected 500 kind= code= param= message=m in_band"),
    ] {
        check(Dialect::Chat, body, expect);
    }
}

#[test]
fn messages_answers() {
    for (body, expect) in [
        (
            r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn"}"#,
            "finish Stop, usage unknown",
        ),
        (
            r#"{"content":[{"type":"text","text":""}],"stop_reason":null}"#,
            "finish none, usage unknown, empty",
        ),
        (
            r#"{"content":[{"type":"tool_use","input":{}}],"stop_reason":"tool_use"}"#,
            "finish Tool, usage unknown",
        ),
        (r#"{"content":[{"type":"of_tomorrow"}]}"#, "finish none, usage unknown"),
        (
            r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"error"}"#,
            "rejected 500 kind= code=error param= message=the provider ended the answer with an error in_band bare",
        ),
        (r#"{"content":"text"}"#, "malformed: content is not an array of blocks"),
        (r#"{"id":"x"}"#, "malformed: no content array"),
        ("null", "malformed: not a JSON object of the expected shape"),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
            "rejected 529 kind=overloaded_error code= param= message=m in_band",
        ),
    ] {
        check(Dialect::Messages, body, expect);
    }
}

#[test]
fn responses_answers() {
    let item = r#"{"type":"message","content":[{"type":"output_text","text":"a"}]}"#;
    let call = r#"{"type":"function_call","arguments":"{}"}"#;
    for (body, expect) in [
        (format!(r#"{{"status":"completed","output":[{item}]}}"#), "finish Stop, usage unknown"),
        (format!(r#"{{"status":"completed","output":[{item},{call}]}}"#), "finish Tool, usage unknown"),
        (format!(r#"{{"output":[{item}]}}"#), "finish none, usage unknown"),
        (r#"{"status":"completed","output":[]}"#.into(), "finish Stop, usage unknown, empty"),
        (
            r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"reasoning","summary":[],"encrypted_content":"x"}]}"#.into(),
            "finish Length, usage unknown, empty",
        ),
        (
            r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}"#.into(),
            "finish Refusal, usage unknown, empty",
        ),
        (
            r#"{"status":"incomplete","incomplete_details":{"reason":"server_error"},"output":[]}"#.into(),
            "rejected 500 kind= code=server_error param= message=the provider broke the answer off in_band bare",
        ),
        // Asked for in the background: an answer of its own kind.
        (r#"{"status":"queued","output":[]}"#.into(), "finish none, usage unknown"),
        (r#"{"status":"in_progress","output":[]}"#.into(), "finish none, usage unknown"),
        (
            r#"{"status":"failed","error":{"code":"server_is_overloaded","message":"m"},"output":[]}"#.into(),
            "rejected 503 kind= code=server_is_overloaded param= message=m in_band",
        ),
        (
            r#"{"status":"cancelled","error":null,"output":[]}"#.into(),
            "rejected 499 kind= code=cancelled param= message=the answer was cancelled in_band bare",
        ),
        (
            r#"{"error":{"message":"m","type":"server_error"}}"#.into(),
            "rejected 500 kind=server_error code= param= message=m in_band",
        ),
        (r#"{"status":"completed"}"#.into(), "malformed: no output array"),
        (r#"{"status":"completed","output":null}"#.into(), "malformed: no output array"),
        (r#"{"output":{}}"#.into(), "malformed: output is not an array of items"),
        (r#"{"output":[5]}"#.into(), "malformed: output is not an array of items"),
        ("[]".to_owned(), "malformed: not a JSON object of the expected shape"),
    ] {
        check(Dialect::Responses, &body, expect);
    }
    let body =
        r#"{"id":"resp_1","model":"m","output":[{"type":"reasoning","encrypted_content":"gAA"}]}"#;
    let envelope = read_envelope(Dialect::Responses, body.as_bytes()).expect("who answers");
    assert_eq!((&*envelope.id, &*envelope.model), ("resp_1", "m"));
    assert_eq!(read_envelope(Dialect::Chat, body.as_bytes()), None);
    assert_eq!(read_seals(Dialect::Responses, body.as_bytes()), ["gAA".into()]);
    assert!(read_seals(Dialect::Messages, body.as_bytes()).is_empty());
}

#[test]
fn spellings_survive_unfolding() {
    let body = "{\"choices\":[{\"message\":{\"content\":\"\\u0041\\ud83d\",\"tool_calls\":[\n{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": 1.0}\"}},\n{\"index\":7,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":{\"y\": 1e2}}}]},\"finish_reason\":\"tool_calls\"},{\"index\":1,\"message\":{\"content\":\"two\"},\"finish_reason\":\"stop\"}],\"id\":\"x\",\"object\":\"chat.completion\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}";
    let frames = unfold(Dialect::Chat, body.as_bytes(), false).unwrap();
    golden("unfold-chat.txt", &(text(&frames) + &written(&frames)));
    let frames = unfold(Dialect::Chat, body.as_bytes(), true).unwrap();
    golden("unfold-chat-usage.txt", &(text(&frames) + &written(&frames)));
    let body = "{\"id\":\"x\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{\n\"x\": 1.0,\"y\":\"\\u0041\"}},\n{\"type\":\"of_tomorrow\",\n\"a\": 1e2}],\"stop_reason\":\"tool_use\"}";
    let frames = unfold(Dialect::Messages, body.as_bytes(), false).unwrap();
    golden("unfold-messages.txt", &(text(&frames) + &written(&frames)));
}

/// Promise: a usage is exact only if what was asked and what was written are both told by counts, in a whole
/// answer and in a stream alike.
#[test]
fn what_is_no_count_is_not_told() {
    let told = |count: &str| !count.is_empty();
    let odd = ["", "null", "-5", "-1.0", "1.5", "1e30", "9007199254740993", "18446744073709551615"];
    let good = [("0", 0), ("7", 7), ("7.0", 7), ("7e1", 70), ("9007199254740992", 1 << 53)];
    let all = odd.map(|it| (it, None)).into_iter().chain(good.map(|(it, count)| (it, Some(count))));
    for ((input, asked), (output, wrote)) in
        all.clone().flat_map(|one| all.clone().map(move |other| (one, other)))
    {
        for (dialect, names, body) in [
            (
                Dialect::Chat,
                ["prompt_tokens", "completion_tokens"],
                r#"{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{USAGE}}"#,
            ),
            (
                Dialect::Messages,
                ["input_tokens", "output_tokens"],
                r#"{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{USAGE}}"#,
            ),
            (
                Dialect::Responses,
                ["input_tokens", "output_tokens"],
                r#"{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}],"usage":{USAGE}}"#,
            ),
        ] {
            let members = names.into_iter().zip([input, output]).filter(|(_, count)| told(count));
            let members: Vec<_> =
                members.map(|(name, count)| format!(r#""{name}":{count}"#)).collect();
            let body = body.replace("USAGE", &members.join(","));
            let expect = match (asked, wrote) {
                (Some(input), Some(output)) => {
                    Usage::Exact(Tokens { input, output, ..Tokens::default() })
                }
                _ => Usage::Unknown,
            };
            usages(dialect, &body, expect);
        }
    }
    let body = r#"{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}"#;
    usages(Dialect::Messages, body, Usage::Unknown);
    let frames = unfold(Dialect::Messages, body.as_bytes(), true).unwrap();
    assert_eq!(text(&frames).matches(r#""usage":{"input_tokens":0,"output_tokens":0}"#).count(), 2);
}

/// What a document tells, as it is, as a stream, and as one that is read again.
#[track_caller]
fn usages(dialect: Dialect, body: &str, expect: Usage) {
    let last = |frames: &[Frame]| {
        let told = |event: &Event| {
            if let Event::Usage(tokens) = event { Some(Usage::Exact(*tokens)) } else { None }
        };
        events(frames).iter().filter_map(told).next_back().unwrap_or_default()
    };
    let body = body.as_bytes();
    let whole = read_whole(dialect, body).map(|whole| whole.usage).unwrap();
    let (again, _) = feed(dialect, 1, &[unfold_unread(dialect, body).unwrap()]);
    let found = [whole, last(&unfold(dialect, body, true).unwrap()), last(&again)];
    assert_eq!(found, [expect; 3], "{}", String::from_utf8_lossy(body));
}

#[test]
fn what_cannot_be_unfolded() {
    for (dialect, body, error) in [
        (Dialect::Chat, "[]", Error::NotAnswer("not a JSON object")),
        (Dialect::Chat, "{}", Error::NotAnswer("no choices array")),
        (
            Dialect::Chat,
            r#"{"choices":[5]}"#,
            Error::NotAnswer("choices is not an array of objects"),
        ),
        (Dialect::Messages, "{}", Error::NotAnswer("no content array")),
        (Dialect::Messages, r#"{"content":[5]}"#, Error::NotAnswer("a block is not an object")),
        (Dialect::Messages, r#"{"content":5}"#, Error::NotAnswer("content is not an array")),
        (Dialect::Responses, "{}", Error::NotAnswer("no output array")),
        (Dialect::Responses, r#"{"output":[5]}"#, Error::NotAnswer("an item is not an object")),
        (
            Dialect::Responses,
            r#"{"output":[],"status":"queued"}"#,
            Error::NotAnswer("an answer that is not complete"),
        ),
    ] {
        assert_eq!(unfold(dialect, body.as_bytes(), true), Err(error), "from {body}");
    }
    assert_eq!(unfold(Dialect::Chat, b"\xff", true), Err(Error::NotUtf8 { offset: 0 }));
}

proptest! {
    #[test]
    fn text_and_arguments_arrive(said in ".{0,30}", thought in ".{0,30}", argument in ".{0,30}") {
        let (said, thought) = (json::quoted(&said), json::quoted(&thought));
        let input = format!("{{ \"a\" : {} }}", json::quoted(&argument));
        let body = format!(
            r#"{{"content":[{{"type":"thinking","thinking":{thought},"signature":"s"}},{{"type":"text","text":{said}}},{{"type":"tool_use","id":"i","name":"n","input":{input}}}],"stop_reason":"tool_use","usage":{{"output_tokens":1}}}}"#
        );
        let frames = unfold(Dialect::Messages, body.as_bytes(), false).unwrap();
        let stream = text(&frames);
        for piece in [said, thought, json::quoted(&input)] {
            assert!(stream.contains(&format!(":{piece}}}")), "{piece} in {stream}");
        }
        let tools = |event: &&Event| matches!(event, Event::Delta(block, _) if block.kind == BlockKind::Tool);
        prop_assert_eq!(events(&frames).iter().filter(tools).count(), 1);
    }

    #[test]
    fn arbitrary_bytes_never_panic(body: Vec<u8>) {
        for dialect in Dialect::ALL {
            let read = read_whole(dialect, &body).is_ok();
            prop_assert_eq!((read, unfold(dialect, &body, true).is_ok()), (false, false));
        }
    }
}
