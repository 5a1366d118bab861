//! Tool calls, in both directions: whole, or not at all.

use super::super::{cross, legal, plan, row, try_cross};
use super::{
    COUNTS, START, USAGE, call, close, delta, deltas, end, events, malformed, open, piece, stop,
};
use crate::proof::framed;
use crate::{Error, seal};
use bytes::Bytes;
use ir::{BlockKind, Crossable, Dialect, Event};

/// <https://github.com/router-for-me/CLIProxyAPI/issues/561>: a start before a call.
#[test]
fn p14_a_call_comes_first() {
    deltas(
        &[
            &call(
                r#""index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}"#,
            ),
            &call(r#""index":0,"function":{"arguments":"{\"a\": 1e400,"}"#),
            &call(r#""index":0,"function":{"arguments":"\"b\":\"\\ud83d\"}"}"#),
        ],
        "tool_calls",
        &["0 call call_1 f", r#"  {\"a\": 1e400,\"b\":\"\\ud83d\"}"#, "  .", "finish tool_use"],
        &[],
    );
}

/// <https://github.com/su-kaka/gcli2api/issues/406>: every call has the number 0.
#[test]
fn p05_calls_with_one_number() {
    deltas(
        &[
            &delta(r#""content":"a""#),
            &call(r#""index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}"#),
            &call(r#""index":0,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}"#),
        ],
        "tool_calls",
        &[
            "0 text",
            "  a",
            "  .",
            "1 call a f",
            r#"  {\"x\":1}"#,
            "  .",
            "2 call b g",
            r#"  {\"y\":2}"#,
            "  .",
            "finish tool_use",
        ],
        &[],
    );
}

/// <https://github.com/ollama/ollama/issues/7881>: no number; and arguments that are an object.
#[test]
fn p06_calls_without_number_or_id() {
    let crossed = deltas(
        &[
            &call(r#""function":{"name":"f","arguments":{"x": [1.0]}}"#),
            &call(r#""id":"","function":{"name":"g"}"#),
        ],
        "tool_calls",
        &[
            "0 call toolu_ef2c3456e9e03d05_0 f",
            r#"  {\"x\": [1.0]}"#,
            "  .",
            "1 call toolu_ef2c3456e9e03d05_1 g",
            "  {}",
            "  .",
            "finish tool_use",
        ],
        &[],
    );
    assert_eq!(malformed(&crossed), None);
}

/// Interleaved calls are told one behind the other.
#[test]
fn interleaved_calls() {
    deltas(
        &[
            &call(r#""index":0,"id":"a","function":{"name":"f","arguments":"{"}"#),
            &call(r#""index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":"}"#),
            &call(r#""index":0,"function":{"arguments":"}"}"#),
            &call(r#""index":1,"function":{"arguments":"2}"}"#),
        ],
        "tool_calls",
        &["0 call a f", "  {}", "  .", "1 call b g", r#"  {\"y\":2}"#, "  .", "finish tool_use"],
        &[],
    );
}

/// Ids that Messages refuses, and one that is there twice: others, and the same ones every time.
#[test]
fn p01_ids_are_legal_and_differ() {
    deltas(
        &[
            &call(r#""index":0,"id":"functions.f:0","function":{"name":"f","arguments":"{}"}"#),
            &call(r#""index":1,"id":"a","function":{"name":"f","arguments":"{}"}"#),
            &call(r#""index":2,"id":"a","function":{"name":"f","arguments":"{}"}"#),
        ],
        "tool_calls",
        &[
            "0 call toolu_e687579b8409ca18_0 f",
            "  {}",
            "  .",
            "1 call a f",
            "  {}",
            "  .",
            "2 call toolu_485a53af680850ec_2 f",
            "  {}",
            "  .",
            "finish tool_use",
        ],
        &[],
    );
}

/// <https://github.com/can1357/oh-my-pi/issues/12224>
#[test]
fn p11_stop_with_calls_is_tool_use() {
    deltas(
        &[&call(r#""index":0,"id":"a","function":{"name":"f","arguments":"{}"}"#)],
        "stop",
        &["0 call a f", "  {}", "  .", "finish tool_use"],
        &[],
    );
    deltas(
        &[&delta(r#""function_call":{"name":"f","arguments":"{}"}"#)],
        "function_call",
        &["0 call toolu_ef2c3456e9e03d05_0 f", "  {}", "  .", "finish tool_use"],
        &[],
    );
}

/// <https://github.com/router-for-me/CLIProxyAPI/issues/5836>: clients carry out a call that was cut.
#[test]
fn p12_a_cut_call_is_not_shown() {
    let half = call(r#""index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":"}"#);
    let whole = call(r#""index":0,"id":"a","function":{"name":"f","arguments":"{}"}"#);
    for (reason, finish) in [
        ("length", "finish max_tokens"),
        (
            "content_filter",
            r#"finish refusal {"type":"refusal","category":null,"explanation":null}"#,
        ),
    ] {
        deltas(
            &[&whole, &half],
            reason,
            &["0 call a f", "  {}", "  .", finish],
            &["choices[].message.tool_calls[]=dropped: cut"],
        );
    }
    // Any other finish promises whole calls.
    for reason in ["tool_calls", "stop"] {
        let lines = [whole.as_str(), &half, &stop(reason), "[DONE]"];
        let bytes = Bytes::from(framed(Dialect::Chat, lines));
        let crossed = cross(plan(Dialect::Chat), &[bytes]);
        assert!(matches!(malformed(&crossed), Some((_, true))), "{reason}");
        let told = legal::read(Dialect::Messages, &crossed.bytes, true);
        assert_eq!((told.lines, told.ended), (vec![START.to_owned()], false));
        // It is still open for the exchange: so it is a failure, not a hole.
        let close = |event: &Event| matches!(event, Event::Close(_));
        assert!(!crossed.frames.iter().flat_map(|frame| &frame.events).any(close));
    }
}

/// The same from Messages, where a block is closed before it is known why.
#[test]
fn p12_a_cut_call_of_messages_is_not_shown() {
    let blocks = |end: String| {
        vec![
            open(0, r#""type":"tool_use","id":"toolu_1","name":"f","input":{}"#),
            piece(0, r#""type":"input_json_delta","partial_json":"{\"a\":1}""#),
            close(0),
            open(1, r#""type":"tool_use","id":"toolu_2","name":"f","input":{}"#),
            piece(1, r#""type":"input_json_delta","partial_json":"{\"a\":""#),
            close(1),
            end,
        ]
    };
    let crossed = events(
        &blocks(end(r#""stop_reason":"max_tokens""#)),
        &[r#"function toolu_1 f {\"a\":1}"#, "finish length"],
        &["content[].tool_use=dropped: cut"],
    );
    let of = |frame: usize| crossed.frames[frame].events.to_vec();
    assert_eq!(of(6), [], "open until it is known why");
    assert!(
        matches!(of(7)[..], [Event::Usage(_), Event::Close(block), Event::Finish(..)] if block.kind == BlockKind::Tool)
    );

    // Another reason behind the first changes nothing: the call is left out.
    let mut twice = blocks(end(r#""stop_reason":"max_tokens""#));
    twice.push(end(r#""stop_reason":"tool_use""#));
    let told = [r#"function toolu_1 f {\"a\":1}"#, "finish length"];
    events(&twice, &told, &["content[].tool_use=dropped: cut"]);

    let mut lines = blocks(end(r#""stop_reason":"tool_use""#));
    lines.insert(0, super::MESSAGE.to_owned());
    lines.push(super::STOP.to_owned());
    let bytes = Bytes::from(framed(Dialect::Messages, lines.iter().map(String::as_str)));
    let crossed = cross(plan(Dialect::Messages), &[bytes]);
    assert!(matches!(malformed(&crossed), Some((_, true))));
    assert!(!legal::read(Dialect::Chat, &crossed.bytes, true).ended);
}

/// <https://github.com/BerriAI/litellm/issues/37273>: closed twice is called twice.
#[test]
fn p13_a_call_is_closed_once() {
    events(
        &[
            open(0, r#""type":"tool_use","id":"toolu_1","name":"f","input":{}"#),
            close(0),
            close(0),
            end(r#""stop_reason":"tool_use""#),
        ],
        &["function toolu_1 f {}", "finish tool_calls"],
        &[],
    );
    let again = stop("tool_calls");
    deltas(
        &[&call(r#""index":0,"id":"a","function":{"name":"f","arguments":"{}"}"#), &again],
        "tool_calls",
        &["0 call a f", "  {}", "  .", "finish tool_use"],
        &[],
    );
}

/// A name or an id that comes late, or with every piece (`LiteLLM`: "calculatorcalculator").
#[test]
fn what_is_said_of_a_call_late_or_twice() {
    deltas(
        &[
            &call(r#""index":0,"id":"a","function":{"arguments":""}"#),
            &call(r#""index":0,"id":"a","function":{"name":"f","arguments":"{"}"#),
            &call(r#""index":0,"id":"a","function":{"name":"f","arguments":"}"}"#),
            &call(r#""index":1,"function":{"name":"g","arguments":"{}"}"#),
            &call(r#""index":1,"id":"b","function":{}"#),
        ],
        "tool_calls",
        &["0 call a f", "  {}", "  .", "1 call b g", "  {}", "  .", "finish tool_use"],
        &[],
    );
}

/// What Gemini and `OpenRouter` want back travels in one block before the calls.
#[test]
fn p19_secrets_travel_sealed() {
    let origin = seal::Origin::of("a/m");
    let inside = r#"{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"s=\"},{\"type\":\"reasoning.encrypted\",\"data\":\"x\"}],\"extra_content\":{\"a\":{\"google\":{\"thought_signature\":\"C+/=\"}}}}"#;
    let expect = format!("1 redacted {}", seal::wrap(origin, inside));
    let signature = format!("  signature {}", seal::wrap(origin, ""));
    deltas(
        &[
            &delta(r#""reasoning_details":[{"type":"reasoning.text","text":"h"}]"#),
            &delta(
                r#""reasoning_details":[{"type":"reasoning.text","text":"m","signature":"s="}]"#,
            ),
            &delta(r#""reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]"#),
            &call(
                r#""index":0,"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"C+/="}}"#,
            ),
            &call(r#""index":1,"id":"b","function":{"name":"f","arguments":"{}"}"#),
        ],
        "tool_calls",
        &[
            "0 thinking",
            "  h",
            "  m",
            &signature,
            "  .",
            &expect,
            "  .",
            "2 call a f",
            "  {}",
            "  .",
            "3 call b f",
            "  {}",
            "  .",
            "finish tool_use",
        ],
        &[],
    );
}

#[test]
fn custom_tools_of_chat() {
    deltas(
        &[&call(
            r#""index":0,"id":"a","type":"custom","custom":{"name":"patch","input":"a \"b\"\n"}"#,
        )],
        "tool_calls",
        &["0 call a patch", r#"  {\"input\":\"a \\\"b\\\"\\n\"}"#, "  .", "finish tool_use"],
        &["choices[].message.tool_calls[].custom=as a tool with one input"],
    );
}

/// A custom tool that was sent as a function is a custom tool again.
#[test]
fn custom_tools_come_back() {
    let tool = |name: &str, arguments: &str| {
        vec![
            open(0, &format!(r#""type":"tool_use","id":"toolu_1","name":"{name}","input":{{}}"#)),
            piece(0, &format!(r#""type":"input_json_delta","partial_json":"{arguments}""#)),
            close(0),
            end(r#""stop_reason":"tool_use""#),
        ]
    };
    events(
        &tool("patch", r#"{\"input\": \"a \\\"b\\\"\\n\\ud83d\"}"#),
        &[r#"custom toolu_1 patch a \"b\"\n\ud83d"#, "finish tool_calls"],
        &[],
    );
    events(
        &tool("patch", r#"{\"text\":\"a\"}"#),
        &[r#"custom toolu_1 patch {\"text\":\"a\"}"#, "finish tool_calls"],
        &["content[].tool_use.input=as the custom tool's text"],
    );
    // A name that the provider would have refused was sent as another.
    events(
        &tool("short_1", r#"{\"input\":\"a\"}"#),
        &[r#"function toolu_1 long.name {\"input\":\"a\"}"#, "finish tool_calls"],
        &[],
    );
    deltas(
        &[&call(r#""index":0,"id":"a","function":{"name":"short_1","arguments":"{}"}"#)],
        "tool_calls",
        &["0 call a long.name", "  {}", "  .", "finish tool_use"],
        &[],
    );
    events(
        &tool("patches", r#"{\"input\":\"a\"}"#),
        &[r#"function toolu_1 patches {\"input\":\"a\"}"#, "finish tool_calls"],
        &[],
    );
}

/// Arguments that stand in the block's start; a call without an id.
#[test]
fn calls_of_messages() {
    events(
        &[
            open(0, r#""type":"tool_use","id":"","name":"f","input":{"a": 1.50}"#),
            close(0),
            open(1, r#""type":"tool_use","id":"toolu_.2","name":"g","input":{}"#),
            piece(1, r#""type":"input_json_delta","partial_json":"""#),
            close(1),
            end(r#""stop_reason":"tool_use""#),
        ],
        &[
            r#"function call_36160b9c025f80a2_0 f {\"a\": 1.50}"#,
            "function toolu_.2 g {}",
            "finish tool_calls",
        ],
        &[],
    );
}

/// Two calls with one id: no client could tell whose the result is.
#[test]
fn ids_to_chat_differ() {
    let call = r#""type":"tool_use","id":"call_0","name":"f","input":{}"#;
    events(
        &[open(0, call), close(0), open(1, call), close(1), end(r#""stop_reason":"tool_use""#)],
        &["function call_0 f {}", "function call_36160b9c025f80a2_1 f {}", "finish tool_calls"],
        &[],
    );
}

/// What is held has a limit, whatever of a call it is.
#[test]
fn too_much_to_hold() {
    let mut plan = plan(Dialect::Chat);
    for pieces in [
        [r#""index":0,"id":"a","function":{"name":"f","arguments":"12345678"}"#; 3].as_slice(),
        &[r#""index":0,"id":"1234567890123","function":{"name":"1234567890123"}"#],
        &[r#""index":0,"id":"a","function":{"name":"f"},"extra_content":{"a":"1234567890123456"}"#],
        &[r#""index":0,"id":"a""#, r#""index":0,"function":{"name":"1234567890123456789012345"}"#],
    ] {
        let lines: Vec<String> = pieces.iter().map(|piece| call(piece)).collect();
        let bytes = Bytes::from(framed(Dialect::Chat, lines.iter().map(String::as_str)));
        assert!(try_cross(plan.clone(), 26, &bytes).is_ok(), "{pieces:?}");
        let refused = try_cross(plan.clone(), 25, &bytes);
        assert_eq!(refused, Err(Error::TooLarge { limit: 25 }), "{pieces:?}");
    }
    // A call that is shown is held no more.
    plan.from = Crossable::Messages;
    plan.to = Crossable::Chat;
    let tool = [
        open(0, r#""type":"tool_use","id":"a","name":"f","input":{}"#),
        piece(0, r#""type":"input_json_delta","partial_json":"{\"a\":1}""#),
        close(0),
    ];
    let lines = tool.iter().cycle().take(9).map(String::as_str);
    let bytes = Bytes::from(framed(Dialect::Messages, lines));
    assert!(try_cross(plan, 11, &bytes).is_ok());
}

/// The whole of a call at once, behind its finish: nothing of it before.
#[test]
fn nothing_of_a_call_leaves_before_its_end() {
    let lines = [
        call(r#""index":0,"id":"a","function":{"name":"secret_name","arguments":"{"}"#),
        call(r#""index":0,"function":{"arguments":"}"}"#),
    ];
    let bytes = Bytes::from(framed(Dialect::Chat, lines.iter().map(String::as_str)));
    let crossed = cross(plan(Dialect::Chat), &[bytes]);
    assert!(!String::from_utf8(crossed.bytes).unwrap().contains("secret_name"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let stop = stop("tool_calls");
    let all = [lines[0], lines[1], &stop, USAGE, "[DONE]"];
    row(
        plan(Dialect::Chat),
        &all,
        &[START, "0 call a secret_name", "  {}", "  .", "finish tool_use", COUNTS, "stop"],
        &[],
    );
}
