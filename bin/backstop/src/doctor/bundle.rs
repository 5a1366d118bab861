//! `--bundle`: the evidence in a file, for a ticket.

use super::{Finding, unix_ms};
use anyhow::Context;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes what was found, without what tells of the house, into a new file. One that is there already
/// is replaced only whole.
pub(super) fn write(path: &Path, findings: &[Finding]) -> anyhow::Result<()> {
    let providers: Vec<serde_json::Value> = findings
        .iter()
        .map(|finding| {
            let evidence = monitor::redacted(&finding.evidence);
            // What is said about it is said anew, so that nothing of it was written before.
            let again = Finding::of(evidence);
            json!({
                "provider": again.provider,
                "verdict": finding.verdict.cause,
                "confidence": finding.verdict.confidence,
                "layers": again.layers,
                "reasons": again.verdict.reasons,
                "evidence": again.evidence,
            })
        })
        .collect();
    let bundle = json!({
        "backstop": env!("CARGO_PKG_VERSION"),
        "at_unix_ms": unix_ms(),
        "redacted": true,
        "providers": providers,
    });
    let text = serde_json::to_string_pretty(&bundle).context("--bundle")?;
    let whole = || -> std::io::Result<()> {
        let beside = path.with_extension("part");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    whole().with_context(|| format!("--bundle: {} cannot be written", path.display()))
}
