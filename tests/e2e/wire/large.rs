//! Sizes that hurt: overlong whole answers, lines without end, floods that nobody reads.

use crate::world::{Act, Canned, Plan, Said, World, alone, each, pair, plain, sent};
use ir::{Dialect, Ending, Shape};
use serde_json::Value;

#[tokio::test]
async fn an_overlong_whole_answer_is_relayed_as_it_comes() {
    for dialect in Dialect::ALL {
        let text = plain(&alone(dialect, "server.answer_max = \"64KiB\"\n"));
        let world = Plan::new(text).clouds(&["a"]).await.start().await;
        let heard = world.ask(dialect, Shape::Whole, "big-answer-1MiB").await;
        assert!(heard.status == 200 && heard.whole);
        let expect = sent(world.a(), &world.a().log()[0], heard.took);
        assert!(expect.contains(&heard.body), "{} bytes", heard.body.len());
        assert!(Said::read(dialect, Shape::Whole, &heard.body).expect("an answer").is_complete());
        assert_eq!(world.record().await.ending, Ending::Answered);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_overlong_watched_answer_is_an_honest_error() {
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "server.answer_max = \"8KiB\"\n").await;
        let heard = world.ask(dialect, Shape::Whole, "ok+tokens-5000").await;
        assert_eq!((heard.status, heard.code().as_str()), (502, "BS0312"), "{}", heard.text());
        assert_eq!(world.record().await.ending, Ending::Failed);
        // What is held is the answer, not its frames, which are many times as long.
        assert_eq!(world.ask(dialect, Shape::Whole, "ok+tokens-500").await.status, 200);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_cut_within_it_breaks_the_connection() {
    const HALF: usize = 256 << 10;
    let length = format!("content-length: {}\r\n\r\n", 2 * HALF);
    for (framing, tail) in [
        (length.as_str(), ""),
        ("transfer-encoding: chunked\r\n\r\n80000\r\n", ""),
        // HTTP calls these ends; the document says that they are none.
        ("transfer-encoding: chunked\r\n\r\n40000\r\n", "\r\n0\r\n\r\n"),
        ("connection: close\r\n\r\n", ""),
    ] {
        for dialect in Dialect::ALL {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{framing}");
            let mut half = b"{\"id\":\"\\\"}".to_vec();
            half.resize(HALF, b'}');
            let acts = [head.into_bytes(), half, tail.as_bytes().to_vec()].map(Act::Send).to_vec();
            let canned = Canned::start(acts).await;
            let text = alone(dialect, "server.answer_max = \"64KiB\"\n");
            let world = Plan::new(text).at("a", canned.base_url()).start().await;
            let heard = world.ask(dialect, Shape::Whole, "any").await;
            assert_eq!(heard.status, 200);
            assert!(!heard.whole, "a cut must not pass for complete");
            assert!(heard.body.len() > 64 << 10 && heard.body.len() <= HALF);
            assert_eq!(world.record().await.ending, Ending::Broken);
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn a_line_without_end_is_an_error_and_not_a_grave() {
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "retry.per_target = 1\n").await;
        let heard = world.ask(dialect, Shape::Stream, "endless-line").await;
        assert_eq!((heard.status, heard.code().as_str()), (502, "BS0306"));
        assert_eq!(world.ask(dialect, Shape::Stream, "ok").await.status, 200);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_endless_error_body_does_not_hold_the_decision_up() {
    for dialect in Dialect::ALL {
        let mut acts = vec![Act::Send(
            b"HTTP/1.1 501 Not Implemented\r\ncontent-type: application/json\r\n\
              transfer-encoding: chunked\r\n\r\n"
                .to_vec(),
        )];
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536)).into_bytes();
        acts.extend(std::iter::repeat_n(Act::Send(chunk), 64));
        acts.push(Act::Hang);
        let canned = Canned::start(acts).await;
        let text = pair(dialect, "");
        let plan = Plan::new(text).at("a", canned.base_url());
        let world = plan.clouds(&["b"]).await.start().await;
        let heard = world.ask(dialect, Shape::Stream, "any").await;
        assert_eq!(heard.header("x-backstop-target"), Some("b/ok"));
        world.stop().await;
    }
}

/// Promise: half of what a provider said of its refusal does not pass for all of it.
#[tokio::test]
async fn half_an_error_is_told_in_words_of_ours() {
    const HALF: &str = r#"{"error":{"message":"half of a sen"#;
    let length = format!("content-length: 500\r\n\r\n{HALF}");
    let chunks = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{HALF}", HALF.len());
    let endless =
        format!("transfer-encoding: chunked\r\n\r\n200000\r\n{HALF}{}", "x".repeat(2 << 20));
    each(async |dialect| {
        for status in [400, 422, 429, 500] {
            for (framed, end) in [(&length, None), (&chunks, None), (&endless, Some(Act::Hang))] {
                let head = format!("HTTP/1.1 {status} No\r\ncontent-type: application/json\r\n");
                let said = Act::Send((head + framed).into_bytes());
                let canned = Canned::start([said].into_iter().chain(end).collect()).await;
                let plan = Plan::new(alone(dialect, "retry.per_target = 1\n"));
                let world = plan.at("a", canned.base_url()).start().await;
                let heard = world.ask(dialect, Shape::Whole, "any").await;
                assert_eq!(heard.status, status, "{}", heard.text());
                assert!(heard.whole && !heard.text().contains("half of"), "{}", heard.text());
                let body: Value = serde_json::from_slice(&heard.body).expect("a document");
                assert!(body["error"]["message"].as_str().is_some_and(|it| !it.is_empty()));
                world.stop().await;
            }
        }
    })
    .await;
}
