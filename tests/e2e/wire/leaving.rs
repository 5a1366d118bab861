//! The caller leaves: every attempt is cancelled at once, as the provider's log shows.

use super::patience::{SOON, gone, median};
use crate::world::{Call, LIMIT, Plan, Request, World, alone, each, pair, path, plain};
use drill::provider::{End, Seen};
use ir::{Dialect, Ending, Shape};
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Leaves once `ready`, and tells how long the cloud was still asked.
async fn leave(dialect: Dialect, shape: Shape, settings: &str, model: &str, sign: Option<&str>) {
    let mut times = Vec::new();
    for _ in 0..3 {
        let world = World::single(dialect, settings).await;
        let mut call = world.send(&Request::ask(dialect, shape, model)).await;
        match sign {
            Some(sign) => assert!(call.until(sign).await, "{sign:?} never came"),
            None => assert!(world.a().wait_for(|log| log.len() == 1, LIMIT).await),
        }
        drop(call);
        let left = Instant::now();
        times.push(gone(world.a()).await.saturating_duration_since(left));
        let record = world.record().await;
        assert_eq!((record.ending, record.blame), (Ending::Abandoned, Some("caller")));
        assert_eq!(record.attempts[0].outcome, "abandoned");
        world.stop().await;
    }
    assert!(median(times.clone()) <= SOON, "{model}: {times:?}");
}

#[tokio::test]
async fn while_it_streams() {
    for dialect in Dialect::ALL {
        leave(dialect, Shape::Stream, "", "ok+tokens-2000+every-10ms", Some("w3")).await;
    }
}

#[tokio::test]
async fn while_a_whole_answer_is_made() {
    for dialect in Dialect::ALL {
        for model in ["hang-before-head", "stall-body"] {
            leave(dialect, Shape::Whole, "", model, None).await;
        }
    }
}

#[tokio::test]
async fn while_a_stream_is_held() {
    for dialect in Dialect::ALL {
        let pings = "server.ping_every = \"100ms\"\n";
        leave(dialect, Shape::Stream, "", "silent-200", None).await;
        leave(dialect, Shape::Stream, pings, "silent-200", Some("ping")).await;
        leave(dialect, Shape::Stream, pings, "hang-before-head", Some("ping")).await;
    }
}

/// A gateway with room for one, whose answer of 16 MiB is complete and of which little is taken.
async fn untaken(dialect: Dialect) -> (World, Call) {
    let text = plain(&alone(dialect, "server.requests_max = 1\nserver.queue_max = 0\n"));
    let world = Plan::new(text).clouds(&["a"]).await.start().await;
    let mut call = world.send(&Request::ask(dialect, Shape::Whole, "big-answer-16MiB")).await;
    assert_eq!(call.status().await, 200);
    let done = |log: &[Seen]| log.iter().any(|seen| seen.ended == Some(End::Done));
    assert!(world.a().wait_for(done, LIMIT).await);
    (world, call)
}

#[tokio::test]
async fn before_a_whole_answer_is_taken() {
    for dialect in Dialect::ALL {
        let (world, call) = untaken(dialect).await;
        // What is held for it has a place until it is gone.
        assert_eq!(world.gateway().load(), (1, 0));
        assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.code(), "BS0202");
        drop(call);
        let records = world.records(2).await;
        let left = records.iter().find(|it| it.code.is_none()).expect("its record");
        assert_eq!((left.ending, left.blame), (Ending::Abandoned, Some("caller")));
        assert_eq!((left.status, left.attempts[0].outcome), (200, "ok"));
        assert!((1..16 << 20).contains(&left.bytes_out), "{left:?}");
        assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.status, 200);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_whole_answer_that_we_cut_is_broken() {
    for dialect in Dialect::ALL {
        let (world, call) = untaken(dialect).await;
        world.gateway().end();
        drop(call);
        let record = world.record().await;
        assert_eq!((record.ending, record.blame), (Ending::Broken, Some("gateway")));
        assert_eq!((record.status, record.attempts[0].outcome), (200, "ok"));
        world.stop().await;
    }
}

#[tokio::test]
async fn while_several_are_asked() {
    each(async |dialect| {
        for shape in Shape::ALL {
            let settings = "deadlines.patience = \"50ms\"\ndeadlines.patience_whole = \"50ms\"\n";
            let text = pair(dialect, settings).replace("b/ok", "b/hang-before-head");
            let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
            let call = world.send(&Request::ask(dialect, shape, "hang-before-head")).await;
            let asked = |log: &[Seen]| log.len() == 1;
            assert!(
                world.a().wait_for(asked, LIMIT).await && world.b().wait_for(asked, LIMIT).await
            );
            drop(call);
            gone(world.a()).await;
            gone(world.b()).await;
            let record = world.record().await;
            let outcomes: Vec<_> = record.attempts.iter().map(|it| it.outcome).collect();
            assert_eq!(outcomes, ["abandoned", "abandoned"]);
            // It was the caller's doing, and nobody's health.
            assert!(world.gateway().unwell().is_empty());
            world.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn after_the_end_there_is_nothing_to_cancel() {
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "").await;
        for _ in 0..3 {
            // The end of the body comes with the last event: for what comes later nobody waits.
            let heard = world.ask(dialect, Shape::Stream, "ok+joined").await;
            assert!(heard.whole);
        }
        let done = |log: &[Seen]| log.iter().all(|seen| seen.ended == Some(End::Done));
        assert!(world.a().wait_for(done, LIMIT).await, "{:?}", world.a().log());
        assert_eq!(world.a().connections(), 1, "a finished answer gives its connection back");
        world.stop().await;
    }
}

#[tokio::test]
async fn while_the_question_is_still_coming() {
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "").await;
        let mut caller = TcpStream::connect(world.addr()).await.expect("a connection");
        let path = path(dialect);
        let half = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: 1000\r\n\r\n{{\"model\":"
        );
        caller.write_all(half.as_bytes()).await.expect("room");
        drop(caller);
        let record = world.record().await;
        assert_eq!(record.dialect, dialect);
        assert!(record.attempts.is_empty());
        // Whether the end or the break is seen first is the socket's business.
        let left = record.ending == Ending::Abandoned && record.status == 0;
        assert!(left || record.code == Some("BS0112"), "{record:?}");
        world.stop().await;
    }
}
