//! The seam: where another attempt's text goes on with text that was delivered.
//!
//! A streamed answer was cut, and another attempt was asked to go on. While its text comes in, the seam
//! decides which of it continues the delivered text exactly. Certainty goes before rescue: where it is
//! not certain, the seam gives up and says why.
//!
//! **Invariants:** nothing is shown before the texts are joined; what is shown is the end of the
//! continuation, byte for byte, but that the rest of a character that was half delivered may be its
//! decomposition; the outcome is the same however the continuation is split; what is held, and the work
//! for a byte, are bounded.

mod clusters;
mod echo;
mod gap;
mod guard;
mod preamble;
mod search;
#[cfg(test)]
mod tests;
mod told;
mod why;

use clusters::{Found, Reader};
use gap::{Gap, Read};
use guard::Guard;
use preamble::Preamble;
use search::{Search, Step};
use told::Told;

pub(crate) use told::is_followed;
pub use told::{TOLD_MAX, anchor};

/// More than an anchor and what may stand before and behind it, in the longest of letters.
const HELD_BYTES_MAX: usize = 32 * 1024;

/// How the continuation was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Join {
    /// The target goes on with the delivered text itself, as its own unfinished message.
    Prefill,
    /// The target was asked to repeat the [`anchor`] verbatim and to go on.
    Anchor,
    /// The question was asked once more, unchanged: the answer has to say the delivered text again.
    Restart,
}

/// The state of the seam after a piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Joint {
    /// Nothing may leave yet.
    Held,
    /// What comes now continues the delivered text.
    Joined,
    /// It cannot be joined; this is why, as the end of a sentence.
    Lost(&'static str),
}

/// What may leave now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Shown {
    /// The second half of the surrogate pair that the delivered text ended with. It goes first.
    pub low: Option<u16>,
    /// Then this.
    pub text: String,
}

/// Joins one continuation to the delivered text.
#[derive(Debug)]
pub struct Seam {
    told: Told,
    join: Join,
    state: State,
    /// What is held of the continuation.
    text: String,
    low: Option<u16>,
}

/// ```text
///   Searching ── the end of the delivered text is met, or nothing is repeated ──▶ Joining
///       │                                                                           │
///       │                       white space and half a letter are seen to: Guarding ◀┘
///       ▼                                                               │
///     Lost ◀── from each of them ──       it is no quotation: Flowing ◀─┘
/// ```
#[derive(Debug)]
enum State {
    Searching(Search, Reader),
    /// What was withheld is gone from the text that is held. The guard is for later.
    Joining(Gap, Option<Guard>),
    Guarding(Guard, Reader),
    Flowing,
    Lost(&'static str),
}

// === impl Seam ===

impl Seam {
    /// A seam for a continuation of `told`, all the text that was delivered so far; `half` is the high
    /// surrogate that it ended with, whose other half never came; it is `over` where something else was
    /// to follow it.
    pub fn new(told: &str, half: Option<u16>, over: bool, join: Join) -> Self {
        let fits = told.len() <= TOLD_MAX;
        let told = Told::new(if fits { told } else { "" }, half, over);
        let search = Search::new(&told, join);
        let begun = if fits { search.begin(&told) } else { Step::Lost(why::LONG) };
        let state = State::Searching(search, Reader::new(HELD_BYTES_MAX));
        let mut seam = Self { told, join, state, text: String::new(), low: None };
        if let Some(state) = seam.stepped(begun) {
            seam.state = state;
        }
        seam
    }

    /// The next piece of the continuation's text. What may leave replaces what is in `shown`.
    pub fn take(&mut self, piece: &str, shown: &mut Shown) -> Joint {
        if !matches!(self.state, State::Lost(_)) {
            self.text.push_str(piece);
        }
        self.settle(false, shown)
    }

    /// The continuation's text is over: decides about what is held.
    pub fn end(&mut self, shown: &mut Shown) -> Joint {
        self.settle(true, shown)
    }

    fn settle(&mut self, whole: bool, shown: &mut Shown) -> Joint {
        shown.low = None;
        shown.text.clear();
        while let Some(next) = self.advance(whole) {
            self.state = next;
        }
        match self.state {
            State::Searching(..) | State::Joining(..) | State::Guarding(..) => Joint::Held,
            State::Flowing => {
                shown.low = self.low.take();
                shown.text.push_str(&self.text);
                // What was held is not needed again, nor is the room for it.
                self.text = String::new();
                Joint::Joined
            }
            State::Lost(why) => {
                self.text = String::new();
                Joint::Lost(why)
            }
        }
    }

    /// The next state, if what is held leads to one.
    fn advance(&mut self, whole: bool) -> Option<State> {
        match &mut self.state {
            State::Searching(..) => self.search(whole),
            State::Joining(gap, guard) => match gap.take(&self.told, &mut self.text, whole) {
                Read::More => None,
                Read::Lost(why) => Some(State::Lost(why)),
                Read::Done(low) => {
                    self.low = low;
                    Some(match guard.take() {
                        Some(guard) => State::Guarding(guard, Reader::new(HELD_BYTES_MAX)),
                        None => State::Flowing,
                    })
                }
            },
            State::Guarding(guard, reader) => loop {
                match reader.next(&self.text, whole) {
                    Found::Nothing if !whole => break None,
                    Found::Nothing => {
                        // It may have stopped too early, as the one before was cut.
                        let nothing = self.low.is_none() && self.text.trim().is_empty();
                        let lost = nothing && !self.told.may_end();
                        break Some(if lost { State::Lost(why::NOTHING) } else { State::Flowing });
                    }
                    Found::Endless => break Some(State::Lost(why::ENDLESS)),
                    Found::Beyond => break Some(State::Lost(why::HELD)),
                    Found::Cluster(cluster) => match guard.take(&self.told, cluster) {
                        Ok(false) => {}
                        Ok(true) => break Some(State::Flowing),
                        Err(why) => break Some(State::Lost(why)),
                    },
                }
            },
            State::Flowing | State::Lost(_) => None,
        }
    }

    fn search(&mut self, whole: bool) -> Option<State> {
        let State::Searching(search, reader) = &mut self.state else { return None };
        loop {
            if !search.looks_back() {
                // What is read is dropped: it may be as long as the delivered text.
                reader.limit = usize::MAX;
            }
            let step = match reader.next(&self.text, whole) {
                Found::Nothing => break,
                Found::Endless => Step::Lost(why::ENDLESS),
                Found::Beyond => Step::Lost(why::HELD),
                Found::Cluster(cluster) => {
                    let step = search.take(&self.told, cluster, &self.text);
                    if let Step::Met(_) = step {
                        let rest = self.told.rest(cluster);
                        self.text.replace_range(..cluster.end(), &rest);
                    }
                    step
                }
            };
            if step != Step::More {
                return self.stepped(step);
            }
        }
        if whole {
            let step = search.end();
            return self.stepped(step);
        }
        if !search.looks_back() {
            self.text.drain(..reader.read);
            reader.read = 0;
        }
        None
    }

    fn stepped(&self, step: Step) -> Option<State> {
        match step {
            Step::More => None,
            Step::Free => Some(self.joining(Preamble::default())),
            Step::Met(preamble) => Some(self.joining(preamble)),
            Step::Lost(why) => Some(State::Lost(why)),
        }
    }

    fn joining(&self, preamble: Preamble) -> State {
        let gap = Gap::new(preamble.talk);
        // Who said all of it again has nothing else to repeat.
        let guarded = self.join != Join::Restart;
        State::Joining(gap, guarded.then(|| Guard::new(&self.told, preamble)))
    }
}
