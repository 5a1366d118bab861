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
            let evidence = monitor::redacted(&finding.evidence, &is_known);
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
    // A device, a pipe or a link is somebody's, and would be gone.
    let there = path.symlink_metadata();
    if there.is_ok_and(|there| !there.is_file()) || path.as_os_str() == "-" {
        anyhow::bail!("--bundle: {} is no file: name one that may be written", path.display());
    }
    let beside = path.with_extension(format!("part-{}", std::process::id()));
    let whole = || -> std::io::Result<()> {
        // What stands there already, a link too, is somebody's.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    let written = whole();
    if written.is_err() {
        std::fs::remove_file(&beside).unwrap_or_default();
    }
    written.with_context(|| format!("--bundle: {} cannot be written", path.display()))
}

/// Whether a provider's name or a host tells nothing of whoever asks: it stands in the tables that ship.
fn is_known(name: &str) -> bool {
    let of = |base: &str| base.parse::<probe::Base>().is_ok_and(|base| base.host == name);
    let row = |row: &ir::Quirks| row.name == name || of(row.base_url);
    let neutral = probe::Neutral::usual();
    let page = |row: &probe::status::Row| {
        let host = row.hosts.iter().any(|host| host == name);
        host || of(&row.page) || row.sources.iter().any(|source| of(&source.url))
    };
    // Where a host is known by a part that says no region, that part is a customer's name.
    let region = probe::status::for_host(name).is_some_and(|found| found.region.is_some());
    config::providers::ROWS.iter().any(row)
        || probe::status::named(name).is_some()
        || probe::status::rows().iter().any(page)
        || region
        || neutral.portals.iter().any(|portal| of(&portal.url))
        || neutral.tls.is_some_and(|(host, _)| host == name)
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn who_is_known_to_everybody() {
        let check = |name: &str, expect: bool| assert_eq!(is_known(name), expect, "{name}");
        for known in [
            "openai",
            "claude",
            "api.openai.com",
            "status.openai.com",
            "rssfeed.azure.status.microsoft",
            "bedrock-runtime.eu-west-3.amazonaws.com",
            "us-central1-aiplatform.googleapis.com",
            "captive.apple.com",
            "one.one.one.one",
        ] {
            check(known, true);
        }
        for own in [
            "acme-legal.openai.azure.com",
            "acme-legal.services.ai.azure.com",
            "acme-legal.cognitiveservices.azure.com",
            "*.openai.azure.com.acme.com",
            "api.openai.com.acme.internal",
            "acme",
            "52.1.2.3",
        ] {
            check(own, false);
        }
    }
}
