//! Evidence as lines for people: one for each layer, with a mark, and what lies behind it.
//!
//! **Invariant:** foreign text (names, pages, issuers) is escaped: no line acts on a terminal.

mod http;
mod names;
mod network;
mod page;
mod roads;
mod yours;

use crate::Layer;
use ir::Evidence;
use serde::Serialize;

/// How a layer looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It is as it should be.
    Well,
    /// It is not.
    Unwell,
    /// It was not measured, or says nothing.
    Untold,
}

/// One layer.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Line {
    /// Which.
    pub layer: Layer,
    /// How it looks.
    pub mark: Mark,
    /// What was seen, in one line.
    pub text: String,
    /// What lies behind it, a line each.
    pub details: Vec<String>,
}

/// The layers that are shown, in the order in which they are shown.
pub const SHOWN: [Layer; 6] =
    [Layer::Network, Layer::Dns, Layer::Tls, Layer::Http, Layer::Status, Layer::Yours];

/// One layer of the evidence; those beside the shown ones are part of these.
pub fn line(layer: Layer, evidence: &Evidence) -> Line {
    match layer {
        Layer::Network | Layer::Control => network::line(evidence),
        Layer::Dns => names::line(evidence),
        Layer::Tls => roads::line(evidence),
        Layer::Http | Layer::Config => http::line(evidence),
        Layer::Status => page::line(evidence),
        Layer::Yours => yours::line(evidence),
    }
}

/// All lines.
pub fn lines(evidence: &Evidence) -> Vec<Line> {
    SHOWN.iter().map(|layer| line(*layer, evidence)).collect()
}

/// Foreign text is cut to this, in bytes.
const TEXT_MAX: usize = 200;

/// What was seen of a layer, part by part.
#[derive(Debug, Default)]
struct Parts {
    good: Vec<String>,
    bad: Vec<String>,
    details: Vec<String>,
}

// === impl Parts ===

impl Parts {
    fn good(&mut self, text: impl Into<String>) {
        self.good.push(text.into());
    }

    fn bad(&mut self, text: impl Into<String>) {
        self.bad.push(text.into());
    }

    fn detail(&mut self, text: impl Into<String>) {
        self.details.push(text.into());
    }

    /// What is bad stands in front. `well` is whether something shows that the layer is as it should be.
    fn line(self, layer: Layer, well: bool) -> Line {
        let mark = match (self.bad.is_empty(), well) {
            (false, _) => Mark::Unwell,
            (true, true) => Mark::Well,
            (true, false) => Mark::Untold,
        };
        let mut said = self.bad;
        said.extend(self.good);
        let text = if said.is_empty() { "not measured".to_owned() } else { said.join(", ") };
        Line { layer, mark, text, details: self.details }
    }
}

/// A time, short: `18 ms`, `1.2 s`.
fn ms(took_ms: u64) -> String {
    match took_ms {
        0..1000 => format!("{took_ms} ms"),
        _ => format!("{}.{} s", took_ms / 1000, took_ms % 1000 / 100),
    }
}

/// Foreign text, as it can be shown.
fn shown(text: &str) -> String {
    crate::shown::shown(text, TEXT_MAX).into_owned()
}

#[cfg(test)]
mod tests;
