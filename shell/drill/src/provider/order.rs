//! What a model name orders: a fault, how often it strikes, and what a good answer holds.
//!
//! **Invariant:** parsing what was printed gives the same order back.

use super::fault::{Fault, Place};
use super::grammar::{TOKENS_MAX, number, wait};
use super::words::{AfterCalls, Break, Finish, Flaw, GoesOn, Pace, Plain};
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::time::Duration;

/// The most tool calls that can be ordered.
pub(super) const TOOLS_MAX: usize = 16;

/// What a model name orders: a fault or none, how often, and what the answer looks like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// The fault strikes only the first so many requests for this model.
    pub first: Option<u32>,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// What the answer holds.
    pub dish: Dish,
}

/// What a good answer holds.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the grammar of its own")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dish {
    /// Text, even where there are tool calls.
    pub text: bool,
    /// Tool calls, how many.
    pub tools: usize,
    /// A piece of thinking first.
    pub thinking: bool,
    /// Each tool call has its number among its arguments.
    pub numbered: bool,
    /// The pieces of parallel tool calls take turns (Chat only: Messages has no such thing).
    pub interleaved: bool,
    /// Words beyond ASCII, every other one escaped in the JSON.
    pub unicode: bool,
    /// Where a word is escaped, the halves of its first surrogate pair come in two frames.
    pub halves: bool,
    /// Words of the length that real ones have.
    pub long: bool,
    /// The text does not begin with the provider's name.
    pub anonymous: bool,
    /// What comes without a wait goes in one write, for benches that must not wait for us.
    pub joined: bool,
    /// An illegal request is refused, in the dialect's own words.
    pub strict: bool,
    /// The answer heeds what the request asks of it: its length, its end, its form.
    pub obeys: bool,
    /// The text tells what the request said.
    pub echo: bool,
    /// The text is an edit of a file, as coding agents without tools ask for.
    pub edit: bool,
    /// How it ends, where it is not as usual.
    pub finish: Option<Finish>,
    /// How it takes a wish to go on with a text.
    pub goes_on: GoesOn,
    /// What it answers where the calls so far were handed back.
    pub after_calls: AfterCalls,
    /// How many words of text.
    pub tokens: usize,
    /// The wait before every piece of content.
    pub every: Duration,
}

/// A model name that begins like a fault and is none, or has a modifier that is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misspelt {
    /// The part that was not understood.
    pub part: String,
}

// === impl Dish ===

impl Default for Dish {
    fn default() -> Self {
        Self {
            text: false,
            tools: 0,
            numbered: false,
            thinking: false,
            interleaved: false,
            unicode: false,
            halves: false,
            long: false,
            anonymous: false,
            joined: false,
            strict: false,
            obeys: false,
            echo: false,
            edit: false,
            finish: None,
            goes_on: GoesOn::Anchor,
            after_calls: AfterCalls::NothingMore,
            tokens: 12,
            every: Duration::ZERO,
        }
    }
}

impl Dish {
    /// Takes one modifier; false where it is none of these.
    fn take(&mut self, word: &str) -> bool {
        match word {
            "text" => self.text = true,
            "thinking" => self.thinking = true,
            "numbered" => self.numbered = true,
            "interleaved" => self.interleaved = true,
            "unicode" => self.unicode = true,
            "halves" => self.halves = true,
            "long" => self.long = true,
            "anonymous" => self.anonymous = true,
            "joined" => self.joined = true,
            "tools" => self.tools = 1,
            "strict" => self.strict = true,
            "obeys" => self.obeys = true,
            "echo" => self.echo = true,
            "edit" => self.edit = true,
            _ if Finish::from_name(word).is_some() => self.finish = Finish::from_name(word),
            _ => return self.take_argument(word).is_some(),
        }
        true
    }

    fn take_argument(&mut self, word: &str) -> Option<()> {
        if let Some(way) = word.strip_prefix("goes-on-") {
            self.goes_on = GoesOn::from_name(way)?;
        } else if let Some(what) = word.strip_prefix("after-calls-") {
            self.after_calls = AfterCalls::from_name(what)?;
        } else if let Some(count) = word.strip_prefix("tools-") {
            self.tools = number(count, TOOLS_MAX)?;
        } else if let Some(count) = word.strip_prefix("tokens-") {
            self.tokens = number(count, TOKENS_MAX)?;
        } else {
            self.every = wait(word.strip_prefix("every-")?)?;
        }
        Some(())
    }
}

