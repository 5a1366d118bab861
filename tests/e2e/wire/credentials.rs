//! Whose key goes where.

use crate::world::{Plan, Request, World, pair, path, provider};
use drill::provider::Seen;
use ir::{Dialect, Ending, Shape};

/// Everything that a request said about who asks.
fn keys(seen: &Seen) -> Vec<(&str, &str)> {
    let names = ["authorization", "x-api-key", "api-key", "openai-organization", "x-backstop-key"];
    let told = seen.headers.iter().filter(|(name, _)| names.contains(&name.as_str()));
    told.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// How a dialect presents a key.
fn presented(dialect: Dialect, key: &str) -> (&'static str, String) {
    match dialect {
        Dialect::Chat | Dialect::Responses => ("authorization", format!("Bearer {key}")),
        Dialect::Messages => ("x-api-key", key.to_owned()),
    }
}

#[tokio::test]
async fn our_key_goes_to_its_own_provider_only() {
    for dialect in Dialect::ALL {
        let world = World::pair(dialect, "").await;
        let request = Request::ask(dialect, Shape::Whole, "401")
            .header("authorization", "Bearer theirs")
            .header("x-api-key", "theirs")
            .header("openai-organization", "org-theirs");
        assert_eq!(world.hear(&request).await.status, 200);
        for (cloud, key) in [(world.a(), "sk-a"), (world.b(), "sk-b")] {
            let (name, value) = presented(dialect, key);
            assert_eq!(keys(&cloud.log()[0]), [(name, value.as_str())]);
        }
        let record = serde_json::to_string(&world.record().await).expect("JSON");
        assert!(!record.contains("sk-") && !record.contains("theirs"), "{record}");
        world.stop().await;
    }
}

#[tokio::test]
async fn the_callers_key_goes_where_it_is_wanted_and_nowhere_else() {
    for dialect in Dialect::ALL {
        let text = pair(dialect, "").replace("env:KEY_a", "caller");
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        let request = Request::ask(dialect, Shape::Whole, "status-500")
            .header("authorization", "Bearer theirs")
            .header("openai-organization", "org-theirs");
        assert_eq!(world.hear(&request).await.header("x-backstop-target"), Some("b/ok"));
        let theirs = [("authorization", "Bearer theirs"), ("openai-organization", "org-theirs")];
        assert_eq!(keys(&world.a().log()[0]), theirs);
        let (name, value) = presented(dialect, "sk-b");
        assert_eq!(keys(&world.b().log()[0]), [(name, value.as_str())]);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_callers_key_is_never_replaced_by_ours() {
    for dialect in Dialect::ALL {
        let text = pair(dialect, "").replace("env:KEY_a", "caller");
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        for (model, status) in [("401", 401), ("403", 403), ("429-quota", 429)] {
            let request = Request::ask(dialect, Shape::Stream, model).header("x-api-key", "theirs");
            let heard = world.hear(&request).await;
            assert_eq!(heard.status, status, "{}", heard.text());
            assert!(!heard.text().contains("BS0"), "their own words: {}", heard.text());
            assert_eq!(heard.header("x-should-retry"), Some("false"));
        }
        assert_eq!(world.calls(), [3, 0]);
        world.stop().await;
    }
}

#[tokio::test]
async fn our_refused_key_is_our_fault_and_stays_unsaid() {
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "").await;
        let heard = world.ask(dialect, Shape::Whole, "401").await;
        assert_eq!((heard.status, heard.code().as_str()), (502, "BS0303"));
        assert!(!heard.text().contains("sk-a"), "{}", heard.text());
        assert_eq!(heard.header("x-should-retry"), Some("false"));
        assert_eq!(world.record().await.ending, Ending::Failed);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_key_of_backstop_goes_nowhere() {
    let (key, hash) = config::new_key([7; 32]);
    for dialect in Dialect::ALL {
        let keys_section = format!("[keys.team]\nhash = \"{hash}\"\n");
        let callers = provider(dialect, "a").replace("env:KEY_a", "caller");
        for (a, passes) in [(provider(dialect, "a"), false), (callers, true)] {
            let text = format!("{keys_section}{a}[models.\"*\"]\nchain = [\"a/*\"]\n");
            let world = Plan::new(text).clouds(&["a"]).await.start().await;
            let bearer = format!("Bearer {key}");
            let ways = [("x-backstop-key", &key), ("authorization", &bearer), ("x-api-key", &key)];
            for (place, (name, value)) in ways.into_iter().enumerate() {
                let mut request = Request::ask(dialect, Shape::Whole, "ok").header(name, value);
                if name == "x-backstop-key" {
                    request = request.header("authorization", "Bearer theirs");
                }
                let heard = world.hear(&request).await;
                if passes && name != "x-backstop-key" {
                    // A key of ours is no credential of theirs.
                    assert_eq!((heard.status, heard.code().as_str()), (401, "BS0201"));
                    continue;
                }
                assert_eq!(heard.status, 200, "{name}: {}", heard.text());
                let seen = &world.a().log()[place];
                let theirs = seen.header("authorization") == Some("Bearer theirs");
                assert_eq!(theirs, passes);
            }
            // In two places at once, and where it may be asked for a list.
            let twice = || Request::get("/v1/models").header("authorization", &bearer);
            let list = twice().header("x-api-key", &key);
            assert_eq!(world.hear(&list).await.status, 200);
            let tab = format!("Bearer\t{key}");
            let both = Request::ask(dialect, Shape::Whole, "ok")
                .header("x-backstop-key", &key)
                .header("x-api-key", &key)
                .header("api-key", &key)
                .header("x-odd-place", &tab)
                .header("authorization", "Bearer theirs");
            assert_eq!(world.hear(&both).await.status, 200);
            for seen in world.a().log() {
                assert!(seen.headers.iter().all(|(_, value)| !value.contains(&key)), "{seen:?}");
            }
            let principals = world.records(4).await;
            assert!(principals.iter().all(|it| it.principal.as_deref() == Some("team")));
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn several_credentials_take_turns_by_their_own_state() {
    for (model, outcome) in
        [("needs-key-sk-two", "unauthorized"), ("once-status-429", "rate_limited")]
    {
        for dialect in Dialect::ALL {
            let two = "[\"env:KEY_one\", \"env:KEY_two\"]";
            let text = pair(dialect, "").replace("\"env:KEY_a\"", two);
            let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
            for _ in 0..3 {
                let heard = world.ask(dialect, Shape::Stream, model).await;
                let target = format!("a/{model}");
                assert_eq!(heard.header("x-backstop-target"), Some(target.as_str()));
            }
            let used: Vec<String> =
                world.a().log().iter().filter_map(|seen| Some(seen.key()?.to_owned())).collect();
            assert_eq!(used, ["sk-one", "sk-two", "sk-two", "sk-two"]);
            let records = world.records(3).await;
            let first: Vec<_> =
                records[0].attempts.iter().map(|it| (it.credential, it.outcome)).collect();
            assert_eq!(first, [(0, outcome), (1, "ok")]);
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn a_list_is_asked_for_with_the_right_key() {
    let their_list = || Request::get("/v1/models").header("authorization", "Bearer theirs");
    for (key, expect) in [("env:KEY_a", "sk-a"), ("caller", "theirs")] {
        let text = pair(Dialect::Chat, "").replace("env:KEY_a", key);
        let world = Plan::new(text).clouds(&["a", "b"]).await.start().await;
        assert_eq!(world.hear(&their_list()).await.status, 200);
        assert_eq!(world.a().log()[0].key(), Some(expect));
        assert!(world.b().log().is_empty());
        world.stop().await;
    }
}

#[tokio::test]
async fn the_path_names_the_dialect_and_so_the_header() {
    // One cloud, spoken to in all dialects.
    let messages = provider(Dialect::Messages, "a").replace("providers.a", "providers.m");
    let text = format!(
        "{}{messages}[models.\"*\"]\nchain = [\"a/*\", \"m/*\"]\n",
        provider(Dialect::Chat, "a").replace("local", "kind = \"openai\"\nlocal")
    );
    let world = Plan::new(text).clouds(&["a"]).await.start().await;
    for dialect in Dialect::ALL {
        assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.status, 200);
        let seen = world.a().log().pop().expect("a request");
        assert_eq!(seen.path, path(dialect));
        let (name, value) = presented(dialect, "sk-a");
        assert_eq!(keys(&seen), [(name, value.as_str())]);
    }
    world.stop().await;
}
