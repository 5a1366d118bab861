//! Breakers: what is known to be down is not asked, and asked again when it is back.

use crate::world::{Heard, LIMIT, Plan, Request, World, pair, provider};
use drill::provider::{Fault, Provider, unused_addr};
use ir::{Dialect, Shape};
use std::time::Instant;

fn fault(name: &str) -> Fault {
    Fault::from_model(name).expect("a fault")
}

fn target(heard: &Heard) -> &str {
    heard.header("x-backstop-target").unwrap_or_default()
}

/// What opened stays open for as long as a test lasts.
const FOR_GOOD: &str = "breaker.open = \"1h\"\nbreaker.open_max = \"1h\"\nbreaker.probe = \"1h\"\n";

/// Free probes that a cloud has seen.
fn probes(cloud: &Provider) -> usize {
    cloud.log().iter().filter(|seen| seen.method == "GET").count()
}

#[tokio::test]
async fn an_outage_of_fifteen_requests_costs_six_attempts_at_most() {
    for outage in ["status-500", "overloaded", "reset-before-head", "cut-before-content"] {
        for dialect in Dialect::ALL {
            let world = World::pair(dialect, FOR_GOOD).await;
            world.a().set(Some(fault(outage)));
            for _ in 0..15 {
                let heard = world.ask(dialect, Shape::Stream, "ok").await;
                assert_eq!((heard.status, target(&heard)), (200, "b/ok"), "{outage}");
            }
            let calls = world.calls();
            assert!((5..=6).contains(&calls[0]) && calls[1] == 15, "{outage}: {calls:?}");
            assert_eq!(world.gateway().unwell(), [("a/ok".to_owned(), "open")]);
            let last = world.records(15).await.remove(14);
            assert_eq!((last.attempts.len(), &*last.skipped[0].0), (1, "a/ok"));
            let heard = world.ask(dialect, Shape::Stream, "ok").await;
            assert_eq!(heard.header("x-backstop-trail"), Some("a/ok=open,b/ok=ok"));
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn the_callers_own_faults_open_nothing() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, "").await;
        for _ in 0..12 {
            world.ask(dialect, Shape::Whole, "400-invalid").await;
        }
        assert!(world.gateway().unwell().is_empty());
        assert_eq!(world.calls(), [12, 0]);
        world.stop().await;
    }
}

#[tokio::test]
async fn it_comes_back_by_a_free_probe_and_a_trial() {
    for dialect in Dialect::ALL {
        let settings = "breaker.open = \"10ms\"\nbreaker.open_max = \"10ms\"\n\
                        breaker.probe = \"100ms\"\n";
        let world = World::pair(dialect, settings).await;
        world.a().set(Some(fault("status-500")));
        for _ in 0..5 {
            assert_eq!(target(&world.ask(dialect, Shape::Stream, "ok").await), "b/ok");
        }
        assert_eq!(world.gateway().unwell(), [("a/ok".to_owned(), "open")]);
        // A probe finds it down still, and so nobody is sent there.
        assert!(world.a().wait_for(|log| log.iter().any(|it| it.method == "GET"), LIMIT).await);
        let calls = world.calls();
        for _ in 0..5 {
            assert_eq!(target(&world.ask(dialect, Shape::Stream, "ok").await), "b/ok");
        }
        assert_eq!(world.calls(), [calls[0], calls[1] + 5]);
        world.a().set(None);
        let before = probes(world.a());
        let began = Instant::now();
        loop {
            let heard = world.ask(dialect, Shape::Stream, "ok").await;
            assert_eq!(heard.status, 200, "a trial is nobody's risk");
            if target(&heard) == "a/ok" {
                break;
            }
            assert!(began.elapsed() < LIMIT, "it never came back");
        }
        assert!(before < probes(world.a()), "a probe said so first");
        for _ in 0..8 {
            assert_eq!(target(&world.ask(dialect, Shape::Stream, "ok").await), "a/ok");
        }
        assert!(world.gateway().unwell().is_empty(), "{:?}", world.gateway().unwell());
        world.stop().await;
    }
}

#[tokio::test]
async fn where_all_are_open_the_least_bad_is_tried() {
    for dialect in Dialect::ALL {
        let text = pair(dialect, &format!("{FOR_GOOD}retry.reserve = 10000\n"));
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        for cloud in [world.a(), world.b()] {
            cloud.set(Some(fault("status-500")));
        }
        for _ in 0..5 {
            assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.status, 500);
        }
        assert_eq!(world.gateway().unwell().len(), 2);
        for cloud in [world.a(), world.b()] {
            cloud.set(None);
        }
        let heard = world.ask(dialect, Shape::Whole, "ok").await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        world.stop().await;
    }
}

#[tokio::test]
async fn a_network_that_is_down_is_nobodys_fault_out_there() {
    for dialect in Dialect::ALL {
        let home = provider(dialect, "home").replace("local = false", "local = true");
        let (a, b) = (provider(dialect, "a"), provider(dialect, "b"));
        let chain = "chain = [\"a/*\", \"b/*\", \"home/ok\"]";
        let text = format!("{a}{b}{home}[models.\"*\"]\n{chain}\n");
        let nobody = || format!("http://{}/v1", unused_addr());
        let plan = Plan::new(text).at("a", nobody()).at("b", nobody());
        let world = plan.clouds(&["home"]).await.start().await;
        for place in 0..12 {
            let heard = world.ask(dialect, Shape::Stream, "ok").await;
            assert_eq!((heard.status, target(&heard)), (200, "home/ok"));
            let record = world.records(place + 1).await.remove(place);
            if 0 < place {
                assert_eq!(&*record.attempts[0].target, "home/ok", "the local one comes first");
            }
        }
        assert!(world.gateway().unwell().is_empty(), "{:?}", world.gateway().unwell());
        world.stop().await;
    }
}

#[tokio::test]
async fn one_host_that_is_down_is_not_the_network() {
    for dialect in Dialect::ALL {
        let nobody = format!("http://{}/v1", unused_addr());
        let text = pair(dialect, FOR_GOOD);
        let world = Plan::new(text).at("a", nobody).clouds(&["b"]).await.start().await;
        for _ in 0..8 {
            assert_eq!(target(&world.ask(dialect, Shape::Stream, "ok").await), "b/ok");
        }
        let last = world.records(8).await.remove(7);
        assert_eq!((last.attempts.len(), last.skipped[0].1), (1, "host_down"));
        world.stop().await;
    }
}

#[tokio::test]
async fn the_retry_budget_bounds_an_outage_but_never_a_failover() {
    for dialect in Dialect::ALL {
        let settings = "retry.reserve = 0\nretry.ratio = 0.0\n";
        let world = World::pair(dialect, settings).await;
        let heard = world.ask(dialect, Shape::Stream, "status-500").await;
        assert_eq!((target(&heard), world.calls()), ("b/ok", vec![1, 1]), "no repetition");
        let request = Request::ask(dialect, Shape::Stream, "cut-before-content");
        assert_eq!(target(&world.hear(&request).await), "b/ok");
        assert_eq!(world.calls(), [2, 2]);
        world.stop().await;
    }
}
