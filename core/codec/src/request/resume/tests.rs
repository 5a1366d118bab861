//! What is put behind a request, in both dialects, and what of it is kept.

use super::{GoOn, Promise, going_on, is_one_call, promised, why_not_going_on};
use ir::{Call, Dialect, Said};

fn call(id: &str) -> Said {
    let call = Call { id: id.into(), name: "f".into(), ..Call::default() };
    Said::Call(call, r#"{\"a\":\"\\n\"}"#.to_owned())
}

/// What a body becomes; only what is behind `before`.
fn check(dialect: Dialect, body: &str, said: &[Said], how: GoOn<'_>) -> String {
    let gone_on = going_on(dialect, body.as_bytes(), said, how).expect("a body to go on with");
    let text = std::str::from_utf8(&gone_on).expect("UTF-8").to_owned();
    let _valid: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let kept = body.find("] ").expect("messages that end so");
    assert_eq!(text.get(..kept), body.get(..kept), "the caller's words are as they were");
    assert!(text.ends_with(body.get(kept + 1..).expect("a rest")));
    text.get(kept..text.len() - (body.len() - kept - 1)).expect("what was added").to_owned()
}

const CHAT: &str = r#"{"n" : 1.0,"messages":[{"role":"user","content":"a \u00e9"}] ,"model":"m"}"#;
const MESSAGES: &str = r#"{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}] ,"model":"m"}"#;

#[test]
fn a_turn_that_is_gone_on_with() {
    let said = [Said::Text("He said \"a".to_owned()), Said::Text("\nb \n".to_owned())];
    let plain = GoOn::Turn { field: None, members: &[] };
    assert_eq!(
        check(Dialect::Chat, CHAT, &said, plain),
        r#",{"role":"assistant","content":"He said \"a\nb"}]"#
    );
    assert_eq!(
        check(Dialect::Messages, MESSAGES, &said, plain),
        r#",{"role":"assistant","content":[{"type":"text","text":"He said \"a\nb"}]}]"#
    );
    let field = GoOn::Turn { field: Some("prefix"), members: &[] };
    assert!(check(Dialect::Chat, CHAT, &said, field).ends_with(r#","prefix":true}]"#));
    let members = GoOn::Turn { field: None, members: &[("go_on", true), ("begin", false)] };
    assert!(
        check(Dialect::Chat, CHAT, &said, members).ends_with(r#"],"go_on":true,"begin":false"#)
    );
}

#[test]
fn an_end_that_is_to_be_repeated_stands_last() {
    let said = [Said::Text("one two".to_owned())];
    for (dialect, body, end) in [
        (Dialect::Chat, CHAT, r#"\n\none two"}]"#),
        (Dialect::Messages, MESSAGES, r#"\n\none two"}]}]"#),
    ] {
        let added = check(dialect, body, &said, GoOn::Anchor("one two"));
        assert!(added.contains(r#"{"role":"user","content":"#) && added.ends_with(end), "{added}");
    }
}

/// Before the messages and behind them.
#[test]
fn a_call_that_was_made_is_not_forced_again() {
    let chat = |choice: &str| {
        let choice = format!(r#""tool_choice":{choice}"#);
        let turn = r#""messages":[{"role":"user","content":"a"}]"#;
        [format!("{{{choice},{turn}}}"), format!("{{{turn},{choice}}}")]
    };
    for (dialect, choice, expect) in [
        (Dialect::Chat, r#""required""#, r#""auto""#),
        (Dialect::Chat, r#"{"type":"function","function":{"name":"f"}}"#, r#""auto""#),
        (Dialect::Chat, r#""none""#, r#""none""#),
        (Dialect::Responses, r#"{"type":"function","name":"f"}"#, r#""auto""#),
        (Dialect::Responses, r#"{"type":"allowed_tools"}"#, r#"{"type":"allowed_tools"}"#),
        (
            Dialect::Responses,
            r#"{"mode":"required","tools":[],"type":"allowed_tools"}"#,
            r#"{"mode":"auto","tools":[],"type":"allowed_tools"}"#,
        ),
        (
            Dialect::Chat,
            r#"{"allowed_tools":{"mode":"required","tools":[]},"type":"allowed_tools"}"#,
            r#"{"allowed_tools":{"mode":"auto","tools":[]},"type":"allowed_tools"}"#,
        ),
        (
            Dialect::Chat,
            r#"{"allowed_tools":{"mode":"auto","tools":[]},"type":"allowed_tools"}"#,
            r#"{"allowed_tools":{"mode":"auto","tools":[]},"type":"allowed_tools"}"#,
        ),
        (Dialect::Messages, r#"{"type":"any"}"#, r#"{"type":"auto"}"#),
        (
            Dialect::Messages,
            r#"{"type":"tool","name":"f","disable_parallel_tool_use":true}"#,
            r#"{"disable_parallel_tool_use":true,"type":"auto"}"#,
        ),
        (Dialect::Messages, r#"{"type":"auto"}"#, r#"{"type":"auto"}"#),
    ] {
        for body in chat(choice) {
            let gone_on = |how| {
                let body = going_on(dialect, body.as_bytes(), &[call("c1")], how).expect("a body");
                let body = serde_json::from_slice::<serde_json::Value>(&body).expect("JSON");
                assert!(body["messages"].as_array().is_some_and(|it| it.len() > 1), "{body}");
                body["tool_choice"].to_string()
            };
            assert_eq!(gone_on(GoOn::Calls("WORD")), expect, "{body}");
            let as_it_was: serde_json::Value = serde_json::from_str(choice).expect("JSON");
            assert_eq!(gone_on(GoOn::Anchor("x")), as_it_was.to_string(), "text was told");
        }
    }
}

#[test]
fn who_may_call_once_is_known() {
    for (dialect, body, expect) in [
        (Dialect::Chat, r#"{"parallel_tool_calls":false}"#, true),
        (Dialect::Responses, r#"{"parallel_tool_calls":false}"#, true),
        (Dialect::Chat, r#"{"parallel_tool_calls":true}"#, false),
        (Dialect::Messages, r#"{"tool_choice":{"disable_parallel_tool_use":true}}"#, true),
        (Dialect::Messages, r#"{"tool_choice":{"type":"any"}}"#, false),
        (Dialect::Messages, "{}", false),
    ] {
        assert_eq!(is_one_call(dialect, body.as_bytes()), expect, "{body}");
    }
}

#[test]
fn calls_have_results_that_are_not_known() {
    let said = [Said::Text("x".to_owned()), call("c1"), call("")];
    let chat = check(Dialect::Chat, CHAT, &said, GoOn::Calls("WORD"));
    for part in [
        r#"{"role":"assistant","content":"x","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":\"\\n\"}"}},{"id":"call_1""#,
        r#"{"role":"tool","tool_call_id":"c1","content":"(not known yet)"},{"role":"tool","tool_call_id":"call_1""#,
        r#"nothing else: WORD"}]"#,
    ] {
        assert!(chat.contains(part), "{part}\n{chat}");
    }
    let messages = check(Dialect::Messages, MESSAGES, &said, GoOn::Calls("WORD"));
    for part in [
        r#"{"type":"tool_use","id":"c1","name":"f","input":{"a":"\n"}},{"type":"tool_use","id":"call_1""#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"(not known yet)"}"#,
        r#"nothing else: WORD"}]}]"#,
    ] {
        assert!(messages.contains(part), "{part}\n{messages}");
    }
}

#[test]
fn signed_reasoning_goes_before_the_text_and_no_other() {
    let said = [
        Said::Thinking("half".to_owned(), String::new()),
        Said::Thinking(r"h\n".to_owned(), "sig".to_owned()),
        Said::Redacted("secret".to_owned()),
        Said::Text("one".to_owned()),
    ];
    let added = check(Dialect::Messages, MESSAGES, &said, GoOn::Anchor("one"));
    let thinking = r#"{"role":"assistant","content":[{"type":"thinking","thinking":"h\n","signature":"sig"},{"type":"redacted_thinking","data":"secret"},{"type":"text","text":"one"}]}"#;
    assert!(added.contains(thinking), "{added}");
    assert!(!check(Dialect::Chat, CHAT, &said, GoOn::Anchor("one")).contains("secret"));
}

/// What a model signed between its texts and calls stands there again.
#[test]
fn what_was_said_keeps_its_order() {
    let signed = |it: &str| Said::Thinking(it.to_owned(), format!("s{it}"));
    let said = [
        signed("1"),
        Said::Text("I look. ".to_owned()),
        signed("2"),
        call("c1"),
        Said::Text(" \n".to_owned()),
        signed("3"),
        Said::Text("So".to_owned()),
        Said::Text(" ".to_owned()),
        call(""),
    ];
    let added = check(Dialect::Messages, MESSAGES, &said, GoOn::Calls("WORD"));
    let added: serde_json::Value = serde_json::from_str(&format!("[0{added}")).expect("JSON");
    let blocks = added[1]["content"].as_array().expect("blocks");
    let text = |block: &serde_json::Value| {
        let keys = ["text", "thinking", "id"];
        keys.iter().find_map(|key| block[key].as_str()).expect("a block").to_owned()
    };
    let told: Vec<String> = blocks.iter().map(text).collect();
    assert_eq!(told, ["1", "I look. ", "2", "c1", "3", "So", "call_1"]);

    // It ends neither with thinking nor with white space.
    let unsigned = Said::Thinking("h".to_owned(), String::new());
    for rest in [vec![signed("2")], vec![unsigned, Said::Text(" \n".to_owned())]] {
        let said = [vec![signed("1"), Said::Text("I look. ".to_owned())], rest].concat();
        let added = check(Dialect::Messages, MESSAGES, &said, GoOn::Anchor("I look."));
        let blocks = r#"{"type":"text","text":"I look."}]},{"role":"user""#;
        assert!(added.contains(blocks), "{added}");
    }
}

#[test]
fn a_conversation_that_ends_with_the_model_is_left_alone() {
    let said = [Said::Text("one".to_owned())];
    let (ends, has_none) = ("ends with words of the model itself", "no conversation of its own");
    for (dialect, body, why) in [
        (Dialect::Chat, r#"{"messages":[{"role":"assistant","content":"a"}]}"#, ends),
        (Dialect::Responses, r#"{"input":[{"role":"assistant","content":"a"}]}"#, ends),
        (Dialect::Responses, r#"{"previous_response_id":"resp_1"}"#, has_none),
        (Dialect::Responses, r#"{"previous_response_id":"resp_1","input":null}"#, has_none),
        (Dialect::Responses, r#"{"previous_response_id":"resp_1","input":[]}"#, has_none),
        (Dialect::Chat, r#"{"messages":[]}"#, has_none),
        (Dialect::Chat, r#"{"messages":5}"#, has_none),
        (Dialect::Chat, "[]", has_none),
    ] {
        let body = body.as_bytes();
        assert_eq!(going_on(dialect, body, &said, GoOn::Anchor("one")), None);
        assert!(why_not_going_on(body).contains(why), "{why}");
    }
}

#[test]
fn promises() {
    let schema = |text: &str| Promise::Schema(text.to_owned());
    for (dialect, body, promise) in [
        (Dialect::Chat, r#"{"messages":[]}"#, Promise::Text),
        (Dialect::Chat, r#"{"response_format":null}"#, Promise::Text),
        (Dialect::Chat, r#"{"response_format":{"type":"text"}}"#, Promise::Text),
        (Dialect::Chat, r#"{"response_format":{"type":"json_object"}}"#, Promise::Json),
        (
            Dialect::Chat,
            r#"{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}"#,
            schema(r#"{"type":"object"}"#),
        ),
        (
            Dialect::Messages,
            r#"{"output_config":{"format":{"type":"json_schema","schema":{"a":1}}}}"#,
            schema(r#"{"a":1}"#),
        ),
        (Dialect::Messages, r#"{"output_config":{"effort":"low"}}"#, Promise::Text),
    ] {
        assert_eq!(promised(dialect, body.as_bytes()), promise, "{body}");
    }
    assert!(Promise::Json.is_kept("[1]") && !Promise::Json.is_kept("[1"));
}
