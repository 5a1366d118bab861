//! Who is asked behind the target that fails, and what each of them does with the wish to go on.

use super::rows::{Told, Trouble};
use super::{Pair, WORDS};
use config::providers::ROWS;
use drill::provider::{AfterCalls, Break, Dish, ErrorPlace, Fault, GoesOn, Order, Place, Plain};
use ir::Dialect;

/// The chain of one cell: `a`, which is in trouble, `b`, and sometimes `c`, which is well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) fallback: Fallback,
    /// The kind of provider that `a` is.
    kind: Option<&'static str>,
    /// `a` fails only once.
    once: bool,
    /// `b` speaks another dialect than `a`.
    crossed: bool,
    /// There is `c`.
    pub(super) third: bool,
}

/// What `b` does where it is asked to go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    /// What the word says.
    GoesOn(GoesOn),
    /// It goes on with a turn of its own, like this kind of provider.
    Prefills(&'static str),
    /// It is of this kind, and refuses to.
    Refuses(&'static str),
    /// It goes on, and is cut as well; asked once more it comes to the end.
    IsCut,
    /// It goes on, and falls silent.
    Stalls,
    /// 500.
    Fails,
}

/// Goes on with a last turn of its own in either dialect.
const NATIVE: &str = "llama.cpp";

// === impl Chain ===

impl Chain {
    const PLAIN: Self = Self {
        fallback: Fallback::GoesOn(GoesOn::Anchor),
        kind: None,
        once: false,
        crossed: false,
        third: true,
    };

    /// Every chain of a stream between these dialects.
    pub(super) fn all(pair: Pair) -> Vec<Self> {
        let other = pair.other();
        let alone = Self { third: false, ..Self::PLAIN };
        let mut all = Vec::new();
        // Who says no more behind a whole sentence has ended the answer: nobody could tell that it had not.
        for word in GoesOn::ALL.iter().filter(|word| **word != GoesOn::Stops) {
            let chain = Self { fallback: Fallback::GoesOn(*word), ..alone };
            all.push(chain);
            if !continues(*word) {
                all.push(Self { third: true, ..chain });
            }
        }
        for kind in kinds(pair.target) {
            all.push(Self { fallback: Fallback::Prefills(kind), ..alone });
        }
        if kinds(pair.target).contains(&NATIVE) {
            let kind = Some(NATIVE);
            all.push(Self { fallback: Fallback::Refuses(NATIVE), ..alone });
            all.push(Self { fallback: Fallback::Fails, kind, once: true, ..Self::PLAIN });
        }
        let crossing = [
            Fallback::GoesOn(GoesOn::Anchor),
            Fallback::GoesOn(GoesOn::Restart),
            Fallback::Prefills(NATIVE),
        ];
        for fallback in crossing.into_iter().filter(|_| other.is_some()) {
            all.push(Self { fallback, crossed: true, ..alone });
        }
        for fallback in [Fallback::IsCut, Fallback::Stalls, Fallback::Fails] {
            all.push(Self { fallback, ..Self::PLAIN });
        }
        all.push(Self { fallback: Fallback::Fails, once: true, ..Self::PLAIN });
        all.push(Self { fallback: Fallback::Fails, third: false, ..Self::PLAIN });
        all
    }

    /// The chains of a whole answer: nobody goes on with it, so that there is less to tell apart.
    pub(super) fn few() -> Vec<Self> {
        vec![Self::PLAIN, Self { fallback: Fallback::Fails, ..Self::PLAIN }]
    }

    pub(super) fn name(&self) -> String {
        let Self { fallback, kind, once, crossed, third } = self;
        let mut name = match fallback {
            Fallback::GoesOn(word) => word.name().to_owned(),
            Fallback::Prefills(kind) => format!("prefill {kind}"),
            Fallback::Refuses(kind) => format!("refuses {kind}"),
            Fallback::IsCut => "is cut".to_owned(),
            Fallback::Stalls => "stalls".to_owned(),
            Fallback::Fails => "500".to_owned(),
        };
        if *once {
            name = format!("a itself {}, {name}", kind.unwrap_or_default()).replace(" ,", ",");
        }
        let crossed = if *crossed { ", crossed" } else { "" };
        let third = if *third { ", c" } else { "" };
        format!("{name}{crossed}{third}")
    }

    /// Whether somebody is there who goes on or begins again.
    pub(super) fn is_hopeful(&self) -> bool {
        self.third
            || match self.fallback {
                Fallback::GoesOn(word) => continues(word),
                Fallback::Prefills(_) | Fallback::Refuses(_) | Fallback::IsCut => true,
                Fallback::Stalls | Fallback::Fails => false,
            }
    }

    /// Whether it is one of its own behind what was told: only text can be repeated in many ways.
    pub(super) fn matters(&self, told: Told) -> bool {
        let words: &[GoesOn] = match told {
            Told::Text => return true,
            Told::Calls => &[GoesOn::Anchor, GoesOn::Chat, GoesOn::Quotes, GoesOn::Nothing],
            Told::Nothing | Told::Enough => &[GoesOn::Anchor],
        };
        let enough = told == Told::Enough;
        let matters = match self.fallback {
            Fallback::GoesOn(word) => words.contains(&word),
            Fallback::Prefills(_) | Fallback::Refuses(_) => false,
            Fallback::IsCut | Fallback::Stalls => !enough,
            Fallback::Fails => true,
        };
        matters && self.kind.is_none() && !(enough && self.crossed)
    }

    /// Whether `b` says that no more calls follow, although some would.
    pub(super) fn gives_up_calls(&self) -> bool {
        matches!(self.fallback, Fallback::GoesOn(GoesOn::Nothing))
    }

    /// What `a` is asked for.
    pub(super) fn order_a(&self, trouble: &Trouble) -> Order {
        let first = self.once.then_some(1);
        Order { first, fault: trouble.fault().cloned(), dish: dish(trouble) }
    }

    /// What `b` is asked for.
    pub(super) fn order_b(&self, trouble: &Trouble) -> Order {
        let plain = dish(trouble);
        let later = Place::After(if is_early(trouble) { 40 } else { 25 });
        let (fault, dish) = match self.fallback {
            Fallback::GoesOn(goes_on) => {
                (None, Dish { goes_on, after_calls: after_calls(goes_on), ..plain })
            }
            Fallback::Prefills(_) => (None, plain),
            Fallback::Refuses(_) => (Some(Fault::Plain(Plain::RefusesPrefill)), plain),
            Fallback::IsCut => (Some(Fault::Break(Break::Cut, later)), plain),
            Fallback::Stalls => (Some(Fault::Break(Break::Stall, later)), plain),
            Fallback::Fails => (Some(Fault::Status(500, None)), plain),
        };
        let first = matches!(self.fallback, Fallback::IsCut).then_some(1);
        Order { first, fault, dish }
    }

    pub(super) fn kind_a(&self) -> Option<&'static str> {
        self.kind
    }

    pub(super) fn kind_b(&self) -> Option<&'static str> {
        match self.fallback {
            Fallback::Prefills(kind) | Fallback::Refuses(kind) => Some(kind),
            Fallback::GoesOn(_) | Fallback::IsCut | Fallback::Stalls | Fallback::Fails => None,
        }
    }

    /// What `b` speaks.
    pub(super) fn dialect_b(&self, pair: Pair) -> Dialect {
        pair.other().filter(|_| self.crossed).unwrap_or(pair.target)
    }
}

