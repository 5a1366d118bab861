//! What came out, figure by figure: ours, nginx's, what must be reached and what we want to reach.

use super::load::{median, percentile};
use anyhow::Result;
use std::io::Write;

/// A figure that is judged by its own value or by its ratio to nginx's.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) ours: f64,
    pub(crate) nginx: Option<f64>,
    ratio: Option<Ratio>,
    pub(crate) aim: Option<Aim>,
}

/// One over another, from turns of the same round: the middle of all rounds, and where half of them lie.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    middle: f64,
    lower: f64,
    upper: f64,
}

/// What must be reached, and what we want to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim {
    pub(crate) gate: f64,
    pub(crate) goal: f64,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Figure>);

// === impl Figure ===

impl Figure {
    /// A figure of ours alone.
    pub(crate) fn ours(name: impl Into<String>, ours: f64) -> Self {
        Self { name: name.into(), ours, nginx: None, ratio: None, aim: None }
    }

    /// The same beside nginx's, without a ratio.
    pub(crate) fn beside(name: impl Into<String>, ours: f64, nginx: f64) -> Self {
        Self { nginx: Some(nginx), ..Self::ours(name, ours) }
    }

    /// With the ratio of what was measured here to what was measured there in the same round.
    pub(crate) fn over(self, here: &[f64], there: &[f64]) -> Self {
        let ratios: Vec<f64> = here.iter().zip(there).map(|(here, there)| here / there).collect();
        let ratio = Ratio {
            middle: median(&ratios),
            lower: percentile(&ratios, 25),
            upper: percentile(&ratios, 75),
        };
        Self { ratio: Some(ratio), ..self }
    }

    pub(crate) fn aim(self, gate: f64, goal: f64) -> Self {
        Self { aim: Some(Aim { gate, goal }), ..self }
    }

    /// What is held against the aim.
    fn judged(&self) -> f64 {
        self.ratio.map_or(self.ours, |ratio| ratio.middle)
    }

    fn verdict(&self) -> &'static str {
        match self.aim {
            None => "",
            Some(aim) if self.judged() <= aim.goal => "goal reached",
            Some(aim) if self.judged() <= aim.gate => "gate reached",
            Some(_) => "NOT reached",
        }
    }
}

// === impl Ratio ===

impl Ratio {
    fn shown(self) -> String {
        format!("{:.2} ({:.2}-{:.2})", self.middle, self.lower, self.upper)
    }
}

// === impl Table ===

impl Table {
    /// Adds a figure and shows it.
    pub(crate) fn add(&mut self, figure: Figure) -> Result<()> {
        writeln!(std::io::stderr(), "  {}: {:.2}", figure.name, figure.judged())?;
        self.0.push(figure);
        Ok(())
    }

    pub(crate) fn print(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{:<74} {:>10} {:>10} {:>19} {:>9} {:>8}",
            "", "backstop", "nginx", "ratio (middle half)", "gate", "goal"
        )?;
        for figure in &self.0 {
            let or_empty = |value: Option<f64>| value.map(shown).unwrap_or_default();
            writeln!(
                out,
                "{:<74} {:>10} {:>10} {:>19} {:>9} {:>8}  {}",
                figure.name,
                shown(figure.ours),
                or_empty(figure.nginx),
                figure.ratio.map(Ratio::shown).unwrap_or_default(),
                or_empty(figure.aim.map(|aim| aim.gate)),
                or_empty(figure.aim.map(|aim| aim.goal)),
                figure.verdict(),
            )?;
        }
        Ok(())
    }
}

/// Large figures without decimals, small ones with as many as they bear.
fn shown(value: f64) -> String {
    if 1000.0 <= value.abs() {
        format!("{value:.0}")
    } else if 10.0 <= value.abs() {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
