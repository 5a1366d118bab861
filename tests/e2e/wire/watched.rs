//! Whole answers that are asked for as streams: what the provider is asked, what the caller gets, and
//! what is done where a provider does not stream.

use crate::world::{Act, Canned, Plan, Request, Said, World, alone, each, pair, path, provider};
use ir::{Dialect, Ending, Shape, Usage};

/// What a caller sends, and what of it stands in the request of a watched answer.
fn asked(dialect: Dialect, fields: &str) -> String {
    let content = "{\"role\":\"user\",\"content\":\"hi\"}";
    let dialect_fields = match dialect {
        Dialect::Chat => "",
        Dialect::Messages => "\"max_tokens\":9, ",
        Dialect::Responses => "\"store\":false, ",
    };
    let turns = if dialect == Dialect::Responses { "input" } else { "messages" };
    format!("{{ {dialect_fields}\"{turns}\":[{content}] ,\"model\" : \"ok\"{fields} }}")
}

/// The body that the provider got for this one.
async fn seen(dialect: Dialect, kind: &str, body: String) -> String {
    let text = alone(dialect, "").replace("local = false", &format!("local = false\n{kind}"));
    let world = Plan::new(text).clouds(&["a"]).await.start().await;
    let heard = world.hear(&Request::post(path(dialect), body)).await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    let seen = world.a().log()[0].text();
    world.stop().await;
    seen
}

#[tokio::test]
async fn a_stream_is_asked_for_and_nothing_else_changes() {
    const USAGE: &str = "\"stream_options\":{\"include_usage\":true}";
    for dialect in Dialect::ALL {
        let usage = if dialect == Dialect::Chat { format!(",{USAGE}") } else { String::new() };
        let body = asked(dialect, "");
        let expect = asked(dialect, &format!(",\"stream\":true{usage}"));
        assert_eq!(seen(dialect, "", body).await, expect);
        let body = asked(dialect, ", \"stream\" : false");
        let expect = asked(dialect, &format!("{usage}, \"stream\" : true"));
        assert_eq!(seen(dialect, "", body).await, expect);
    }
    // A provider that always tells its usage refuses to be asked for it.
    let body = asked(Dialect::Chat, "");
    let expect = asked(Dialect::Chat, ",\"stream\":true");
    assert_eq!(seen(Dialect::Chat, "kind = \"mistral\"", body).await, expect);
}

#[tokio::test]
async fn what_cannot_be_put_together_is_asked_for_whole() {
    for fields in [
        ", \"n\" : 2",
        ",\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}]",
        ",\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"}",
    ] {
        let body = asked(Dialect::Chat, fields);
        assert_eq!(seen(Dialect::Chat, "", body.clone()).await, body);
    }
}

#[tokio::test]
async fn the_answer_is_a_document_like_any_other() {
    each(async |dialect| {
        let world = World::single(dialect, "").await;
        let model = "ok+text+thinking+tools-2+unicode";
        let heard = world.ask(dialect, Shape::Whole, model).await;
        assert_eq!((heard.status, heard.whole), (200, true));
        assert_eq!(heard.header("content-type"), Some("application/json"));
        assert_eq!(heard.header("content-length"), Some(heard.body.len().to_string().as_str()));
        assert_eq!(heard.header("cache-control"), None);
        assert_eq!(heard.header("x-backstop-trail"), Some(format!("a/{model}=ok").as_str()));
        let record = world.record().await;
        assert_eq!((record.ending, record.shape), (Ending::Answered, Shape::Whole));
        assert!(matches!(record.usage, Usage::Exact(_)), "{record:?}");
        assert!(record.attempts[0].first_content_ms.is_some());
        world.stop().await;
        // What the same provider says when it is asked for a document.
        let text = crate::world::plain(&alone(dialect, ""));
        let world = Plan::new(text).clouds(&["a"]).await.start().await;
        let plain = world.ask(dialect, Shape::Whole, model).await;
        let said = |body: &[u8]| {
            let said = Said::read(dialect, Shape::Whole, body).expect("an answer");
            (said.text, said.thinking, said.tools, said.finish, said.usage)
        };
        assert_eq!(said(&heard.body), said(&plain.body));
        let keys = |value: &serde_json::Value| {
            let object = value.as_object().expect("an object");
            let mut keys: Vec<String> = object.keys().cloned().collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&heard.json()), keys(&plain.json()));
        world.stop().await;
    })
    .await;
}

/// An HTTP answer.
fn said(status: &str, kind: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    vec![Act::Send(format!("{head}{body}").into_bytes())]
}

const REFUSAL: &str = " {\"error\":{\"message\":\"Your organization must be verified to stream this \
                       model.\",\"type\":\"invalid_request_error\",\"param\":\"stream\",\
                       \"code\":\"unsupported_value\"}}\n";