impl Display for Dish {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let usual = Self::default();
        for (set, word) in [
            (self.thinking, "thinking"),
            (self.text, "text"),
            (self.numbered, "numbered"),
            (self.interleaved, "interleaved"),
            (self.unicode, "unicode"),
            (self.halves, "halves"),
            (self.long, "long"),
            (self.anonymous, "anonymous"),
            (self.joined, "joined"),
            (self.strict, "strict"),
            (self.obeys, "obeys"),
            (self.echo, "echo"),
            (self.edit, "edit"),
        ] {
            if set {
                write!(f, "+{word}")?;
            }
        }
        if let Some(finish) = self.finish {
            write!(f, "+{}", finish.name())?;
        }
        if self.goes_on != usual.goes_on {
            write!(f, "+goes-on-{}", self.goes_on.name())?;
        }
        if self.after_calls != usual.after_calls {
            write!(f, "+after-calls-{}", self.after_calls.name())?;
        }
        match self.tools {
            0 => {}
            1 => f.write_str("+tools")?,
            count => write!(f, "+tools-{count}")?,
        }
        if self.tokens != usual.tokens {
            write!(f, "+tokens-{}", self.tokens)?;
        }
        if self.every != usual.every {
            write!(f, "+every-{}ms", self.every.as_millis())?;
        }
        Ok(())
    }
}

// === impl Order ===

impl Order {
    /// Reads a model name. A name that begins like no fault is a plain model and answers well.
    pub fn from_model(model: &str) -> Result<Self, Misspelt> {
        let (first, rest) = scope(model)?;
        let mut parts = rest.split('+');
        let base = parts.next().unwrap_or_default();
        let mut fault = match base {
            "ok" => None,
            word => match Fault::from_base(word) {
                Some(fault) => Some(fault),
                None if first.is_none() && !begins_like_a_fault(word) => return Ok(Self::plain()),
                None => return Err(Misspelt { part: word.to_owned() }),
            },
        };
        let mut dish = Dish::default();
        for word in parts {
            let taken = dish.take(word) || fault.as_mut().is_some_and(|fault| fault.take(word));
            if !taken {
                return Err(Misspelt { part: word.to_owned() });
            }
        }
        if first.is_some() && fault.is_none() {
            return Err(Misspelt { part: model.to_owned() });
        }
        Ok(Self { first, fault, dish })
    }

    /// A good answer in text.
    pub fn plain() -> Self {
        Self { first: None, fault: None, dish: Dish::default() }
    }

    /// What the answer holds: what was ordered, and what the fault must find in it.
    pub(super) fn served(&self) -> Dish {
        let mut dish = self.dish;
        let place = match &self.fault {
            Some(Fault::Break(_, place)) => *place,
            Some(Fault::Error(_, place)) => place.place(),
            Some(Fault::Slow(Pace::Tool, _)) => Place::Tool,
            Some(_) | None => return dish,
        };
        match place {
            Place::BeforeContent | Place::After(_) | Place::Last => {}
            Place::Letter(_) => dish.unicode = true,
            Place::Pair(_) => (dish.unicode, dish.halves) = (true, true),
            Place::Thinking => dish.thinking = true,
            Place::Tool => dish.tools = dish.tools.max(1),
            Place::TextThenTool => (dish.tools, dish.text) = (dish.tools.max(1), true),
            Place::Call(nth) | Place::InCall(nth) => dish.tools = dish.tools.max(nth),
        }
        dish
    }

    /// The fault's name, or `ok`.
    pub fn label(&self) -> String {
        self.fault.as_ref().map_or_else(|| "ok".to_owned(), Fault::name)
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self.first {
            None => {}
            Some(1) => f.write_str("once-")?,
            Some(count) => write!(f, "first-{count}-")?,
        }
        write!(f, "{}{}", self.label(), self.dish)
    }
}

fn scope(model: &str) -> Result<(Option<u32>, &str), Misspelt> {
    if let Some(rest) = model.strip_prefix("once-") {
        return Ok((Some(1), rest));
    }
    let Some(rest) = model.strip_prefix("first-") else {
        return Ok((None, model));
    };
    rest.split_once('-')
        .and_then(|(count, rest)| Some((Some(count.parse().ok()?), rest)))
        .ok_or_else(|| Misspelt { part: model.to_owned() })
}

/// What follows the word of a break.
const PLACES: [&str; 3] = ["-after", "-before", "-in-"];

