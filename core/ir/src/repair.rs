//! What a provider's refusal taught about how it wants to be asked.
//!
//! Only what a gateway wrote itself may be written otherwise: a request that is passed on as its
//! caller wrote it is the caller's to mend.

use crate::TokenField;

/// One thing to do otherwise when a target is asked again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Repair {
    /// Ask for a whole answer, not for a stream.
    Plain,
    /// Leave this field out; its name in the provider's dialect.
    Without(&'static str),
    /// Limit the answer's length with this field.
    TokenField(TokenField),
    /// Ask for no more tokens than this.
    MaxTokens(u64),
    /// Say what `system` and `developer` say among the messages as the user.
    SystemAsUser,
    /// Leave out reasoning that comes back to it: it does not know its own signature any more.
    Unsealed,
    /// Do not end with a turn of the model: it does not go on with one.
    Unprefilled,
}

// === impl Repair ===

impl Repair {
    /// The words used in records.
    pub fn word(self) -> String {
        match self {
            Self::Plain => "plain".to_owned(),
            Self::Without(field) => format!("without {field}"),
            Self::TokenField(field) => format!("with {}", field.name()),
            Self::MaxTokens(limit) => format!("{limit} tokens at most"),
            Self::SystemAsUser => "system as user".to_owned(),
            Self::Unsealed => "without its reasoning".to_owned(),
            Self::Unprefilled => "without a turn of its own at the end".to_owned(),
        }
    }

    /// Whether only the later of the two holds: they differ in a number or a choice, if at all.
    pub fn replaces(self, other: Self) -> bool {
        match (self, other) {
            (Self::TokenField(_), Self::TokenField(_))
            | (Self::MaxTokens(_), Self::MaxTokens(_)) => true,
            (repair, other) => repair == other,
        }
    }
}
