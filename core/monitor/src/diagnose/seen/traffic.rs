//! What our own requests met, as the rules ask for it.

use super::super::kinds::{Kind, count, portion};
use super::Seen;
use crate::names::OTHER;
use ir::evidence::{Tally, Traffic};

/// Failures for as long as this are a run, in seconds.
const RUN_S: u64 = 5;
/// Longer ago than this is no more than silence, in seconds: whom a key or an account is refused by is
/// left alone for five minutes.
const SILENT_S: u64 = 330;
/// From so many attempts on a share says something.
pub(in crate::diagnose) const ENOUGH: u64 = 3;

// === impl Seen ===

impl<'a> Seen<'a> {
    /// What our requests met; a run of failures and silence since say nothing of now.
    fn traffic(&self) -> Option<&'a Traffic> {
        let silent = |it: &Traffic| {
            it.failing_since_unix_ms.is_some() && it.failed_ago_s.is_some_and(|ago| SILENT_S < ago)
        };
        self.it.traffic.as_ref().filter(|it| !silent(it))
    }

    /// What our requests met, where it is enough: the last minute, else all of the window.
    pub(in crate::diagnose) fn tally(&self) -> Option<&'a Tally> {
        let traffic = self.traffic()?;
        // One or two failures of a few may have any reason.
        let failed = |it: &Tally| it.n.saturating_sub(it.ok);
        let few = |it: &Tally| (1..ENOUGH).contains(&failed(it)) && it.share() < Some(0.95);
        let lately = Some(&traffic.lately).filter(|it| ENOUGH <= it.n && !few(it));
        lately.or_else(|| (ENOUGH <= traffic.all.n).then_some(&traffic.all))
    }

    /// The share of our requests that failed, of those that say something.
    pub(in crate::diagnose) fn failing(&self) -> Option<f64> {
        self.tally().and_then(Tally::share).map(|share| 1.0 - share)
    }

    /// The share of our requests that failed in one way.
    pub(in crate::diagnose) fn failing_by(&self, kind: Kind) -> f64 {
        // One or two may have any reason.
        self.tally()
            .filter(|tally| ENOUGH <= count(tally, kind))
            .map_or(0.0, |it| portion(it, kind))
    }

    /// The way in which most of our requests fail.
    pub(in crate::diagnose) fn fails_by(&self) -> Option<Kind> {
        const ALL: [Kind; 10] = [
            Kind::Capacity,
            Kind::Server,
            Kind::Page,
            Kind::Reset,
            Kind::Stall,
            Kind::Auth,
            Kind::Account,
            Kind::Limit,
            Kind::Reach,
            Kind::Proxy,
        ];
        let portion = |kind: &Kind| self.failing_by(*kind);
        let most = ALL.into_iter().max_by(|one, two| portion(one).total_cmp(&portion(two)))?;
        (0.0 < portion(&most)).then_some(most)
    }

    /// Whether our requests are answered with pages for browsers, more than they fail otherwise.
    pub(in crate::diagnose) fn meets_pages(&self) -> bool {
        0.05 <= self.failing_by(Kind::Page) && self.fails_by() == Some(Kind::Page)
    }

    /// Models that fail while the others are well: the name, and what it met.
    pub(in crate::diagnose) fn lone_models(&self) -> Vec<(&'a str, &'a Tally)> {
        let Some(traffic) = &self.it.traffic else { return Vec::new() };
        let bad = |it: &Tally| ENOUGH <= it.all() && 4 * it.ok < 3 * it.all();
        let failing: Vec<_> = traffic
            .models
            .iter()
            .filter(|(name, it)| bad(it) && *name != OTHER)
            .map(|(it, met)| (it.as_str(), met))
            .collect();
        let others = traffic.models.iter().filter(|(_, it)| !bad(it));
        let (mut n, mut ok) = (0, 0);
        for (_, it) in others {
            n += it.n;
            ok += it.ok;
        }
        // Nine of ten of the others are well, in whole numbers.
        if ENOUGH <= n && 9 * n <= 10 * ok && failing.len() < traffic.models.len() {
            failing
        } else {
            Vec::new()
        }
    }

    /// Whether nearly all keys that were good are refused now, and there are several.
    pub(in crate::diagnose) fn keys_fail_together(&self) -> bool {
        let keys = |it: &Traffic| 2 <= it.keys_refused && 3 * it.keys <= 4 * it.keys_refused;
        self.it.traffic.as_ref().is_some_and(keys)
    }

    /// For how long every answer failed, in seconds, from the first failure to the last: what came after
    /// is silence. Absent where the first was but a moment ago.
    pub(crate) fn failing_for_s(&self) -> Option<u64> {
        let traffic = self.traffic()?;
        let since = traffic.failing_since_unix_ms?;
        if traffic.all.n.saturating_sub(traffic.all.ok) < ENOUGH {
            return None;
        }
        let began_ago = self.it.at_unix_ms.saturating_sub(since) / 1000;
        let run = began_ago.saturating_sub(traffic.failed_ago_s.unwrap_or(0));
        (RUN_S <= began_ago).then_some(run.max(1))
    }

    /// The same in words, with how long ago it ended.
    pub(crate) fn failing_for(&self) -> Option<String> {
        let run = self.failing_for_s()?;
        let ago = self.traffic()?.failed_ago_s.filter(|ago| RUN_S <= *ago);
        let ago = ago.map(|ago| format!(", the last {ago} s ago")).unwrap_or_default();
        Some(format!("{run} s{ago}"))
    }

    /// How much longer than usual the first content takes.
    pub(in crate::diagnose) fn slower(&self) -> Option<f64> {
        let traffic = self.it.traffic.as_ref()?;
        let (now, usual) = (traffic.ttft_ms?, traffic.ttft_usual_ms?);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a request")]
        (0 < usual).then(|| now as f64 / usual as f64)
    }

    /// Whether failures of theirs are of several kinds, none of which is most of them.
    pub(in crate::diagnose) fn fails_in_many_ways(&self) -> bool {
        const THEIRS: [Kind; 4] = [Kind::Capacity, Kind::Server, Kind::Reset, Kind::Stall];
        let shares = THEIRS.map(|kind| self.failing_by(kind));
        let all: f64 = shares.iter().sum();
        (0.05..0.7).contains(&all) && shares.iter().all(|share| *share < 0.7 * all)
    }
}
