//! `backstop key new NAME`.

use crate::out;
use anyhow::Context;
use std::process::ExitCode;

/// Makes a key: its text on standard output, what to do with it beside.
pub(crate) fn new(name: &str) -> anyhow::Result<ExitCode> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    anyhow::ensure!(
        !name.is_empty() && name.len() <= 64 && name.chars().all(fits),
        "{name:?} cannot be a key's name: use up to 64 letters, digits, hyphens and underscores"
    );
    let entropy = transport::secret().context("the system gives no randomness for a key")?;
    let (text, hash) = config::new_key(entropy);
    out::print(&text)?;
    out::say("");
    out::say("This is the only time the key is shown. Put its hash into backstop.toml:");
    out::say("");
    out::say(&format!("  [keys.{name}]"));
    out::say(&format!("  hash = \"{hash}\""));
    out::say("");
    out::say("Callers present it as x-backstop-key, as a bearer token, or as x-api-key.");
    Ok(ExitCode::SUCCESS)
}
