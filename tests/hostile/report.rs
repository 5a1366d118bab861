//! What a scenario found: figures, and whether each is within its promise.

use std::fmt::{Display, Formatter, Result as FmtResult};

/// The findings of one scenario.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: Vec<(String, Verdict)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Kept,
    NotKept,
    Skipped,
}

// === impl Report ===

impl Report {
    /// A scenario that came to no end.
    pub(crate) fn failed(why: String) -> Self {
        Self { findings: vec![(why, Verdict::NotKept)] }
    }

    /// A scenario that this machine cannot play.
    pub(crate) fn skipped(why: String) -> Self {
        Self { findings: vec![(why, Verdict::Skipped)] }
    }

    /// One figure with what was promised of it, and whether that holds.
    pub(crate) fn check(&mut self, kept: bool, figure: String) {
        self.findings.push((figure, if kept { Verdict::Kept } else { Verdict::NotKept }));
    }

    pub(crate) fn kept(&self) -> bool {
        self.findings.iter().all(|(_, verdict)| *verdict != Verdict::NotKept)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let skipped = self.findings.iter().any(|(_, verdict)| *verdict == Verdict::Skipped);
        f.write_str(match (self.kept(), skipped) {
            (true, true) => "skipped   ",
            (true, false) => "kept      ",
            (false, _) => "NOT KEPT  ",
        })?;
        for (at, (figure, verdict)) in self.findings.iter().enumerate() {
            let mark = if *verdict == Verdict::NotKept { "NOT: " } else { "" };
            write!(f, "{}{mark}{figure}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// Bytes as a reader likes them.
pub(crate) fn mb(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
