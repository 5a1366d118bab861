//! Patience: beside a silent target the next one starts, and nothing that is merely slow is killed.

use crate::world::{LIMIT, Plan, Request, Said, World, each, pair, path, plain};
use drill::provider::{End, Provider};
use ir::{Dialect, Ending, Shape};
use std::time::{Duration, Instant};

/// When the client of a cloud's first request was gone.
pub(super) async fn gone(cloud: &Provider) -> Instant {
    let left = |seen: &drill::provider::Seen| match seen.ended {
        Some(End::ClientGone { after, .. }) => Some(seen.at + after),
        Some(End::Done | End::Reset | End::Fin) | None => None,
    };
    let seen = cloud.wait_for(|log| log.iter().any(|seen| left(seen).is_some()), LIMIT).await;
    assert!(seen, "nobody left: {:?}", cloud.log());
    cloud.log().iter().find_map(left).expect("it was seen")
}

/// Within this a loser, or what nobody waits for any more, is cancelled.
pub(super) const SOON: Duration = Duration::from_millis(100);

/// The middle one: a machine that stutters once does not fail a test.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

const IMPATIENT: &str = "deadlines.patience = \"60ms\"\ndeadlines.patience_whole = \"60ms\"\n";

#[tokio::test]
async fn beside_a_silent_target_the_next_one_starts_and_the_loser_is_cancelled() {
    each(async |dialect| {
        for shape in Shape::ALL {
            let mut cancelled = Vec::new();
            for model in ["hang-before-head", "silent-200", "hang-before-head"] {
                let world = World::pair(dialect, IMPATIENT).await;
                let heard = world.ask(dialect, shape, model).await;
                assert_eq!(heard.header("x-backstop-target"), Some("b/ok"));
                let left = gone(world.a()).await;
                let began = world.b().log()[0].at;
                // The content of `b` came after it began.
                cancelled.push(left.saturating_duration_since(began));
                let record = world.record().await;
                let outcomes: Vec<_> = record.attempts.iter().map(|it| it.outcome).collect();
                assert_eq!(outcomes, ["lost", "ok"]);
                let trail = heard.header("x-backstop-trail").expect("a trail");
                assert!(trail.ends_with("b/ok=ok"), "{trail}");
                world.stop().await;
            }
            assert!(median(cancelled.clone()) <= SOON, "{cancelled:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_target_that_is_alone_is_left_in_peace() {
    each(async |dialect| {
        for shape in Shape::ALL {
            let world = World::single(dialect, IMPATIENT).await;
            let heard = world.ask(dialect, shape, "slow-first-400ms").await;
            let said = Said::read(dialect, shape, &heard.body).expect("an answer");
            assert!(said.is_complete() && said.cloud() == "a");
            assert_eq!(world.calls(), [1]);
            assert_eq!(world.record().await.ending, Ending::Answered);
            world.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_target_wins_over_one_that_says_nothing() {
    each(async |dialect| {
        for shape in Shape::ALL {
            let text = pair(dialect, IMPATIENT).replace("b/ok", "b/silent-200");
            let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
            let heard = world.ask(dialect, shape, "slow-first-400ms").await;
            let said = Said::read(dialect, shape, &heard.body).expect("an answer");
            assert!(said.is_complete() && said.cloud() == "a", "{}", heard.text());
            gone(world.b()).await;
            assert_eq!(world.calls(), [1, 1]);
            world.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn thinking_and_plain_answers_are_given_more_time() {
    let settings = "deadlines.patience = \"50ms\"\n";
    let thinks = [
        (Dialect::Chat, "\"reasoning_effort\":\"high\""),
        (Dialect::Messages, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}"),
    ];
    for (dialect, field) in thinks {
        let text = plain(&pair(dialect, settings));
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let model = "slow-first-300ms";
        world.ask(dialect, Shape::Whole, model).await;
        let body = format!(
            "{{\"model\":\"{model}\",\"stream\":true,\"max_tokens\":9,{field},\"messages\":[]}}"
        );
        world.hear(&Request::post(path(dialect), body)).await;
        assert_eq!(world.calls(), [2, 0]);
        world.ask(dialect, Shape::Stream, model).await;
        assert_eq!(world.calls(), [3, 1], "for a plain stream it is short");
        world.stop().await;
    }
}

#[tokio::test]
async fn the_hard_limit_ends_what_patience_spares() {
    each(async |dialect| {
        let settings = "deadlines.first_content = \"200ms\"\ndeadlines.patience = \"50ms\"\n";
        let world = World::single(dialect, settings).await;
        let heard = world.ask(dialect, Shape::Stream, "pings-only").await;
        assert_eq!((heard.status, heard.code().as_str()), (504, "BS0302"));
        assert_eq!(world.calls(), [1], "what was silent is not asked again");
        world.stop().await;
    })
    .await;
}

/// A caller that does not read holds its provider up, and nobody takes that for a stall.
#[tokio::test]
async fn a_slow_reader_is_no_stall() {
    let world = World::single(Dialect::Chat, "deadlines.idle = \"500ms\"\n").await;
    // 25 MB are more than all the buffers on the way take.
    let request = Request::ask(Dialect::Chat, Shape::Stream, "ok+tokens-100000");
    let mut call = world.send(&request).await;
    assert!(call.until("w0").await);
    // Meanwhile several idle limits go by.
    let other = world.ask(Dialect::Chat, Shape::Whole, "slow-head-1500ms").await;
    assert_eq!((other.status, world.a().log()[0].ended), (200, None), "it waits for us");
    let heard = call.finish().await;
    let said = Said::read(Dialect::Chat, Shape::Stream, &heard.body).expect("a stream");
    assert!(said.is_complete() && said.text.ends_with("w99999"));
    world.stop().await;
}
