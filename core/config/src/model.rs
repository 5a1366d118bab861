//! What callers may ask for, and the chain of targets behind it.

use crate::Pattern;
use policy::Deadlines;
use std::time::Duration;

/// A name, or a pattern of names, that callers may ask for.
#[derive(Clone, Debug)]
pub struct Model {
    /// What it matches.
    pub pattern: Pattern,
    /// Who serves it, in the order of preference. Never empty. What a caller of a dialect may be
    /// served by says [`Config::links`](crate::Config::links).
    pub chain: Vec<Link>,
    /// Deadlines of its own, over those of the provider.
    pub deadlines: Overrides,
    /// What to do when a stream fails after content.
    pub midstream: Midstream,
    /// How whole answers are asked for.
    pub whole: Whole,
    /// What to do when a provider's content filter refuses.
    pub content_filter: OnFilter,
    /// What to do with a complete answer that holds nothing.
    pub empty: OnEmpty,
}

/// One target of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// Its place in [`Config::providers`](crate::Config::providers).
    pub provider: usize,
    /// What the provider is asked for.
    pub name: Name,
}

/// Which model name a provider is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Name {
    /// `*`: the name that the caller asked for.
    Asked,
    /// `$1`: what the pattern's first `*` stands for, so that `groq/*` can drop its prefix.
    Matched,
    /// This one.
    Fixed(String),
}

/// What to do when a stream fails after some of it was delivered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Midstream {
    /// Have it gone on with, by the same target or the next one.
    #[default]
    Continue,
    /// End it with an error that says so.
    Stop,
}

/// How a whole (not streamed) answer is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Whole {
    /// As a stream where that is possible, put together here.
    #[default]
    Watched,
    /// As it is.
    Plain,
}

/// What to do when a provider's content filter refuses a request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnFilter {
    /// Pass the refusal on: it is an answer.
    #[default]
    Return,
    /// Ask the next target.
    Next,
}

/// What to do with a complete answer without text, reasoning or tool call.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnEmpty {
    /// Pass it on.
    #[default]
    Return,
    /// Ask the next target.
    Next,
}

/// Deadlines that replace those of a wider scope, one by one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Overrides {
    /// See [`Deadlines::connect`].
    pub connect: Option<Duration>,
    /// See [`Deadlines::patience`].
    pub patience: Option<Duration>,
    /// See [`Deadlines::patience_whole`].
    pub patience_whole: Option<Duration>,
    /// See [`Deadlines::patience_thinking`].
    pub patience_thinking: Option<Duration>,
    /// See [`Deadlines::first_content`].
    pub first_content: Option<Duration>,
    /// See [`Deadlines::first_content_thinking`].
    pub first_content_thinking: Option<Duration>,
    /// See [`Deadlines::idle`].
    pub idle: Option<Duration>,
    /// See [`Deadlines::idle_thinking`].
    pub idle_thinking: Option<Duration>,
    /// See [`Deadlines::total`].
    pub total: Option<Duration>,
    /// See [`Deadlines::load`].
    pub load: Option<Duration>,
}

// === impl Link ===

impl Link {
    /// The model name to ask the provider for, when a caller asks `model` for `asked`.
    pub fn model<'a>(&'a self, model: &Model, asked: &'a str) -> &'a str {
        self.name.resolve(&model.pattern, asked)
    }
}

// === impl Name ===

impl Name {
    /// The name to ask for when `pattern` matched `asked`.
    pub fn resolve<'a>(&'a self, pattern: &Pattern, asked: &'a str) -> &'a str {
        match self {
            Self::Asked => asked,
            Self::Matched => pattern.capture(asked).unwrap_or(asked),
            Self::Fixed(name) => name,
        }
    }
}

// === impl Overrides ===

impl Overrides {
    /// These, and `base` where they say nothing.
    pub fn over(&self, base: Deadlines) -> Deadlines {
        Deadlines {
            connect: self.connect.unwrap_or(base.connect),
            patience: self.patience.unwrap_or(base.patience),
            patience_whole: self.patience_whole.unwrap_or(base.patience_whole),
            patience_thinking: self.patience_thinking.unwrap_or(base.patience_thinking),
            first_content: self.first_content.unwrap_or(base.first_content),
            first_content_thinking: self
                .first_content_thinking
                .unwrap_or(base.first_content_thinking),
            idle: self.idle.unwrap_or(base.idle),
            idle_thinking: self.idle_thinking.unwrap_or(base.idle_thinking),
            total: self.total.unwrap_or(base.total),
            load: self.load.unwrap_or(base.load),
        }
    }
}
