//! Real client programs against the gateway: their users change a base URL and nothing else.
//!
//! Which of them run is asked by `BACKSTOP_CLIENTS` (names, separated by commas); without it the
//! SDKs do. `cargo xtask test` and `cargo xtask clients` prepare what they need.

mod aider;
mod claude_code;
mod codex;
mod features;
mod folds;
mod home;
mod program;
mod sdk;
mod sdks;
mod suites;

use std::path::PathBuf;

/// The clients there are; the first is the usual one.
const KNOWN: [&str; 5] = ["sdks", "claude-code", "codex", "aider", "suites"];

#[tokio::test(flavor = "multi_thread")]
async fn the_requested_clients_are_served() {
    let wanted = std::env::var("BACKSTOP_CLIENTS").unwrap_or_else(|_| KNOWN[0].to_owned());
    for name in wanted.split(',').map(str::trim) {
        match name {
            "sdks" => {
                tokio::join!(sdks::check(), features::check());
                folds::check().await;
            }
            "claude-code" => claude_code::check().await,
            "codex" => codex::check().await,
            "aider" => aider::check().await,
            "suites" => suites::check().await,
            other => panic!("BACKSTOP_CLIENTS: there is no client {other:?}; there are {KNOWN:?}"),
        }
    }
}

/// A program that a chore prepared. Its absence is an error: a test that is skipped proves nothing.
fn prepared(variable: &str, chore: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    let path = path.unwrap_or_else(|| panic!("{variable} is not set: run `{chore}`"));
    assert!(path.is_file(), "{variable}: there is no {}: run `{chore}`", path.display());
    path
}
