//! What must be known of a model to ask it in another dialect's words.

/// A model, as far as its requests depend on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Traits {
    /// The longest answer, in tokens: what is asked for where the caller sets no limit and the
    /// dialect wants one.
    pub max_tokens: u64,
    /// How it is asked to think.
    pub thinks: Thinks,
}

/// How a model of the Messages dialect is asked to think.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Thinks {
    /// `thinking: {type: "adaptive"}` and `output_config.effort`.
    Adaptive,
    /// `thinking: {type: "enabled", budget_tokens}`.
    Budget,
    /// It cannot be asked.
    No,
}
