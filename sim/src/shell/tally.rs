//! What worlds of the shell came to, in numbers.

use super::scene::{IllKind, Scene};
use super::world::Life;
use ir::Ending;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The figures of one world, or of many.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Requests, by how they ended.
    pub requests: BTreeMap<&'static str, u64>,
    /// Attempts of all of them.
    pub attempts: u64,
    /// Answered by another target than the first of the chain.
    pub elsewhere: u64,
    /// Streams that were cut after content and gone on with, to a complete end.
    pub gone_on: u64,
    /// How many times an answer was gone on with.
    pub seams: u64,
    /// Requests whose model ordered a fault of the first provider.
    pub orders: u64,
    /// Attempts that failed, and those of them that had shown content.
    pub struck: (u64, u64),
    /// What else went wrong, by its kind.
    pub troubles: BTreeMap<&'static str, u64>,
    /// The longest that anybody waited for the end of an answer.
    pub slowest: Duration,
    /// How long the worlds lasted, in their own time.
    pub lasted: Duration,
    /// Of everything that was heard, recorded and seen: equal lives have equal hashes.
    pub hash: u64,
}

/// How attempts end that nothing struck (`policy`'s fates).
const NO_FAILURES: [&str; 3] = ["ok", "lost", "abandoned"];

// === impl Tally ===

impl Tally {
    pub(super) fn of(scene: &Scene, life: &Life) -> Self {
        let slowest = life.heard.iter().map(|heard| heard.took).max().unwrap_or_default();
        let (lasted, hash) = (life.lasted, life.hash);
        let mut tally = Self { slowest, lasted, hash, ..Self::default() };
        for record in &life.records {
            *tally.requests.entry(record.ending.word()).or_default() += 1;
            tally.attempts += u64::try_from(record.attempts.len()).unwrap_or(u64::MAX);
            let elsewhere = record.ending == Ending::Answered && record.target != record.preferred;
            tally.elsewhere += u64::from(elsewhere);
            let gone_on = record.ending == Ending::Answered && record.seams != 0;
            tally.gone_on += u64::from(gone_on);
            tally.seams += u64::from(record.seams);
            for attempt in record.attempts.iter().filter(|it| !NO_FAILURES.contains(&it.outcome)) {
                tally.struck.0 += 1;
                tally.struck.1 += u64::from(attempt.first_content_ms.is_some());
            }
        }
        let ordered = scene.orders.iter().filter(|order| order.is_some()).count();
        tally.orders = u64::try_from(ordered).unwrap_or(u64::MAX);
        for kind in IllKind::ALL {
            let count = scene.ills.iter().filter(|ill| ill.kind == kind).count();
            *tally.troubles.entry(kind.word()).or_default() += u64::try_from(count).unwrap_or(0);
        }
        tally.troubles.insert("stops", u64::from(scene.stops.is_some()));
        tally
    }

    /// Adds another world's.
    pub fn add(&mut self, other: &Self) {
        for (word, count) in &other.requests {
            *self.requests.entry(word).or_default() += count;
        }
        for (word, count) in &other.troubles {
            *self.troubles.entry(word).or_default() += count;
        }
        self.attempts += other.attempts;
        self.elsewhere += other.elsewhere;
        self.gone_on += other.gone_on;
        self.seams += other.seams;
        self.orders += other.orders;
        self.struck.0 += other.struck.0;
        self.struck.1 += other.struck.1;
        self.slowest = self.slowest.max(other.slowest);
        self.lasted += other.lasted;
        self.hash = self.hash.rotate_left(1) ^ other.hash;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |counts: &BTreeMap<&'static str, u64>| {
            let words = counts.iter().map(|(word, count)| format!("{count} {word}"));
            words.collect::<Vec<_>>().join(", ")
        };
        let requests: u64 = self.requests.values().sum();
        writeln!(f, "requests   {requests} with {} attempts", self.attempts)?;
        writeln!(f, "ended      {}, {} elsewhere", words(&self.requests), self.elsewhere)?;
        writeln!(f, "faults     {} by order; {}", self.orders, words(&self.troubles))?;
        let (struck, after) = self.struck;
        writeln!(f, "struck     {struck} attempts, {after} after content")?;
        writeln!(f, "gone on    {} answers to their end, over {} seams", self.gone_on, self.seams)?;
        writeln!(f, "slowest    {:.1} s", self.slowest.as_secs_f64())?;
        let lasted = self.lasted.as_secs();
        write!(f, "lasted     {lasted} s of their own, trace {:016x}", self.hash)
    }
}
