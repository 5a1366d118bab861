//! What the caller of one request saw, and the promises about it: EX1 to EX6, CD2.

use crate::story::Story;
use ir::Shape;
use policy::{Action, AttemptId, Plan};

/// The caller's side of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    /// Attempts begun, and which of them are neither cancelled nor over.
    live: Vec<bool>,
    /// Which attempts are streams that leave as one document, put together outside.
    folded: Vec<bool>,
    /// Attempts that were refused for how they asked, and asked otherwise: these do not count.
    repairs: usize,
    headed: bool,
    server: Option<AttemptId>,
    /// The number of the server's last frame that left.
    last: u64,
    /// Tool calls open behind it.
    open: u64,
    /// The provider's finish left.
    finished: bool,
    /// Times that somebody else went on.
    seams: usize,
    ends: u32,
    /// Bytes that carried meaning left.
    pub(crate) served: bool,
    /// What the answer says.
    document: String,
    /// How much of it was said.
    said: usize,
}

/// An answer is gone on with so many times.
pub(crate) const SEAMS_MAX: usize = 2;

/// Holds, or says what does not.
fn holds(condition: bool, what: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what.to_owned()) }
}

// === impl Witness ===

impl Witness {
    pub(crate) fn new(story: &Story) -> Self {
        Self { document: story.document(), ..Self::default() }
    }

    /// One more action.
    pub(crate) fn sees(&mut self, action: &Action, plan: &Plan) -> Result<(), String> {
        holds(self.ends == 0, "EX1, EX2: something after the end")?;
        match action {
            Action::Begin { attempt, leg, .. } => {
                holds(attempt.0 == self.live.len(), "attempts are not numbered in order")?;
                let allowed = attempt.0 - self.repairs < plan.attempts_max();
                holds(allowed, "EX3: more attempts than the plan allows")?;
                let watched = plan.legs.get(*leg).is_some_and(|leg| leg.watched);
                self.live.push(true);
                self.folded.push(watched && plan.shape == Shape::Whole);
            }
            Action::Cancel(id) => {
                let live = self.live.get_mut(id.0).map(std::mem::take);
                holds(live == Some(true), "an attempt was cancelled twice")?;
            }
            Action::Repair { attempt, .. } => {
                self.repairs += 1;
                let live = self.live.get(attempt.0).copied();
                holds(live == Some(false), "an attempt under way is asked again in another way")?;
            }
            Action::Learn { .. } => holds(self.server.is_some(), "learnt before it helped")?,
            Action::Head(who) => {
                holds(!std::mem::replace(&mut self.headed, true), "a second head")?;
                self.server = *who;
            }
            Action::Note(who) => {
                // Nobody was announced, or somebody else goes on.
                let needed = self.server.is_none_or(|server| server < *who && self.served);
                holds(self.headed && needed, "a note that nobody needs")?;
                self.seams += usize::from(self.server.is_some());
                holds(self.seams <= SEAMS_MAX, "EX3: gone on with too often")?;
                self.server = Some(*who);
                self.last = 0;
            }
            Action::Relay(bytes) => {
                holds(!self.is_folded(), "EX5: a frame of a whole answer")?;
                self.relayed(bytes)?;
            }
            Action::Ping => holds(self.headed, "a ping before the head")?,
            Action::Finish { .. } => {
                self.served |= self.is_folded();
                holds(self.served, "EX2: the end of nothing")?;
                let whole = self.finished || self.is_folded();
                holds(whole, "EX2: an end that its provider never gave")?;
                let all = self.said == self.document.len() || self.is_folded();
                holds(all, "EX5: an end before all was said")?;
                self.ends += 1;
            }
            Action::Fail(_) | Action::Break => self.ends += 1,
        }
        Ok(())
    }

    /// The server's answer leaves as one document.
    fn is_folded(&self) -> bool {
        self.server.is_some_and(|id| self.folded.get(id.0).copied().unwrap_or(false))
    }

    /// EX5, CD2: the frames of one attempt, in order and without a gap, and then of one that goes on
    /// with it; every word once. The frame that says an error has no number.
    fn relayed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(bytes);
        let whole = text.strip_suffix(';').and_then(|text| text.split_once(';'));
        let Some((label, says)) = whole else {
            return Err("CD2: a frame that was cut".to_owned());
        };
        let mut numbers = label.split(' ').skip(1).map(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let (attempt, number, open, finish) = (next(), next(), next(), next());
        let attempt = attempt.and_then(|id| usize::try_from(id).ok()).map(AttemptId);
        let read = (attempt, number, finish);
        let (Some(attempt), Some(number), Some(finish)) = read else {
            return Err("CD2: a frame that was changed".to_owned());
        };
        holds(self.server == Some(attempt), "EX5: a frame of somebody else")?;
        holds(number == 0 || number == self.last + 1, "EX5, CD2: lost, doubled or reordered")?;
        self.last = self.last.max(number);
        self.says(says)?;
        self.open = open.unwrap_or(0);
        self.finished |= finish == 1;
        self.served = true;
        Ok(())
    }

    /// EX5: what comes next, and nothing else.
    fn says(&mut self, says: &str) -> Result<(), String> {
        let rest = self.document.get(self.said..).unwrap_or_default();
        holds(rest.starts_with(says), "EX5: words that were lost, doubled or changed")?;
        self.said += says.len();
        Ok(())
    }

    /// Nothing more happens at this instant. EX6: no tool call is half there.
    pub(crate) fn rests(&self) -> Result<(), String> {
        holds(self.open == 0 || self.ends == 1, "EX6: half a call left")
    }

    /// The request is over.
    pub(crate) fn over(&self, abandoned: bool) -> Result<(), String> {
        holds(self.ends == u32::from(!abandoned), "EX2: not exactly one end")?;
        let live = self.live.iter().filter(|live| **live).count();
        holds(live <= usize::from(!abandoned && self.served), "EX4: an attempt outlives it")?;
        // The only other frame behind which a call may stay open says that the answer failed.
        holds(self.open == 0, "EX6: half a call left")
    }

    pub(crate) fn attempts(&self) -> u64 {
        u64::try_from(self.live.len()).unwrap_or(u64::MAX)
    }
}
