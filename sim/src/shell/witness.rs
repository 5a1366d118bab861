//! What must hold of every answer, whatever happened: it ends once and says how, its words are in order
//! and all there or known to be missing, and there is one record that tells the same. A promise of the
//! core that is broken is told by its id.

mod bytes;

use super::caller::{Ask, Heard};
use super::said::Said;
use super::scene::{IllKind, Scene};
use super::world::Life;
use drill::provider::{ErrorPlace, Fault, InBand, Pace, Place, Plain, Refusal, Seen, Stage};
use ir::{AttemptRecord, Ending, Record, Shape};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a plan allows for one request (`policy::Retries::default`).
const ATTEMPTS_MAX: usize = 8;
/// Each of three targets has two minutes at most, for its first content or between two pieces of a tool
/// call; texts are short.
const ENDS_WITHIN: Duration = Duration::from_mins(6);
/// A request is on its way for so long: it may find that the gateway stops.
const ON_ITS_WAY: Duration = Duration::from_millis(200);
/// The grace (`config::Server::default`), the last word, and its way.
const STOPS_WITHIN: Duration = Duration::from_secs(31);

/// Looks at everything that came of a world. The first broken promise, and whose it was.
pub(super) fn judge(scene: &Scene, life: &Life) -> Result<(), String> {
    let asks = &scene.plan.asks;
    if life.heard.len() != asks.len() {
        return Err(format!("EX2: {} callers of {} came back", life.heard.len(), asks.len()));
    }
    let mut records: BTreeMap<&str, &Record> = BTreeMap::new();
    for record in &life.records {
        if records.insert(&record.id, record).is_some() {
            return Err(format!("ST1: two records of {}", record.id));
        }
    }
    // Whoever comes when it stops is not let in.
    let let_in = life.heard.iter().filter(|heard| heard.status != 0).count();
    let fewest = if scene.stops.is_some() { let_in } else { asks.len() };
    if !(fewest..=asks.len()).contains(&records.len()) {
        return Err(format!("ST1: {} records of {} requests", records.len(), asks.len()));
    }
    for (place, (ask, heard)) in asks.iter().zip(&life.heard).enumerate() {
        let told = heard.header("x-backstop-request-id").and_then(|id| records.get(id));
        let one = One { scene, place, ask, heard, record: told.copied() };
        one.judge().map_err(|what| format!("caller {place}, {}: {what}", ask.model))?;
    }
    bytes::judge(scene, life)?;
    if life.open != (0, 0, 0) {
        return Err(format!("still open at the end: {:?}", life.open));
    }
    nobody_is_still_asked(scene, life)
}

/// EX4, seen from the providers: whoever was asked was let go. Where the network lost the news, nobody
/// can know.
fn nobody_is_still_asked(scene: &Scene, life: &Life) -> Result<(), String> {
    for (place, seen) in life.seen.iter().enumerate() {
        let lost = |kind| match kind {
            IllKind::Crash | IllKind::Partition | IllKind::Hold => true,
            IllKind::Fault | IllKind::Sever | IllKind::Distance => false,
        };
        if scene.ills.iter().any(|ill| ill.place == place && lost(ill.kind)) {
            continue;
        }
        // A free probe is nobody's attempt and may still be under way.
        let asked = |seen: &Seen| seen.method == "POST" && seen.ended.is_none();
        if let Some((at, seen)) = seen.iter().find(|(_, seen)| asked(seen)) {
            return Err(format!("EX4: provider {place} still answers {} since {at:?}", seen.model));
        }
    }
    Ok(())
}

/// One request.
struct One<'a> {
    scene: &'a Scene,
    place: usize,
    ask: &'a Ask,
    heard: &'a Heard,
    record: Option<&'a Record>,
}

// === impl One ===

