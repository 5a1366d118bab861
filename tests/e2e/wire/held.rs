//! What is held is kept alive: protocol-correct pings, then the answer or one error.

use crate::world::{
    Act, Canned, Heard, Plan, Request, Said, World, alone, each, pair, plain, sent,
};
use ir::{Dialect, Ending, Shape};

/// The shortest that can be configured.
const PINGS: &str = "server.ping_every = \"100ms\"\n";

/// How many bytes came before this text did.
fn before(heard: &Heard, text: &str) -> usize {
    heard.text().find(text).unwrap_or_else(|| panic!("no {text:?} in {}", heard.text()))
}

fn pings(dialect: Dialect, said: &Said) -> usize {
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            said.comments.iter().filter(|it| *it == "ping").count()
        }
        Dialect::Messages => said.pings,
    }
}

#[tokio::test]
async fn pings_and_then_the_answer() {
    each(async |dialect| {
        let world = World::single(dialect, PINGS).await;
        let heard = world.ask(dialect, Shape::Stream, "slow-first-700ms").await;
        let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
        assert!(said.is_complete() && said.text.ends_with("w11"), "{}", heard.text());
        let record = world.record().await;
        assert!(record.pings >= 2, "{record:?}");
        // The provider's own ping of Messages rides along.
        let theirs = usize::from(dialect == Dialect::Messages);
        assert_eq!(pings(dialect, &said), record.pings as usize + theirs);
        assert!(before(&heard, "ping") < before(&heard, "[a]"));
        assert_eq!(heard.header("content-type"), Some("text/event-stream"));
        assert!(heard.header("x-backstop-request-id").is_some());
        assert_eq!(heard.header("x-backstop-target"), None, "nobody had won when it was sent");
        let note = said.comments.iter().find(|it| it.contains("target=")).expect("a note");
        assert!(note.contains("target=a/slow-first-700ms trail=a/slow-first-700ms=ok"), "{note}");
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn pings_and_then_another_target() {
    each(async |dialect| {
        let world = World::pair(dialect, &format!("{PINGS}deadlines.patience = \"600ms\"\n")).await;
        let heard = world.ask(dialect, Shape::Stream, "silent-200").await;
        let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
        assert!(said.is_complete() && said.cloud() == "b", "{}", heard.text());
        assert!(pings(dialect, &said) >= 2);
        assert!(said.comments.iter().any(|it| it.contains("target=b/ok")), "{:?}", said.comments);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn pings_and_then_one_error() {
    each(async |dialect| {
        for model in ["hang-before-head", "silent-200"] {
            let settings = format!("{PINGS}deadlines.total = \"900ms\"\n");
            let world = World::single(dialect, &settings).await;
            let heard = world.ask(dialect, Shape::Stream, model).await;
            let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
            assert!(heard.status == 200 && heard.whole && !said.ended);
            let error = said.error.clone().expect("an error").to_string();
            assert!(error.contains("BS0302"), "{error}");
            assert!(pings(dialect, &said) >= 2);
            let trail = format!("trail=a/{model}=");
            assert!(said.comments.iter().any(|it| it.contains(&trail)), "{:?}", said.comments);
            assert!(!heard.text().contains("[DONE]") && !heard.text().contains("message_stop"));
            let record = world.record().await;
            assert_eq!((record.ending, record.status), (Ending::Failed, 200));
            world.stop().await;
        }
    })
    .await;
}

/// What came too late for a status of its own is told in the provider's words.
#[tokio::test]
async fn pings_and_then_a_refusal() {
    each(async |dialect| {
        let body = "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\
                    \"message\":\"messages.0 is odd\"}}";
        let length = body.len();
        let text = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        let canned = Canned::start(vec![Act::Gate, Act::Send(text.into_bytes())]).await;
        let plan = Plan::new(pair(dialect, PINGS)).at("a", canned.base_url());
        let world = plan.clouds(&["b"]).await.start().await;
        let mut call = world.send(&Request::ask(dialect, Shape::Stream, "any")).await;
        assert!(call.until("ping").await);
        canned.go();
        let heard = call.finish().await;
        let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
        assert!(heard.status == 200 && heard.whole && !said.ended);
        let error = said.error.expect("an error");
        assert_eq!(error["message"], "messages.0 is odd");
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!((world.calls(), canned.requests().len()), (vec![0], 1));
        assert_eq!(world.record().await.ending, Ending::Rejected);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_held_tool_call_is_kept_alive_and_comes_in_one_piece() {
    each(async |dialect| {
        let world = World::single(dialect, PINGS).await;
        let heard = world.ask(dialect, Shape::Stream, "tool-slow-130ms+text").await;
        let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
        assert!(said.is_complete() && said.text.ends_with("w11"), "{}", heard.text());
        let [(name, arguments)] = said.tools.as_slice() else { panic!("{said:?}") };
        assert_eq!(name, "get_weather");
        assert_eq!(arguments, r#"{"city":"Oslo","unit":"celsius"}"#);
        let record = world.record().await;
        assert!(record.pings >= 2, "{record:?}");
        // Whatever came before the call was complete holds none of it.
        let call = before(&heard, "get_weather");
        let piece = heard.pieces.iter().find(|piece| call < piece.end).expect("a piece");
        let whole = heard.body.get(..piece.end).is_some_and(|body| {
            let end = body.windows(8).any(|window| window == b"celsius\\");
            end || String::from_utf8_lossy(body).contains("ius")
        });
        assert!(whole, "{}", heard.text());
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn whole_answers_are_never_padded() {
    each(async |dialect| {
        let watched = alone(dialect, PINGS);
        for text in [plain(&watched), watched.clone()] {
            let world = Plan::new(&text).clouds(&["a"]).await.start().await;
            let heard = world.ask(dialect, Shape::Whole, "slow-head-350ms").await;
            let said = Said::read(dialect, Shape::Whole, &heard.body).expect("an answer");
            assert!(said.is_complete());
            let first = heard.pieces[0].at - heard.began;
            assert!(first.as_millis() >= 350, "{first:?}");
            let sent = sent(world.a(), &world.a().log()[0], heard.took);
            assert_eq!(sent.contains(&heard.body), text != watched);
            assert_eq!(world.record().await.pings, 0);
            world.stop().await;
        }
    })
    .await;
}
