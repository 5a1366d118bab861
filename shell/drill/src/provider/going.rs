//! How a request asks for the rest of an answer that was cut, and what the model makes of that.
//!
//! There are three ways to ask: the conversation ends with the assistant's own words (prefill); or
//! with a user's, of which the last, behind a blank line, are the end of what the assistant had
//! said (anchor); or with the results of tool calls and a question that ends in [`NOTHING_MORE`]
//! (calls). Whatever else comes is asked afresh.
//!
//! **Invariant:** a model that goes on as it is asked says exactly what was still to come, wherever
//! the cut had been.

use super::answer::Call;
use super::asked::said;
use super::order::Dish;
use super::words::{GoesOn, Way};
use serde_json::Value;
use std::iter::once;

/// The word for no more calls.
pub(super) const NOTHING_MORE: &str = "NOTHING-MORE";
/// Shorter ends are no quotes: people repeat a word or two.
const QUOTE_LETTERS_MIN: usize = 16;
/// What a model repeats of a prefill that it does not simply go on with.
const QUOTE_LETTERS: usize = 40;
/// What is left of a quote that is repeated in part.
const OVERLAP_LETTERS: usize = 20;
/// What some models say first.
const PREAMBLE: &str = "Sure, here is the rest: ";
/// What others say instead.
const CHAT: &str = "I am sorry, something seems to have gone wrong on my side. Shall I write the \
                    answer once more, or would you rather have something else?";
/// What has nothing to do with anything.
const OTHER: [&str; 8] =
    ["amber ", "birch ", "copper ", "dune ", "ember ", "fjord ", "granite ", "harbour "];

/// What a request wants of an answer that was cut.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Going {
    /// Nothing: it asks for one.
    Fresh,
    /// It is to be gone on with where the conversation ends.
    Prefill,
    /// Its end is to be repeated, and gone on with.
    Anchor {
        /// All that was said, without white space at its end.
        told: String,
        /// The end that was quoted.
        quote: String,
    },
    /// Whether there are more calls than these.
    Calls(Vec<Call>),
}

/// An answer as nobody would cut it.
#[derive(Debug)]
pub(super) struct Uncut<'a> {
    /// What it begins with, and no rest of it.
    pub(super) marker: &'a str,
    /// Its pieces, the marker left out.
    pub(super) pieces: Vec<String>,
}

// === impl Going ===

impl Going {
    /// Reads the turns of a conversation, in any dialect.
    pub(super) fn read(turns: &[Value], prefilled: bool) -> Self {
        if prefilled {
            return Self::Prefill;
        }
        let Some((last, before)) = turns.split_last().filter(|(last, _)| is(last, "user")) else {
            return Self::Fresh;
        };
        let wish = last_text(last).trim_end();
        if wish.ends_with(NOTHING_MORE) {
            let made = made(before);
            return if made.is_empty() { Self::Fresh } else { Self::Calls(made) };
        }
        let start = before.iter().rposition(|turn| !is(turn, "assistant"));
        let turns = before.iter().skip(start.map_or(0, |at| at.saturating_add(1)));
        let mut told: String = turns.filter_map(said).collect();
        told.truncate(told.trim_end().len());
        match quoted(&told, wish) {
            Some(quote) => Self::Anchor { quote: quote.to_owned(), told },
            None => Self::Fresh,
        }
    }

    /// Its word.
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Fresh => Way::Fresh,
            Self::Prefill => Way::Prefill,
            Self::Anchor { .. } => Way::Anchor,
            Self::Calls(_) => Way::Calls,
        }
    }

    /// What the model says of an answer, in pieces.
    pub(super) fn take(&self, dish: &Dish, uncut: Uncut<'_>, prefill: Option<&str>) -> Vec<String> {
        let end;
        let (told, quote) = match (self, prefill) {
            (Self::Anchor { told, quote }, _) => (told.as_str(), quote.as_str()),
            (Self::Prefill, Some(told)) if dish.goes_on == GoesOn::Anchor => (told, ""),
            (Self::Prefill, Some(told)) => {
                end = told.trim_end();
                (end, tail(end, QUOTE_LETTERS))
            }
            (Self::Fresh | Self::Prefill | Self::Calls(_), _) => return uncut.all(),
        };
        let repeated = match dish.goes_on {
            GoesOn::Anchor => quote.to_owned(),
            GoesOn::Stops => return words(quote),
            GoesOn::Wraps => {
                return words(&format!("“{quote}{}”", uncut.rest(told).concat()));
            }
            GoesOn::Preamble => format!("{PREAMBLE}{quote}"),
            GoesOn::Overlap => tail(quote, OVERLAP_LETTERS).to_owned(),
            GoesOn::Longer => tail(told, quote.chars().count().saturating_mul(2)).to_owned(),
            GoesOn::Respelled => respelled(quote),
            GoesOn::Restart => return uncut.all(),
            GoesOn::Chat => return words(CHAT),
            GoesOn::Quotes => {
                let talk = "is where it ends, as far as I can see, and that is all there is.";
                return words(&format!("You ask me to go on. “{quote}” {talk}"));
            }
            GoesOn::Other => {
                let rest = uncut.rest(told).concat();
                return other(quote.chars().chain(rest.chars()).count());
            }
            GoesOn::Nothing => return Vec::new(),
        };
        let mut pieces = words(&repeated);
        pieces.extend(uncut.rest(told));
        pieces
    }
}

// === impl GoesOn ===

impl GoesOn {
    /// Whether what was still to come follows.
    pub(super) fn follows(self) -> bool {
        match self {
            Self::Anchor | Self::Preamble | Self::Overlap | Self::Longer | Self::Respelled => true,
            Self::Restart
            | Self::Chat
            | Self::Quotes
            | Self::Other
            | Self::Wraps
            | Self::Stops
            | Self::Nothing => false,
        }
    }
}

