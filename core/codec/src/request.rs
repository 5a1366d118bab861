//! Requests that cross: read in the dialect of the caller, written in that of the target.
//!
//! ```text
//!   body ──read──▶ ir::Request ──arrange──▶ turns in a legal order ──write──▶ body
//!           └─ Losses ───────────────┴───────────────────────────────┘
//! ```
//!
//! Reading is lenient: what real clients send is taken, whatever the specification says. Writing is
//! strict: only what the target's dialect defines, in an order that it takes.
//!
//! **Invariant:** whatever a request says is written, or stands among the losses. It is refused only
//! where the rest would mean something else.

mod arrange;
mod foreign;
mod out;
pub(crate) mod parts;
mod read;
mod resume;
pub(crate) mod round;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
mod unseal;

use crate::seal::{self, Origin};
use crate::{chat, messages};
use arrange::arrange;
use ir::request::{Choice, Json, Part, Text};
use ir::{Crossable, Losses, Quirks, Repair, Request, Traits};
use std::borrow::Cow;
use std::collections::BTreeSet;

pub use foreign::without_foreign_seals;
pub(crate) use out::Out;
use parts::Plainness;
pub(crate) use parts::{inside, text_of};
pub(crate) use read::Read;
pub use resume::{GoOn, Promise, going_on, is_one_call, promised, why_not_going_on};
pub use unseal::{may_lack_seals, without_seals};

/// Whom a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What it speaks.
    pub dialect: Crossable,
    /// The provider's row. A local server's may name another dialect: it speaks both.
    pub quirks: &'a Quirks,
    /// What it calls the model.
    pub model: &'a str,
    /// What is known of the model.
    pub traits: Traits,
    /// Whose seals it opens.
    pub origin: Origin,
    /// It shall answer with a stream.
    pub stream: bool,
    /// What it taught us by refusing earlier requests.
    pub repairs: &'a [Repair],
}

/// A request in the words of its target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// The body.
    pub body: String,
    /// What did not come along.
    pub losses: Losses,
    /// The `anthropic-version` that goes with the body.
    pub version: Option<&'static str>,
    /// The `anthropic-beta` that goes with the body.
    pub beta: Option<&'static str>,
    /// The fields that could be written otherwise, should the target refuse one.
    pub fields: Vec<&'static str>,
    /// Tools that go by another name, or in another form: calls of them are to be read back.
    pub aliases: Vec<Alias>,
}

/// A tool that the target knows otherwise than the caller.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Alias {
    /// Its name at the target.
    pub there: String,
    /// Its name at the caller: the inside of a JSON string.
    pub here: String,
    /// It takes free text at the caller, and at the target an object with that text as `input`.
    pub free: bool,
}

/// What a writer notes on its way.
#[derive(Debug)]
pub(crate) struct Notes<'t> {
    pub(crate) target: &'t Target<'t>,
    pub(crate) losses: Losses,
    pub(crate) fields: Vec<&'static str>,
    aliases: BTreeSet<Alias>,
}

/// A request that the other dialect cannot say.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Uncarried {
    /// Where it stands in the request.
    pub path: Cow<'static, str>,
    /// Why it cannot be said, and what would have been lost.
    pub why: Cow<'static, str>,
}

// === impl Uncarried ===

impl Uncarried {
    pub(crate) fn new(
        path: impl Into<Cow<'static, str>>,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { path: path.into(), why: why.into() }
    }
}

/// Writes a request for a target of the other dialect.
pub fn cross(from: Crossable, body: &[u8], target: &Target<'_>) -> Result<Written, Uncarried> {
    let mut losses = Losses::default();
    let request = read(from, body, &mut losses)?;
    let mut written = write(request, target)?;
    losses.extend(&written.losses);
    written.losses = losses;
    Ok(written)
}

fn read<'a>(
    from: Crossable,
    body: &'a [u8],
    losses: &mut Losses,
) -> Result<Request<'a>, Uncarried> {
    match from {
        Crossable::Chat => chat::read::request(body, losses),
        Crossable::Messages => messages::read::request(body, losses),
    }
}

fn write(mut request: Request<'_>, target: &Target<'_>) -> Result<Written, Uncarried> {
    let mut losses = Losses::default();
    request.turns = arrange(std::mem::take(&mut request.turns), &mut losses);
    match target.dialect {
        Crossable::Chat => chat::write::request(&request, target, losses),
        Crossable::Messages => messages::write::request(&request, target, losses),
    }
}

/// Whether some tool must be called.
pub(crate) fn is_forced(request: &Request<'_>) -> bool {
    match &request.choice {
        Some(Choice::Any | Choice::Named(_) | Choice::Subset { must: true, .. }) => true,
        Some(Choice::Auto | Choice::None | Choice::Subset { must: false, .. }) | None => false,
    }
}

