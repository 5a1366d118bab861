//! How a stream ends that was cut, and that nobody goes on with: what was shown stays, and the end says
//! why, and who was asked.

use crate::world::{Plan, Said, World, continuing, each, pair, sent};
use ir::{Dialect, Ending, Shape};

/// Two targets in one chain, of which the second is not well.
async fn world(dialect: Dialect) -> World {
    let text = continuing(&pair(dialect, "")).replace("b/ok", "b/status-500");
    Plan::new(text).clouds(&["a", "b"]).await.start().await
}

/// Beyond this nothing is gone on with.
const TOLD_MAX: usize = 256 << 10;

const TOO_LONG: &str = "more was delivered than is kept (256 KiB)";
const NOBODY: &str = "nobody went on with it";

/// Asks for an answer that ends so, and hears why, and that these were asked.
async fn check(dialect: Dialect, model: &str, (why, calls): (&str, [usize; 2])) {
    let world = world(dialect).await;
    let heard = world.ask(dialect, Shape::Stream, model).await;
    let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
    assert!(heard.whole && !said.ended && said.cloud() == "a", "{dialect:?} {model}");
    assert_eq!(TOLD_MAX < said.text.len(), why == TOO_LONG, "{}", said.text.len());
    assert_eq!(world.calls(), calls, "{dialect:?} {model}");
    let (text, reason) = (heard.text(), format!("not gone on with: {why}"));
    // The last comment, of which there is none behind the error.
    let note = said.comments.last().expect("a note");
    let trail = format!("trail=a/{model}=");
    assert!(note.contains(&trail) && note.ends_with(&format!(" why={why}")), "{note}");
    assert_eq!(note.contains(",b/status-500="), 0 < calls[1], "{note}");
    let error = said.error.expect("an error").to_string();
    let tail = &text[text.find(note.as_str()).expect("it stands there") + note.len()..];
    if model.starts_with("cut") {
        assert!(error.contains("BS0304") && error.contains(&reason), "{error}");
        assert!(error.contains("asked: a/cut-after-"), "{error}");
    } else {
        // What is theirs has its bytes, before the note and behind it.
        let ours = text.find(note.as_str()).expect("it stands there") - ": ".len();
        let (theirs, rest) = tail.trim_start().split_once("\n\n").expect("a frame");
        let theirs = format!("{theirs}\n\n");
        let said = [&heard.body[..ours], theirs.as_bytes()].concat();
        let sent = sent(world.a(), &world.a().log()[0], heard.began.elapsed());
        assert!(sent.iter().any(|sent| sent.starts_with(&said)), "{model}: {tail}");
        // What Codex reads, where they did not say it themselves.
        let more = dialect == Dialect::Responses && !theirs.contains("response.failed");
        assert_eq!(!rest.is_empty(), more, "{rest}");
        let explained = rest.contains(&reason) && rest.contains("asked: a/error-after-");
        assert!(!more || explained, "{rest}");
    }
    let record = world.record().await;
    assert_eq!((record.ending, record.seams), (Ending::Broken, 0));
    world.stop().await;
}

#[tokio::test]
async fn beyond_what_is_kept_nobody_goes_on_and_it_says_so() {
    each(async |dialect| {
        for fault in ["cut", "error"] {
            let model = format!("{fault}-after-13000+unicode+long+tokens-13001");
            check(dialect, &model, (TOO_LONG, [1, 0])).await;
        }
    })
    .await;
}

#[tokio::test]
async fn where_nobody_could_it_says_who_was_asked() {
    each(async |dialect| {
        for (fault, calls) in [
            ("cut-after-9", [2, 2]),
            ("error-after-9-api", [2, 2]),
            ("error-after-9-rate-limit", [1, 2]),
        ] {
            check(dialect, fault, (NOBODY, calls)).await;
        }
    })
    .await;
}