/// Whether a typing error is likelier than a model of this name.
fn begins_like_a_fault(word: &str) -> bool {
    let heads = [
        "status-",
        "html-",
        "40",
        "429-",
        "error-in",
        "error-after",
        "garble-",
        "slow-",
        "drip-",
        "tool-",
        "text-then-",
        "big-answer",
        "needs-key",
    ];
    Plain::ALL.iter().any(|one| word.starts_with(one.name()))
        || Flaw::ALL.iter().any(|one| word.starts_with(one.name()))
        || heads.into_iter().any(|head| word.starts_with(head))
        || Break::ALL.iter().any(|one| {
            word.strip_prefix(one.name())
                .is_some_and(|rest| PLACES.iter().any(|place| rest.starts_with(place)))
        })
}

#[cfg(test)]
mod tests {
    use super::{AfterCalls, Dish, Fault, Finish, GoesOn, Order};
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn check(order: &Order) {
        let name = order.to_string();
        assert_eq!(Order::from_model(&name).as_ref(), Ok(order), "{name}");
    }

    #[test]
    fn every_fault_comes_back_from_its_name() {
        let menu = Fault::menu();
        let names: BTreeSet<_> = menu.iter().map(Fault::name).collect();
        assert_eq!(names.len(), menu.len(), "two faults share a name");
        for fault in menu {
            assert_eq!(Fault::from_model(&fault.name()), Some(fault.clone()));
            for first in [None, Some(1), Some(3)] {
                for dish in dishes() {
                    check(&Order { first, fault: Some(fault.clone()), dish });
                }
            }
        }
        for dish in dishes() {
            check(&Order { first: None, fault: None, dish });
        }
    }

    fn dishes() -> [Dish; 7] {
        let usual = Dish::default();
        [
            usual,
            Dish { text: true, tools: 1, ..usual },
            Dish {
                thinking: true,
                edit: true,
                tokens: 40,
                every: Duration::from_millis(20),
                ..usual
            },
            Dish {
                halves: true,
                goes_on: GoesOn::Respelled,
                after_calls: AfterCalls::Again,
                ..usual
            },
            Dish { long: true, anonymous: true, goes_on: GoesOn::Nothing, ..usual },
            Dish {
                tools: 2,
                numbered: true,
                interleaved: true,
                unicode: true,
                joined: true,
                ..usual
            },
            Dish { strict: true, obeys: true, echo: true, finish: Some(Finish::Refusal), ..usual },
        ]
    }

    #[test]
    fn plain_names_answer_well() {
        for name in ["gpt-5.4", "claude-sonnet-4-6", "llama3.1:8b", "ok", "", "command-r+", "o3"] {
            assert_eq!(Order::from_model(name), Ok(Order::plain()), "{name}");
        }
    }

    #[test]
    fn a_misspelt_fault_is_not_a_good_answer() {
        for name in [
            "status-",
            "status-200",
            "status-0500",
            "stall-after-x",
            "once-ok",
            "once-gpt-5.4",
            "first-x-status-500",
            "ok+tool",
            "stall-after-3+retry-after-1",
            "slow-first-300",
            "big-answer-65MiB",
            "tool-burn",
            "error-after-3-hot",
            "404-modle",
            "cut-in-letter",
            "cut-in-call-0",
            "cut-after-call-17",
            "stall-in-thought",
            "error-after-call-0",
            "ok+goes-on",
            "ok+goes-on-well",
            "ok+after-calls-",
        ] {
            assert!(Order::from_model(name).is_err(), "{name}");
            assert_eq!(Fault::from_model(name), None, "{name}");
        }
    }

    #[test]
    fn short_forms_are_understood() {
        let check = |short: &str, long: &str| {
            assert_eq!(Order::from_model(short).unwrap().to_string(), long);
        };
        check("error-after-3", "error-after-3-overloaded");
        check("error-in-200", "error-in-200-overloaded");
        check("error-after-start", "error-after-start-overloaded");
        check("first-1-status-500", "once-status-500");
        check("error-after-last", "error-after-last-overloaded");
        check("error-in-thinking", "error-in-thinking-overloaded");
        check("error-after-call-2", "error-after-call-2-overloaded");
        check("ok+goes-on-anchor+after-calls-nothing-more", "ok");
        check("status-429+tokens-5+retry-after-2", "status-429+retry-after-2+tokens-5");
    }
}
