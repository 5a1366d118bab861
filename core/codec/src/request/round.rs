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

/// The turns of the model that the round of calls at the end begins and ends with; `None` where the
/// conversation does not end in a round.
pub(crate) fn round(turns: impl DoubleEndedIterator<Item = Spoken>) -> Option<(Thought, Thought)> {
    let (mut answered, mut round) = (false, None);
    for turn in turns.rev() {
        match turn {
            Spoken::User { results } => answered |= results,
            Spoken::Model(turn) if answered => {
                answered = false;
                round = Some((turn, round.map_or(turn, |(_, last)| last)));
            }
            Spoken::Model(_) => break,
            Spoken::Operator => {}
        }
    }
    round
}

// === impl Thought ===

impl Thought {
    /// Whether it lacks what it began with. A model does not think before each of its calls.
    pub(crate) fn is_gone(self) -> bool {
        self.lost && !self.begins
    }
}
