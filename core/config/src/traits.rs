//! What is known of models by their names, as far as requests in another dialect depend on it.
//!
//! Only models of the Messages dialect: Chat wants no limit and has one word for thinking. A model
//! that says otherwise is believed and remembered (`policy::Learned`).

use ir::{Thinks, Traits};

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

#[cfg(test)]
mod tests {
    use super::traits;
    use ir::Thinks;

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
