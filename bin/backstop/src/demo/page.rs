//! The page that the demo writes: rows of a table, filled while the answer comes.
//!
//! Standard output, at most 100 columns; colour on a terminal only, plain letters where the locale
//! knows no others.

use super::caller::{Reply, Said};
use crate::out;
use ir::{Crossable, Shape};
use std::cell::Cell;
use std::io::{IsTerminal, Result};
use std::time::Duration;

/// The page and how far the row at hand is filled.
#[derive(Debug)]
pub(super) struct Page {
    colour: bool,
    letters: Letters,
    /// Characters of the answer in this row, shown or not.
    filled: Cell<usize>,
    scenes: Cell<usize>,
}

#[derive(Debug)]
struct Letters {
    good: &'static str,
    bad: &'static str,
    arrow: &'static str,
    times: &'static str,
    more: &'static str,
    seam: &'static str,
}

/// Room for an answer.
const ANSWER: usize = 34;

const PRETTY: Letters =
    Letters { good: "✔", bad: "✖", arrow: "→", times: "×", more: "…", seam: "╎" };
const PLAIN: Letters =
    Letters { good: "+", bad: "!", arrow: "->", times: "x", more: "~", seam: "|" };

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";
const CYAN: &str = "36";
const MAGENTA: &str = "35";

// === impl Page ===

impl Page {
    pub(super) fn of_stdout() -> Self {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = var("LC_ALL").or_else(|| var("LC_CTYPE")).or_else(|| var("LANG"));
        // A locale that is not said is taken for a modern one.
        let pretty = locale.is_none_or(|it| it.to_lowercase().replace('-', "").contains("utf8"));
        let dumb = var("TERM").is_some_and(|term| term == "dumb");
        Self {
            colour: std::io::stdout().is_terminal() && var("NO_COLOR").is_none() && !dumb,
            letters: if pretty { PRETTY } else { PLAIN },
            filled: Cell::new(0),
            scenes: Cell::new(0),
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn arrow(&self) -> &'static str {
        self.letters.arrow
    }

    /// A heading without a number.
    pub(super) fn title(&self, text: &str) -> Result<()> {
        out::print(&format!("\n{}\n", self.paint(BOLD, text)))
    }

    /// The heading of the next scene; the first, in which all is well, is number 0.
    pub(super) fn heading(&self, text: &str) -> Result<()> {
        let number = self.scenes.replace(self.scenes.get() + 1);
        let mark = if number == 0 { " ".to_owned() } else { number.to_string() };
        out::print(&format!("\n{}", self.paint(BOLD, &format!("{mark} {text}"))))
    }

    /// What stands where an answer was cut and gone on with.
    pub(super) fn seam(&self) -> &'static str {
        self.letters.seam
    }

    /// What is said by those who speak one after the other.
    pub(super) fn voice(&self, place: usize, text: &str) -> String {
        let colour = if place.is_multiple_of(2) { CYAN } else { MAGENTA };
        self.paint(colour, text)
    }

    /// What the columns hold.
    pub(super) fn columns(&self) -> anyhow::Result<()> {
        let answer = "the caller got";
        let names = format!("\n  the caller asks   {answer:ANSWER$} first word  who was asked");
        Ok(out::print(&self.paint(DIM, &names))?)
    }

    /// Begins a row.
    pub(super) fn begin(&self, dialect: Crossable, shape: Shape) -> Result<()> {
        self.filled.set(0);
        out::part(&Self::asks(dialect, shape))
    }

    /// What the caller asks, at the beginning of a row.
    pub(super) fn asks(dialect: Crossable, shape: Shape) -> String {
        let dialect = match dialect {
            Crossable::Chat => "Chat",
            Crossable::Messages => "Messages",
        };
        let shape = match shape {
            Shape::Stream => "stream",
            Shape::Whole => "whole",
        };
        format!("  {dialect:8}  {shape:6}  ")
    }

    /// Shows what has come of the answer, as far as there is room.
    pub(super) fn said(&self, said: Said<'_>) -> Result<()> {
        match said {
            Said::Words(words) => self.word(words),
            // Nobody sees it in a row.
            Said::Seam => Ok(()),
        }
    }

    /// The same, where it is there already.
    pub(super) fn word(&self, text: &str) -> Result<()> {
        let filled = self.filled.get();
        let said: Vec<char> = text.chars().filter(|c| !c.is_control()).collect();
        let mut shown: String = said.iter().take((ANSWER - 1).saturating_sub(filled)).collect();
        self.filled.set(filled + said.len());
        // The last place says that there is more.
        if filled < ANSWER && ANSWER <= self.filled.get() {
            shown.push_str(self.letters.more);
        }
        out::part(&shown)
    }

    /// Ends a row: whether it was as promised, how soon, and who was asked.
    pub(super) fn end(&self, reply: &Reply, good: bool) -> Result<()> {
        let rest = " ".repeat(ANSWER.saturating_sub(self.filled.get()));
        let mark = if good {
            self.paint(GREEN, self.letters.good)
        } else {
            self.paint(RED, self.letters.bad)
        };
        let first = time(reply.first);
        let trail = self.paint(DIM, &reply.trail_in(self.letters.times));
        out::print(&format!("{rest}  {mark} {first:>7}  {trail}"))?;
        match &reply.trouble {
            Some(trouble) if !good => out::print(&self.paint(RED, &format!("    {trouble}"))),
            Some(_) | None => Ok(()),
        }
    }

    /// A remark within a scene.
    pub(super) fn note(&self, text: &str) -> Result<()> {
        out::print(&format!("  {}", self.paint(DIM, text)))
    }

    pub(super) fn good(&self, text: &str) -> Result<()> {
        out::print(&format!("{} {text}", self.paint(GREEN, self.letters.good)))
    }

    pub(super) fn bad(&self, text: &str) -> Result<()> {
        out::print(&format!("{} {text}", self.paint(RED, self.letters.bad)))
    }

    /// Leaves the terminal as it was.
    pub(super) fn reset(&self) -> Result<()> {
        out::part(if self.colour { "\x1b[0m\n" } else { "\n" })
    }
}

/// A duration as people say it.
pub(super) fn time(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
