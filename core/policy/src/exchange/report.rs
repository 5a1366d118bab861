//! What is kept of an exchange: the part of a record that only it knows.

use super::attempt::Fate;
use super::failing::Standing;
use super::{Exchange, Final, Phase, Way};
use ir::{AttemptRecord, Ending, Repair, Time, Usage};
use std::sync::Arc;
use std::time::Duration;

/// The exchange's part of a record.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended; `Abandoned` where it had not.
    pub ending: Ending,
    /// The first target of the chain.
    pub preferred: Option<Arc<str>>,
    /// The target that served.
    pub target: Option<Arc<str>>,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptRecord>,
    /// Targets passed over, and why.
    pub skipped: Vec<(Arc<str>, &'static str)>,
    /// Token counts of the answer.
    pub usage: Usage,
    /// How many times it was cut and gone on with.
    pub seams: u32,
    /// Keep-alives of ours.
    pub pings: u32,
    /// Malformed frames left out.
    pub malformed: u32,
    /// Until the first content was handed over.
    pub first_content_ms: Option<u64>,
    /// The longest time that something shown was held back before it was handed over.
    pub held_ms: u64,
    /// Until the end.
    pub total_ms: u64,
    /// The error that was the last word.
    pub last_word: Option<Final>,
}

// === impl Exchange ===

impl Exchange {
    /// What is kept of it.
    pub fn report(&self, now: Time) -> Report {
        let ending = match self.phase {
            Phase::Done(ending) => ending,
            Phase::Seeking | Phase::Committed => Ending::Abandoned,
        };
        let server = self.leads.last().and_then(|id| self.attempts.get(id.0));
        Report {
            ending,
            preferred: self.plan.legs.first().map(|leg| Arc::clone(&leg.name)),
            target: server
                .and_then(|it| self.plan.legs.get(it.leg))
                .map(|leg| Arc::clone(&leg.name)),
            attempts: self.attempts.iter().map(|attempt| self.entry(attempt, now)).collect(),
            skipped: self.skipped(),
            usage: self.usage(),
            seams: u32::try_from(self.seams()).unwrap_or(u32::MAX),
            pings: self.pings,
            malformed: self.malformed,
            first_content_ms: self.first_content.map(|at| ms(at.since(self.began))),
            held_ms: ms(self.held),
            total_ms: ms(self.ended.unwrap_or(now).since(self.began)),
            last_word: self.last_word.clone(),
        }
    }

    /// `a/x=529,b/y=open,c/z=ok`: every target that was tried or passed over, in order. `winner`
    /// counts as answering although it is still under way.
    pub fn trail(&self, now: Time) -> String {
        let skipped = self.skipped().into_iter().map(|(name, why)| format!("{name}={why}"));
        // A loser is no news, unless its silence was why another was asked.
        let told = |it: &&super::Attempt| it.fate != Fate::Lost || it.slow;
        let tried = self.attempts.iter().filter(told).map(|attempt| {
            let mut entry = self.entry(attempt, now);
            if attempt.is_live() {
                entry.outcome = Fate::Answered.word();
            }
            entry.trail()
        });
        skipped.chain(tried).collect::<Vec<_>>().join(",")
    }

    /// The target of an attempt, `provider/model`.
    pub fn target(&self, id: super::AttemptId) -> Option<&str> {
        let leg = self.attempts.get(id.0)?.leg;
        self.plan.legs.get(leg).map(|leg| &*leg.name)
    }

    fn skipped(&self) -> Vec<(Arc<str>, &'static str)> {
        let legs = self.plan.legs.iter().zip(&self.legs);
        legs.filter_map(|(leg, state)| match state.standing {
            Standing::Shut(_, why) => Some((Arc::clone(&leg.name), why.word())),
            Standing::Fresh | Standing::Tried | Standing::Out => None,
        })
        .collect()
    }

    fn entry(&self, attempt: &super::Attempt, now: Time) -> AttemptRecord {
        let leg = self.plan.legs.get(attempt.leg);
        let ended = attempt.ended_at.unwrap_or(now);
        let class = attempt.class().map(super::Class::row);
        AttemptRecord {
            target: leg.map_or_else(|| Arc::from(""), |leg| Arc::clone(&leg.name)),
            credential: attempt.credential,
            began_ms: ms(attempt.began.since(self.began)),
            head_ms: attempt.head_at.map(|at| ms(at.since(attempt.began))),
            first_content_ms: attempt.content_at.map(|at| ms(at.since(attempt.began))),
            lasted_ms: ms(ended.since(attempt.began)),
            status: attempt.status,
            outcome: attempt.fate.word(),
            blame: class.map(|row| row.blame.label()),
            repair: attempt.repair.map(Repair::word),
            way: attempt.way.map(Way::word),
            upstream_id: attempt.upstream_id.clone(),
            ambiguous_billing: attempt.is_ambiguous(),
            usage: attempt.usage,
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
