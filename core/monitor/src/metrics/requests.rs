//! What a record says of its request.

use crate::family::{Counters, Histograms, Kind, Registry, Value};
use crate::names::NONE;
use crate::page::Page;
use ir::Record;

/// Families about requests.
#[derive(Debug)]
pub(crate) struct Requests {
    ended: Counters<4>,
    by_model: Counters<2>,
    by_key: Counters<2>,
    errors: Counters<1>,
    took: Histograms,
    first_content: Histograms,
    held: Histograms,
    failovers: Counters<2>,
}

// === impl Requests ===

impl Default for Requests {
    fn default() -> Self {
        Self {
            ended: Counters::new(
                "backstop_requests_total",
                ["dialect", "shape", "ending", "blame"],
                "Requests that ended, refused ones too, by how they ended and who caused it.",
            ),
            by_model: Counters::new(
                "backstop_requests_by_model_total",
                ["model", "ending"],
                "Requests that ended, by the model that was asked for; _none where nobody was asked.",
            ),
            by_key: Counters::new(
                "backstop_requests_by_key_total",
                ["key", "ending"],
                "Requests that ended, by the name of the key that asked; _none without one.",
            ),
            errors: Counters::new(
                "backstop_errors_total",
                ["code"],
                "Errors that callers were told in our own words, by their code.",
            ),
            took: Histograms::new(
                "backstop_request_seconds",
                "shape",
                "From a request's arrival to its end.",
            ),
            first_content: Histograms::new(
                "backstop_first_content_seconds",
                "target",
                "From a request's arrival until its first content was handed over, by who served.",
            ),
            held: Histograms::new(
                "backstop_held_seconds",
                "shape",
                "The longest time that content of an answer was held back, by how it was wanted.",
            ),
            failovers: Counters::new(
                "backstop_failovers_total",
                ["from", "to"],
                "Requests that were served by another than the first target of their chain.",
            ),
        }
    }
}

impl Requests {
    pub(crate) fn take(&mut self, record: &Record, registry: &mut Registry) {
        let ending = Value::Word(record.ending.word());
        let shape = Value::Word(record.shape.name());
        let blame = Value::Word(record.blame.unwrap_or("none"));
        self.ended.count([Value::Word(record.dialect.name()), shape, ending, blame]);
        // A name that nobody was asked for is no model.
        let model = if record.attempts.is_empty() { NONE } else { &record.model };
        let model = registry.value(Kind::Model, model, record.target.is_some());
        self.by_model.count([model, ending]);
        let key = registry.value(Kind::Key, record.principal.as_deref().unwrap_or(NONE), true);
        self.by_key.count([key, ending]);
        if let Some(code) = record.code {
            self.errors.count([Value::Word(code)]);
        }
        self.took.note(shape, record.total_ms);
        let Some(server) = &record.target else { return };
        let target = registry.value(Kind::Target, server, true);
        if let Some(ms) = record.first_content_ms {
            self.first_content.note(target, ms);
        }
        self.held.note(shape, record.held_ms);
        if let Some(first) = record.preferred.as_ref().filter(|first| *first != server) {
            let from = registry.value(Kind::Target, first, false);
            self.failovers.count([from, target]);
        }
    }

    pub(crate) fn render(&self, registry: &Registry, page: &mut Page) {
        self.ended.render(registry, page);
        self.by_model.render(registry, page);
        self.by_key.render(registry, page);
        self.errors.render(registry, page);
        self.took.render(registry, page);
        self.first_content.render(registry, page);
        self.held.render(registry, page);
        self.failovers.render(registry, page);
    }
}
