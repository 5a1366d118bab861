//! What is known of models by their names, as far as requests in another dialect depend on it.
//!
//! Only models of the Messages dialect: Chat wants no limit and has one word for thinking. A model
//! that says otherwise is believed and remembered (`policy::Learned`).

use ir::{Dialect, Prefill, Quirks, Thinks, Traits};

/// Parts of names, the first that fits; the longest answer in tokens; how it thinks. As of
/// 2026-11-20 (<https://docs.claude.com/en/docs/about-claude/models/overview>,
/// <https://docs.claude.com/en/docs/build-with-claude/extended-thinking>).
const ROWS: &[(&[&str], u64, Thinks)] = &[
    (&["claude-3-haiku", "claude-3-opus", "claude-3-sonnet"], 4096, Thinks::No),
    (&["claude-3-5-"], 8192, Thinks::No),
    (&["claude-3-7-"], 64_000, Thinks::Budget),
    (
        &["claude-opus-4-1", "claude-opus-4-0", "claude-opus-4-2025", "claude-opus-4@"],
        32_000,
        Thinks::Budget,
    ),
    (&["claude-sonnet-4-0", "claude-sonnet-4-2025", "claude-sonnet-4@"], 64_000, Thinks::Budget),
    (&["claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5"], 64_000, Thinks::Budget),
    (&["claude-"], 64_000, Thinks::Adaptive),
];

/// A model of which nothing is known: a server on this machine, mostly.
const UNKNOWN: Traits = Traits { max_tokens: 32_000, thinks: Thinks::Budget };

/// What is known of a model.
pub fn traits(model: &str) -> Traits {
    let row = ROWS.iter().find(|(parts, ..)| parts.iter().any(|part| model.contains(part)));
    row.map_or(UNKNOWN, |&(_, max_tokens, thinks)| Traits { max_tokens, thinks })
}

/// Whether a model is known to go on with a last turn of its own, asked in this dialect, where its
/// provider lets it.
pub fn prefills(quirks: &Quirks, dialect: Dialect, model: &str) -> bool {
    match (quirks.prefill, dialect) {
        (
            Prefill::Native | Prefill::Field(_) | Prefill::Members(_),
            Dialect::Chat | Dialect::Messages,
        ) => true,
        // Claude models up to 4.5 (<https://platform.claude.com/docs/en/build-with-claude/streaming>).
        (Prefill::ByModel, Dialect::Messages) => {
            model.contains("claude-") && traits(model).thinks != Thinks::Adaptive
        }
        // What Responses does with such a turn nobody says.
        (Prefill::ByModel, Dialect::Chat) | (Prefill::No, _) | (_, Dialect::Responses) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{prefills, traits};
    use crate::providers::{at, generic, row};
    use ir::{Dialect, Thinks};

    #[test]
    fn some_go_on_with_a_turn_of_their_own() {
        let messages = generic(Dialect::Messages);
        for (model, goes_on) in [
            ("claude-sonnet-4-5-20250929", true),
            ("claude-3-5-haiku-latest", true),
            ("claude-sonnet-4-6", false),
            ("claude-opus-5", false),
            ("some-other-model", false),
        ] {
            assert_eq!(prefills(messages, Dialect::Messages, model), goes_on, "{model}");
        }
        for (name, goes_on) in [
            ("mistral", true),
            ("vllm", true),
            ("llama.cpp", true),
            ("openai", false),
            ("groq", false),
            ("deepseek", false),
            ("deepseek/beta", true),
        ] {
            let (name, path) = name.split_at(name.find('/').unwrap_or(name.len()));
            assert_eq!(
                row(name).map(|row| prefills(at(row, path), row.dialect, "m")),
                Some(goes_on),
                "{name}{path}"
            );
        }
    }

    #[test]
    fn names_tell_what_a_model_takes() {
        for (name, max_tokens, thinks) in [
            ("claude-sonnet-4-6", 64_000, Thinks::Adaptive),
            ("claude-opus-5", 64_000, Thinks::Adaptive),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", 8192, Thinks::No),
            ("claude-opus-4-20250514", 32_000, Thinks::Budget),
            ("claude-haiku-4-5-20251001", 64_000, Thinks::Budget),
            ("llama3.1:8b", 32_000, Thinks::Budget),
        ] {
            let traits = traits(name);
            assert_eq!((traits.max_tokens, traits.thinks), (max_tokens, thinks), "{name}");
        }
    }
}
