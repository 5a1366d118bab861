//! The scene of an answer that is cut in its middle: one cloud begins it, the other finishes it, and
//! the caller reads one text.
//!
//! **Invariant:** it is told that all words are there only where they were counted, and the text is
//! the one that nobody had cut.

use super::Tally;
use super::caller::{Ask, Reply, Said};
use super::page::{self, Page};
use super::world::World;
use crate::out;
use drill::provider::{Order, text_of};
use ir::{Crossable, Shape};
use std::collections::BTreeSet;
use std::io::Result;

/// The model that callers ask for, and what both clouds are asked for. Neither says its name, so that
/// both say the same.
pub(super) const MODEL: &str = "midway";
pub(super) const ORDER: &str = "stall-after-20+tokens-40+long+anonymous+every-25ms";
pub(super) const SPARE: &str = "ok+tokens-40+long+anonymous+every-25ms";

/// How long the silence lasts: ten seconds, where nobody watches.
pub(super) const SETTINGS: &str = "deadlines.idle = \"500ms\"\n";

const TITLE: &str = "cloud-a goes silent in mid-answer: cloud-b finishes it, in the same stream";

/// The columns of a long text, and the blank ones before it.
const COLUMNS: usize = 78;
const INDENT: usize = 4;

/// A long text on the page, in the colours of those who say it.
struct Prose<'a> {
    page: &'a Page,
    /// Where the next letter stands; 0 on an empty line.
    column: usize,
    /// A blank came, and is shown before a word on the same line.
    blank: bool,
    /// How many have spoken before.
    voice: usize,
}

/// The words of a text, compared with those of another.
#[derive(Debug, Eq, PartialEq)]
struct Words {
    /// That stand where they should.
    right: usize,
    all: usize,
    /// That came before.
    twice: usize,
}

/// Asks in both dialects.
pub(super) async fn play(page: &Page, world: &World, tally: &mut Tally) -> anyhow::Result<()> {
    page.heading(TITLE)?;
    let mut kept = true;
    for dialect in [Crossable::Messages, Crossable::Chat] {
        out::print(Page::asks(dialect, Shape::Stream).trim_end())?;
        let mut prose = Prose { page, column: 0, blank: false, voice: 0 };
        let ask = Ask { dialect, shape: Shape::Stream, model: MODEL, tool: false };
        let reply = world.ask(&ask, &mut |said| prose.said(said)).await?;
        out::print("")?;
        let good = is_joined(&reply);
        conclude(page, &reply, good)?;
        tally.count(good);
        kept &= good;
    }
    tally.close(TITLE, kept);
    Ok(())
}

/// What nobody had cut.
fn uncut() -> String {
    let dish = Order::from_model(SPARE).map(|order| order.dish).unwrap_or_default();
    text_of(&dish, "", 0, dish.tokens)
}

/// Whether both had a part in it, and it is the text that nobody had cut.
fn is_joined(reply: &Reply) -> bool {
    let both = reply.voices() == ["cloud-a", "cloud-b"] && reply.seams.len() == 1;
    both && reply.is_whole(&uncut())
}

fn conclude(page: &Page, reply: &Reply, good: bool) -> Result<()> {
    let Words { right, all, twice } = Words::of(&reply.text, &uncut());
    let twice = if twice == 0 { "none".to_owned() } else { twice.to_string() };
    let mut line = format!("joined: {right} of {all} words, {twice} twice");
    if let [(place, gap)] = reply.seams.as_slice()
        && let [first, second] = reply.voices().as_slice()
    {
        let (before, behind) = reply.text.split_at_checked(*place).unwrap_or_default();
        let count = |text: &str| text.split_whitespace().count();
        let first = page.voice(0, &format!("{first} {}", count(before)));
        let second = page.voice(1, &format!("{second} {}", count(behind)));
        let (seam, gap) = (page.seam(), page::time(*gap));
        line = format!("{line}: {first} {seam} {second}, {gap} apart");
    }
    out::part("  ")?;
    if good { page.good(&line) } else { page.bad(&line) }?;
    match &reply.trouble {
        Some(trouble) => page.note(trouble),
        None => Ok(()),
    }
}

// === impl Words ===

impl Words {
    fn of(text: &str, expected: &str) -> Self {
        let mut known = BTreeSet::new();
        let words = || text.split_whitespace();
        let right = words().zip(expected.split_whitespace()).filter(|(one, other)| one == other);
        Self {
            right: right.count(),
            all: expected.split_whitespace().count(),
            twice: words().filter(|word| !known.insert(*word)).count(),
        }
    }
}

// === impl Prose ===

impl Prose<'_> {
    fn said(&mut self, said: Said<'_>) -> Result<()> {
        match said {
            Said::Words(text) => text.split_inclusive(' ').try_for_each(|word| self.word(word)),
            Said::Seam => {
                self.voice += 1;
                self.blank = true;
                self.put(self.page.seam(), 1)
            }
        }
    }

    /// A word with the blank behind it, or a part of that.
    fn word(&mut self, word: &str) -> Result<()> {
        let shown: String = word.trim_end().chars().filter(|c| !c.is_control()).collect();
        if !shown.is_empty() {
            let painted = self.page.voice(self.voice, &shown);
            self.put(&painted, shown.chars().count())?;
        }
        self.blank |= word.ends_with(' ');
        Ok(())
    }

    /// Something that takes so many columns.
    fn put(&mut self, painted: &str, columns: usize) -> Result<()> {
        let blank = usize::from(std::mem::take(&mut self.blank));
        if COLUMNS < self.column + blank + columns {
            out::print("")?;
            self.column = 0;
        }
        let before = if self.column == 0 { INDENT } else { blank };
        self.column += before + columns;
        out::part(&format!("{}{painted}", " ".repeat(before)))
    }
}

#[cfg(test)]
mod tests {
    use super::{MODEL, ORDER, SPARE, Words, uncut};
    use drill::provider::Order;

    #[test]
    fn both_clouds_say_the_same() {
        let dish = |order: &str| Order::from_model(order).unwrap().dish;
        assert_eq!(dish(ORDER), dish(SPARE));
        assert!(!MODEL.is_empty() && uncut().split_whitespace().count() == 40);
    }

    #[test]
    fn words_are_counted() {
        let check = |text: &str, right, twice| {
            assert_eq!(Words::of(text, "a b c"), Words { right, all: 3, twice }, "{text}");
        };
        check("a b c", 3, 0);
        check("a b", 2, 0);
        check("a b b c", 2, 1);
        check("a c", 1, 0);
        check("", 0, 0);
    }
}