/// The kinds of providers that go on with a turn of their own in this dialect.
fn kinds(dialect: Dialect) -> Vec<&'static str> {
    // The name of the model is ours to choose, and says nothing of any vendor.
    let rows = ROWS.iter().filter(|row| config::prefills(row, dialect, ""));
    rows.filter(|row| row.dialect == dialect || row.name == NATIVE).map(|row| row.name).collect()
}

/// Whether what a model says so is the rest of an answer, or all of it.
fn continues(word: GoesOn) -> bool {
    after_calls(word) == AfterCalls::Rest
}

/// What goes with it behind tool calls.
fn after_calls(word: GoesOn) -> AfterCalls {
    match word {
        GoesOn::Anchor
        | GoesOn::Restart
        | GoesOn::Preamble
        | GoesOn::Overlap
        | GoesOn::Longer
        | GoesOn::Respelled => AfterCalls::Rest,
        GoesOn::Chat | GoesOn::Other | GoesOn::Wraps => AfterCalls::Talk,
        GoesOn::Quotes => AfterCalls::Again,
        GoesOn::Stops | GoesOn::Nothing => AfterCalls::NothingMore,
    }
}

/// Whether next to nothing was said when it struck.
fn is_early(trouble: &Trouble) -> bool {
    match trouble.fault() {
        Some(Fault::Break(_, place)) => matches!(place, Place::After(1) | Place::Thinking),
        Some(Fault::Error(_, place)) => {
            matches!(place, ErrorPlace::After(1) | ErrorPlace::Thinking)
        }
        Some(Fault::GarbleAfter(words)) => *words == 1,
        Some(
            Fault::Plain(_)
            | Fault::Flaw(_)
            | Fault::Status(..)
            | Fault::Html(_)
            | Fault::Refusal(_)
            | Fault::Slow(..)
            | Fault::BigAnswer(_)
            | Fault::NeedsKey(_),
        )
        | None => false,
    }
}

/// What everybody says, so that the trouble finds its place in it: the same to the letter.
pub(super) fn dish(trouble: &Trouble) -> Dish {
    let plain = Dish {
        tokens: WORDS,
        long: true,
        anonymous: true,
        numbered: true,
        after_calls: AfterCalls::Rest,
        ..Dish::default()
    };
    let place = match trouble.fault() {
        Some(Fault::Break(_, place)) => *place,
        Some(Fault::Error(_, ErrorPlace::Thinking)) => Place::Thinking,
        Some(Fault::Error(_, ErrorPlace::Call(count))) => Place::Call(*count),
        Some(Fault::Slow(drill::provider::Pace::Tool, _)) => Place::Tool,
        Some(
            Fault::Error(
                _,
                ErrorPlace::First | ErrorPlace::Start | ErrorPlace::After(_) | ErrorPlace::Last,
            )
            | Fault::Plain(_)
            | Fault::Flaw(_)
            | Fault::Status(..)
            | Fault::Html(_)
            | Fault::Refusal(_)
            | Fault::GarbleAfter(_)
            | Fault::Slow(..)
            | Fault::BigAnswer(_)
            | Fault::NeedsKey(_),
        )
        | None => return plain,
    };
    match place {
        Place::BeforeContent | Place::After(_) | Place::Last => plain,
        Place::Letter(_) | Place::Pair(_) => Dish { unicode: true, ..plain },
        Place::Thinking => Dish { thinking: true, ..plain },
        Place::Tool => Dish { tools: 1, ..plain },
        Place::TextThenTool => Dish { tools: 1, text: true, ..plain },
        // Another one is always still to come.
        Place::Call(count) => Dish { tools: count + 1, ..plain },
        Place::InCall(nth) => Dish { tools: nth, ..plain },
    }
}
