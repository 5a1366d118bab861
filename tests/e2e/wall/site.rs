//! One gateway with the targets of many cells: each cell has a model of its own, and providers of its
//! own where one cell's trouble could be another's.

use super::chain::{Chain, dish};
use super::http2::Peer;
use super::rows::Trouble;
use super::{Pair, SHORT};
use crate::table::{self, Signal, Way};
use crate::world::{Plan, World, unanswered};
use drill::provider::{Break, Fault, Order, Provider, Seen, Way as Asks, unused_addr};
use ir::{Connect, Dialect};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use transport::{Resolver, Roots};

/// One request to be made.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) trouble: Trouble,
    /// Who is behind the target in trouble; none where it is simply somebody who is well.
    pub(super) chain: Option<Chain>,
    /// A whole answer is asked for as one, since only then there is this trouble.
    pub(super) plain: bool,
}

/// A world and all that it needs to live.
pub(super) struct Site {
    pub(super) world: World,
    clouds: BTreeMap<String, Provider>,
    /// What must live as long.
    _guards: Vec<Box<dyn Any + Send + Sync>>,
}

/// A site under construction.
struct Works {
    pair: Pair,
    toml: String,
    guards: Vec<Box<dyn Any + Send + Sync>>,
    names: BTreeMap<String, Result<Vec<SocketAddr>, ir::Dns>>,
    roots: Roots,
    /// By their names.
    clouds: BTreeMap<String, Provider>,
}

/// Nothing that one cell does is to be remembered against another.
const SETTINGS: &str = "retry = { backoff = \"1ms\", wait = \"200ms\", reserve = 10000 }\n\
                        breaker.failures = 1000\nbreaker.requests = 100000\n";

// === impl Site ===

impl Site {
    pub(super) async fn build(pair: Pair, places: &[Place]) -> Self {
        let mut works = Works {
            pair,
            toml: SETTINGS.to_owned(),
            guards: Vec::new(),
            names: BTreeMap::new(),
            roots: Roots::native(),
            clouds: BTreeMap::new(),
        };
        let c = works.cloud("c").await;
        works.provider("c", (pair.target, &c), "");
        for (number, place) in places.iter().enumerate() {
            works.place(number, place).await;
        }
        let Works { toml, guards, names, roots, clouds, .. } = works;
        let resolver = Resolver::Scripted(Arc::new(names));
        let world = Plan::new(toml).resolver(resolver).roots(roots).start().await;
        Self { world, clouds, _guards: guards }
    }

    /// What a real provider would object to in the requests that wanted an answer gone on with, or
    /// that wanted it of somebody who cannot.
    pub(super) fn objections(&self, places: &[Place]) -> Vec<String> {
        let seen = self.clouds.values().flat_map(Provider::log);
        let wishes = seen.filter(|seen| seen.way != Asks::Fresh);
        let wrong = |seen: &Seen| match seen.way {
            Asks::Prefill => (!prefills(seen, places)).then(|| "no prefill here".to_owned()),
            Asks::Fresh | Asks::Anchor | Asks::Calls => seen.objection(),
        };
        wishes.filter_map(|seen| Some(format!("{}: {}", seen.text(), wrong(&seen)?))).collect()
    }
}

/// Whether the provider of this request goes on with turns of its own.
fn prefills(seen: &Seen, places: &[Place]) -> bool {
    let key = seen.key().and_then(|key| key.strip_prefix("sk-")).unwrap_or_default();
    let (who, number) = key.split_at_checked(1).unwrap_or_default();
    let place = number.parse::<usize>().ok().and_then(|number| places.get(number));
    let kind = |chain: Chain| if who == "a" { chain.kind_a() } else { chain.kind_b() };
    place.and_then(|place| place.chain).and_then(kind).is_some()
}

// === impl Works ===

