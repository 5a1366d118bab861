//! Frames that cannot be read: left out where they say nothing, never closed over.

use crate::world::{Act, Canned, Plan, World, alone, pair};
use ir::{Dialect, Ending, Shape};

/// Text, and then calls of which one begins with a frame that cannot be read.
fn text_and_half_of_the_calls(dialect: Dialect) -> Vec<Act> {
    stream(match dialect {
        Dialect::Chat => &[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"So:"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","func"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            "[DONE]",
        ],
        Dialect::Messages => &[
            r#"{"type":"message_start","message":{"id":"msg_1","content":[],"usage":{}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"So:"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"one","input":{}}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_u"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{}}"#,
            r#"{"type":"message_stop"}"#,
        ],
        Dialect::Responses => &[
            r#"{"type":"response.created","response":{"id":"resp_1","output":[]}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[]}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"So:"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"So:"}]}}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_ca"#,
            r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"c","name":"one","arguments":"{}"}}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#,
        ],
    })
}

/// A stream whose tool call begins with a frame that cannot be read.
fn call_without_its_beginning(dialect: Dialect) -> Vec<Act> {
    stream(match dialect {
        Dialect::Chat => &[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":"0","id":"call_1"}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            "[DONE]",
        ],
        Dialect::Messages => &[
            r#"{"type":"message_start","message":{"id":"msg_1","content":[],"usage":{}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_u"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{}}"#,
            r#"{"type":"message_stop"}"#,
        ],
        Dialect::Responses => &[
            r#"{"type":"response.created","response":{"id":"resp_1","output":[]}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_ca"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{}"}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"type":"function_call","name":"f","arguments":"{}"}]}}"#,
        ],
    })
}

/// An answer with keep-alives in the place of data.
fn kept_alive(dialect: Dialect) -> Vec<Act> {
    stream(match dialect {
        Dialect::Chat => &[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"So"}}]}"#,
            ": ping",
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ],
        Dialect::Messages => &[
            r#"{"type":"message_start","message":{"id":"msg_1","content":[],"usage":{}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"So"}}"#,
            ": ping",
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}"#,
            r#"{"type":"message_stop"}"#,
        ],
        Dialect::Responses => &[
            r#"{"type":"response.created","response":{"id":"resp_1","output":[]}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[]}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"So"}"#,
            ": ping",
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"So"}]}}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#,
        ],
    })
}

fn stream(events: &[&str]) -> Vec<Act> {
    let body: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let body = body.concat();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    vec![Act::Send(format!("{head}{body}").into_bytes())]
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_asked_for_elsewhere() {
    for dialect in Dialect::ALL {
        let canned = Canned::start(call_without_its_beginning(dialect)).await;
        let plan = Plan::new(pair(dialect, "")).at("a", canned.base_url());
        let world = plan.clouds(&["b"]).await.start().await;
        let heard = world.ask(dialect, Shape::Stream, "any").await;
        assert_eq!(heard.header("x-backstop-target"), Some("b/ok"), "{dialect:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn with_nobody_else_it_is_an_error_and_no_answer() {
    for dialect in Dialect::ALL {
        let canned = Canned::start(call_without_its_beginning(dialect)).await;
        let text = alone(dialect, "retry.per_target = 1\n");
        let world: World = Plan::new(text).at("a", canned.base_url()).start().await;
        let heard = world.ask(dialect, Shape::Stream, "any").await;
        assert_eq!((heard.status, heard.code().as_str()), (502, "BS0306"), "{dialect:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn after_text_a_call_that_cannot_be_read_is_an_error_at_the_end() {
    for dialect in Dialect::ALL {
        let canned = Canned::start(text_and_half_of_the_calls(dialect)).await;
        let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
        let heard = world.ask(dialect, Shape::Stream, "any").await;
        assert_eq!(heard.status, 200);
        let text = heard.text();
        assert!(text.contains("So:") && text.contains("BS0306"), "{dialect:?}: {text}");
        assert!(!text.contains("[DONE]") && !text.contains("message_stop"), "{dialect:?}: {text}");
        world.stop().await;
    }
}

#[tokio::test]
async fn what_says_nothing_is_left_out_and_counted() {
    for dialect in Dialect::ALL {
        let canned = Canned::start(kept_alive(dialect)).await;
        let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
        let heard = world.ask(dialect, Shape::Stream, "any").await;
        assert!(!heard.text().contains(": ping\n\n"), "{dialect:?}");
        let record = world.record().await;
        assert_eq!((record.malformed, record.ending), (1, Ending::Answered), "{dialect:?}");
        world.stop().await;
    }
}
