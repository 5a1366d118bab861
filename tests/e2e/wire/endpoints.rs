//! The small endpoints: models, token counts, health.

use crate::world::{Act, Canned, Plan, Request, World, each, pair, provider};
use drill::provider::Provider;
use ir::{Dialect, Shape};
use std::time::Duration;

/// Clients wait no longer for a list.
const PATIENCE: Duration = Duration::from_secs(3);

fn list(dialect: Dialect) -> Request {
    let request = Request::get("/v1/models?limit=1000");
    match dialect {
        Dialect::Chat | Dialect::Responses => request,
        Dialect::Messages => request.header("anthropic-version", "2023-06-01"),
    }
}

fn ids(list: &serde_json::Value) -> Vec<&str> {
    let rows = list["data"].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

/// Both families on one cloud, names and patterns.
async fn families() -> World {
    let messages = provider(Dialect::Messages, "a").replace("providers.a", "providers.m");
    let text = format!(
        "{}{messages}\
         [models.\"claude-*\"]\nchain = [\"m/*\"]\n\
         [models.\"gpt-*\"]\nchain = [\"a/*\"]\n\
         [models.\"fast\"]\nchain = [\"a/gpt-5.4-mini\"]\n\
         [models.\"mine/*\"]\nchain = [\"a/$1\"]\n",
        provider(Dialect::Chat, "a")
    );
    Plan::new(text).clouds(&["a"]).await.start().await
}

#[tokio::test]
async fn models_in_each_familys_shape_and_patterns_by_what_they_resolve_to() {
    let world = families().await;
    let heard = world.hear(&list(Dialect::Chat)).await;
    let chat = heard.json();
    assert_eq!(chat["object"], "list");
    let all = [
        "claude-haiku-4-5",
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "fast",
        "gpt-5.4",
        "gpt-5.4-mini",
        "mine/gpt-5.4",
        "mine/gpt-5.4-mini",
        "mine/ok",
    ];
    assert_eq!(ids(&chat), all);
    assert_eq!(chat["data"][0]["object"], "model");
    assert_eq!(chat["data"][3]["owned_by"], "a");
    let heard = world.hear(&list(Dialect::Messages)).await;
    let messages = heard.json();
    assert_eq!(ids(&messages), all);
    assert_eq!(messages["has_more"], false);
    assert_eq!(messages["first_id"], "claude-haiku-4-5");
    assert_eq!(messages["data"][0]["type"], "model");
    assert!(messages["data"][0]["display_name"].is_string());
    let one = world.hear(&Request::get("/v1/models/mine%2Fok")).await;
    assert_eq!((one.status, &one.json()["id"]), (200, &"mine/ok".into()));
    let none = world.hear(&Request::get("/v1/models/nothing")).await;
    assert_eq!((none.status, none.code().as_str()), (404, "BS0104"));
    // Lists are kept for a while: two families, one question each.
    assert_eq!(world.a().log().len(), 2);
    assert_eq!(world.a().log()[0].key(), Some("sk-a"));
    world.records(0).await;
    world.stop().await;
}

#[tokio::test]
async fn a_silent_provider_does_not_hold_the_list_up() {
    each(async |dialect| {
        let text = pair(dialect, "") + "[models.\"named\"]\nchain = [\"a/x\"]\n";
        let silent = Canned::start(vec![Act::Hang]).await;
        let plan = Plan::new(text).at("a", silent.base_url());
        let world = plan.clouds(&["b"]).await.start().await;
        let heard = world.hear(&list(dialect)).await;
        assert_eq!((heard.status, ids(&heard.json())), (200, vec!["named"]));
        assert!(heard.took < PATIENCE, "{:?}", heard.took);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for dialect in Dialect::ALL {
        let elsewhere = Provider::start().await.expect("a free port");
        let head = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/models\r\ncontent-length: 0\r\n\r\n",
            elsewhere.base_url()
        );
        let canned = Canned::start(vec![Act::Send(head.into_bytes())]).await;
        let text = pair(dialect, "") + "[models.\"named\"]\nchain = [\"a/x\"]\n";
        let plan = Plan::new(text).at("a", canned.base_url());
        let world = plan.clouds(&["b"]).await.start().await;
        let heard = world.hear(&list(dialect)).await;
        assert_eq!((heard.status, ids(&heard.json())), (200, vec!["named"]));
        assert!(elsewhere.log().is_empty() && elsewhere.connections() == 0);
        world.stop().await;
    }
}

fn count(model: &str) -> Request {
    let body = format!("{{ \"model\":\"{model}\", \"messages\":[],\"stream\":true}}");
    Request::post("/v1/messages/count_tokens?beta=true", body).header("anthropic-beta", "x")
}

#[tokio::test]
async fn token_counts_are_passed_through() {
    let world = World::pair(Dialect::Messages, "").await;
    let heard = world.hear(&count("ok")).await;
    assert_eq!((heard.status, heard.text().as_str()), (200, "{\"input_tokens\":19}"));
    let seen = &world.a().log()[0];
    assert_eq!(seen.path, "/v1/messages/count_tokens?beta=true");
    assert_eq!(seen.body, count("ok").payload());
    assert_eq!((seen.header("anthropic-beta"), seen.key()), (Some("x"), Some("sk-a")));
    // Whoever can count does.
    assert_eq!(world.hear(&count("status-500")).await.status, 200);
    assert_eq!(world.b().log()[0].path, "/v1/messages/count_tokens?beta=true");
    world.stop().await;
}

#[tokio::test]
async fn who_cannot_count_says_so_cleanly_and_is_not_ill() {
    // Nobody in the chain speaks Messages.
    let world = World::pair(Dialect::Chat, "").await;
    let heard = world.hear(&count("ok")).await;
    assert_eq!((heard.status, heard.code().as_str()), (404, "BS0115"));
    assert_eq!(heard.json()["type"], "error");
    world.stop().await;
    // The provider speaks it, and has no such path.
    let world = World::single(Dialect::Messages, "").await;
    for _ in 0..8 {
        let heard = world.hear(&count("404-model")).await;
        assert_eq!(
            (heard.status, heard.json()["error"]["type"].as_str()),
            (404, Some("not_found_error"))
        );
    }
    assert!(world.gateway().unwell().is_empty());
    assert_eq!(world.ask(Dialect::Messages, Shape::Whole, "ok").await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn health_and_readiness_ask_nobody() {
    let world = World::pair(Dialect::Chat, "").await;
    for (request, status) in [
        (Request::get("/health"), 200),
        (Request::get("/ready"), 200),
        (Request::new("HEAD", "/health"), 200),
        (Request::new("HEAD", "/"), 200),
        (Request::get("/"), 200),
    ] {
        let mut call = world.send(&request).await;
        assert_eq!(call.status().await, status, "{request:?}");
    }
    world.gateway().drain();
    assert_eq!(world.hear(&Request::get("/ready")).await.status, 503);
    assert_eq!(world.hear(&Request::get("/health")).await.status, 200);
    assert!(world.a().connections() == 0 && world.b().connections() == 0);
    world.records(0).await;
    world.stop().await;
}
