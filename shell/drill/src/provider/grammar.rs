//! How a fault is spelt.
//!
//! **Invariant:** parsing what was printed gives the same fault back.

use super::fault::{ErrorPlace, Fault, Hint, Place};
use super::order::{Order, TOOLS_MAX};
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
                Place::Letter(tokens) => write!(f, "{}-in-letter-{tokens}", how.name()),
                Place::Pair(tokens) => write!(f, "{}-in-pair-{tokens}", how.name()),
                Place::Thinking => write!(f, "{}-in-thinking", how.name()),
                Place::Last => write!(f, "{}-after-last", how.name()),
                Place::Call(count) => write!(f, "{}-after-call-{count}", how.name()),
                Place::InCall(nth) => write!(f, "{}-in-call-{nth}", how.name()),
            },
            Self::Error(kind, place) => match place {
                ErrorPlace::First => write!(f, "error-in-200-{}", kind.name()),
                ErrorPlace::Start => write!(f, "error-after-start-{}", kind.name()),
                ErrorPlace::After(tokens) => write!(f, "error-after-{tokens}-{}", kind.name()),
                ErrorPlace::Thinking => write!(f, "error-in-thinking-{}", kind.name()),
                ErrorPlace::Last => write!(f, "error-after-last-{}", kind.name()),
                ErrorPlace::Call(count) => write!(f, "error-after-call-{count}-{}", kind.name()),
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
        "in-thinking" => Place::Thinking,
        "after-last" => Place::Last,
        text => numbered(text)?,
    };
    Some(Fault::Break(Break::from_name(how)?, place))
}

/// A place with a number.
fn numbered(text: &str) -> Option<Place> {
    let tokens = |text| number(text, TOKENS_MAX);
    if let Some(text) = text.strip_prefix("in-letter-") {
        return tokens(text).map(Place::Letter);
    }
    if let Some(text) = text.strip_prefix("in-pair-") {
        return tokens(text).map(Place::Pair);
    }
    if let Some(text) = text.strip_prefix("in-call-") {
        return nth_call(text).map(Place::InCall);
    }
    if let Some(text) = text.strip_prefix("after-call-") {
        return nth_call(text).map(Place::Call);
    }
    tokens(text.strip_prefix("after-")?).map(Place::After)
}

/// The number of a tool call, from one.
fn nth_call(text: &str) -> Option<usize> {
    number(text, TOOLS_MAX).filter(|nth| *nth > 0)
}

fn error(word: &str) -> Option<Fault> {
    if let Some(kind) = word.strip_prefix("error-in-200") {
        return Some(Fault::Error(in_band(kind)?, ErrorPlace::First));
    }
    if let Some(kind) = word.strip_prefix("error-in-thinking") {
        return Some(Fault::Error(in_band(kind)?, ErrorPlace::Thinking));
    }
    let rest = word.strip_prefix("error-after-")?;
    if let Some(kind) = rest.strip_prefix("last") {
        return Some(Fault::Error(in_band(kind)?, ErrorPlace::Last));
    }
    if let Some(rest) = rest.strip_prefix("call-") {
        let (count, kind) = digits_and(rest)?;
        return Some(Fault::Error(in_band(kind)?, ErrorPlace::Call(nth_call(count)?)));
    }
    if let Some(kind) = rest.strip_prefix("start") {
        return Some(Fault::Error(in_band(kind)?, ErrorPlace::Start));
    }
    let (tokens, kind) = digits_and(rest)?;
    Some(Fault::Error(in_band(kind)?, ErrorPlace::After(number(tokens, TOKENS_MAX)?)))
}

/// A number and what follows it, the hyphen included.
fn digits_and(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.find('-').unwrap_or(text.len()))
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
