//! A round of tool calls of Messages: a model that thinks up to a budget wants the thinking back that led to
//! its calls, or not to be asked to think on
//! (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>).

/// A message of a conversation, as far as rounds go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spoken {
    /// By the user.
    User {
        /// It holds what came of calls.
        results: bool,
    },
    /// By the model.
    Model(Thought),
    /// By the operator, who may speak at any place.
    Operator,
}

/// What was thought in a turn of the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thought {
    /// The turn begins with thinking that its target takes back.
    pub(crate) begins: bool,
    /// Thinking that was in it is left out.
    pub(crate) lost: bool,
}

/// The round of calls that a conversation ends in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// The turn of the model that it begins with.
    pub(crate) first: Thought,
    last: Thought,
    /// A turn of it is gone, so that whoever came behind was not asked to think.
    gone: bool,
}

/// The round of calls at the end; `None` where the conversation does not end in one.
pub(crate) fn round(turns: impl DoubleEndedIterator<Item = Spoken>) -> Option<Round> {
    let (mut answered, mut round) = (false, None::<Round>);
    for turn in turns.rev() {
        match turn {
            Spoken::User { results } => answered |= results,
            Spoken::Model(turn) if answered => {
                answered = false;
                round = Some(Round {
                    first: turn,
                    last: round.map_or(turn, |round| round.last),
                    gone: turn.is_gone() || round.is_some_and(|round| round.gone),
                });
            }
            Spoken::Model(_) => break,
            Spoken::Operator => {}
        }
    }
    round
}

// === impl Round ===

impl Round {
    /// Whether it ends without thinking that was there, or would have been. `lost`: that of its last turn
    /// is left out.
    pub(crate) fn ends_without(self, lost: bool) -> bool {
        (self.gone || lost) && !self.last.begins
    }
}

// === impl Thought ===

impl Thought {
    /// Whether it lacks what it began with. A model does not think before each of its calls.
    pub(crate) fn is_gone(self) -> bool {
        self.lost && !self.begins
    }
}
