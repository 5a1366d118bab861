//! How it stands, for programs (`GET /status`) and for people (`backstop status`).
//!
//! The shape is a promise: `docs/reference/status.md`. Fields may come; none goes or changes its meaning.
//!
//! **Invariants:** percentages are rounded down; texts from outside are escaped and cut; no content.

mod table;

use crate::shown::shown;
use crate::watch::{SURE_OF_GOOD, SURE_OF_REACHED, Times, Watch};
use crate::{Advice, Cause, Layer, Moment, Reason, Side, Verdict};
use ir::Time;
use ir::evidence::Traffic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
pub(crate) use table::ago;

/// How everything stands.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Status {
    /// When this was written, milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// Whether anybody watches: `[watch] enabled`.
    pub watching: bool,
    /// Every remote host fails at once.
    pub network_down: bool,
    /// A verdict puts targets on this machine first.
    pub local_first: bool,
    /// Providers in the order of the configuration.
    pub providers: Vec<Provider>,
}

/// How one provider stands.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Provider {
    /// Its name.
    pub provider: String,
    /// Where it is asked, `host:port`.
    pub host: String,
    /// Whether there is trouble.
    pub troubled: bool,
    /// What holds; absent where nothing is known.
    pub verdict: Option<Judged>,
    /// The times of the trouble that goes on, or of the last one.
    pub times: Option<Times>,
    /// What its status page says; absent where it was not read.
    pub page: Option<Page>,
    /// Its targets that were asked within the window, and those that are not well.
    pub targets: Vec<Target>,
    /// Requests of the watch.
    pub requests: Requests,
    /// What our own requests met there within a quarter of an hour, as evidence has it.
    pub traffic: Option<Traffic>,
}

/// A verdict.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Judged {
    /// The stable word: `me.link`, `them.overloaded`, `fine`.
    pub cause: String,
    /// Whose side: `fine`, `them`, `me`, `path`, `unknown`.
    pub side: String,
    /// The cause in a few words.
    pub says: String,
    /// How sure, per cent, rounded down.
    pub confidence: u8,
    /// The strongest pieces of evidence, strongest first; three at most.
    pub reasons: Vec<Reason>,
    /// What would change it.
    pub would_change: String,
    /// What to do, most useful first.
    pub advice: Vec<Advice>,
    /// Since when it holds.
    pub since_unix_ms: Option<u64>,
}

/// What a status page says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Page {
    /// Where it was read.
    pub url: String,
    /// `operational`, `maintenance`, `degraded`, `partial`, `major`; absent where it is not known.
    pub level: Option<String>,
    /// Why it is not known.
    pub unknown: Option<String>,
    /// Its own sentence.
    pub says: String,
    /// How long ago it was read, in seconds.
    pub age_s: u64,
}

/// One target.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Target {
    /// `provider/model`.
    pub target: String,
    /// How its breaker stands: `closed`, `open`, `trial`, `ramp`, `misconfigured`.
    pub breaker: String,
    /// Attempts within the window; callers' faults and what was cancelled is left out.
    pub n: u64,
    /// The share of good ones, per cent, rounded down; absent where there are none.
    pub ok_percent: Option<u8>,
    /// Middle time to first content, in ms.
    pub ttft_ms: Option<u64>,
}

/// Requests of the watch since the process began, by kind. None costs tokens.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Requests {
    /// For the status page.
    pub page: u64,
    /// Free questions without a key.
    pub cheap: u64,
    /// Diagnoses; each is several requests, to several hosts.
    pub diagnosis: u64,
    /// Connections that were opened ahead.
    pub prewarm: u64,
}

/// Where a breaker is well.
const CLOSED: &str = "closed";
/// Texts are cut at this, in bytes.
const TEXT_MAX: usize = 400;
/// A free question that was answered, or trouble that was over, so long ago still says that it is well.
const REACHED: Duration = Duration::from_mins(10);
/// Of ten attempts so many are good where all is well.
const GOOD_OF_TEN: u64 = 7;
/// Targets that are shown of one provider.
const TARGETS_MAX: usize = 32;

// === impl Provider ===

impl Provider {
    /// How the provider of a watch stands. `unwell`: its targets that are not well, by model, and the
    /// word for each.
    pub fn of(
        name: &str,
        watch: &Watch,
        now: Moment,
        unwell: &BTreeMap<String, &'static str>,
    ) -> Self {
        let targets = targets(name, watch, now, unwell);
        Self { targets, traffic: Some(watch.traffic(now)), ..Self::in_brief(name, watch, now) }
    }

