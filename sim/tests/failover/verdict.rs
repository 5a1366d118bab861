//! How a scenario is judged: what the caller got, and what is wrong with how it got there.

use crate::scenario::{Expects, Scenario};
use drill::provider;
use ir::{Dialect, Record, Shape};
use sim::shell::{Ask, Heard, Life, Said};
use std::fmt;
use std::time::Duration;

/// What came of a scenario.
pub(crate) struct Run {
    pub(crate) scenario: &'static Scenario,
    pub(crate) dialect: Dialect,
    pub(crate) shape: Shape,
    /// The scenario's own, and then one more.
    pub(crate) asks: Vec<Ask>,
    pub(crate) life: Life,
}

/// One cell of the table.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) scenario: &'static Scenario,
    pub(crate) dialect: Dialect,
    pub(crate) shape: Shape,
    pub(crate) grade: Grade,
    took: Duration,
    /// Requests for an answer that reached each provider.
    asked: [usize; 2],
    /// What was wrong.
    notes: Vec<String>,
}

/// As the harness grades.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Grade {
    /// The right answer, in the right way.
    Pass,
    /// The right answer.
    Partial,
    /// An honest error in time.
    Safe,
    /// A hang, or a cut that looks complete.
    Fail,
}

/// What a caller got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Got {
    /// Every word, and an end that says so.
    Words,
    /// A refusal or an error that says that it is one.
    Error,
    /// Something else that looks like an answer, or nothing.
    Wrong,
}

// === impl Run ===

impl Run {
    /// What the caller of the scenario heard.
    pub(crate) fn heard(&self) -> &Heard {
        &self.life.heard[0]
    }

    pub(crate) fn said(&self) -> Result<Said, String> {
        self.read(0)
    }

    /// The record of the scenario's request.
    pub(crate) fn record(&self) -> &Record {
        let id = self.heard().header("x-backstop-request-id").expect("an id");
        self.life.records.iter().find(|record| record.id == id).expect("a record")
    }

    fn read(&self, place: usize) -> Result<Said, String> {
        let (ask, heard) = (&self.asks[place], &self.life.heard[place]);
        Said::read(ask.dialect, ask.shape, &heard.body)
    }

    /// What one of the callers got.
    fn got(&self, place: usize) -> Got {
        let heard = &self.life.heard[place];
        let said = self.read(place);
        match (heard.status, said) {
            _ if !heard.whole => Got::Wrong,
            (200, Ok(said)) if said.is_complete() && said.text == text() => Got::Words,
            (200, Ok(said)) if said.error.is_some() && !said.ended => Got::Error,
            (400.., Ok(said)) if said.error.is_some() => Got::Error,
            // A refusal to a stream is a document.
            (400.., _) if said_error(heard) => Got::Error,
            (_, _) => Got::Wrong,
        }
    }

    /// What was wrong beside the answer itself.
    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<&str> = (self.scenario.conduct)(self);
        let later = self.asks.len() - 1;
        let checks = [
            (self.got(later) == Got::Words, "alive_after"),
            (self.heard().took <= self.scenario.within, "no_hang"),
            (self.is_moderate() || self.asks.len() > 2, "few_attempts"),
            (self.names_who_served(), "reports_fallback_model"),
            (self.life.records.len() == self.asks.len(), "one_record_each"),
            (self.life.open == (0, 0, 0), "nothing_open"),
        ];
        notes.extend(checks.into_iter().filter(|(good, _)| !good).map(|(_, check)| check));
        notes.into_iter().map(str::to_owned).collect()
    }

    /// Where the second served, the answer has its model; where it went on with what the first had begun,
    /// the first one's, and the last event says who served what.
    fn names_who_served(&self) -> bool {
        let fallback = self.record().target.as_deref().is_some_and(|it| it.starts_with("b/"));
        let begun = 0 < self.record().seams;
        let first = if begun { self.scenario.first() } else { self.scenario.second() };
        let named = self.said().is_ok_and(|said| said.model == first);
        let told = String::from_utf8_lossy(&self.heard().body).contains("\"backstop\":{");
        let served = named && begun == told;
        !fallback || served || self.record().attempts.iter().all(|it| it.outcome != "ok")
    }

    pub(crate) fn judged(&self) -> Cell {
        let first = self.got(0);
        let mut notes = self.notes();
        // In the outage every caller counts.
        let others = (1..self.asks.len()).filter(|place| self.got(*place) != Got::Words).count();
        if others > 0 {
            notes.push(format!("{others} others without their words"));
        }
        let expected = match self.scenario.expects {
            Expects::Words => first == Got::Words,
            Expects::Reason => first == Got::Error && is_reason(self.heard()),
        };
        let grade = match (expected, first) {
            (true, _) if notes.is_empty() => Grade::Pass,
            (true, _) | (false, Got::Words) => Grade::Partial,
            (false, Got::Error) if self.heard().took <= self.scenario.within => Grade::Safe,
            (false, Got::Error | Got::Wrong) => Grade::Fail,
        };
        if grade != Grade::Pass {
            notes.push(self.record().attempts.iter().map(|it| it.trail() + " ").collect());
        }
        Cell {
            scenario: self.scenario,
            dialect: self.dialect,
            shape: self.shape,
            grade,
            took: self.heard().took,
            asked: self.asked(),
            notes,
        }
    }
}

/// What all providers say.
pub(crate) fn text() -> String {
    provider::text("", 0, 60)
}

fn said_error(heard: &Heard) -> bool {
    serde_json::from_slice::<serde_json::Value>(&heard.body)
        .is_ok_and(|document| document.get("error").is_some())
}

/// The provider's refusal, with its status and in its own words.
fn is_reason(heard: &Heard) -> bool {
    let body = String::from_utf8_lossy(&heard.body);
    heard.status == 400 && (body.contains("content_filter") || body.contains("content filtering"))
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, dialect, shape, grade, took, asked, notes } = self;
        let grade = match grade {
            Grade::Pass => "pass",
            Grade::Partial => "partial",
            Grade::Safe => "safe",
            Grade::Fail => "FAIL",
        };
        let (took, attempts) = (took.as_secs_f64(), format!("{} + {}", asked[0], asked[1]));
        let asked = format!("{} {}", dialect.name(), shape.name());
        write!(
            f,
            "{} {:<30} {asked:<17} {grade:<7} {took:>6.2} s  {attempts:<8} {}",
            scenario.id,
            scenario.what,
            notes.join(", ")
        )
    }
}
