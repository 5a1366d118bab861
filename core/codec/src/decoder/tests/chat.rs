//! `OpenAI` Chat Completions: meanings that recordings do not have.

use super::check;
use ir::Dialect;

#[track_caller]
fn chat(lines: &[&str], expect: &[&str]) {
    check(Dialect::Chat, 1, lines, expect);
}

/// One chunk with one choice's delta.
fn delta(fields: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{{fields}}}}}]}}"#)
}

/// A chunk that finishes a choice.
fn stop(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

#[track_caller]
fn deltas(fields: &[&str], expect: &[&str]) {
    let lines: Vec<String> = fields.iter().map(|fields| delta(fields)).collect();
    chat(&lines.iter().map(String::as_str).collect::<Vec<_>>(), expect);
}

#[test]
fn a_plain_answer() {
    chat(
        &[
            &delta(r#""role":"assistant","content":"""#),
            &delta(r#""content":"a""#),
            &delta(r#""content":"b""#),
            &stop("stop"),
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}"#,
            "[DONE]",
        ],
        &[
            "start",
            "open text 0, delta text 0",
            "delta text 0",
            "close text 0, finish Stop",
            "usage in 5 read 3 write 2 out 4 reasoning 1",
            "end",
        ],
    );
}

#[test]
fn pieces_of_one_delta() {
    for (fields, expect) in [
        (r#""content":null"#, "start"),
        (r#""content":"\ud83d""#, "start, open text 0, delta text 0"),
        (r#""content":"a","content":"b""#, "start, open text 0, delta text 0"),
        (r#""refusal":"no""#, "start, open text 0, delta text 0"),
        (r#""reasoning_content":"x""#, "start, open reasoning 0, delta reasoning 0"),
        (
            r#""reasoning":"x","reasoning_content":"x""#,
            "start, open reasoning 0, delta reasoning 0",
        ),
        (r#""reasoning":["x"]"#, "start, open reasoning 0, delta reasoning 0"),
        (r#""reasoning":[]"#, "start"),
        (
            r#""reasoning_details":[{"type":"reasoning.encrypted"}]"#,
            "start, open reasoning 0, delta reasoning 0",
        ),
        (
            r#""reasoning":"x","content":"y""#,
            "start, open reasoning 0, delta reasoning 0, close reasoning 0, open text 0, delta text 0",
        ),
        (
            r#""content":[{"type":"thinking","thinking":[{"type":"text","text":"x"}]}]"#,
            "start, open reasoning 0, delta reasoning 0",
        ),
        (r#""content":[{"type":"text","text":"x"}]"#, "start, open text 0, delta text 0"),
        (r#""content":[{"type":"image_url"}]"#, "start, open other 0, delta other 0"),
        (r#""audio":{"data":"x"}"#, "start, open other 0, delta other 0"),
        (r#""function_call":{"name":"f"}"#, "start, open tool 0"),
        (r#""function_call":{"name":"f","arguments":"{"}"#, "start, open tool 0, delta tool 0"),
        (
            r#""tool_calls":[{"index":0,"type":"custom","custom":{"name":"f","input":"x"}}]"#,
            "start, open tool 0, delta tool 0",
        ),
        (r#""of_tomorrow":{"a":[1]}"#, "start"),
        (r#""content":5"#, "malformed: a delta whose text is not text"),
        (r#""content":true"#, "malformed: a delta whose text is not text"),
        (r#""content":{"x":1}"#, "malformed: a delta whose text is not text"),
        (r#""content":{}"#, "malformed: a delta whose text is not text"),
        (r#""content":[{"type":"text","text":5}]"#, "malformed: a delta whose text is not text"),
        (r#""content":[{"text":{"x":1}}]"#, "malformed: a delta whose text is not text"),
        (r#""content":[{"type":"text","text":null}]"#, "start"),
        (r#""refusal":["no"]"#, "malformed: a delta whose text is not text"),
        (r#""content":[5]"#, "malformed: a content array of an unknown shape"),
        (r#""tool_calls":{}"#, "malformed: data that is not a chunk"),
        (
            r#""tool_calls":[{"index":0,"function":{"arguments":5}}]"#,
            "malformed: a tool call whose arguments are not text",
        ),
    ] {
        deltas(&[fields], &[expect]);
    }
}

#[test]
fn tool_calls_stay_open_until_the_finish() {
    chat(
        &[
            &delta(r#""content":"a""#),
            &delta(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]"#),
            &delta(
                r#""tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]"#,
            ),
            &delta(r#""tool_calls":[{"index":0,"function":{"arguments":"{}"}}]"#),
            &delta(r#""content":"b""#),
            &stop("tool_calls"),
        ],
        &[
            "start, open text 0, delta text 0",
            "close text 0, open tool 0",
            "open tool 1, delta tool 1",
            "delta tool 0",
            "open text 0, delta text 0",
            "close text 0, close tool 0, close tool 1, finish Tool",
        ],
    );
}

#[test]
fn tool_calls_without_an_index() {
    // Whole calls, told apart by their ids.
    deltas(
        &[
            r#""tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]"#,
            r#""tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]"#,
            r#""tool_calls":[{"id":"a","function":{"arguments":"{}"}}]"#,
        ],
        &[
            "start, open tool 0, delta tool 0, open tool 1, delta tool 1",
            "open tool 2, delta tool 2",
            "delta tool 0",
        ],
    );
    // Neither index nor id: a name begins a call.
    deltas(
        &[
            r#""tool_calls":[{"function":{"name":"f"}}]"#,
            r#""tool_calls":[{"function":{"arguments":"{}"}}]"#,
            r#""tool_calls":[{"function":{"name":"f","arguments":"{}"}}]"#,
        ],
        &["start, open tool 0", "delta tool 0", "open tool 1, delta tool 1"],
    );
}

#[test]
fn parallel_calls_that_share_the_index_0() {
    deltas(
        &[
            r#""tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]"#,
            r#""tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{"}}]"#,
            r#""tool_calls":[{"index":0,"function":{"arguments":"}"}}]"#,
            r#""tool_calls":[{"index":0,"id":"odd","function":{"arguments":"}"}}]"#,
        ],
        &["start, open tool 0, delta tool 0", "open tool 1, delta tool 1", "delta tool 1 ×2"],
    );
}

#[test]
fn finish_reasons() {
    for (reason, expect) in [
        ("stop", "start, finish Stop"),
        ("STOP", "start, finish Stop"),
        ("length", "start, finish Length"),
        ("tool_calls", "start, finish Tool"),
        ("function_call", "start, finish Tool"),
        ("content_filter", "start, finish Refusal"),
        ("sensitive", "start, finish Refusal"),
        ("of_tomorrow", "start, finish Other"),
        ("", "start"),
        (
            "error",
            "start, fail 500 kind= code=error param= message=the provider ended the answer with an error in_band bare",
        ),
        (
            "insufficient_system_resource",
            "start, fail 503 kind= code=insufficient_system_resource param= message=the provider broke the answer off in_band bare",
        ),
    ] {
        chat(&[&stop(reason)], &[expect]);
    }
    for (reason, status) in [
        ("abort", 503),
        ("network_error", 503),
        ("Network-Error", 503),
        ("engine_overloaded", 503),
        ("cancelled", 503),
        ("timeout", 504),
    ] {
        let said = "message=the provider broke the answer off in_band bare";
        let expect = format!("start, fail {status} kind= code={reason} param= {said}");
        chat(&[&stop(reason)], &[&expect]);
    }
    let call = delta(r#""tool_calls":[{"index":0,"function":{"name":"f"}}]"#);
    chat(&[&call, &stop("stop")], &["start, open tool 0", "close tool 0, finish Tool"]);
    chat(&[&call, &stop("length")], &["start, open tool 0", "close tool 0, finish Length"]);
    chat(&[&stop("stop"), &stop("stop"), "[DONE]"], &["start, finish Stop", "-", "end"]);
}

#[test]
fn a_message_is_no_delta() {
    let message = |fields: &str, rest: &str| {
        format!(r#"{{"choices":[{{"index":0,"message":{{{fields}}}{rest}}}]}}"#)
    };
    let lost = "malformed: a message in the place of a delta";
    let (text, stop) = (r#""content":"a""#, r#","finish_reason":"stop""#);
    for (fields, rest, expect) in [
        (text, "", lost),
        (text, r#","delta":null"#, lost),
        (text, r#","delta":{}"#, lost),
        (text, r#","delta":{"role":"assistant","content":""}"#, lost),
        (text, r#","delta":{"reasoning":"a"}"#, lost),
        (text, r#","delta":{"content":"a"}"#, "start, open text 0, delta text 0"),
        (text, stop, lost),
        (r#""tool_calls":[{"function":{"name":"f"}}]"#, stop, lost),
        (r#""content":5"#, stop, "malformed: a delta whose text is not text"),
        (r#""content":5"#, r#","delta":{}"#, "malformed: a delta whose text is not text"),
        (r#""role":"assistant","content":"""#, "", "start"),
        (r#""role":"assistant","content":null"#, r#","delta":{}"#, "start"),
    ] {
        chat(&[&message(fields, rest)], &[expect]);
    }
    // Behind a text it cannot be known for what was said, unless it finishes or stands beside a delta.
    chat(&[&delta(text), &message(text, "")], &["start, open text 0, delta text 0", lost]);
    let beside = [&*delta(text), &message(text, r#","delta":{}"#)];
    chat(&beside, &["start, open text 0, delta text 0", "-"]);
}

/// With the finish a message says once more what was said, of each kind; a call for each that was told.
#[test]
fn a_message_with_the_finish_repeats_what_was_told() {
    let lost = "malformed: a message in the place of a delta";
    let (text, thought, other) =
        (r#""content":"a""#, r#""reasoning":"a""#, r#""audio":{"id":"x"}"#);
    let calls = |count: usize| {
        let call =
            |index| format!(r#"{{"index":{index},"function":{{"name":"f","arguments":"{{}}"}}}}"#);
        format!(r#""tool_calls":[{}]"#, (0..count).map(call).collect::<Vec<_>>().join(","))
    };
    let (one, two) = (&*calls(1), &*calls(2));
    let refusal = r#""refusal":"a""#;
    let deprecated = r#""function_call":{"name":"f","arguments":"{}"}"#;
    let both = &*format!("{one},{deprecated}");
    for (told, said, expect) in [
        (&[text][..], &[text][..], "close text 0, finish Stop"),
        (&[text], &[], "close text 0, finish Stop"),
        (&[text], &[refusal], "close text 0, finish Stop"),
        (&[thought, text], &[text], "close text 0, finish Stop"),
        (&[thought, text], &[thought, text], "close text 0, finish Stop"),
        (&[other], &[other], "close other 0, finish Stop"),
        (&[one], &[one], "close tool 0, finish Tool"),
        (&[one], &[deprecated], "close tool 0, finish Tool"),
        (&[one], &[both], "close tool 0, finish Tool"),
        (&[two], &[one], "close tool 0, close tool 1, finish Tool"),
        (&[], &[text], lost),
        (&[thought], &[text], lost),
        (&[text], &[thought, text], lost),
        (&[other], &[text], lost),
        (&[text], &[text, other], lost),
        (&[text], &[text, one], lost),
        (&[one], &[text, one], lost),
        (&[one], &[two], lost),
        (&[text], &[text, deprecated], lost),
    ] {
        let said = said.join(",");
        for beside in ["", r#""delta":null,"#, r#""delta":{},"#, r#""delta":{"content":""},"#] {
            let last = format!(
                r#"{{"choices":[{{"index":0,{beside}"message":{{{said}}},"finish_reason":"stop"}}]}}"#
            );
            let lines: Vec<String> = told.iter().map(|it| delta(it)).chain([last]).collect();
            let bytes = crate::proof::framed(Dialect::Chat, lines.iter().map(String::as_str));
            let (mut frames, _) = crate::proof::feed(Dialect::Chat, 1, &[bytes.into()]);
            let last = crate::proof::written(&frames.split_off(told.len()));
            let last = last.trim_end().trim_start_matches("start, ");
            assert_eq!(last, expect, "{told:?}, {beside}{said}");
        }
    }
}

#[test]
fn several_choices_finish_together() {
    let choice = |index: u32, rest: &str| format!(r#"{{"choices":[{{"index":{index},{rest}}}]}}"#);
    let lines = [
        choice(0, r#""delta":{"content":"a"}"#),
        choice(1, r#""delta":{"content":"b"}"#),
        choice(1, r#""delta":{},"finish_reason":"length""#),
        choice(0, r#""delta":{},"finish_reason":"stop""#),
        "[DONE]".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expect = [
        "start, open text 0, delta text 0",
        "open text 1/0, delta text 1/0",
        "close text 1/0",
        "close text 0, finish Stop",
        "end",
    ];
    check(Dialect::Chat, 2, &lines, &expect);
    // One fewer than was asked for: told at the end.
    let expect = [&expect[..3], &["close text 0", "finish Stop, end"]].concat();
    check(Dialect::Chat, 3, &lines, &expect);
    // A choice without a finish is no finished answer.
    check(Dialect::Chat, 2, &[lines[0], lines[2], "[DONE]"], &[expect[0], "-", "end"]);
    // One more than was asked for ends nothing.
    let expect = [&expect[..3], &["close text 0, finish Stop", "end"]].concat();
    check(Dialect::Chat, 1, &lines, &expect);
    // Where no other came, it is the one that was asked for, whatever its number.
    let expect = ["start, open text 1/0, delta text 1/0", "close text 1/0, finish Length", "end"];
    check(Dialect::Chat, 1, &[lines[1], lines[2], "[DONE]"], &expect);
}

#[test]
fn chunks_without_choices() {
    for (line, expect) in [
        (r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#, "-"),
        (r#"{"choices":null}"#, "-"),
        (r#"{"choices":[{"index":0,"finish_reason":null}]}"#, "start"),
        (r#"{"choices":[],"usage":null}"#, "-"),
        (r#"{"choices":[],"usage":{}}"#, "-"),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":307,"completion_tokens":26,"total_tokens":560,"prompt_tokens_details":{"cached_tokens":306},"completion_tokens_details":{"reasoning_tokens":227}}}"#,
            "usage in 1 read 306 write 0 out 253 reasoning 227",
        ),
        (
            r#"{"usage":{"prompt_tokens":9.0,"completion_tokens":2,"prompt_cache_hit_tokens":4}}"#,
            "usage in 5 read 4 write 0 out 2 reasoning 0",
        ),
        (
            r#"{"choices":[{"delta":{},"usage":{"prompt_tokens":1,"completion_tokens":2}}]}"#,
            "start, usage in 1 read 0 write 0 out 2 reasoning 0",
        ),
        (r#"{"usage":"many"}"#, "-"),
        (r#"{"usage":{"prompt_tokens":1e999}}"#, "-"),
        (r#"{"choices":[{"index":128,"delta":{}}]}"#, "malformed: a choice out of range"),
        ("{}", "noise: a keep-alive in the place of data"),
        (r#"{"id":"a"}"#, "-"),
        ("5", "malformed: data that is not a chunk"),
        ("[5]", "malformed: data that is not a chunk"),
        ("{garbled", "malformed: data that is not a chunk"),
        (r#""choices":[{"delta":{"content":"not "}}]}"#, "malformed: data that is not a chunk"),
        (r#":[{"delta":{"content":"not "}}]}"#, "malformed: data that is not a chunk"),
        ("upstream error", "malformed: data that is not a chunk"),
        (r#"{"id":"a","obj"#, "malformed: data that is not a chunk"),
        ("{", "malformed: data that is not a chunk"),
        ("[DONE] ", "end"),
    ] {
        chat(&[line], &[expect]);
    }
}

#[test]
fn errors() {
    for (error, expect) in [
        (r#"{"message":"m","code":502}"#, "502 kind= code=502 param= message=m"),
        (r#"{"message":"m","code":"503"}"#, "503 kind= code=503 param= message=m"),
        (r#"{"message":"m","code":200}"#, "500 kind= code=200 param= message=m"),
        (r#"{"message":"m","status":429}"#, "429 kind= code= param= message=m"),
        (
            r#"{"message":"m","code":"insufficient_quota"}"#,
            "429 kind= code=insufficient_quota param= message=m",
        ),
        (
            r#"{"message":"m","code":"rate_limit_exceeded"}"#,
            "429 kind= code=rate_limit_exceeded param= message=m",
        ),
        (r#"{"message":"m","code":"slow_down"}"#, "429 kind= code=slow_down param= message=m"),
        (
            r#"{"message":"m","code":"server_is_overloaded"}"#,
            "503 kind= code=server_is_overloaded param= message=m",
        ),
        (
            r#"{"message":"m","code":"context_length_exceeded"}"#,
            "400 kind= code=context_length_exceeded param= message=m",
        ),
        (
            r#"{"message":"m","code":"content_filter"}"#,
            "400 kind= code=content_filter param= message=m",
        ),
        (
            r#"{"message":"m","type":"invalid_request_error","param":"p","code":null}"#,
            "400 kind=invalid_request_error code= param=p message=m",
        ),
        (
            r#"{"message":"m","type":"server_error"}"#,
            "500 kind=server_error code= param= message=m",
        ),
        (
            r#"{"message":"m","type":"authentication_error"}"#,
            "401 kind=authentication_error code= param= message=m",
        ),
    ] {
        chat(&[&format!(r#"{{"error":{error}}}"#)], &[&format!("fail {expect} in_band")]);
    }
    chat(
        &[r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#],
        &["fail 400 kind=BadRequestError code=400 param= message=m in_band unheard"],
    );
    chat(
        &[
            r#"{"id":"x","error":{"code":"server_error","message":"gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
        ],
        &["fail 500 kind= code=server_error param= message=gone in_band"],
    );
    chat(&[r#"{"error":null,"choices":[]}"#, r#"{"error":{},"choices":[]}"#], &["- ×2"]);
}

/// The official SDKs raise at an `error` that is there, and take anything else for a chunk.
#[test]
fn an_error_that_clients_pass_over_is_told() {
    for (frame, expect) in [
        ("data: {\"error\":{\"message\":\"m\"}}", "500 kind= code= param= message=m in_band"),
        (
            "event: error\ndata: {\"error\":{\"message\":\"m\"}}",
            "500 kind= code= param= message=m in_band",
        ),
        (
            "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}",
            "529 kind=overloaded_error code= param= message=m in_band",
        ),
        (
            "data: {\"object\":\"error\",\"message\":\"m\",\"code\":500}",
            "500 kind= code=500 param= message=m in_band unheard",
        ),
        (
            "event: error\ndata: {\"message\":\"m\",\"code\":503}",
            "503 kind= code=503 param= message=m in_band unheard",
        ),
        ("event: error\ndata: m", "500 kind= code= param= message=m in_band unheard"),
        ("data: {\"error\":\"m\"}", "500 kind= code= param= message=m in_band unheard"),
        (
            "data: {\"error\":[\"m\"]}",
            "500 kind= code= param= message={\"error\":[\"m\"]} in_band unheard",
        ),
        ("data: {\"error\":5}", "500 kind= code= param= message={\"error\":5} in_band unheard"),
        (
            "data: {\"error\":true}",
            "500 kind= code= param= message={\"error\":true} in_band unheard",
        ),
        (
            "event: error\ndata: {\"error\":{}}",
            "500 kind= code= param= message={\"error\":{}} in_band unheard",
        ),
        ("event: error\ndata: {}", "500 kind= code= param= message={} in_band bare unheard"),
        ("event: error\ndata:", "500 kind= code= param= message= in_band bare unheard"),
    ] {
        let bytes = bytes::Bytes::from(format!("{frame}\n\n"));
        let (frames, _) = crate::proof::feed(Dialect::Chat, 1, &[bytes]);
        assert_eq!(crate::proof::written(&frames), format!("fail {expect}\n"), "{frame}");
    }
    for nothing in ["0", "0.0", "-0", "false", "null", "\"\"", "[]", "{}"] {
        chat(&[&format!(r#"{{"error":{nothing},"choices":[]}}"#)], &["-"]);
    }
}

#[test]
fn a_hostile_number_of_calls_is_bounded() {
    let call = r#"{"function":{"name":"f"}}"#;
    let many = vec![call; 1025].join(",");
    deltas(&[&format!(r#""tool_calls":[{many}]"#)], &["malformed: data that is not a chunk"]);
    let many = vec![call; 1000].join(",");
    let many = format!(r#""tool_calls":[{many}]"#);
    let lines = [delta(&many), delta(&many)];
    let bytes = crate::proof::framed(Dialect::Chat, lines.iter().map(String::as_str));
    let (frames, _) = crate::proof::feed(Dialect::Chat, 1, &[bytes.into()]);
    assert_eq!(frames[0].events.len(), 1001);
    assert_eq!(frames[1].events[..], [ir::Event::Malformed("too many tool calls")]);
    let many = vec!["{}"; 129].join(",");
    chat(&[&format!(r#"{{"choices":[{many}]}}"#)], &["malformed: data that is not a chunk"]);
}
