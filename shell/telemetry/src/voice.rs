//! What is said about the export of one signal: once when it fails, once when it works again.
//!
//! **Invariant:** a collector that comes and goes, or wants a part of everything not, is at most two
//! lines a minute.

use std::time::Duration;
use tokio::time::Instant;

/// What was said last.
#[derive(Debug)]
pub(crate) struct Voice {
    /// `traces`, `metrics`.
    signal: &'static str,
    /// Whom it goes to.
    whom: String,
    /// It was said that it fails, and not yet that it works again.
    broken: bool,
    /// Requests that are missing there, since it was last said.
    missing: u64,
    /// When trouble was last said.
    told: Option<Instant>,
}

/// Trouble is news this often.
const TOLD_EVERY: Duration = Duration::from_mins(1);

// === impl Voice ===

impl Voice {
    pub(crate) fn new(signal: &'static str, whom: String) -> Self {
        Self { signal, whom, broken: false, missing: 0, told: None }
    }

    /// So many requests are given up.
    pub(crate) fn miss(&mut self, count: u64) {
        self.missing = self.missing.saturating_add(count);
    }

    /// What is to be said of an export that failed.
    pub(crate) fn fails(&mut self, now: Instant, why: &str) -> Option<String> {
        if self.broken || !self.is_news(now) {
            return None;
        }
        self.broken = true;
        let Self { signal, whom, .. } = self;
        Some(format!("{signal} cannot be exported to {whom}: {why}; requests are not affected"))
    }

    /// What is to be said of one that did not, but for what the collector did not want.
    pub(crate) fn works(&mut self, now: Instant, unwanted: Option<&str>) -> Option<String> {
        let (signal, missing) = (self.signal, self.missing);
        let line = if self.broken {
            let lack =
                if missing == 0 { String::new() } else { format!("; {missing} are missing") };
            format!("{signal} are exported again{lack}")
        } else if missing != 0 && self.is_news(now) {
            format!("{missing} {signal} were dropped: the collector is too slow")
        } else {
            let what = unwanted.filter(|_| self.is_news(now))?;
            return Some(format!("the collector did not take all {signal}: {what}"));
        };
        self.broken = false;
        self.missing = 0;
        Some(line)
    }

    /// What is to be said where nothing more will be exported.
    pub(crate) fn ends(&self) -> Option<String> {
        let Self { signal, missing, .. } = self;
        (*missing != 0).then(|| format!("{missing} {signal} were not exported"))
    }

    fn is_news(&mut self, now: Instant) -> bool {
        let news = self.told.is_none_or(|told| TOLD_EVERY <= now.duration_since(told));
        if news {
            self.told = Some(now);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, Voice};

    #[test]
    fn trouble_and_its_end_are_said_once_and_seldom() {
        let start = Instant::now();
        let mut voice = Voice::new("traces", "http://h".to_owned());
        let mut check = |second: u64, what: &str, expect: &str| {
            let now = start + Duration::from_secs(second);
            let said = match what.split_once(' ') {
                Some(("miss", count)) => {
                    voice.miss(count.parse().expect("a number"));
                    voice.works(now, None)
                }
                Some(("partly", what)) => voice.works(now, Some(what)),
                Some(_) | None if what == "works" => voice.works(now, None),
                Some(_) | None => voice.fails(now, what),
            };
            assert_eq!(said.unwrap_or_default(), expect, "at {second} s: {what}");
        };
        let broken = |why: &str| {
            format!("traces cannot be exported to http://h: {why}; requests are not affected")
        };
        check(0, "works", "");
        check(1, "down", &broken("down"));
        check(2, "down", "");
        check(90, "another", "");
        check(91, "works", "traces are exported again");
        check(92, "works", "");
        check(93, "down", &broken("down"));
        check(94, "miss 3", "traces are exported again; 3 are missing");
        check(95, "down", "");
        check(96, "works", "");
        check(97, "miss 2", "");
        check(153, "miss 5", "7 traces were dropped: the collector is too slow");
        check(154, "partly x", "");
        check(213, "partly x", "the collector did not take all traces: x");
        assert_eq!(voice.ends(), None);
        voice.miss(4);
        assert_eq!(voice.ends().as_deref(), Some("4 traces were not exported"));
    }
}
