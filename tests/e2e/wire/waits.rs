//! Waits that a target asks for: short ones are waited out on it, long ones send us on.

use crate::world::{Plan, World, alone, each, pair};
use drill::provider::Provider;
use ir::{Dialect, Shape};
use std::time::Duration;

/// From the first request that a cloud saw to the second.
fn gap(cloud: &Provider) -> Duration {
    let log = cloud.log();
    log[1].at - log[0].at
}

async fn waited_out(dialect: Dialect, model: &str, least_ms: u64) {
    let world = World::pair(dialect, "").await;
    let heard = world.ask(dialect, Shape::Stream, model).await;
    assert_eq!(world.calls(), [2, 0], "{model}: {heard:?}");
    let waited = gap(world.a());
    assert!(waited >= Duration::from_millis(least_ms), "{model}: {waited:?}");
    let target = format!("a/{model}");
    assert_eq!(heard.header("x-backstop-target"), Some(target.as_str()));
    world.stop().await;
}

#[tokio::test]
async fn a_short_wait_is_waited_out_on_the_same_target() {
    each(async |dialect| {
        tokio::join!(
            waited_out(dialect, "once-status-429+retry-after-ms-80", 80),
            waited_out(dialect, "once-status-503+retry-after-ms-80", 80),
            waited_out(dialect, "once-status-429+retry-after-1", 1000),
            // A reset, or a date, in whole seconds of the wall clock: one second may be over soon,
            // and two are one at least.
            waited_out(dialect, "once-status-429+limit-reset-1", 0),
            waited_out(dialect, "once-status-429+retry-after-date", 1000),
        );
    })
    .await;
}

#[tokio::test]
async fn a_long_wait_sends_us_on_at_once() {
    for model in [
        "status-429+retry-after-4",
        "status-429+retry-after-30",
        "status-503+retry-after-30",
        "status-529+retry-after-30",
        "status-429+limit-reset-30",
    ] {
        for dialect in Dialect::ALL {
            let world = World::pair(dialect, "").await;
            let heard = world.ask(dialect, Shape::Whole, model).await;
            assert_eq!(heard.header("x-backstop-target"), Some("b/ok"));
            assert_eq!(world.calls(), [1, 1], "{model}");
            // It asked to be left alone, and is.
            world.ask(dialect, Shape::Whole, model).await;
            assert_eq!(world.calls(), [1, 2], "{model}");
            let records = world.records(2).await;
            assert_eq!(records[1].skipped.len(), 1, "{:?}", records[1]);
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn an_explicit_word_about_the_same_target_is_obeyed() {
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "").await;
        let heard = world.ask(dialect, Shape::Whole, "once-status-429+should-retry-false").await;
        assert_eq!((heard.status, world.calls()), (429, vec![1]));
        world.stop().await;
        let world = World::single(dialect, "").await;
        let heard = world.ask(dialect, Shape::Whole, "once-status-429+should-retry-true").await;
        assert_eq!((heard.status, world.calls()), (200, vec![2]));
        world.stop().await;
    }
}

#[tokio::test]
async fn a_local_model_that_loads_is_waited_for() {
    for dialect in Dialect::ALL {
        let text = alone(dialect, "").replace("local = false", "local = true");
        let world = Plan::new(text).clouds(&["a"]).await.start().await;
        let heard = world.ask(dialect, Shape::Stream, "once-loading").await;
        assert_eq!((heard.status, world.calls()), (200, vec![2]), "{}", heard.text());
        world.stop().await;
        // Where somebody else is well, nobody waits.
        let text = pair(dialect, "").replacen("local = false", "local = true", 1);
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        world.ask(dialect, Shape::Stream, "once-loading").await;
        assert_eq!(world.calls(), [1, 1]);
        world.stop().await;
    }
}
