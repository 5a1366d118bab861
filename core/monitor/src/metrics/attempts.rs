//! What a record says of the targets that were asked, or passed over.

use crate::family::{Counters, Kind, Registry, Value};
use crate::page::Page;
use ir::{AttemptRecord, Record, Tokens, Usage};

/// Families about attempts.
#[derive(Debug)]
pub(crate) struct Attempts {
    ended: Counters<3>,
    skipped: Counters<2>,
    repairs: Counters<1>,
    continued: Counters<3>,
    tokens: Counters<3>,
    tokens_unknown: Counters<1>,
    ambiguous: Counters<1>,
}

// === impl Attempts ===

impl Default for Attempts {
    fn default() -> Self {
        Self {
            ended: Counters::new(
                "backstop_attempts_total",
                ["target", "outcome", "blame"],
                "Attempts, by how they ended and who caused a failure.",
            ),
            skipped: Counters::new(
                "backstop_skipped_total",
                ["target", "why"],
                "Targets that were passed over because they were known not to answer.",
            ),
            repairs: Counters::new(
                "backstop_repairs_total",
                ["target"],
                "Attempts that were refused for how we had written them, and written otherwise.",
            ),
            continued: Counters::new(
                "backstop_continuations_total",
                ["target", "way", "outcome"],
                "Attempts that were asked to go on with an answer that was cut, by how and how they ended.",
            ),
            tokens: Counters::new(
                "backstop_tokens_total",
                ["target", "kind", "source"],
                "Tokens of all attempts, lost ones too; reasoning is a part of output.",
            ),
            tokens_unknown: Counters::new(
                "backstop_tokens_unknown_total",
                ["target"],
                "Answers whose tokens the provider did not tell.",
            ),
            ambiguous: Counters::new(
                "backstop_ambiguous_billing_total",
                ["target"],
                "Attempts that may be billed although no whole answer came of them.",
            ),
        }
    }
}

impl Attempts {
    pub(crate) fn take(&mut self, record: &Record, registry: &mut Registry) {
        for attempt in &record.attempts {
            self.take_attempt(attempt, registry);
        }
        for (target, why) in &record.skipped {
            let target = registry.value(Kind::Target, target, false);
            self.skipped.count([target, Value::Word(why)]);
        }
    }

    fn take_attempt(&mut self, attempt: &AttemptRecord, registry: &mut Registry) {
        let answered = attempt.outcome == "ok";
        let target = registry.value(Kind::Target, &attempt.target, answered);
        let blame = Value::Word(attempt.blame.unwrap_or("none"));
        self.ended.count([target, Value::Word(attempt.outcome), blame]);
        if attempt.repair.is_some() {
            self.repairs.count([target]);
        }
        if let Some(way) = attempt.way {
            self.continued.count([target, Value::Word(way), Value::Word(attempt.outcome)]);
        }
        if attempt.ambiguous_billing {
            self.ambiguous.count([target]);
        }
        let (tokens, source) = match attempt.usage {
            Usage::Exact(tokens) => (tokens, "exact"),
            Usage::Estimated(tokens) => (tokens, "estimated"),
            Usage::Unknown if answered => return self.tokens_unknown.count([target]),
            Usage::Unknown => return,
        };
        let Tokens { input, cache_read, cache_write, output, reasoning } = tokens;
        for (kind, count) in [
            ("input", input),
            ("cache_read", cache_read),
            ("cache_write", cache_write),
            ("output", output),
            ("reasoning", reasoning),
        ] {
            if 0 < count {
                self.tokens.add([target, Value::Word(kind), Value::Word(source)], count);
            }
        }
    }

    pub(crate) fn render(&self, registry: &Registry, page: &mut Page) {
        self.ended.render(registry, page);
        self.skipped.render(registry, page);
        self.repairs.render(registry, page);
        self.continued.render(registry, page);
        self.tokens.render(registry, page);
        self.tokens_unknown.render(registry, page);
        self.ambiguous.render(registry, page);
    }
}
