//! The scenarios: what the first provider does, who else is there, and what is good conduct.

use crate::outage;
use crate::verdict::{Cell, Run};
use drill::provider::{INPUT_TOKENS, Seen};
use ir::{Dialect, Shape, Usage};
use sim::shell::{Ask, Plan, Site};
use std::time::Duration;

/// One scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) id: &'static str,
    /// In a few words.
    pub(crate) what: &'static str,
    /// What the first provider is asked for, which orders its fault.
    first: &'static str,
    /// What the second is asked for.
    second: &'static str,
    pub(crate) expects: Expects,
    /// It is over within this.
    pub(crate) within: Duration,
    /// What is wrong with how it was done, beside what is wrong in any scenario.
    pub(crate) conduct: fn(&Run) -> Vec<&'static str>,
}

/// What the caller must get.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expects {
    /// All words.
    Words,
    /// The first provider's refusal, as it said it.
    Reason,
}

/// When somebody asks again, to see that the gateway lives; after the scenario's own time.
pub(crate) const LATER: Duration = Duration::from_secs(1);
/// A good answer.
pub(crate) const GOOD: &str = "ok+tokens-60";

/// The first words come within this: the limit of the harness.
const FIRST_WITHIN: Duration = Duration::from_secs(15);
/// What is over fast.
const FAST: Duration = Duration::from_secs(3);
/// Attempts of one request, at most.
const ATTEMPTS_MAX: usize = 6;

/// All of them, in the order of the harness.
pub(crate) const SCENARIOS: [Scenario; 16] = [
    Scenario {
        id: "S01",
        what: "429, Retry-After 2 s, once",
        first: "once-status-429+retry-after-2+tokens-60",
        conduct: |run| unless(run.waited(Duration::from_secs(2)), "retry_after_honoured"),
        within: Duration::from_secs(5),
        ..USUAL
    },
    Scenario {
        id: "S02",
        what: "429 without a header",
        first: "status-429+tokens-60",
        conduct: |run| {
            // No wait was asked for, so that some backoff is due before the same is asked again.
            unless(run.waited(Duration::from_millis(100)), "backs_off")
        },
        ..USUAL
    },
    Scenario {
        id: "S03",
        what: "500 once",
        first: "once-status-500+tokens-60",
        conduct: |run| unless(run.asked() == [2, 0], "one_retry_on_the_same"),
        ..USUAL
    },
    Scenario { id: "S04", what: "503 for good", first: "status-503+tokens-60", ..USUAL },
    Scenario {
        id: "S05",
        what: "reset before the head",
        first: "reset-before-head+tokens-60",
        ..USUAL
    },
    Scenario {
        id: "S06",
        what: "says nothing",
        first: "hang-before-head+tokens-60",
        conduct: |run| unless(run.asked()[0] == 1, "silent_route_not_retried"),
        within: FIRST_WITHIN,
        ..USUAL
    },
    Scenario {
        id: "S07",
        what: "first word after 20 s",
        first: "slow-first-20000ms+tokens-60",
        conduct: |run| {
            let first = run.heard().first.is_some_and(|first| first <= FIRST_WITHIN);
            unless(first, "ttft_limit")
        },
        within: FIRST_WITHIN,
        ..USUAL
    },
    Scenario {
        id: "S08",
        what: "cut after 40 of 60 words",
        first: "cut-after-40+tokens-60",
        second: "ok+tokens-60+goes-on-restart",
        ..USUAL
    },
    Scenario {
        id: "S09",
        what: "stalls after 20 of 60 words",
        first: "stall-after-20+tokens-60",
        second: "ok+tokens-60+goes-on-restart",
        within: FIRST_WITHIN,
        ..USUAL
    },
    Scenario {
        id: "S10",
        what: "one malformed chunk more",
        first: "garble-after-20+tokens-60",
        // Whether it is skipped or another try is free of it: the answer is complete.
        ..USUAL
    },
    Scenario {
        id: "S11",
        what: "no end marker",
        first: "no-end-open+tokens-60",
        conduct: |run| {
            let once = unless(run.asked() == [1, 0], "finalised_in_place");
            [once, unless(run.counts_tokens(), "reports_usage")].concat()
        },
        ..USUAL
    },
    Scenario {
        id: "S12",
        what: "context too long for the first",
        first: "400-context+tokens-60",
        conduct: |run| unless(run.asked() == [1, 1], "no_retry_on_the_same_model"),
        ..USUAL
    },
    Scenario {
        id: "S13",
        what: "content filter",
        first: "400-content-filter+tokens-60",
        expects: Expects::Reason,
        conduct: |run| unless(run.asked() == [1, 0], "not_routed_around"),
        ..USUAL
    },
    Scenario {
        id: "S14",
        what: "cut, and no prefill elsewhere",
        first: "cut-after-40+tokens-60",
        second: "refuses-prefill+tokens-60",
        ..USUAL
    },
    Scenario {
        id: "S15",
        what: "down for 60 s, then well",
        first: GOOD,
        conduct: outage::conduct,
        within: outage::LASTS,
        ..USUAL
    },
    Scenario {
        id: "S16",
        what: "who served, and what it took",
        first: "status-500+tokens-60",
        conduct: |run| unless(run.counts_tokens() && run.accounts(), "accounts_for_fallback"),
        ..USUAL
    },
];

