//! The watch: it costs nothing while all is well, finds out when something is wrong, and does no more
//! than it may. Who measures is a script; whom it watches, and what it asks itself, is real.

use crate::world::{LIMIT, Plan, Request, World, pair, provider, unanswered};
use config::{Config, Provider};
use gateway::{Prober, Probing, Watching};
use ir::evidence::{Control, Evidence, Level, Page, Sibling};
use ir::{Dialect, Shape};
use monitor::status::Status;
use monitor::{Cause, Layer, Reason, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::time::timeout;

/// A prober whose page says that all is well, and that counts what it is asked.
#[derive(Default)]
struct Script {
    looks: AtomicUsize,
    looked: Notify,
    pages: AtomicUsize,
    measured: AtomicUsize,
    /// What it measures beside every provider.
    beside: Control,
}

impl Prober for Script {
    /// Asked of each provider in each look.
    fn has_page(&self, _provider: &Provider) -> bool {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.looked.notify_waiters();
        true
    }

    fn page(&self, _config: Arc<Config>, _place: usize) -> Probing<(Page, u32)> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let page = Page { level: Some(Level::Operational), ..Page::default() };
        Box::pin(async { (page, 1) })
    }

    fn measure(&self, config: Arc<Config>, place: usize) -> Probing<Evidence> {
        self.measured.fetch_add(1, Ordering::Relaxed);
        let provider = config.providers[place].name.clone();
        let control = self.beside.clone();
        Box::pin(async { Evidence { provider, control, ..Evidence::default() } })
    }
}

impl Script {
    fn asked(&self) -> [usize; 2] {
        [&self.pages, &self.measured].map(|count| count.load(Ordering::Relaxed))
    }

    /// Waits until each of two providers was looked at so many times more.
    async fn looks(&self, times: usize) {
        let enough = self.looks.load(Ordering::Relaxed) + 2 * times;
        let looked = async {
            loop {
                let next = self.looked.notified();
                if enough <= self.looks.load(Ordering::Relaxed) {
                    return;
                }
                next.await;
            }
        };
        timeout(LIMIT, looked).await.expect("it looks");
    }
}

fn verdict(cause: Cause, text: String) -> Verdict {
    Verdict {
        cause,
        confidence: 95,
        reasons: vec![Reason { layer: Layer::Yours, text }],
        would_change: String::new(),
        advice: Vec::new(),
    }
}

/// The provider is down, by what traffic met there.
fn theirs(evidence: &Evidence) -> Verdict {
    let traffic = evidence.traffic.as_ref().expect("traffic is filled in");
    verdict(Cause::Down, format!("{} failed: {:?}", evidence.provider, traffic.all.classes))
}

/// There is no network here.
fn ours(evidence: &Evidence) -> Verdict {
    verdict(Cause::Link, evidence.provider.clone())
}

/// The proxy lets nothing through.
fn proxys(evidence: &Evidence) -> Verdict {
    verdict(Cause::Proxy, evidence.provider.clone())
}

fn watching(script: &Arc<Script>, judge: fn(&Evidence) -> Verdict) -> Watching {
    Watching { prober: Arc::clone(script) as Arc<dyn Prober>, judge }
}

async fn pair_watched(settings: &str, judge: fn(&Evidence) -> Verdict) -> (World, Arc<Script>) {
    let script = Arc::new(Script::default());
    let plan = Plan::new(pair(Dialect::Chat, settings)).clouds(&["a", "b"]).await;
    (plan.watched(watching(&script, judge)).start().await, script)
}

/// The status, once it is so.
async fn status(world: &World, script: &Script, holds: impl Fn(&Status) -> bool) -> Status {
    let enough = async {
        loop {
            let status = world.gateway().status();
            if holds(&status) {
                return status;
            }
            script.looks(1).await;
        }
    };
    let last = || format!("{:#?}", world.gateway().status());
    timeout(LIMIT, enough).await.unwrap_or_else(|_| panic!("not so: {}", last()))
}

fn cause(status: &Status, place: usize) -> Option<&str> {
    status.providers[place].verdict.as_ref().map(|verdict| verdict.cause.as_str())
}

