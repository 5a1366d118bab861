//! More than can be carried, and requests that have no one meaning: refused at once, in the caller's
//! dialect, with their code and a record.

use crate::world::{Call, Request, World, each, path};
use ir::{Dialect, Ending, Shape};

#[tokio::test]
async fn a_request_without_one_meaning_is_refused() {
    each(async |dialect| {
        let world = World::pair(dialect, "").await;
        let ask = || Request::ask(dialect, Shape::Whole, "ok");
        let odd = [
            ask().header("transfer-encoding", "chunked"),
            ask().header("host", "localhost").header("host", "localhost"),
            ask().header("host", ""),
            ask().header("host", "localhost/v1"),
            ask().header("upgrade", "websocket").header("connection", "upgrade"),
            ask().at(&format!("http://elsewhere{}", path(dialect))),
        ];
        let count = odd.len();
        for request in odd {
            let heard = world.hear(&request).await;
            assert_eq!((heard.status, heard.code().as_str()), (400, "BS0116"), "{}", heard.text());
            assert_eq!(heard.header("connection"), Some("close"));
            assert_eq!(heard.header("x-should-retry"), Some("false"));
        }
        for record in world.records(count).await {
            assert_eq!((record.code, record.ending), (Some("BS0116"), Ending::Rejected));
        }
        assert_eq!(world.calls(), [0, 0], "nobody was asked");
        for path in ["/", "/health", "/ready", "/v1/models", "/v1/models/x"] {
            let heard = world.hear(&Request::get(path).header("host", "a b")).await;
            assert_eq!((heard.status, heard.code().as_str()), (400, "BS0116"), "{path}");
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn more_than_may_be_under_way_is_told_to_come_back() {
    each(async |dialect| {
        let settings = "server.requests_max = 1\nserver.queue_max = 0";
        let world = World::single(dialect, settings).await;
        let busy = occupy(&world, dialect).await;
        let heard = world.ask(dialect, Shape::Whole, "ok").await;
        assert_eq!((heard.status, heard.code().as_str()), (503, "BS0202"), "{}", heard.text());
        assert_eq!(heard.header("retry-after"), Some("1"));
        assert_eq!(heard.header("x-should-retry"), None);
        // Whoever watches over it is answered all the same.
        for path in ["/health", "/ready", "/v1/models"] {
            assert_eq!(world.hear(&Request::get(path)).await.status, 200, "{path}");
        }
        let record = world.record().await;
        assert_eq!((record.code, record.blame), (Some("BS0202"), Some("gateway")));
        assert_eq!((record.ending, record.status), (Ending::Failed, 503));
        // The place of whoever leaves is free.
        drop(busy);
        world.records(2).await;
        assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.status, 200);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn some_wait_for_their_turn() {
    each(async |dialect| {
        let settings = "server.requests_max = 1\nserver.queue_max = 1\nserver.queue_wait = \"20s\"";
        let world = World::single(dialect, settings).await;
        let busy = occupy(&world, dialect).await;
        let waits = world.send(&Request::ask(dialect, Shape::Whole, "ok")).await;
        while world.gateway().load() != (1, 1) {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.status, 503, "the line is full");
        assert_eq!(world.calls(), [1], "who waits is not asked for yet");
        drop(busy);
        assert_eq!(waits.finish().await.status, 200);
        world.stop().await;
    })
    .await;
}

/// A request that stays under way until it is dropped.
async fn occupy(world: &World, dialect: Dialect) -> Call {
    let busy = world.send(&Request::ask(dialect, Shape::Whole, "hang-before-head")).await;
    while world.calls() != [1] {
        tokio::task::yield_now().await;
    }
    busy
}
