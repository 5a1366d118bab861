//! What Responses leaves with its providers: a request that speaks of it goes to whoever has it, and to
//! nobody else.

use crate::world::{Heard, Plan, Request, Said, World, pair};
use ir::{Dialect, Ending, Shape};
use serde_json::{Value, json};

const RESPONSES: Dialect = Dialect::Responses;

/// A request with these fields beside.
fn asked(model: &str, fields: &Value) -> Request {
    let mut body = json!({ "model": model, "input": "hi" });
    for (key, value) in fields.as_object().expect("fields") {
        body[key] = value.clone();
    }
    Request::post("/v1/responses", body.to_string())
}

/// The id of an answer, streamed or whole.
fn id(heard: &Heard) -> String {
    let text = heard.text();
    let (_, rest) = text.split_once("\"id\":\"resp_").expect("an id");
    format!("resp_{}", rest.split('"').next().expect("its end"))
}

fn target(heard: &Heard) -> &str {
    heard.header("x-backstop-target").unwrap_or_default()
}

/// An answer of the second target, however it was asked for: its id.
async fn of_b(world: &World, shape: Shape) -> String {
    let heard = world.ask(RESPONSES, shape, "status-500").await;
    assert_eq!(target(&heard), "b/ok", "{}", heard.text());
    id(&heard)
}

#[tokio::test]
async fn a_request_goes_on_where_its_answer_is_kept() {
    for (shape, plain) in [(Shape::Stream, false), (Shape::Whole, false), (Shape::Whole, true)] {
        let text = pair(RESPONSES, "breaker.failures = 1000");
        let text = if plain { crate::world::plain(&text) } else { text };
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let kept = of_b(&world, shape).await;
        let before = world.calls();
        // The first target is well, and is not asked.
        let heard = world.hear(&asked("ok", &json!({ "previous_response_id": kept }))).await;
        assert_eq!((heard.status, target(&heard)), (200, "b/ok"), "{}", heard.text());
        assert_eq!(world.calls(), [before[0], before[1] + 1]);
        let seen = world.b().log().pop().expect("a request");
        assert!(seen.text().contains(&kept), "{}", seen.text());
        // One that nobody knows goes to the first, and stays there.
        let unknown = json!({ "previous_response_id": "resp_unknown" });
        assert_eq!(target(&world.hear(&asked("ok", &unknown)).await), "a/ok");
        let before = world.calls();
        let heard = world.hear(&asked("status-500", &unknown)).await;
        assert_eq!(heard.status, 500, "{}", heard.text());
        assert_eq!(world.calls()[1], before[1], "nobody else is asked");
        for fields in [
            json!({ "conversation": "conv_1" }),
            json!({ "input": [{ "type": "item_reference", "id": "msg_1" }] }),
        ] {
            assert_eq!(world.hear(&asked("status-500", &fields)).await.status, 500);
        }
        assert_eq!(world.calls()[1], before[1], "nobody else is asked");
        // What speaks of nothing is free.
        let free = world.hear(&asked("status-500", &json!({ "store": false }))).await;
        assert_eq!(target(&free), "b/ok");
        world.stop().await;
    }
}