// === impl Uncut ===

impl Uncut<'_> {
    /// From its beginning.
    fn all(mut self) -> Vec<String> {
        if let Some(first) = self.pieces.first_mut() {
            first.insert_str(0, self.marker);
        }
        self.pieces
    }

    /// What follows after what was said: a beginning of this, be it with another's marker; or, by
    /// the number of its last word, what is nearly that.
    fn rest(self, told: &str) -> Vec<String> {
        let Some(mut said) = place(told, &self.pieces.concat()) else {
            return match next_word(told) {
                0 => self.all(),
                count => {
                    let mut rest: Vec<_> = self.pieces.into_iter().skip(count).collect();
                    if told.ends_with(char::is_whitespace)
                        && let Some(first) = rest.first_mut()
                    {
                        *first = first.trim_start().to_owned();
                    }
                    rest
                }
            };
        };
        let mut rest = Vec::new();
        for piece in self.pieces {
            let gone = said.min(piece.len());
            said = said.saturating_sub(gone);
            rest.extend(piece.get(gone..).filter(|left| !left.is_empty()).map(str::to_owned));
        }
        rest
    }
}

/// How much of a text was said, where something that was said from some word on is a beginning of
/// it.
fn place(told: &str, text: &str) -> Option<usize> {
    let borders = told.match_indices(char::is_whitespace);
    let starts = once(0).chain(borders.map(|(at, white)| at.saturating_add(white.len())));
    let ends = starts.filter_map(|at| told.get(at..));
    ends.filter(|end| !end.is_empty()).find(|end| text.starts_with(end)).map(str::len)
}

/// The number after the last `wN` in a text; zero where there is none.
fn next_word(text: &str) -> usize {
    text.split_whitespace()
        .rev()
        .find_map(|word| {
            let digits = word.strip_prefix('w')?.trim_end_matches(|c: char| !c.is_ascii_digit());
            digits.parse::<usize>().ok()
        })
        .map_or(0, |last| last.saturating_add(1))
}

/// The end of what was said that a wish ends with, behind a blank line.
fn quoted<'a>(told: &str, wish: &'a str) -> Option<&'a str> {
    let ends = wish.match_indices("\n\n").filter_map(|(at, _)| wish.get(at..)).map(str::trim_start);
    ends.filter(|end| told.ends_with(end))
        .find(|end| end.chars().nth(QUOTE_LETTERS_MIN.saturating_sub(1)).is_some())
}

/// The calls of the assistant's last turn, where nothing but their results follows.
fn made(turns: &[Value]) -> Vec<Call> {
    let kind = |turn: &&Value, kind: &str| turn.get("type").and_then(Value::as_str) == Some(kind);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut items: Vec<Call> = turns
        .iter()
        .rev()
        .skip_while(|turn| kind(turn, "function_call_output"))
        .take_while(|turn| kind(turn, "function_call"))
        .map(|turn| Call::new(&text(turn.get("name")), &text(turn.get("arguments"))))
        .collect();
    if !items.is_empty() {
        items.reverse();
        return items;
    }
    let mut turns = turns.iter().rev().skip_while(|turn| is(turn, "tool"));
    let Some(turn) = turns.next().filter(|turn| is(turn, "assistant")) else {
        return Vec::new();
    };
    let chat = list(turn, "tool_calls").iter().map(|call| {
        let arguments = text(call.pointer("/function/arguments"));
        Call::new(&text(call.pointer("/function/name")), &arguments)
    });
    let blocks = list(turn, "content").iter().filter(|block| block.get("input").is_some());
    let messages = blocks.map(|block| {
        let input = block.get("input").map(Value::to_string).unwrap_or_default();
        Call::new(&text(block.get("name")), &input)
    });
    chat.chain(messages).collect()
}

fn is(turn: &Value, role: &str) -> bool {
    turn.get("role").and_then(Value::as_str) == Some(role)
}

fn list<'a>(turn: &'a Value, key: &str) -> &'a [Value] {
    turn.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The last text of a turn.
fn last_text(turn: &Value) -> &str {
    let text = turn.get("content").and_then(Value::as_str);
    let block = || list(turn, "content").iter().rev().find_map(|block| block.get("text")?.as_str());
    text.or_else(block).unwrap_or_default()
}

/// The shortest end of a text that begins with a word and has so many letters; all of it where
/// there is none.
fn tail(text: &str, letters: usize) -> &str {
    let begins = |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let first = text.get(at..).and_then(|end| end.chars().next());
        before.is_none_or(char::is_whitespace) && first.is_some_and(|one| !one.is_whitespace())
    };
    let ends = text.char_indices().rev().skip(letters.saturating_sub(1));
    let start = ends.map(|(at, _)| at).find(|at| begins(*at));
    start.and_then(|at| text.get(at..)).unwrap_or(text)
}

/// The same text to a reader, in other bytes.
fn respelled(text: &str) -> String {
    let mut out = String::new();
    let mut blanks = 0_usize;
    for letter in text.chars() {
        match letter {
            ' ' => {
                blanks = blanks.saturating_add(1);
                out.push_str(if blanks.is_multiple_of(2) { "\n" } else { "  " });
            }
            // As Unicode's form D takes it apart.
            'é' => out.push_str("e\u{301}"),
            letter => out.push(letter),
        }
    }
    out
}

/// So many letters of something else.
fn other(letters: usize) -> Vec<String> {
    let text = OTHER.iter().flat_map(|word| word.chars()).cycle().take(letters).collect::<String>();
    words(&text)
}

/// A text in pieces of one word each.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_inclusive([' ', '\n']).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
