//! `backstop doctor`: is it them, or is it me? Measures, shows a line for each layer, and says whose
//! fault it is, with the evidence.
//!
//! Needs no configuration and no running gateway. It changes nothing, and without `--complete` it
//! asks for nothing that costs tokens.

mod ask;
mod bundle;
mod scope;
mod screen;
mod spend;

use crate::cli::DoctorArgs;
use crate::out;
use anyhow::Context;
use ir::Evidence;
use monitor::{Side, Verdict};
use scope::Scope;
use screen::Screen;
use serde::Serialize;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// A watching doctor looks again after so long.
const AGAIN: Duration = Duration::from_secs(30);

/// One provider, examined.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    provider: String,
    host: String,
    side: &'static str,
    says: &'static str,
    verdict: Verdict,
    layers: Vec<monitor::Line>,
    evidence: Evidence,
}

/// Everything that `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    backstop: &'static str,
    at_unix_ms: u64,
    exit: u8,
    providers: &'a [Finding],
}

/// Examines, and ends with what was found: 0 fine, 10 them, 20 me, 30 path, 40 unknown, 2 usage.
pub(crate) async fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let Some(scope) = Scope::find(args).await else { return Ok(ExitCode::from(2)) };
    if args.offline {
        return offline(args, &scope);
    }
    let mut stops = signal(SignalKind::interrupt())?;
    let mut said: Option<Vec<monitor::Cause>> = None;
    loop {
        let screen = Screen::new(args, &scope);
        let (findings, closed) = tokio::select! {
            findings = ask::all(&scope, screen, !args.watch || said.is_none()) => findings?,
            _ = stops.recv() => return Ok(ExitCode::from(130)),
        };
        let causes: Vec<monitor::Cause> = findings.iter().map(|it| it.verdict.cause).collect();
        // Whoever watches is told what changes.
        if said.as_ref() != Some(&causes) {
            show(args, &scope, &findings)?;
        }
        if let Some(at) = closed.filter(|_| said.is_none()) {
            out::say(&format!(
                "a gateway runs here, and its console at {at} wants a key: `backstop status` shows what \
                 its requests meet"
            ));
        }
        if let Some(path) = &args.bundle {
            bundle::write(path, &findings)?;
        }
        if !args.watch {
            return Ok(ExitCode::from(exit_code(&findings)));
        }
        said = Some(causes);
        tokio::select! {
            () = sleep(AGAIN) => {}
            _ = stops.recv() => return Ok(ExitCode::from(exit_code(&findings))),
        }
    }
}

/// Reads what is on this machine, asks nobody, and names whom it would have asked.
fn offline(args: &DoctorArgs, scope: &Scope) -> anyhow::Result<ExitCode> {
    let findings = ask::nobody(scope);
    show(args, scope, &findings)?;
    if !args.json {
        out::print("not asked (--offline):")?;
        for asks in scope.would_ask() {
            out::print(&format!("  {}:{}  {}", asks.host, asks.port, asks.what))?;
        }
    }
    if let Some(path) = &args.bundle {
        bundle::write(path, &findings)?;
    }
    Ok(ExitCode::from(exit_code(&findings)))
}

fn show(args: &DoctorArgs, scope: &Scope, findings: &[Finding]) -> anyhow::Result<()> {
    if !args.json {
        for finding in findings {
            screen::verdict(args, scope, finding)?;
        }
        return Ok(());
    }
    let report = Report {
        backstop: env!("CARGO_PKG_VERSION"),
        at_unix_ms: unix_ms(),
        exit: exit_code(findings),
        providers: findings,
    };
    let text = if args.watch {
        serde_json::to_string(&report)
    } else {
        serde_json::to_string_pretty(&report)
    };
    out::print(&text.context("the findings cannot be written as JSON")?)?;
    Ok(())
}

/// The gravest side: what is ours to mend first.
fn exit_code(findings: &[Finding]) -> u8 {
    const GRAVEST: [Side; 5] = [Side::Me, Side::Path, Side::Them, Side::Unknown, Side::Fine];
    let sides = || findings.iter().map(|it| it.verdict.cause.row().side);
    let gravest = GRAVEST.into_iter().find(|side| sides().any(|it| it == *side));
    gravest.unwrap_or(Side::Unknown).exit_code()
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX))
}

// === impl Finding ===

impl Finding {
    fn of(evidence: Evidence) -> Self {
        let verdict = monitor::diagnose(&evidence);
        let row = verdict.cause.row();
        Self {
            provider: evidence.provider.clone(),
            host: evidence.host.clone(),
            side: row.side.word(),
            says: row.says,
            layers: monitor::lines(&evidence),
            verdict,
            evidence,
        }
    }
}