impl One<'_> {
    fn judge(&self) -> Result<(), String> {
        let Heard { status, body, whole, left, hung, .. } = self.heard;
        if *left {
            return Ok(());
        }
        let stopped = self.scene.stops.is_some_and(|stop| stop <= self.ask.at + ON_ITS_WAY);
        if *status == 0 && stopped && !*hung {
            return Ok(());
        }
        if *hung || *status == 0 {
            return Err(format!("EX2: no answer, hung: {hung}"));
        }
        let record = self.record.ok_or("ST1: an answer without a record")?;
        if !*whole {
            return Err(format!("EX2: its connection broke: {record:?}"));
        }
        self.attempts(record)?;
        if record.status != *status {
            return Err(format!("{status}, and the record says {}", record.status));
        }
        if *status != 200 {
            let error = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
            let bare = self.order() == Some(&Fault::Refusal(Refusal::Bare)) && body.is_empty();
            if error.get("error").is_none() && !bare {
                let body = String::from_utf8_lossy(body);
                return Err(format!("{status} without an error: {body}"));
            }
            return self.must_fail(record);
        }
        let said = Said::read(self.ask.dialect, self.ask.shape, body)?;
        let complete = said.is_complete();
        if complete == said.error.is_some() || (self.ask.shape == Shape::Whole && !complete) {
            return Err(format!("EX2: no end, or two: {said:?}"));
        }
        if complete != (record.ending == Ending::Answered) {
            return Err(format!("EX2: {} in the record: {said:?}", record.ending.word()));
        }
        self.words(&said, record)?;
        if complete { Ok(()) } else { self.must_fail(record) }
    }

    /// EX3, and nobody waits for longer than the deadlines allow.
    fn attempts(&self, record: &Record) -> Result<(), String> {
        // Those that taught how to ask do not count, nor those that were provably not processed, nor
        // those that waited for a model to load.
        let free = ["unprocessed", "loading"];
        let counts = |it: &&AttemptRecord| it.repair.is_none() && !free.contains(&it.outcome);
        let attempts = record.attempts.iter().filter(counts).count();
        if ATTEMPTS_MAX < attempts {
            return Err(format!("EX3: {attempts} attempts: {:?}", record.attempts));
        }
        let stop = self.scene.stops.map(|stop| (stop + STOPS_WITHIN).saturating_sub(self.ask.at));
        if stop.unwrap_or(ENDS_WITHIN).min(ENDS_WITHIN) < self.heard.took {
            return Err(format!("it took {:?}: {:?}", self.heard.took, record.attempts));
        }
        Ok(())
    }

    fn order(&self) -> Option<&Fault> {
        self.scene.orders.get(self.place).and_then(Option::as_ref)
    }

    /// Words come in their order and once; and all of them, where it says that it is complete.
    fn words(&self, said: &Said, record: &Record) -> Result<(), String> {
        let digits = |word: &str| -> Option<usize> {
            word.strip_prefix('w')?.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
        };
        let numbers: Vec<usize> = said.text.split_whitespace().filter_map(digits).collect();
        if !numbers.iter().copied().eq(0..numbers.len()) {
            return Err(format!("EX5, CD2: lost, doubled or out of order: {:?}", said.text));
        }
        if let Some((name, _)) = said.text.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            && !record
                .attempts
                .iter()
                .any(|it| it.first_content_ms.is_some() && site(&it.target) == name)
        {
            return Err(format!("said by nobody who was asked: {:?}", said.text));
        }
        let empty = self.order() == Some(&Fault::Plain(Plain::EmptyAnswer));
        let silent = numbers.is_empty() && (!said.tools.is_empty() || empty);
        if said.is_complete() && numbers.len() != self.scene.words && !silent {
            return Err(format!("EX2: a cut that looks complete: {:?}", said.text));
        }
        Ok(())
    }

    /// Whether it is no excuse that an answer was struck after content: nothing was shown of it, or
    /// whoever is well can go on with it.
    fn can_go_on(&self) -> bool {
        match self.ask.shape {
            Shape::Whole => true,
            Shape::Stream => self.scene.alike && self.is_said_by_all(),
        }
    }

    /// Whether everybody would say the same. What only the first provider says (calls, letters) nobody
    /// else has the rest of.
    fn is_said_by_all(&self) -> bool {
        if ["+tools", "+unicode"].iter().any(|dish| self.ask.model.contains(dish)) {
            return false;
        }
        self.order().is_none_or(|fault| match fault {
            Fault::Break(_, place) => match place {
                Place::BeforeContent | Place::After(_) | Place::Thinking | Place::Last => true,
                Place::Tool
                | Place::TextThenTool
                | Place::Letter(_)
                | Place::Pair(_)
                | Place::Call(_)
                | Place::InCall(_) => false,
            },
            Fault::Error(_, place) => match place {
                ErrorPlace::Call(_) => false,
                ErrorPlace::First
                | ErrorPlace::Start
                | ErrorPlace::After(_)
                | ErrorPlace::Thinking
                | ErrorPlace::Last => true,
            },
            Fault::Slow(pace, _) => *pace != Pace::Tool,
            Fault::Status(..)
            | Fault::Html(_)
            | Fault::Plain(_)
            | Fault::GarbleAfter(_)
            | Fault::NeedsKey(_) => true,
            // Some of them make another answer, and not half of one.
            Fault::Flaw(_) | Fault::Refusal(_) | Fault::BigAnswer(_) => false,
        })
    }

    /// Whether what it met is its own fault: to be told so, by whomever.
    fn is_to_blame(&self) -> bool {
        self.order().is_some_and(|fault| {
            let refused = matches!(fault, Fault::Error(InBand::Invalid, _));
            refused || fault.stage() == Stage::CallersOwn
        })
    }

    /// It did not end well: was there nobody to whom that could have been left?
    fn must_fail(&self, record: &Record) -> Result<(), String> {
        let goes_on = self.can_go_on();
        let after = |fault: &Fault| fault.stage() == Stage::AfterContent;
        let own = self.is_to_blame() || (!goes_on && self.order().is_some_and(after));
        let until = self.ask.at + self.heard.took;
        let ailed = |place: usize| {
            let mut ills = self.scene.ills.iter().filter(|ill| ill.place == place);
            ills.any(|ill| ill.from <= until)
        };
        // Whoever had begun to answer may have been struck in the middle.
        let begun = |place: usize| {
            let name = self.scene.plan.sites.get(place).map_or("", |site| site.name);
            let mut shown = record.attempts.iter().filter(|it| it.first_content_ms.is_some());
            !goes_on && ailed(place) && shown.any(|it| site(&it.target) == name)
        };
        let places = 0..self.scene.plan.sites.len();
        let stopped = self.scene.stops.is_some_and(|stop| stop <= until);
        let excused = own || stopped || places.clone().any(begun) || places.skip(1).all(ailed);
        if excused {
            return Ok(());
        }
        let trail: Vec<String> = record.attempts.iter().map(AttemptRecord::trail).collect();
        Err(format!("it failed although somebody was well: {trail:?}, {:?}", record.skipped))
    }
}

/// Who is asked for this target: `a/ok`.
fn site(target: &str) -> &str {
    target.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
