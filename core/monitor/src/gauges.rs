//! How it stands now: what the shell knows and hands in when a page is asked for.

use crate::names::{NAME_BYTES_MAX, NAMES_MAX};
use crate::page::{Measure, Page, Seconds};
use crate::shown::shown;
use crate::status::{Judged, Provider, Requests};
use ir::Invariant;
use ir::evidence::Level;
use std::collections::BTreeMap;

/// How it stands.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// The version of the program.
    pub version: &'static str,
    /// Targets that are not well, `provider/model`, and the word for how each stands.
    pub unwell: Vec<(String, &'static str)>,
    /// Hosts of providers, `host:port`, and whether requests enter them freely.
    pub hosts: Vec<(String, bool)>,
    /// Every remote host fails at once.
    pub network_down: bool,
    /// A verdict puts targets on this machine first.
    pub local_first: bool,
    /// A stop was asked for.
    pub draining: bool,
    /// Requests under way.
    pub in_flight: u64,
    /// Requests that wait for their turn.
    pub queued: u64,
    /// Connections of callers that are open.
    pub connections: u64,
    /// Records that were dropped because their sink was too slow.
    pub records_dropped: u64,
    /// Records that could not be written.
    pub records_unwritten: u64,
    /// How often each promise was broken.
    pub broken: Vec<(Invariant, u64)>,
    /// How often the configuration was read again.
    pub reloads: Reloads,
    /// What the watch knows of each provider; nothing where nobody watches.
    pub watched: Vec<Provider>,
    /// The process.
    pub process: Process,
}

/// How often the configuration was read again, and what came of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reloads {
    /// It was taken over.
    pub applied: u64,
    /// It was refused, and the last good one kept.
    pub refused: u64,
}

/// What a process measures of itself; absent where the system does not tell.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Process {
    /// Memory that is resident, in bytes.
    pub resident_bytes: Option<u64>,
    /// File descriptors that are open.
    pub open_fds: Option<u64>,
    /// When it began, milliseconds since the Unix epoch.
    pub started_unix_ms: Option<u64>,
}

/// How the breaker of a target may stand.
const STATES: [&str; 5] = ["closed", "open", "trial", "ramp", "misconfigured"];

// === impl Gauges ===

impl Gauges {
    /// `known`: the targets that have counters.
    pub(crate) fn render<'a>(&self, known: impl Iterator<Item = &'a str>, page: &mut Page) {
        self.render_targets(known, page);
        self.render_gateway(page);
        self.render_watch(page);
        self.process.render(page);
    }

    /// Breakers of known targets and of those that are not well, within the bound on names.
    fn render_targets<'a>(&self, known: impl Iterator<Item = &'a str>, page: &mut Page) {
        let mut targets: BTreeMap<String, &str> =
            known.map(|name| (name.to_owned(), "closed")).collect();
        let mut unwell: BTreeMap<&str, u64> =
            STATES.iter().skip(1).map(|state| (*state, 0)).collect();
        for (name, state) in &self.unwell {
            let name = shown(name, NAME_BYTES_MAX);
            *unwell.entry(state).or_default() += 1;
            if targets.len() < NAMES_MAX || targets.contains_key(&*name) {
                targets.insert(name.into_owned(), state);
            }
        }
        let name = "backstop_target_state";
        page.family(name, Measure::Gauge, "How the breaker of a target stands: one of them is 1.");
        for (target, now) in &targets {
            for state in STATES {
                let labels = [("target", target.as_str()), ("state", state)];
                page.sample(name, &labels, u8::from(*now == state));
            }
        }
        let name = "backstop_targets_unwell";
        page.family(name, Measure::Gauge, "Targets that are not well, those without names too.");
        for (state, count) in unwell {
            page.sample(name, &[("state", state)], count);
        }
    }

    fn render_gateway(&self, page: &mut Page) {
        let name = "backstop_host_up";
        page.family(name, Measure::Gauge, "Whether a provider's host is reached.");
        for (host, up) in self.hosts.iter().take(NAMES_MAX) {
            page.sample(name, &[("host", host)], u8::from(*up));
        }
        for (name, help, value) in [
            (
                "backstop_network_down",
                "Whether every remote host fails at once.",
                u64::from(self.network_down),
            ),
            (
                "backstop_local_first",
                "Whether a verdict puts targets on this machine first.",
                u64::from(self.local_first),
            ),
            ("backstop_draining", "Whether a stop was asked for.", u64::from(self.draining)),
            ("backstop_requests_in_flight", "Requests under way.", self.in_flight),
            ("backstop_requests_queued", "Requests that wait for their turn.", self.queued),
            ("backstop_connections", "Connections of callers that are open.", self.connections),
        ] {
            page.single(name, Measure::Gauge, help, value);
        }
        let name = "backstop_records_lost_total";
        page.family(name, Measure::Counter, "Records that were not written.");
        page.sample(name, &[("why", "slow")], self.records_dropped);
        page.sample(name, &[("why", "unwritable")], self.records_unwritten);
        let name = "backstop_invariants_broken_total";
        page.family(name, Measure::Counter, "Promises of the program that did not hold.");
        for (invariant, count) in &self.broken {
            page.sample(name, &[("id", invariant.id())], count);
        }
        let name = "backstop_config_reloads_total";
        page.family(name, Measure::Counter, "How often the configuration was read again.");
        page.sample(name, &[("result", "applied")], self.reloads.applied);
        page.sample(name, &[("result", "refused")], self.reloads.refused);
        let name = "backstop_build_info";
        page.family(name, Measure::Gauge, "The program; always 1.");
        page.sample(name, &[("version", self.version)], 1);
    }
}

