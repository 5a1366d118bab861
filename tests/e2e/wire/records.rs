//! Records: exactly one per request, in every outcome, and honest about what is not known.

use crate::world::{Request, World, path};
use ir::{Dialect, Ending, Shape, Tokens, Usage};

#[tokio::test]
async fn one_record_per_request_in_every_outcome() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let world = World::pair(dialect, "retry.per_target = 1\n").await;
            let after = if shape == Shape::Stream { Ending::Broken } else { Ending::Answered };
            for (place, (model, ending, outcomes)) in [
                ("ok", Ending::Answered, vec!["ok"]),
                ("status-500", Ending::Answered, vec!["server_error", "ok"]),
                ("400-invalid", Ending::Rejected, vec!["invalid_request"]),
                ("cut-after-3", after, vec!["cut", "ok"]),
            ]
            .into_iter()
            .enumerate()
            {
                let heard = world.ask(dialect, shape, model).await;
                let record = world.records(place + 1).await.remove(place);
                let told: Vec<_> = record.attempts.iter().map(|it| it.outcome).collect();
                let broken = ending == Ending::Broken;
                assert_eq!(told, if broken { &outcomes[..1] } else { &outcomes[..] }, "{model}");
                assert_eq!((record.ending, record.status), (ending, heard.status));
                assert_eq!((record.dialect, record.shape), (dialect, shape));
                assert_eq!(record.model, model);
                assert_eq!(record.bytes_out, heard.body.len() as u64, "{model}");
            }
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn refusals_at_the_edge_are_recorded_too() {
    let world = World::pair(Dialect::Messages, "").await;
    let request = Request::post("/v1/messages", "{");
    assert_eq!(world.hear(&request).await.status, 400);
    let record = world.record().await;
    assert_eq!(
        (record.ending, record.status, record.code),
        (Ending::Rejected, 400, Some("BS0101"))
    );
    assert!(record.attempts.is_empty() && record.blame == Some("caller"));
    world.stop().await;
}

/// What every whole answer of the drill costs.
const EXACT: Usage =
    Usage::Exact(Tokens { input: 11, cache_read: 5, cache_write: 3, output: 12, reasoning: 0 });

#[tokio::test]
async fn usage_is_exact_estimated_or_unknown() {
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "").await;
        world.ask(dialect, Shape::Whole, "ok").await;
        world.ask(dialect, Shape::Stream, "ok").await;
        let body = "{\"model\":\"ok\",\"stream\":true,\"max_tokens\":9,\"messages\":[],\
                    \"stream_options\":{\"include_usage\":true}}";
        let heard = world.hear(&Request::post(path(dialect), body)).await;
        let told = match dialect {
            Dialect::Chat => "\"completion_tokens\":12",
            Dialect::Messages | Dialect::Responses => "\"output_tokens\":12",
        };
        assert!(heard.text().contains(told), "{}", heard.text());
        world.ask(dialect, Shape::Stream, "cut-after-3").await;
        world.ask(dialect, Shape::Stream, "400-invalid").await;
        let records = world.records(5).await;
        let usage: Vec<Usage> = records.iter().map(|record| record.usage).collect();
        assert_eq!(usage[0], EXACT);
        // Chat says nothing in a stream unless it is asked to; nobody asks for the caller.
        assert_eq!(usage[1], if dialect == Dialect::Chat { Usage::Unknown } else { EXACT });
        assert_eq!(usage[2], EXACT);
        assert!(matches!(usage[3], Usage::Estimated(Tokens { output: 3, .. })), "{:?}", usage[3]);
        assert_eq!(usage[4], Usage::Unknown);
        world.stop().await;
    }
}

#[tokio::test]
async fn attempts_say_what_was_seen() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, "").await;
        world.ask(dialect, Shape::Stream, "reset-before-head").await;
        let record = world.record().await;
        let [first, again, served] = record.attempts.as_slice() else { panic!("{record:?}") };
        for lost in [first, again] {
            assert_eq!((&*lost.target, lost.status), ("a/reset-before-head", None));
            assert!(lost.ambiguous_billing && lost.head_ms.is_none());
            assert_eq!((lost.blame, lost.outcome), (Some("provider"), "reset"));
        }
        assert_eq!((&*served.target, served.status, served.blame), ("b/ok", Some(200), None));
        assert!(served.upstream_id.as_deref().is_some_and(|id| id.starts_with("req_")));
        assert!(served.first_content_ms.is_some() && !served.ambiguous_billing);
        assert!(record.first_content_ms.is_some() && record.total_ms >= served.began_ms);
        assert_eq!(record.target.as_deref(), Some("b/ok"));
        world.stop().await;
    }
}
