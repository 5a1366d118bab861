//! What a caller is told: who served, who was asked, and, where nobody could, an honest last word.

use crate::world::{Canned, Heard, Plan, Request, Said, World, alone, each, pair, sent};
use drill::provider::{Fault, unused_addr};
use ir::{Dialect, Ending, Shape};

#[tokio::test]
async fn answers_say_who_served() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let world = World::pair(dialect, "").await;
            let well = world.ask(dialect, shape, "ok").await;
            assert_eq!(well.header("x-backstop-target"), Some("a/ok"));
            assert_eq!(well.header("x-backstop-trail"), Some("a/ok=ok"));
            let saved = world.ask(dialect, shape, "status-501").await;
            assert_eq!(saved.header("x-backstop-target"), Some("b/ok"));
            assert_eq!(saved.header("x-backstop-trail"), Some("a/status-501=501,b/ok=ok"));
            let refused = world.ask(dialect, shape, "400-invalid").await;
            assert_eq!(refused.header("x-backstop-trail"), Some("a/400-invalid=400"));
            let records = world.records(3).await;
            for (heard, record) in [well, saved, refused].iter().zip(&records) {
                assert_eq!(heard.header("x-backstop-request-id"), Some(record.id.as_str()));
            }
            world.stop().await;
        }
    }
}

/// The last word of a chain of two targets that order these faults.
async fn exhausted(dialect: Dialect, shape: Shape, faults: [&str; 2]) -> Heard {
    let [a, b] = faults;
    let chain = format!("chain = [\"a/{a}\", \"b/{b}\"]");
    let text = pair(dialect, "").replace("chain = [\"a/*\", \"b/ok\"]", &chain);
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let heard = world.ask(dialect, shape, "any").await;
    let record = world.record().await;
    assert_eq!(record.ending, Ending::Failed);
    assert_eq!(record.status, heard.status);
    world.stop().await;
    heard
}

#[tokio::test]
async fn exhausted_is_told_with_the_smallest_wait() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let told = |faults| exhausted(dialect, shape, faults);
            let heard = told(["status-503+retry-after-30", "status-429+retry-after-7"]).await;
            assert_eq!(heard.status, 503);
            assert_eq!(heard.header("retry-after"), Some("7"));
            assert_eq!(heard.header("x-should-retry"), None);
            let heard = told(["status-429+retry-after-900", "status-429+retry-after-400"]).await;
            assert_eq!((heard.status, heard.header("retry-after")), (429, Some("60")));
            let heard = told(["status-429+retry-absurd", "status-500"]).await;
            assert_eq!(heard.status, 429);
            let wait: Option<u32> = heard.header("retry-after").map(|text| text.parse().unwrap());
            assert!(wait.is_none_or(|wait| (1..=60).contains(&wait)), "{wait:?}");
            let heard = told(["404-model", "404-model"]).await;
            assert_eq!((heard.status, heard.header("retry-after")), (404, None));
            assert_eq!(heard.header("x-should-retry"), Some("false"));
            let heard = told(["overloaded", "overloaded"]).await;
            let (status, kind) = match dialect {
                Dialect::Chat | Dialect::Responses => (503, "service_unavailable_error"),
                Dialect::Messages => (529, "overloaded_error"),
            };
            assert_eq!(
                (heard.status, heard.json()["error"]["type"].as_str()),
                (status, Some(kind))
            );
            // What may pass is told before what will not.
            let heard = told(["404-model", "status-500"]).await;
            assert_eq!((heard.status, heard.header("x-should-retry")), (500, None));
        }
    }
}