// === impl Notes ===

impl<'t> Notes<'t> {
    pub(crate) fn new(target: &'t Target<'t>, losses: Losses) -> Self {
        Self { target, losses, fields: Vec::new(), aliases: BTreeSet::new() }
    }

    /// Whether this field may be written; a loss where the target refused it before.
    pub(crate) fn may(&mut self, field: &'static str) -> bool {
        let refuses = self.target.refuses(field);
        if refuses {
            self.losses.add(field, "dropped: the model refuses it");
        } else {
            self.wrote(field);
        }
        !refuses
    }

    /// Whether the tools stay away: none may be called, the target cannot be told so, and nothing
    /// in the conversation speaks of them.
    pub(crate) fn without_tools(&mut self, request: &Request<'_>) -> bool {
        let is_of_tools = |part: &Part<'_>| matches!(part, Part::Call { .. } | Part::Result { .. });
        let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
        let without = request.choice == Some(Choice::None)
            && !request.tools.is_empty()
            && self.target.refuses("tool_choice")
            && !parts.any(is_of_tools);
        if without {
            self.losses.add("tools", "dropped: none may be called, which the model cannot be told");
            if request.parallel.is_some() {
                self.losses.add(self.parallel(), "dropped: no calls");
            }
        }
        without
    }

    /// Nothing can be chosen where nothing is offered.
    pub(crate) fn no_tools(&mut self, request: &Request<'_>) -> Result<(), Uncarried> {
        if is_forced(request) {
            return Err(Uncarried::new("tool_choice", "none of the tools can be offered"));
        }
        if request.choice.is_some() {
            self.losses.add("tool_choice", "dropped: there are no tools");
        }
        if request.parallel.is_some() {
            self.losses.add(self.parallel(), "dropped: there are no tools");
        }
        Ok(())
    }

    /// Whether `tool_choice` may be written. Without it the model would call what it must not, or
    /// not call what it must, where that is said.
    pub(crate) fn may_choose(&mut self, request: &Request<'_>) -> Result<bool, Uncarried> {
        let may = self.may("tool_choice");
        if !may && (is_forced(request) || request.choice == Some(Choice::None)) {
            let why = "the model cannot be told which tools to call";
            return Err(Uncarried::new("tool_choice", why));
        }
        Ok(may)
    }

    /// Where the caller says whether several may be called at once.
    pub(crate) fn parallel(&self) -> &'static str {
        match self.target.dialect {
            Crossable::Chat => "tool_choice.disable_parallel_tool_use",
            Crossable::Messages => "parallel_tool_calls",
        }
    }

    /// Notes a field that could be written otherwise.
    pub(crate) fn wrote(&mut self, field: &'static str) {
        if !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }

    /// A tool's name as the target takes it; noted where that, or its form, is another.
    pub(crate) fn alias(&mut self, names: Plainness, name: &Text<'_>, free: bool) -> String {
        let there = names.of(name, "").into_owned();
        if free || there != name.as_str() {
            let alias = Alias { there: there.clone(), here: name.as_str().to_owned(), free };
            self.aliases.insert(alias);
        }
        there
    }

    /// The request as it was written.
    pub(crate) fn written(self, body: String) -> Written {
        let Self { losses, fields, aliases, .. } = self;
        let aliases = aliases.into_iter().collect();
        Written { body, losses, version: None, beta: None, fields, aliases }
    }
}

// === impl Target ===

impl Target<'_> {
    /// The model's limit, where more is asked for.
    pub(crate) fn cut(&self, max_tokens: &Json<'_>) -> Option<u64> {
        let asked: u64 = max_tokens.as_str().parse().ok()?;
        let limit = self.repairs.iter().find_map(|repair| match repair {
            Repair::MaxTokens(limit) => Some(*limit),
            Repair::Plain
            | Repair::Without(_)
            | Repair::TokenField(_)
            | Repair::SystemAsUser
            | Repair::Unsealed
            | Repair::Unprefilled => None,
        });
        limit.filter(|limit| *limit < asked)
    }

    /// What is in a seal of its own; `None` where the seal is another's, or it does not know its own
    /// any more.
    pub(crate) fn opens<'s>(&self, seal: &'s Text<'_>) -> Option<&'s str> {
        let (origin, sealed) = seal::unwrap(seal.as_str())?;
        let opens = origin == self.origin && !self.repairs.contains(&Repair::Unsealed);
        opens.then_some(sealed)
    }

    /// Whether the target refused this field before.
    pub(crate) fn refuses(&self, field: &str) -> bool {
        self.repairs.iter().any(|repair| matches!(repair, Repair::Without(it) if *it == field))
    }
}
