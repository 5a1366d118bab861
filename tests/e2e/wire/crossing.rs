//! Requests and answers that cross from one dialect to the other: what is said of it, and what is
//! never done.

use crate::world::{
    Act, Canned, Pairing, Plan, Request, Said, World, alone, each_that_crosses, pair, path, plain,
    provider,
};
use ir::{Dialect, Ending, Record, Shape, Usage};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The dialect of providers behind a caller of this one.
fn other(dialect: Dialect) -> Dialect {
    Pairing::Crossed.beside(dialect)
}

/// A small request with these fields beside.
fn asked(dialect: Dialect, shape: Shape, fields: &Value) -> Request {
    let mut body = json!({
        "model": "ok+strict",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 100,
        "stream": shape == Shape::Stream,
    });
    for (key, value) in fields.as_object().expect("fields") {
        body[key] = value.clone();
    }
    Request::post(path(dialect), body.to_string())
}

#[tokio::test]
async fn an_answer_crosses_streamed_and_whole_and_plain() {
    each_that_crosses(async |dialect| {
        let text = alone(other(dialect), "");
        for (text, shape) in [
            (text.clone(), Shape::Stream),
            (text.clone(), Shape::Whole),
            (plain(&text), Shape::Whole),
        ] {
            let world = Plan::new(text).clouds(&["a"]).await.start().await;
            let model = json!({"model": "ok+strict+text+thinking+tools-2+unicode"});
            let heard = world.hear(&asked(dialect, shape, &model)).await;
            let said = Said::read(dialect, shape, &heard.body).expect("the caller's dialect");
            assert!(said.is_complete() && said.cloud() == "a", "{}", heard.text());
            assert_eq!(said.tools.len(), 2);
            let record = world.record().await;
            assert_eq!((record.ending, record.dialect), (Ending::Answered, dialect));
            assert!(matches!(record.usage, Usage::Exact(_)), "{record:?}");
            world.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_lost_is_said_in_the_header_and_the_record() {
    each_that_crosses(async |dialect| {
        let world = World::single(other(dialect), "").await;
        let fields = match dialect {
            Dialect::Chat => json!({"seed": 7, "verbosity": "low"}),
            Dialect::Messages => json!({"top_k": 7, "speed": "fast"}),
            Dialect::Responses => panic!("it crosses to nobody"),
        };
        let names: Vec<String> = fields
            .as_object()
            .expect("fields")
            .keys()
            .map(|key| format!("{key}=dropped"))
            .collect();
        for shape in Shape::ALL {
            let ask = asked(dialect, shape, &fields).header("anthropic-beta", "b-1");
            let heard = world.hear(&ask).await;
            assert_eq!(heard.status, 200, "{}", heard.text());
            let told = heard.header("x-backstop-loss").expect("losses");
            let told: Vec<&str> = told.split("; ").collect();
            for name in names.iter().map(String::as_str).chain(["header anthropic-beta=dropped"]) {
                assert!(told.contains(&name), "{name}: {told:?}");
            }
        }
        for record in world.records(2).await {
            assert!(names.iter().all(|name| record.losses.contains(name)), "{record:?}");
        }
        // What means the same everywhere is no loss.
        let heard = world.hear(&asked(dialect, Shape::Stream, &json!({}))).await;
        assert_eq!(heard.header("x-backstop-loss"), None);
        world.stop().await;
    })
    .await;
}

/// The same question may be asked of a target that has the caller's words.
#[tokio::test]
async fn what_cannot_be_said_is_asked_of_another_or_refused() {
    let n = json!({"n": 2});
    let world = World::single(Dialect::Messages, "").await;
    let heard = world.hear(&asked(Dialect::Chat, Shape::Whole, &n)).await;
    assert_eq!((heard.status, heard.code().as_str()), (400, "BS0313"), "{}", heard.text());
    assert!(heard.text().contains("n: Messages gives one answer"), "{}", heard.text());
    assert_eq!(heard.header("x-should-retry"), Some("false"));
    assert_eq!(world.calls(), [0]);
    let record = world.record().await;
    assert_eq!((record.ending, record.blame), (Ending::Rejected, Some("caller")));
    assert_eq!(record.attempts[0].outcome, "uncarried");
    assert!(world.gateway().unwell().is_empty());
    world.stop().await;

    let second = provider(Dialect::Chat, "b");
    let text = pair(Dialect::Messages, "").replace(&provider(Dialect::Messages, "b"), &second);
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let heard = world.hear(&asked(Dialect::Chat, Shape::Whole, &n)).await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    assert_eq!(heard.header("x-backstop-trail"), Some("a/ok+strict=uncarried,b/ok=ok"));
    assert_eq!(world.calls(), [0, 1]);
    world.stop().await;
}

/// An HTTP answer.
fn said(status: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    vec![Act::Send(format!("{head}{body}").into_bytes())]
}

/// A provider whose model takes 8192 tokens at most, and half of that from its third request on.
async fn takes_ever_less(dialect: Dialect) -> Canned {
    let asked = AtomicUsize::new(0);
    Canned::choose(move |request| {
        let most = if asked.fetch_add(1, Ordering::Relaxed) < 2 { 8192 } else { 4096 };
        let limits = [20_000, 8192].map(|limit| request.contains(&format!("tokens\":{limit}")));
        let refusal = format!(
            r#"{{"error":{{"type":"invalid_request_error","message":"max_tokens must be at most {most}"}}}}"#
        );
        let answer = match dialect {
            Dialect::Chat => r#"{"choices":[{"message":{"content":"w"},"finish_reason":"stop"}]}"#,
            Dialect::Messages => {
                r#"{"type":"message","content":[{"type":"text","text":"w"}],"stop_reason":"end_turn"}"#
            }
            Dialect::Responses => panic!("it crosses to nobody"),
        };
        match limits {
            [true, _] => said("400 Bad Request", &refusal),
            [_, true] if most < 8192 => said("400 Bad Request", &refusal),
            _ => said("200 OK", answer),
        }
    })
    .await
}

#[tokio::test]
async fn the_latest_word_about_a_limit_holds() {
    each_that_crosses(async |dialect| {
        let canned = takes_ever_less(other(dialect)).await;
        let text = plain(&alone(other(dialect), ""));
        let world = Plan::new(text).at("a", canned.base_url()).start().await;
        let ask = asked(dialect, Shape::Whole, &json!({"max_tokens": 20_000}));
        for _ in 0..3 {
            let heard = world.hear(&ask).await;
            assert_eq!(heard.status, 200, "{}", heard.text());
        }
        let sent = canned.requests();
        let limits = ["20000", "8192", "8192", "4096", "4096"];
        assert_eq!(sent.len(), limits.len());
        for (request, limit) in sent.iter().zip(limits) {
            assert!(request.contains(&format!("tokens\":{limit}")), "{request}");
        }
        assert!(world.gateway().unwell().is_empty());
        world.stop().await;
    })
    .await;
}

/// A provider whose model takes no `temperature`.
async fn refuses_temperature(dialect: Dialect) -> Canned {
    Canned::choose(move |request| {
        let (refusal, answer) = match dialect {
            Dialect::Chat => (
                r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
                r#"{"choices":[{"message":{"content":"[a] w"},"finish_reason":"stop"}]}"#,
            ),
            Dialect::Messages => (
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."}}"#,
                r#"{"type":"message","content":[{"type":"text","text":"[a] w"}],"stop_reason":"end_turn"}"#,
            ),
            Dialect::Responses => panic!("it crosses to nobody"),
        };
        if request.contains("\"temperature\"") {
            said("400 Bad Request", refusal)
        } else {
            said("200 OK", answer)
        }
    })
    .await
}

#[tokio::test]
async fn a_parameter_that_is_refused_is_left_out_once_and_remembered() {
    each_that_crosses(async |dialect| {
        let canned = refuses_temperature(other(dialect)).await;
        let text = plain(&alone(other(dialect), ""));
        let world = Plan::new(text).at("a", canned.base_url()).start().await;
        let ask = asked(dialect, Shape::Whole, &json!({"temperature": 0.5}));
        for _ in 0..2 {
            let heard = world.hear(&ask).await;
            assert_eq!(heard.status, 200, "{}", heard.text());
            let losses = heard.header("x-backstop-loss").expect("losses");
            assert!(losses.contains("temperature=dropped: the model refuses it"), "{losses}");
        }
        let sent: Vec<bool> =
            canned.requests().iter().map(|it| it.contains("\"temperature\"")).collect();
        assert_eq!(sent, [true, false, false], "the second request leaves it out at once");
        let records = world.records(2).await;
        let repair = |record: &Record| record.attempts[0].repair.clone();
        assert_eq!(repair(&records[0]), Some("without temperature".to_owned()));
        assert_eq!(repair(&records[1]), None);
        assert!(world.gateway().unwell().is_empty());
        // What is passed on as it came is its caller's to mend.
        let own = asked(other(dialect), Shape::Whole, &json!({"temperature": 0.5}));
        assert_eq!(world.hear(&own).await.status, 400);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn errors_have_the_status_and_the_headers_of_the_callers_family() {
    for (dialect, theirs, ours) in [
        (Dialect::Chat, "request-id", "x-request-id"),
        (Dialect::Messages, "x-request-id", "request-id"),
    ] {
        let world = World::single(other(dialect), "").await;
        let (overloaded, id) = match dialect {
            Dialect::Chat => (503, "service_unavailable_error"),
            Dialect::Messages => (529, "overloaded_error"),
            Dialect::Responses => panic!("it crosses to nobody"),
        };
        let model = json!({"model": "overloaded"});
        let heard = world.hear(&asked(dialect, Shape::Whole, &model)).await;
        assert_eq!(heard.status, overloaded, "{}", heard.text());
        assert_eq!(heard.json()["error"]["type"], id);
        assert!(
            heard.header(theirs).is_none() && heard.header(ours).is_some(),
            "{:?}",
            heard.text()
        );
        world.stop().await;
    }
}

/// Reasoning goes back to the target that wrote it, through a client of the other dialect, and to
/// nobody else.
#[tokio::test]
async fn reasoning_comes_back_to_its_own_target_only() {
    let own = provider(Dialect::Messages, "a");
    let text = format!("{own}{}", provider(Dialect::Chat, "b"))
        + "[models.\"a/*\"]\nchain = [\"a/$1\"]\n[models.\"b/*\"]\nchain = [\"b/$1\"]\n";
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let first = json!({"model": "a/ok+strict+thinking+tools", "tools": tools});
    let heard = world.hear(&asked(Dialect::Chat, Shape::Whole, &first)).await;
    let message = heard.json()["choices"][0]["message"].clone();
    let seal = message["reasoning_details"][0]["signature"].as_str().expect("a seal").to_owned();
    assert!(seal.starts_with("backstop1."), "{seal}");
    let id = message["tool_calls"][0]["id"].clone();
    let turns = |model: &str| {
        json!({"model": model, "tools": tools, "messages": [
            {"role": "user", "content": "hi"},
            message,
            {"role": "tool", "tool_call_id": id, "content": "1"},
        ]})
    };
    let heard =
        world.hear(&asked(Dialect::Chat, Shape::Whole, &turns("a/ok+strict+thinking+tools"))).await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    let back = world.a().log()[1].text();
    let native = seal.splitn(3, '.').nth(2).expect("a signature");
    assert!(back.contains(&format!("\"signature\":\"{native}\"")), "{back}");
    // Another model of the same provider is another target.
    world.hear(&asked(Dialect::Chat, Shape::Whole, &turns("a/ok+strict"))).await;
    assert!(!world.a().log()[2].text().contains(native), "{}", world.a().log()[2].text());
    // Nor does it reach one that speaks the caller's dialect.
    let heard = world.hear(&asked(Dialect::Chat, Shape::Whole, &turns("b/ok+strict"))).await;
    assert_eq!(heard.status, 200, "{}", heard.text());
    let same = world.b().log()[0].text();
    assert!(!same.contains("backstop1") && !same.contains("reasoning"), "{same}");
    assert!(same.contains("tool_calls"), "{same}");
    world.stop().await;
}

#[tokio::test]
async fn tokens_are_not_counted_across() {
    let world = World::single(Dialect::Chat, "").await;
    let body = json!({"model": "ok", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let heard = world.hear(&Request::post("/v1/messages/count_tokens", body)).await;
    assert_eq!((heard.status, heard.code().as_str()), (404, "BS0115"), "{}", heard.text());
    world.stop().await;
}

/// A server on this machine that speaks both dialects is asked once, in the caller's.
#[tokio::test]
async fn a_server_that_speaks_both_is_not_asked_twice() {
    let local = |name: &str, dialect: Dialect| provider(dialect, name).replace("{a2}", "{a}");
    let text = format!(
        "{}{}[models.\"*\"]\nchain = [\"a/*\", \"a2/*\"]\n",
        local("a", Dialect::Chat),
        local("a2", Dialect::Messages),
    );
    let world = Plan::new(text).clouds(&["a"]).await.start().await;
    each_that_crosses(async |dialect| {
        let heard = world.ask(dialect, Shape::Whole, "status-400").await;
        assert_eq!(heard.status, 400, "{}", heard.text());
    })
    .await;
    let paths: Vec<String> = world.a().log().iter().map(|it| it.path.clone()).collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(paths.contains(&"/v1/messages".to_owned()), "{paths:?}");
    world.stop().await;
}