    /// The same without its targets and traffic, which take longest to count.
    pub fn in_brief(name: &str, watch: &Watch, now: Moment) -> Self {
        let counted = watch.counted();
        let page = watch.page(now).map(|page| Page {
            url: text(&page.url),
            level: page.level.map(|level| level.word().to_owned()),
            unknown: page.unknown.as_deref().map(text),
            says: text(&page.says),
            age_s: page.age_s,
        });
        Self {
            provider: name.to_owned(),
            troubled: watch.is_troubled(),
            verdict: judged(watch, now),
            times: watch.times(),
            page,
            requests: Requests {
                page: counted.page,
                cheap: counted.cheap,
                diagnosis: counted.diagnosis,
                prewarm: 0,
            },
            ..Self::default()
        }
    }
}

fn targets(
    name: &str,
    watch: &Watch,
    now: Moment,
    unwell: &BTreeMap<String, &'static str>,
) -> Vec<Target> {
    let mut rest: BTreeMap<String, &'static str> =
        unwell.iter().map(|(model, word)| (text(model), *word)).collect();
    let seen = watch.models(now).into_iter().map(|seen| {
        let breaker = rest.remove(&seen.model).unwrap_or(CLOSED).to_owned();
        let percent = (seen.ok * 100).checked_div(seen.n).and_then(|it| u8::try_from(it).ok());
        let target = format!("{name}/{}", seen.model);
        Target { target, breaker, n: seen.n, ok_percent: percent, ttft_ms: seen.ttft_ms }
    });
    let mut targets: Vec<Target> = seen.collect();
    for (model, word) in rest {
        let target = format!("{name}/{model}");
        targets.push(Target { target, breaker: word.to_owned(), ..Target::default() });
    }
    targets.truncate(TARGETS_MAX);
    targets
}

/// What holds: in trouble what was found, or that it is not known yet; else what says that it is well.
fn judged(watch: &Watch, now: Moment) -> Option<Judged> {
    if let Some((verdict, since)) = watch.verdict() {
        return Some(Judged { since_unix_ms: Some(since.unix_ms), ..Judged::from(verdict) });
    }
    if let Some(why) = watch.undecided(now) {
        let since_unix_ms = watch.times().map(|times| times.detected_unix_ms);
        return Some(Judged { since_unix_ms, ..plain(Cause::Unknown, 0, (Layer::Yours, &why)) });
    }
    if let Some(verdict) = watch.misnamed(now) {
        return Some(Judged::from(&verdict));
    }
    let recovered = watch.times().and_then(|times| times.recovered_unix_ms);
    let lately = |at: Time| now.at.since(at) <= REACHED;
    let (n, ok) = watch.fared(now);
    let (confidence, layer, why) = if 0 < n {
        let why = format!("{ok} of the last {n} attempts were good");
        if ok * 10 < n * GOOD_OF_TEN {
            return Some(plain(Cause::Unknown, 0, (Layer::Yours, &why)));
        }
        (SURE_OF_GOOD, Layer::Yours, why)
    } else if let Some((_, back)) = watch.over().filter(|(over, _)| lately(over.at)) {
        (back.sure, back.layer, back.why.to_owned())
    } else if watch.reached_at().is_some_and(lately) {
        let why = "a free question was answered, and no request tells more".to_owned();
        (SURE_OF_REACHED, Layer::Http, why)
    } else {
        return None;
    };
    Some(Judged { since_unix_ms: recovered, ..plain(Cause::Fine, confidence, (layer, &why)) })
}

fn plain(cause: Cause, confidence: u8, (layer, why): (Layer, &str)) -> Judged {
    Judged {
        reasons: vec![Reason { layer, text: why.to_owned() }],
        confidence,
        ..Judged::of(cause)
    }
}

fn text(text: &str) -> String {
    shown(text, TEXT_MAX).into_owned()
}

// === impl Judged ===

impl Judged {
    fn of(cause: Cause) -> Self {
        let row = cause.row();
        Self {
            cause: row.word.to_owned(),
            side: row.side.word().to_owned(),
            says: row.says.to_owned(),
            ..Self::default()
        }
    }

    /// Whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.side == Side::Fine.word()
    }
}

impl From<&Verdict> for Judged {
    fn from(verdict: &Verdict) -> Self {
        Self {
            confidence: verdict.confidence,
            reasons: verdict.reasons.clone(),
            would_change: verdict.would_change.clone(),
            advice: verdict.advice.clone(),
            ..Self::of(verdict.cause)
        }
    }
}

#[cfg(test)]
mod tests;
