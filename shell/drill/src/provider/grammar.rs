//! How a fault is spelt.
//!
//! **Invariant:** parsing what was printed gives the same fault back.

use super::fault::{ErrorPlace, Fault, Hint, Place};
use super::order::Order;
use super::words::{Break, Flaw, InBand, Kind, Pace, Plain, Refusal};
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::str::FromStr;
use std::time::Duration;

/// The longest wait that can be ordered.
const WAIT_MS_MAX: u64 = 600_000;
/// The largest whole answer that can be ordered.
const ANSWER_MIB_MAX: usize = 64;
/// The longest text that can be ordered, in words.
pub(super) const TOKENS_MAX: usize = 100_000;

// === impl Fault ===

impl Fault {
    /// Its name in the grammar.
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// The fault that a model name orders; `None` where it orders a good answer, or nothing that
    /// is understood. [`Order::from_model`] tells the two apart and knows the modifiers.
    pub fn from_model(model: &str) -> Option<Self> {
        Order::from_model(model).ok()?.fault
    }

    /// The fault of a name without modifiers.
    pub(super) fn from_base(word: &str) -> Option<Self> {
        Kind::ALL.iter().find_map(|kind| Self::of_kind(*kind, word))
    }

    fn of_kind(kind: Kind, word: &str) -> Option<Self> {
        match kind {
            Kind::Plain => Plain::from_name(word).map(Self::Plain),
            Kind::Flaw => Flaw::from_name(word).map(Self::Flaw),
            Kind::Status => {
                let code = number(word.strip_prefix("status-")?, 599)?;
                (code >= 400).then_some(Self::Status(code, None))
            }
            Kind::Html => {
                let code = number(word.strip_prefix("html-")?, 599)?;
                (code >= 400).then_some(Self::Html(code))
            }
            Kind::Refusal => Refusal::from_name(word).map(Self::Refusal),
            Kind::Break => broken(word),
            Kind::Error => error(word),
            Kind::GarbleAfter => {
                number(word.strip_prefix("garble-after-")?, TOKENS_MAX).map(Self::GarbleAfter)
            }
            Kind::Slow => Pace::ALL.iter().find_map(|pace| {
                let text = word.strip_prefix(pace.name())?.strip_prefix('-')?;
                Some(Self::Slow(*pace, wait(text)?))
            }),
            Kind::BigAnswer => {
                let text = word.strip_prefix("big-answer-")?.strip_suffix("MiB")?;
                number(text, ANSWER_MIB_MAX).map(Self::BigAnswer)
            }
            Kind::NeedsKey => {
                let key = word.strip_prefix("needs-key-")?;
                (!key.is_empty()).then(|| Self::NeedsKey(key.to_owned()))
            }
        }
    }

    /// Takes a hint as a modifier; false where it takes none, or this is none.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let Self::Status(_, hint) = self else {
            return false;
        };
        *hint = Hint::from_name(word);
        hint.is_some()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Plain(plain) => f.write_str(plain.name()),
            Self::Flaw(flaw) => f.write_str(flaw.name()),
            Self::Status(code, None) => write!(f, "status-{code}"),
            Self::Status(code, Some(hint)) => write!(f, "status-{code}+{hint}"),
            Self::Html(code) => write!(f, "html-{code}"),
            Self::Refusal(refusal) => f.write_str(refusal.name()),
            Self::Break(how, place) => match place {
                Place::BeforeContent => write!(f, "{}-before-content", how.name()),
                Place::After(tokens) => write!(f, "{}-after-{tokens}", how.name()),
                Place::Tool => write!(f, "tool-{}", how.name()),
                Place::TextThenTool => write!(f, "text-then-tool-{}", how.name()),
            },
            Self::Error(kind, place) => match place {
                ErrorPlace::First => write!(f, "error-in-200-{}", kind.name()),
                ErrorPlace::Start => write!(f, "error-after-start-{}", kind.name()),
                ErrorPlace::After(tokens) => write!(f, "error-after-{tokens}-{}", kind.name()),
            },
            Self::GarbleAfter(tokens) => write!(f, "garble-after-{tokens}"),
            Self::Slow(pace, wait) => write!(f, "{}-{}ms", pace.name(), wait.as_millis()),
            Self::BigAnswer(mib) => write!(f, "big-answer-{mib}MiB"),
            Self::NeedsKey(key) => write!(f, "needs-key-{key}"),
        }
    }
}

fn broken(word: &str) -> Option<Fault> {
    if let Some(how) = word.strip_prefix("text-then-tool-") {
        return Some(Fault::Break(Break::from_name(how)?, Place::TextThenTool));
    }
    if let Some(how) = word.strip_prefix("tool-") {
        return Some(Fault::Break(Break::from_name(how)?, Place::Tool));
    }
    let (how, place) = word.split_once('-')?;
    let place = match place {
        "before-content" => Place::BeforeContent,
        text => Place::After(number(text.strip_prefix("after-")?, TOKENS_MAX)?),
    };
    Some(Fault::Break(Break::from_name(how)?, place))
}

fn error(word: &str) -> Option<Fault> {
    if let Some(kind) = word.strip_prefix("error-in-200") {
        return Some(Fault::Error(in_band(kind)?, ErrorPlace::First));
    }
    let rest = word.strip_prefix("error-after-")?;
    if let Some(kind) = rest.strip_prefix("start") {
        return Some(Fault::Error(in_band(kind)?, ErrorPlace::Start));
    }
    let digits = rest.find('-').unwrap_or(rest.len());
    let (tokens, kind) = rest.split_at_checked(digits)?;
    Some(Fault::Error(in_band(kind)?, ErrorPlace::After(number(tokens, TOKENS_MAX)?)))
}

/// `-KIND`, or nothing for the usual one.
fn in_band(text: &str) -> Option<InBand> {
    if text.is_empty() {
        return Some(InBand::Overloaded);
    }
    InBand::from_name(text.strip_prefix('-')?)
}

// === impl Hint ===

impl Hint {
    fn from_name(word: &str) -> Option<Self> {
        match word {
            "retry-after-date" => Some(Self::AfterDate),
            "retry-absurd" => Some(Self::Absurd),
            "should-retry-true" => Some(Self::ShouldRetry(true)),
            "should-retry-false" => Some(Self::ShouldRetry(false)),
            _ => {
                if let Some(text) = word.strip_prefix("retry-after-ms-") {
                    return text.parse().ok().map(Self::AfterMs);
                }
                if let Some(text) = word.strip_prefix("retry-after-") {
                    return text.parse().ok().map(Self::After);
                }
                word.strip_prefix("limit-reset-")?.parse().ok().map(Self::Reset)
            }
        }
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::After(seconds) => write!(f, "retry-after-{seconds}"),
            Self::AfterDate => f.write_str("retry-after-date"),
            Self::AfterMs(ms) => write!(f, "retry-after-ms-{ms}"),
            Self::Absurd => f.write_str("retry-absurd"),
            Self::ShouldRetry(yes) => write!(f, "should-retry-{yes}"),
            Self::Reset(seconds) => write!(f, "limit-reset-{seconds}"),
        }
    }
}

/// A plain decimal number: no sign, no leading zero, so that there is one spelling.
pub(super) fn number<N: Copy + FromStr + PartialOrd + Display>(text: &str, max: N) -> Option<N> {
    let value = text.parse::<N>().ok().filter(|value| *value <= max)?;
    (value.to_string() == text).then_some(value)
}

/// A wait, `Nms`.
pub(super) fn wait(text: &str) -> Option<Duration> {
    number(text.strip_suffix("ms")?, WAIT_MS_MAX).map(Duration::from_millis)
}