fn document(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => {
            "{\"choices\":[{\"message\":{\"content\":\"[a] w\"},\"finish_reason\":\"stop\"}]}"
        }
        Dialect::Messages => {
            "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"[a] w\"}],\
             \"stop_reason\":\"end_turn\"}"
        }
        Dialect::Responses => {
            "{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[{\"type\":\"message\",\
             \"content\":[{\"type\":\"output_text\",\"text\":\"[a] w\"}]}]}"
        }
    }
}

/// A provider that streams to nobody.
async fn refuses_streams(dialect: Dialect) -> Canned {
    Canned::choose(move |request| {
        if request.contains("\"stream\":true") {
            said("400 Bad Request", "application/json", REFUSAL)
        } else {
            said("200 OK", "application/json", document(dialect))
        }
    })
    .await
}

#[tokio::test]
async fn a_provider_that_does_not_stream_is_asked_once() {
    each(async |dialect| {
        let canned = refuses_streams(dialect).await;
        let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
        for _ in 0..2 {
            let heard = world.ask(dialect, Shape::Whole, "any").await;
            assert_eq!((heard.status, heard.text().as_str()), (200, document(dialect)));
        }
        let streams: Vec<bool> =
            canned.requests().iter().map(|it| it.contains("\"stream\":true")).collect();
        assert_eq!(streams, [true, false, false], "the second request goes plain at once");
        let records = world.records(2).await;
        let learnt = |record: &ir::Record| {
            let attempts = record.attempts.iter();
            attempts.map(|it| (it.outcome, it.repair.clone())).collect::<Vec<_>>()
        };
        let [first, second] = records.as_slice() else { panic!("{records:?}") };
        let plain = Some("plain".to_owned());
        assert_eq!(learnt(first), [("unsupported", plain), ("ok", None)]);
        assert_eq!(learnt(second), [("ok", None)]);
        // It is the model's way, and no other's.
        world.ask(dialect, Shape::Whole, "other").await;
        assert_eq!(canned.requests().len(), 5);
        assert!(world.gateway().unwell().is_empty());
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_callers_own_stream_is_refused_as_it_was_said() {
    each(async |dialect| {
        let canned = refuses_streams(dialect).await;
        let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
        let heard = world.ask(dialect, Shape::Stream, "any").await;
        assert_eq!((heard.status, heard.text().as_str()), (400, REFUSAL));
        assert_eq!(canned.requests().len(), 1);
        assert_eq!(world.record().await.attempts[0].repair, None);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_stream_is_the_callers() {
    each(async |dialect| {
        let text = REFUSAL.replace("\"stream\"", "\"temperature\"");
        let canned = Canned::start(said("400 Bad Request", "application/json", &text)).await;
        let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
        let heard = world.ask(dialect, Shape::Whole, "any").await;
        assert_eq!((heard.status, heard.text()), (400, text));
        assert_eq!(canned.requests().len(), 1);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_stalls_in_the_middle_is_anothers_within_seconds() {
    each(async |dialect| {
        let header = "[providers.a]\n";
        let short = format!("{header}deadlines.idle = \"200ms\"\n");
        let text = pair(dialect, "").replace(header, &short);
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let heard = world.ask(dialect, Shape::Whole, "stall-after-3").await;
        let said = Said::read(dialect, Shape::Whole, &heard.body).expect("an answer");
        assert!(said.is_complete() && said.cloud() == "b", "{}", heard.text());
        let record = world.record().await;
        assert_eq!((record.attempts[0].outcome, record.ending), ("stalled", Ending::Answered));
        world.stop().await;
    })
    .await;
}

/// Nothing of a stream is left in what goes to the next target, or to the caller, when the first
/// breaks off after its head.
#[tokio::test]
async fn an_error_inside_is_an_error_of_its_own() {
    each(async |dialect| {
        let world = World::single(dialect, "retry.per_target = 1\n").await;
        let heard = world.ask(dialect, Shape::Whole, "error-after-3-invalid-request").await;
        assert_eq!(heard.status, 400, "{}", heard.text());
        assert_eq!(heard.header("content-type"), Some("application/json"));
        assert!(heard.json().get("error").is_some(), "{}", heard.text());
        assert_eq!(world.record().await.ending, Ending::Rejected);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_chain_may_mix_those_who_stream_and_those_who_do_not() {
    each(async |dialect| {
        let canned = refuses_streams(dialect).await;
        let (a, b) = (provider(dialect, "a"), provider(dialect, "b"));
        let text = format!("{a}{b}[models.\"*\"]\nchain = [\"a/cut-after-3\", \"b/any\"]\n");
        let plan = Plan::new(format!("retry.per_target = 1\n{text}")).at("b", canned.base_url());
        let world = plan.clouds(&["a"]).await.start().await;
        let heard = world.ask(dialect, Shape::Whole, "any").await;
        assert_eq!((heard.status, heard.text().as_str()), (200, document(dialect)));
        assert_eq!(heard.header("x-backstop-trail"), Some("a/cut-after-3=cut,b/any=400,b/any=ok"));
        world.stop().await;
    })
    .await;
}