#[tokio::test]
async fn who_keeps_it_and_is_down_is_told() {
    let world = World::pair(RESPONSES, "breaker.failures = 1000").await;
    let kept = id(&world.ask(RESPONSES, Shape::Whole, "ok").await);
    for (model, status) in [("reset-before-head", 502), ("status-503", 503)] {
        let fields = json!({ "previous_response_id": kept });
        let heard = world.hear(&asked(model, &fields)).await;
        assert_eq!(heard.status, status, "{}", heard.text());
        assert_eq!(world.calls()[1], 0, "nobody else has it");
        if status == 502 {
            assert!(heard.text().contains("nobody else keeps"), "{}", heard.text());
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn who_keeps_it_and_is_not_in_the_chain_is_told() {
    let more = "[models.\"other\"]\nchain = [\"b/ok\"]\n";
    let text = pair(RESPONSES, "") + more;
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let kept = id(&world.ask(RESPONSES, Shape::Whole, "ok").await);
    let heard = world.hear(&asked("other", &json!({ "previous_response_id": kept }))).await;
    assert_eq!((heard.status, heard.code().as_str()), (404, "BS0118"), "{}", heard.text());
    assert_eq!(heard.header("x-should-retry"), Some("false"));
    assert_eq!(world.calls(), [1, 0]);
    world.stop().await;
}

#[tokio::test]
async fn what_two_have_a_part_of_nobody_keeps() {
    let text = crate::world::continuing(&pair(RESPONSES, "breaker.failures = 1000"));
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let heard = world.ask(RESPONSES, Shape::Stream, "cut-after-9+tokens-12").await;
    let said = Said::read(RESPONSES, Shape::Stream, &heard.body).expect("a stream");
    assert!(said.is_complete(), "{}", heard.text());
    let kept = id(&heard);
    let path = format!("/v1/responses/{kept}");
    let before = world.calls();
    for request in [asked("ok", &json!({ "previous_response_id": kept })), Request::get(&path)] {
        let heard = world.hear(&request).await;
        assert_eq!((heard.status, heard.code().as_str()), (404, "BS0118"), "{}", heard.text());
    }
    assert_eq!(world.calls(), before);
    let heard = world.hear(&Request::new("DELETE", &path)).await;
    assert_eq!((heard.status, target(&heard)), (200, "a/-"), "its beginning can be deleted");
    world.stop().await;
}

#[tokio::test]
async fn the_key_that_asked_is_the_key_that_goes_on() {
    let two = "[\"env:KEY_one\", \"env:KEY_two\"]";
    let text = pair(RESPONSES, "").replace("\"env:KEY_a\"", two);
    let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
    let kept = id(&world.ask(RESPONSES, Shape::Whole, "ok").await);
    for _ in 0..3 {
        world.hear(&asked("ok", &json!({ "previous_response_id": kept }))).await;
    }
    let used: Vec<String> =
        world.a().log().iter().filter_map(|seen| Some(seen.key()?.to_owned())).collect();
    assert_eq!(used, ["sk-one"; 4]);
    world.stop().await;
}

/// Promise: what an account keeps is asked of that account, wherever its key stands now; and of nobody
/// where its key is configured no more.
#[tokio::test]
async fn who_keeps_it_is_the_same_account_after_a_reload() {
    let text = |keys: &str| pair(RESPONSES, "").replace("\"env:KEY_a\"", keys);
    let both = text("[\"env:KEY_one\", \"env:KEY_two\"]");
    let world = Plan::new(both.clone()).clouds(&["a", "b"]).await.start().await;
    let [one, two] = [1, 2].map(async |_| id(&world.ask(RESPONSES, Shape::Whole, "ok").await));
    let kept = [(one.await, "sk-one"), (two.await, "sk-two")];
    let every_way = |id: &str| {
        let path = format!("/v1/responses/{id}");
        let goes_on = asked("ok", &json!({ "previous_response_id": id }));
        [goes_on, Request::get(&path), Request::new("DELETE", &path)]
    };
    for (keys, here) in [
        ("[\"env:KEY_two\", \"env:KEY_one\"]", &["sk-one", "sk-two"][..]),
        ("[\"env:KEY_three\", \"env:KEY_two\", \"env:KEY_one\"]", &["sk-one", "sk-two"]),
        ("\"env:KEY_one\"", &["sk-one"]),
        ("[\"env:KEY_two\"]", &["sk-two"]),
        ("\"env:KEY_three\"", &[]),
        ("\"caller\"", &[]),
        ("[\"env:KEY_one\", \"env:KEY_two\"]", &["sk-one", "sk-two"]),
    ] {
        world.reload(text(keys));
        for (id, key) in &kept {
            for request in every_way(id) {
                let before = world.a().log().len();
                let heard = world.hear(&request.header("authorization", "Bearer sk-mine")).await;
                let log = world.a().log();
                let asked: Vec<_> = log.iter().skip(before).map(|seen| seen.key()).collect();
                if here.contains(key) {
                    assert_eq!((heard.status, asked), (200, vec![Some(*key)]), "{keys}");
                } else {
                    let told = (heard.status, heard.code());
                    assert_eq!((told, asked), ((404, "BS0118".to_owned()), vec![]), "{keys}");
                    assert!(heard.text().contains("whose key"), "{}", heard.text());
                }
            }
        }
    }
    assert_eq!(world.b().log().len(), 0, "nobody else has it");
    world.stop().await;
}

/// Promise: what a key was answered is no other key's, although the provider's account is the same; and
/// neither learns who keeps what of the other.
#[tokio::test]
async fn what_a_key_was_answered_is_no_other_keys() {
    let [(a, a_hash), (b, b_hash)] = [config::new_key([1; 32]), config::new_key([2; 32])];
    let keys = format!("[keys.team-a]\nhash = \"{a_hash}\"\n[keys.team-b]\nhash = \"{b_hash}\"\n");
    let by = |request: Request, key: &str| request.header("x-backstop-key", key);
    for (model, keeper) in [("ok", "a"), ("status-500", "b")] {
        let text = pair(RESPONSES, "breaker.failures = 1000") + &keys;
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let ask = Request::ask(RESPONSES, Shape::Stream, model);
        let kept = id(&world.hear(&by(ask, &a)).await);
        let path = format!("/v1/responses/{kept}");
        let goes_on = asked("ok", &json!({ "previous_response_id": kept }));
        let mut requests: Vec<(Request, &str)> = vec![
            (goes_on.clone(), "previous_response_id"),
            (goes_on.clone().at("/v1/responses/input_tokens"), "previous_response_id"),
            (goes_on.at("/v1/responses/compact"), "previous_response_id"),
            (Request::new("GET", &format!("{path}/input_items")), ""),
            (Request::new("GET", &format!("{path}?stream=true")), ""),
            (Request::new("POST", &format!("{path}/cancel")), ""),
            (Request::new("GET", &path), ""),
            (Request::new("DELETE", &path), ""),
        ];
        let before = [world.a().log().len(), world.b().log().len()];
        for (request, param) in &requests {
            let heard = world.hear(&by(request.clone(), &b)).await;
            let error = heard.json()["error"].clone();
            let (status, code, what) = match *param {
                "" => (404, Value::Null, "Response"),
                _ => (400, json!("previous_response_not_found"), "Previous response"),
            };
            assert_eq!((heard.status, target(&heard)), (status, ""), "{}", heard.text());
            assert_eq!(error["message"], format!("{what} with id '{kept}' not found."));
            assert_eq!((&error["code"], &error["type"]), (&code, &json!("invalid_request_error")));
            let named = error["param"].as_str().unwrap_or_default();
            assert_eq!((named, heard.header("x-should-retry")), (*param, Some("false")));
        }
        assert_eq!([world.a().log().len(), world.b().log().len()], before, "nobody was asked");
        let records = world.records(1 + requests.len()).await;
        let refused = records.iter().filter(|it| it.code == Some("BS0118"));
        assert_eq!(refused.count(), requests.len());
        // Whose it is reaches it as ever; and an id that nobody knows is anybody's to ask for.
        requests.push((asked("ok", &json!({ "previous_response_id": kept })), ""));
        for (request, _) in requests {
            let heard = world.hear(&by(request, &a)).await;
            let known = target(&heard).starts_with(&format!("{keeper}/"));
            assert!(heard.status == 200 && known, "{}", heard.text());
        }
        let unknown = world.hear(&by(Request::get("/v1/responses/resp_unknown"), &b)).await;
        assert_eq!((unknown.status, target(&unknown)), (200, "a/-"));
        world.stop().await;
    }
}

#[tokio::test]
async fn what_is_asked_about_an_answer_goes_to_its_keeper() {
    let world = World::pair(RESPONSES, "breaker.failures = 1000").await;
    let kept = of_b(&world, Shape::Whole).await;
    let path = format!("/v1/responses/{kept}");
    for (method, path, expect) in [
        ("GET", path.clone(), "\"object\":\"response\""),
        ("GET", format!("{path}/input_items?limit=2"), "\"object\":\"list\""),
        ("POST", format!("{path}/cancel"), "\"status\":\"cancelled\""),
        ("DELETE", path.clone(), "\"deleted\":true"),
    ] {
        let heard = world.hear(&Request::new(method, &path)).await;
        assert_eq!((heard.status, target(&heard)), (200, "b/-"), "{}", heard.text());
        assert!(heard.text().contains(expect), "{}", heard.text());
        let seen = world.b().log().pop().expect("a request");
        assert_eq!((seen.method.as_str(), seen.path.as_str()), (method, path.as_str()));
        assert_eq!((seen.key(), seen.body.len()), (Some("sk-b"), 0));
    }
    let unknown = world.hear(&Request::get("/v1/responses/resp_unknown")).await;
    assert_eq!((unknown.status, target(&unknown)), (200, "a/-"));
    let records = world.records(6).await;
    assert!(records.iter().all(|it| it.ending == Ending::Answered && it.dialect == RESPONSES));
    assert!(world.gateway().unwell().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_stream_is_taken_up_again_as_it_comes() {
    let world = World::single(RESPONSES, "").await;
    let kept = id(&world.ask(RESPONSES, Shape::Stream, "ok").await);
    let path = format!("/v1/responses/{kept}?stream=true&starting_after=3");
    let heard = world.hear(&Request::get(&path)).await;
    assert_eq!(heard.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let said = Said::read(RESPONSES, Shape::Stream, &heard.body).expect("a stream");
    assert!(heard.status == 200 && said.is_complete(), "{}", heard.text());
    assert_eq!(world.a().log().pop().expect("a request").path, path);
    world.stop().await;
}

#[tokio::test]
async fn counts_and_compactions_are_passed_through() {
    let world = World::pair(RESPONSES, "").await;
    for (what, expect) in
        [("input_tokens", "{\"object\":\"response.input_tokens\""), ("compact", "\"compaction\"")]
    {
        let path = format!("/v1/responses/{what}");
        let body = "{ \"model\":\"ok\", \"input\" : \"hi\" }";
        let heard = world.hear(&Request::post(&path, body)).await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        assert!(heard.text().contains(expect), "{}", heard.text());
        let seen = world.a().log().pop().expect("a request");
        assert_eq!((seen.path.as_str(), seen.text().as_str()), (path.as_str(), body));
    }
    let records = world.records(2).await;
    assert_eq!([records[0].counts, records[1].counts], [true, false]);
    world.stop().await;
}

/// Encrypted reasoning goes back to whoever made it; to others the conversation goes without it.
#[tokio::test]
async fn sealed_reasoning_goes_to_its_maker_only() {
    let world = World::pair(RESPONSES, "breaker.failures = 1000").await;
    let thinks = world.ask(RESPONSES, Shape::Whole, "ok+thinking").await.json();
    let mut reasoning = thinks["output"][0].clone();
    let turn = |reasoning: &Value| json!({ "store": false, "input": [{ "role": "user", "content": "hi" }, reasoning] });
    let heard = world.hear(&asked("ok", &turn(&reasoning))).await;
    assert_eq!((target(&heard), heard.header("x-backstop-loss")), ("a/ok", None));
    assert!(world.a().log().pop().expect("a request").text().contains("encrypted_content"));
    let heard = world.hear(&asked("status-500", &turn(&reasoning))).await;
    let lost = "input[].encrypted_content=dropped: another's";
    assert_eq!((target(&heard), heard.header("x-backstop-loss")), ("b/ok", Some(lost)));
    let seen = world.b().log().pop().expect("a request").text();
    assert!(!seen.contains("reasoning") && seen.contains("\"hi\""), "{seen}");
    // Who made it is not known: it is presumed to be the first of the chain.
    reasoning["encrypted_content"] = json!("gAAAunknown");
    let heard = world.hear(&asked("ok", &turn(&reasoning))).await;
    assert_eq!((target(&heard), heard.header("x-backstop-loss")), ("a/ok", None));
    let records = world.records(4).await;
    assert_eq!(records[2].losses, [lost]);
    world.stop().await;
}