/// What a cloud was asked that was no request for an answer.
fn free(world: &World, place: usize) -> usize {
    world.cloud(place).log().iter().filter(|it| it.method == "GET").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn healthy_traffic_costs_no_request() {
    let (world, script) = pair_watched("watch.every = \"1h\"\n", theirs).await;
    script.looks(1).await;
    for _ in 0..20 {
        assert_eq!(world.ask(Dialect::Chat, Shape::Whole, "ok").await.status, 200);
        assert_eq!(world.ask(Dialect::Chat, Shape::Stream, "ok").await.status, 200);
    }
    let status = status(&world, &script, |it| it.providers[0].targets.len() == 1).await;
    script.looks(4).await;
    assert_eq!((free(&world, 0), free(&world, 1), script.asked()), (0, 0, [0, 0]));
    assert_eq!((cause(&status, 0), cause(&status, 1)), (Some("fine"), None));
    let target = &world.gateway().status().providers[0].targets[0];
    let seen = (&*target.target, &*target.breaker, target.n, target.ok_percent);
    assert_eq!(seen, ("a/ok", "closed", 40, Some(100)));
    assert!(target.ttft_ms.is_some());
    // In brief the same, without what takes long to count.
    let brief = &world.gateway().watched()[0];
    assert!(brief.targets.is_empty() && brief.traffic.is_none(), "{brief:?}");
    let verdict = brief.verdict.as_ref().map(|it| (it.cause.as_str(), it.confidence));
    assert_eq!(verdict, Some(("fine", 95)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_under_traffic_has_a_verdict_and_the_next_is_made_ready() {
    for (settings, warmed) in [("", 1), ("watch.act = false\n", 0)] {
        let (world, script) = pair_watched(settings, theirs).await;
        script.looks(1).await;
        for _ in 0..5 {
            assert_eq!(world.ask(Dialect::Chat, Shape::Whole, "status-500").await.status, 200);
        }
        let known = |it: &Status| cause(it, 0) == Some("them.down");
        let status = status(&world, &script, known).await;
        let [a, b] = &status.providers[..] else { panic!("two providers") };
        assert!(a.troubled && !b.troubled, "{status:#?}");
        let reasons = &a.verdict.as_ref().expect("a verdict").reasons;
        assert!(reasons[0].text.starts_with("a failed: {\"server_error\": "), "{reasons:?}");
        let times = a.times.expect("times");
        assert!(times.impact_unix_ms <= times.detected_unix_ms, "{times:?}");
        let took = times.verdict_unix_ms.expect("a verdict") - times.impact_unix_ms;
        assert!(took <= 10_000, "{took} ms");
        // Whoever is next has been asked once, for free, or not at all.
        if warmed == 1 {
            let warm = |it: &Status| it.providers[0].requests.prewarm == 1;
            self::status(&world, &script, warm).await;
        }
        script.looks(2).await;
        assert_eq!(free(&world, 1), warmed, "{settings}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_the_watch_of_whoever_is_asked_as_before() {
    let (world, script) = pair_watched("", theirs).await;
    script.looks(1).await;
    for _ in 0..5 {
        assert_eq!(world.ask(Dialect::Chat, Shape::Whole, "status-500").await.status, 200);
    }
    status(&world, &script, |it| cause(it, 0) == Some("them.down")).await;
    let patient = pair(Dialect::Chat, "deadlines.connect = \"2s\"\ndeadlines.total = \"1m\"\n");
    let other_key = patient.replace("env:KEY_a", "env:KEY_one");
    for (text, kept) in [(patient, true), (other_key, false)] {
        world.reload(text);
        script.looks(1).await;
        let status = world.gateway().status();
        let a = &status.providers[0];
        let seen = (a.troubled, a.times.is_some(), !a.targets.is_empty());
        assert_eq!(seen, (kept, kept, kept), "{status:#?}");
        assert_eq!(cause(&status, 0), kept.then_some("them.down"));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_watch_asks_nothing_and_says_so() {
    let (world, script) = pair_watched("watch.enabled = false\n", theirs).await;
    for _ in 0..5 {
        assert_eq!(world.ask(Dialect::Chat, Shape::Whole, "status-500").await.status, 200);
    }
    let status = world.gateway().status();
    assert!(!status.watching && status.providers.iter().all(|it| it.verdict.is_none()));
    assert_eq!(script.asked(), [0, 0]);
    world.stop().await;
}

/// Two vendors that are not there, and a server on this machine behind them.
#[tokio::test(flavor = "multi_thread")]
async fn trouble_here_puts_local_targets_first_until_somebody_is_reached() {
    let reached = Sibling { reached: Some(true), ..Sibling::default() };
    let siblings = BTreeMap::from([("b".to_owned(), reached)]);
    for (settings, beside, first) in [
        ("", Control::default(), "c/ok"),
        ("watch.act = false\n", Control::default(), "a/ok"),
        ("", Control { siblings, ..Control::default() }, "a/ok"),
    ] {
        let script = Arc::new(Script { beside, ..Script::default() });
        let (gone, _held) = unanswered().await;
        let providers = [provider(Dialect::Chat, "a"), provider(Dialect::Chat, "b")].concat();
        let local = provider(Dialect::Chat, "c").replace("local = false", "local = true");
        // One that fails alone is not taken for the network by the board itself.
        let toml = format!(
            "deadlines.connect = \"50ms\"\nretry.backoff = \"1ms\"\nbreaker.failures = 50\n\
             {settings}{providers}{local}[models.\"*\"]\nchain = [\"a/*\", \"c/ok\"]\n"
        );
        let plan = Plan::new(toml).clouds(&["c"]).await;
        let plan = plan.at("a", format!("http://{gone}/v1")).at("b", format!("http://{gone}/v1"));
        let world = plan.watched(watching(&script, ours)).start().await;
        script.looks(2).await;
        let ask = Request::ask(Dialect::Chat, Shape::Whole, "ok");
        for _ in 0..4 {
            assert_eq!(world.hear(&ask).await.status, 200);
        }
        let known = |it: &Status| cause(it, 0) == Some("me.link");
        status(&world, &script, known).await;
        // What is done about a verdict is done behind it.
        script.looks(2).await;
        let status = world.gateway().status();
        assert_eq!((status.local_first, status.network_down), (first == "c/ok", false));
        assert!(!world.gateway().network_down() && status.providers[0].host == gone.to_string());
        assert_eq!(world.hear(&ask).await.status, 200);
        let records = world.records(5).await;
        let last = &records[4].attempts;
        assert_eq!(&*last[0].target, first, "{last:#?}");
        world.stop().await;
    }
}

/// A proxy is everybody's trouble where everybody goes through it.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_proxy_puts_local_targets_first_where_all_go_through_it() {
    let (gone, _held) = unanswered().await;
    let through = format!("proxy = \"http://{gone}\"\n");
    for (proxy_of_b, local_first) in [("", false), (through.as_str(), true)] {
        let script = Arc::new(Script::default());
        let [a, b, c] = ["a", "b", "c"].map(|name| provider(Dialect::Chat, name));
        let local = c.replace("local = false", "local = true");
        let toml = format!(
            "deadlines.connect = \"50ms\"\nretry.backoff = \"1ms\"\nbreaker.failures = 50\n\
             {a}{through}{b}{proxy_of_b}{local}[models.\"*\"]\nchain = [\"a/*\", \"c/ok\"]\n"
        );
        let plan = Plan::new(toml).clouds(&["a", "b", "c"]).await;
        let world = plan.watched(watching(&script, proxys)).start().await;
        script.looks(2).await;
        for _ in 0..4 {
            assert_eq!(world.ask(Dialect::Chat, Shape::Whole, "ok").await.status, 200);
        }
        let known = |it: &Status| cause(it, 0) == Some("me.proxy");
        status(&world, &script, known).await;
        script.looks(2).await;
        assert_eq!(world.gateway().status().local_first, local_first, "b: {proxy_of_b:?}");
        world.stop().await;
    }
}