impl Gauges {
    /// A page of a gateway without a watch has none of it.
    fn render_watch(&self, page: &mut Page) {
        if self.watched.is_empty() {
            return;
        }
        let name = "backstop_verdict";
        page.family(name, Measure::Gauge, "Whose fault it is: the verdict that holds is 1.");
        for (provider, verdict) in self.verdicts() {
            page.sample(name, &[("provider", provider), ("cause", &verdict.cause)], 1);
        }
        let name = "backstop_verdict_confidence";
        page.family(name, Measure::Gauge, "How sure the verdict is, from 0 to 1, rounded down.");
        for (provider, verdict) in self.verdicts() {
            let share = format!("0.{:02}", verdict.confidence.min(99));
            page.sample(name, &[("provider", provider)], share);
        }
        let name = "backstop_status_page_level";
        let help = "What the provider's page says, from 0 (operational) to 4 (major).";
        page.family(name, Measure::Gauge, help);
        for (provider, level) in self.watched.iter().filter_map(level) {
            page.sample(name, &[("provider", provider)], level);
        }
        let name = "backstop_detection_lead_seconds";
        let help = "How long trouble was known here before the provider's page said so.";
        page.family(name, Measure::Gauge, help);
        for provider in &self.watched {
            if let Some(lead_s) = provider.times.and_then(|times| times.lead_s) {
                page.sample(name, &[("provider", &provider.provider)], lead_s);
            }
        }
        let name = "backstop_watch_requests_total";
        page.family(name, Measure::Counter, "Requests of the watch, by kind; none costs tokens.");
        for Provider { provider, requests, .. } in &self.watched {
            let Requests { page: pages, cheap, diagnosis, prewarm } = *requests;
            for (kind, count) in
                [("page", pages), ("cheap", cheap), ("diagnosis", diagnosis), ("prewarm", prewarm)]
            {
                page.sample(name, &[("provider", provider), ("kind", kind)], count);
            }
        }
    }

    fn verdicts(&self) -> impl Iterator<Item = (&str, &Judged)> {
        self.watched.iter().filter_map(|it| Some((it.provider.as_str(), it.verdict.as_ref()?)))
    }
}

/// What a page says, as a number.
fn level(provider: &Provider) -> Option<(&str, usize)> {
    const LEVELS: [Level; 5] =
        [Level::Operational, Level::Maintenance, Level::Degraded, Level::Partial, Level::Major];
    let said = provider.page.as_ref()?.level.as_deref()?;
    let level = LEVELS.iter().position(|level| level.word() == said)?;
    Some((&provider.provider, level))
}

// === impl Process ===

impl Process {
    /// By the names that every client library uses.
    fn render(&self, page: &mut Page) {
        if let Some(bytes) = self.resident_bytes {
            let name = "process_resident_memory_bytes";
            page.single(name, Measure::Gauge, "Resident memory size in bytes.", bytes);
        }
        if let Some(count) = self.open_fds {
            let name = "process_open_fds";
            page.single(name, Measure::Gauge, "Number of open file descriptors.", count);
        }
        if let Some(ms) = self.started_unix_ms {
            let help = "Start time of the process since unix epoch in seconds.";
            page.single("process_start_time_seconds", Measure::Gauge, help, Seconds(ms));
        }
    }
}