#[tokio::test]
async fn where_nobody_spoke_the_words_are_ours() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let nobody = format!("http://{}/v1", unused_addr());
            let world = Plan::new(alone(dialect, "")).at("a", nobody).start().await;
            let heard = world.ask(dialect, shape, "any").await;
            assert_eq!((heard.status, heard.code().as_str()), (502, "BS0301"));
            let id = heard.header("x-backstop-request-id").expect("an id").to_owned();
            assert!(heard.text().contains(&id), "{}", heard.text());
            assert!(heard.text().contains("a/any refuses connections"), "{}", heard.text());
            assert_eq!(heard.header("content-type"), Some("application/json"));
            let kind = match dialect {
                Dialect::Chat | Dialect::Responses => "server_error",
                Dialect::Messages => "api_error",
            };
            assert_eq!(heard.json()["error"]["type"], kind);
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn silence_on_every_side_ends_with_504() {
    each(async |dialect| {
        for shape in Shape::ALL {
            let settings = "deadlines.total = \"300ms\"\ndeadlines.patience = \"50ms\"\n\
                            deadlines.patience_whole = \"50ms\"\n";
            let text = pair(dialect, settings).replace("b/ok", "b/hang-before-head");
            let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
            let heard = world.ask(dialect, shape, "hang-before-head").await;
            assert_eq!((heard.status, heard.code().as_str()), (504, "BS0302"));
            assert_eq!(world.calls(), [1, 1], "a silent target is never asked again");
            world.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_content_filter_is_routed_around_only_where_that_is_wanted() {
    for dialect in Dialect::ALL {
        for (policy, status, calls) in [("return", 400, [1, 0]), ("next", 200, [1, 1])] {
            let text = pair(dialect, "") + &format!("content_filter = \"{policy}\"\n");
            let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
            let heard = world.ask(dialect, Shape::Whole, "400-content-filter").await;
            assert_eq!((heard.status, world.calls()), (status, calls.to_vec()));
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn a_refusal_in_an_answer_is_an_answer() {
    for (dialect, body) in [
        (
            Dialect::Chat,
            "{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"content_filter\"}]}",
        ),
        (Dialect::Messages, "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"refusal\"}"),
    ] {
        let canned = Canned::say("application/json", body).await;
        let text = pair(dialect, "") + "empty = \"next\"\n";
        let world = Plan::new(text).at("a", canned.base_url()).clouds(&["b"]).await.start().await;
        let heard = world.ask(dialect, Shape::Whole, "any").await;
        assert_eq!((heard.status, heard.text().as_str()), (200, body));
        assert_eq!(world.calls(), [0]);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_empty_answer_is_tried_elsewhere_only_where_that_is_wanted() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            for (policy, target) in [("return", "a/empty-answer"), ("next", "b/ok")] {
                let text = pair(dialect, "") + &format!("empty = \"{policy}\"\n");
                let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
                let heard = world.ask(dialect, shape, "empty-answer").await;
                assert_eq!(heard.header("x-backstop-target"), Some(target));
                assert!(Said::read(dialect, shape, &heard.body).expect("an answer").is_complete());
                world.stop().await;
            }
        }
    }
}

#[tokio::test]
async fn an_error_after_content_is_the_providers_own_and_the_last_byte() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, "").await;
        let heard = world.ask(dialect, Shape::Stream, "error-after-3-overloaded").await;
        let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
        let seen = &world.a().log()[0];
        let sent = sent(world.a(), seen, heard.took);
        assert!(sent.contains(&heard.body), "nothing is added: {}", heard.text());
        assert!(said.error.is_some() && said.text == "[a] w0 w1 w2");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_cut_after_content_is_told_in_our_words_with_the_trail() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, "").await;
        let heard = world.ask(dialect, Shape::Stream, "cut-after-3").await;
        let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
        assert_eq!(said.text, "[a] w0 w1 w2");
        let error = said.error.expect("an error").to_string();
        assert!(error.contains("BS0304"), "{error}");
        assert!(heard.whole && said.comments.iter().any(|it| it.contains("trail=a/cut-after-3")));
        assert_eq!(world.calls(), [1, 0]);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_told_nothing_useful_says_so() {
    // 200, a content type that fits, and something else entirely.
    for (dialect, body) in [(Dialect::Chat, "{\"ok\":true}"), (Dialect::Messages, "[1,2]")] {
        let canned = Canned::say("application/json", body).await;
        let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
        let heard = world.ask(dialect, Shape::Whole, "any").await;
        assert_eq!((heard.status, heard.code().as_str()), (502, "BS0306"));
        world.stop().await;
    }
}

/// Model names come from callers, and stand in headers and comments of ours.
#[tokio::test]
async fn a_models_name_cannot_break_out() {
    each(async |dialect| {
        for shape in Shape::ALL {
            let world = World::single(dialect, "server.ping_every = \"100ms\"\n").await;
            world.a().set(Fault::from_model("slow-first-250ms"));
            let name = "é\r\nx-forged: 1\r\n\r\ndata: [DONE]\n\n";
            let heard = world.ask(dialect, shape, name).await;
            assert_eq!((heard.status, heard.header("x-forged")), (200, None));
            let said = Said::read(dialect, shape, &heard.body).expect("an answer");
            assert!(said.is_complete() && said.cloud() == "a", "{}", heard.text());
            assert_eq!(world.a().log()[0].model, name);
            assert_eq!(world.record().await.model, name);
            world.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_hundred_at_once_get_their_own_answers() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, "retry.reserve = 10000\n").await;
        let mut calls = Vec::new();
        for place in 0..100 {
            let model = ["ok", "once-status-500", "status-501", "ok+tools", "cut-before-content"];
            let shape = Shape::ALL[place % 2];
            let model = format!("{}+tokens-{}", model[place % 5], place + 1);
            calls.push((place, shape, world.send(&Request::ask(dialect, shape, &model)).await));
        }
        for (place, shape, call) in calls {
            let heard = call.finish().await;
            let said = Said::read(dialect, shape, &heard.body).expect("an answer");
            assert!(said.is_complete(), "{}", heard.text());
            let last = if said.cloud() == "b" { 11 } else { place };
            let own = said.text.ends_with(&format!("w{last}")) || said.tools.len() == 1;
            assert!(own, "{place}: {}", heard.text());
        }
        let mut ids: Vec<String> = world.records(100).await.into_iter().map(|it| it.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 100);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_error_is_numbered_behind_the_last_event_and_not_behind_a_comment() {
    let events = [
        r#"{"type":"response.created","sequence_number":4,"response":{"id":"resp_1","output":[]}}"#,
        r#"{"type":"response.output_item.added","sequence_number":5,"output_index":0,"item":{"type":"message","id":"m","content":[]}}"#,
        r#"{"type":"response.content_part.added","sequence_number":6,"item_id":"m","output_index":0,"content_index":0,"part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","sequence_number":7,"item_id":"m","output_index":0,"content_index":0,"delta":"So:"}"#,
    ];
    let kind = |event: &str| serde_json::from_str::<serde_json::Value>(event).expect("JSON");
    let frame = |event: &&str| {
        format!("event: {}\ndata: {event}\n\n", kind(event)["type"].as_str().expect("a type"))
    };
    let body: String = events.iter().map(frame).collect();
    let canned = Canned::say("text/event-stream", body + ": ping\n\n").await;
    let dialect = Dialect::Responses;
    let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
    let heard = world.ask(dialect, Shape::Stream, "any").await;
    let said = Said::read(dialect, Shape::Stream, &heard.body).expect("numbers that go up");
    assert_eq!(said.text, "So:");
    assert!(said.error.is_some() && heard.text().contains("\"sequence_number\":8"));
    world.stop().await;
}