/// What a scenario is unless it says otherwise.
const USUAL: Scenario = Scenario {
    id: "",
    what: "",
    first: GOOD,
    second: GOOD,
    expects: Expects::Words,
    within: FAST,
    conduct: |_| Vec::new(),
};

// === impl Scenario ===

impl Scenario {
    /// Plays it: one caller (or, in the outage, many), and one more when it is over.
    pub(crate) fn play(&'static self, dialect: Dialect, shape: Shape) -> Cell {
        let ask = Ask { shape, ..Ask::stream(dialect, self.first) };
        let mut plan = Plan { toml: self.toml(dialect), sites: sites(), ..Plan::default() };
        if self.id == "S15" {
            outage::happens(&mut plan, &ask);
        } else {
            plan.asks = vec![ask, Ask::stream(dialect, GOOD).at(self.within + LATER)];
        }
        let asks = plan.asks.clone();
        let life = plan.live().unwrap_or_else(|what| panic!("{}: {what}", self.id));
        Run { scenario: self, dialect, shape, asks, life }.judged()
    }

    /// Two providers and a chain.
    pub(crate) fn toml(&self, dialect: Dialect) -> String {
        let provider = |name: &str| {
            format!(
                "[providers.{name}]\ndialect = \"{}\"\nbase_url = \"http://{name}.world/v1\"\n\
                 api_key = \"env:KEY\"\n",
                dialect.name()
            )
        };
        let chain = format!("[models.\"*\"]\nchain = [\"a/*\", \"b/{}\"]\n", self.second);
        [provider("a"), provider("b"), chain].concat()
    }

    /// The model that callers ask for, and the first provider is asked for.
    pub(crate) fn first(&self) -> &'static str {
        self.first
    }

    /// The model that the second provider is asked for.
    pub(crate) fn second(&self) -> &'static str {
        self.second
    }
}

/// The name of a check that was not met.
fn unless(good: bool, check: &'static str) -> Vec<&'static str> {
    if good { Vec::new() } else { vec![check] }
}

/// They say the same.
pub(crate) fn sites() -> Vec<Site> {
    vec![Site { name: "a", says: "" }, Site { name: "b", says: "" }]
}

// === impl Run ===

impl Run {
    /// How often each provider was asked for the answer of the scenario.
    pub(crate) fn asked(&self) -> [usize; 2] {
        [0, 1].map(|place| self.calls(place).len())
    }

    /// Between two requests to the first provider there was at least this long.
    fn waited(&self, least: Duration) -> bool {
        let calls = self.calls(0);
        calls.windows(2).all(|two| least <= two[1].saturating_sub(two[0]))
    }

    /// The answer counts the tokens of whoever served.
    fn counts_tokens(&self) -> bool {
        let usage = self.said().ok().and_then(|said| said.usage).unwrap_or_default();
        let count = |name: &str| usage.get(name).and_then(serde_json::Value::as_u64);
        let (input, output) = match self.dialect {
            Dialect::Chat => (count("prompt_tokens"), count("completion_tokens")),
            Dialect::Messages | Dialect::Responses => {
                (count("input_tokens"), count("output_tokens"))
            }
        };
        // Of Chat's prompt tokens some are from its cache.
        input.is_some_and(|input| INPUT_TOKENS <= usize::try_from(input).unwrap_or(0))
            && output == Some(60)
    }

    /// The record names who served, and has the same tokens.
    fn accounts(&self) -> bool {
        let record = self.record();
        let target = record.target.as_deref() == Some(&*format!("b/{}", self.scenario.second()));
        let counted = match record.usage {
            Usage::Exact(tokens) => tokens.output == 60,
            Usage::Estimated(_) | Usage::Unknown => false,
        };
        target && counted && self.heard().header("x-backstop-target") == record.target.as_deref()
    }

    /// Requests stay few.
    pub(crate) fn is_moderate(&self) -> bool {
        self.asked().iter().sum::<usize>() <= ATTEMPTS_MAX
    }

    /// When this provider was asked for the answer of the scenario.
    fn calls(&self, place: usize) -> Vec<Duration> {
        let until = self.asks.last().map_or(Duration::MAX, |later| later.at);
        let log = self.life.seen[place].iter();
        let posts = log.filter(|(at, seen)| is_answer(seen) && *at < until);
        posts.map(|(at, _)| *at).collect()
    }
}

/// Whether it asks for an answer.
pub(crate) fn is_answer(seen: &Seen) -> bool {
    seen.method == "POST"
}