impl Works {
    async fn place(&mut self, number: usize, place: &Place) {
        let Place { trouble, chain, plain } = place;
        let (a, b) = (format!("a{number}"), format!("b{number}"));
        let well = Order { first: None, fault: None, dish: dish(trouble) };
        let (order_a, order_b) = match chain {
            Some(chain) => (chain.order_a(trouble), chain.order_b(trouble)),
            None => (Order { fault: trouble.fault().cloned(), ..well.clone() }, well.clone()),
        };
        let at = match chain {
            // Orders that strike once are counted by cloud and model.
            Some(chain) => self.cloud(&format!("a, {}", chain.name())).await,
            None => self.troubled(number, trouble).await,
        };
        let kind = |kind: Option<&str>| kind.map(|it| format!("kind = \"{it}\"\n"));
        let lines = kind(chain.and_then(|it| it.kind_a())).unwrap_or_default();
        self.provider(&a, (self.pair.target, &at), &(lines + &deadlines(trouble.signal())));
        // Nor is that to be used up by another cell.
        let at = self.cloud(if order_b.first.is_some() { &b } else { "b" }).await;
        let dialect = chain.map_or(self.pair.target, |chain| chain.dialect_b(self.pair));
        let lines = kind(chain.and_then(|it| it.kind_b())).unwrap_or_default();
        let silent = matches!(order_b.fault, Some(Fault::Break(Break::Stall, _)));
        // What says nothing new is silent, whatever it repeats.
        let silent = [Signal::Idle, Signal::Patience].map(deadlines).concat().repeat(silent.into());
        self.provider(&b, (dialect, &at), &(lines + &silent));
        let third = chain.is_some_and(|chain| chain.third);
        let third = if third { format!(", \"c/{well}\"") } else { String::new() };
        let whole = if *plain { "whole = \"plain\"\n" } else { "" };
        writeln!(
            self.toml,
            "[models.\"{number}\"]\nempty = \"next\"\n{whole}\
             chain = [\"{a}/{order_a}\", \"{b}/{order_b}\"{third}]"
        )
        .expect("a string");
    }

    fn provider(&mut self, name: &str, (dialect, base_url): (Dialect, &str), lines: &str) {
        let dialect = dialect.name();
        writeln!(
            self.toml,
            "[providers.{name}]\ndialect = \"{dialect}\"\nbase_url = \"{base_url}\"\n\
             api_key = \"env:KEY_{name}\"\nlocal = false\n{lines}"
        )
        .expect("a string");
    }

    /// The address of a cloud that is in no trouble by itself.
    async fn cloud(&mut self, name: &str) -> String {
        if let Some(cloud) = self.clouds.get(name) {
            return cloud.base_url();
        }
        let cloud = Provider::named(name).start().await.expect("a free port");
        let url = cloud.base_url();
        self.clouds.insert(name.to_owned(), cloud);
        url
    }

    /// Where a target is that may not be reached.
    async fn troubled(&mut self, number: usize, trouble: &Trouble) -> String {
        let dead = || format!("http://{}/v1", unused_addr());
        match trouble {
            Trouble::Known(table::Trouble::Fault(_)) => self.cloud(&format!("a{number}")).await,
            Trouble::Known(table::Trouble::Way(way)) => match *way {
                Way::Dns(dns) => self.named(number, Err(dns)),
                Way::Connect(Connect::Refused) => dead(),
                Way::Connect(Connect::Timeout) => {
                    let (addr, held) = unanswered().await;
                    self.guards.push(Box::new(held));
                    format!("http://{addr}/v1")
                }
                // Without a zone nobody knows which network it is on.
                Way::Connect(Connect::Unreachable) => "http://[fe80::1]:9/v1".to_owned(),
                Way::Proxy(_) => panic!("no fault of a target"),
                Way::Tls(tls) => {
                    let cloud = Provider::named("tls").start_tls(tls).await.expect("a free port");
                    let url = cloud.base_url();
                    self.roots = self.roots.clone().with_der(cloud.root().expect("a root"));
                    self.guards.push(Box::new(cloud));
                    url
                }
            },
            Trouble::Moved => self.named(number, Ok(vec![unused_addr()])),
            Trouble::Http2(one) => {
                let peer = Peer::start(*one).await;
                let url = peer.base_url();
                self.roots = self.roots.clone().with_der(peer.root());
                self.guards.push(Box::new(peer));
                url
            }
        }
    }

    /// A name of which the name server says this.
    fn named(&mut self, number: usize, found: Result<Vec<SocketAddr>, ir::Dns>) -> String {
        let name = format!("a{number}.test");
        self.names.insert(name.clone(), found);
        format!("https://{name}/v1")
    }
}

/// What is waited for where nothing is heard.
fn deadlines(signal: Signal) -> String {
    let keys: &[&str] = match signal {
        Signal::Heard => &[],
        Signal::Connect => &["connect"],
        Signal::Idle => &["idle", "idle_thinking"],
        Signal::Patience => &["patience", "patience_whole"],
    };
    keys.iter().fold(String::new(), |lines, key| {
        lines + &format!("deadlines.{key} = \"{}ms\"\n", SHORT.as_millis())
    })
}
