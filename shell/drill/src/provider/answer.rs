//! What a good answer says, before anyone writes it in a dialect.
//!
//! The text is numbered words, so that whoever reads it can tell what was lost, doubled or
//! reordered: `[cloud-a] w0 w1 w2 …`. A provider without a name leaves the marker out.

use super::asked::Asked;
use super::echo;
use super::fault::Fault;
use super::frame::Cue;
use super::going::{self, Going, NOTHING_MORE, Uncut};
use super::json::{quote, quote_ascii, quote_halves};
use super::order::{Dish, Order};
use super::wish::{Calls, Wish};
use super::words::{AfterCalls, Finish, GoesOn, Plain, Way};

/// Fresh prompt tokens that every answer reports.
pub const INPUT_TOKENS: usize = 11;
/// Prompt tokens read from a cache that every answer reports.
pub const CACHE_READ_TOKENS: usize = 5;
/// Prompt tokens written to a cache that every answer reports.
pub const CACHE_WRITE_TOKENS: usize = 3;
/// Words of a piece of thinking; each counts as a token.
const THINKING_TOKENS: usize = 4;
/// What a tool call counts in tokens.
const CALL_TOKENS: usize = 7;
/// `before` becomes `backstop-edit-made` in `notes.txt`.
const EDIT: &str = "One line changes.\n\nnotes.txt\n```\n<<<<<<< SEARCH\nbefore\n=======\n\
                    backstop-edit-made\n>>>>>>> REPLACE\n```\n";
/// A composed letter, one of CJK, and one that three code points make.
const WIDE: &str = "é語👩\u{200d}💻";
/// What makes words as long as real ones.
const LONG: [&str; 5] = ["-stone", "-water,", "-lantern", "-orchard", "-field."];
/// What some models say of the calls they made.
pub(super) const TALK: &str =
    "I have made the calls above and shall go on when their results are there.";
/// Argument pieces have at most this many bytes.
const PIECE_BYTES: usize = 9;

/// A good answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    /// Its parts, in order.
    pub(super) parts: Vec<Part>,
    /// Tokens of output, thinking included.
    pub(super) tokens: usize,
    /// Of these, thinking.
    pub(super) thinking: usize,
    /// Every other word is escaped to ASCII.
    pub(super) unicode: bool,
    /// Of these, the first surrogate pair is in two pieces.
    pub(super) halves: bool,
    /// Parallel tool calls take turns.
    pub(super) interleaved: bool,
    /// How it ends.
    pub(super) ending: Ending,
}

/// How an answer ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// It is complete: with its text, or with its calls.
    Usual,
    /// The most tokens were reached.
    Length,
    /// A stop sequence would have come.
    Sequence(String),
    /// As ordered.
    Ordered(Finish),
}

/// One part of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// Thinking, in pieces.
    Thinking(Vec<String>),
    /// Text, in pieces of one word each.
    Text(Vec<String>),
    /// A tool call.
    Call(Call),
}

/// A tool call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Call {
    /// The tool.
    pub(super) name: String,
    /// Its arguments, in pieces; the first is empty, as real ones are.
    pub(super) pieces: Vec<String>,
}

/// Arguments for tools whose names are known; the first offered one of these is called.
const KNOWN: [(&str, &str); 6] = [
    ("Bash", r#"{"command":"echo backstop-tool-ran","description":"Say that the tool ran"}"#),
    ("bash", r#"{"command":"echo backstop-tool-ran","description":"Say that the tool ran"}"#),
    ("shell", r#"{"command":["echo","backstop-tool-ran"]}"#),
    ("exec_command", r#"{"cmd":"echo backstop-tool-ran"}"#),
    ("run_shell_command", r#"{"command":"echo backstop-tool-ran"}"#),
    ("get_weather", r#"{"city":"Oslo","unit":"celsius"}"#),
];

/// The text of a provider's answer: words `from` to `to`, as the reader puts them together.
pub fn text(name: &str, from: usize, to: usize) -> String {
    text_of(&Dish::default(), name, from, to)
}

/// The same for another dish.
pub fn text_of(dish: &Dish, name: &str, from: usize, to: usize) -> String {
    let marker = if from == 0 && from < to { marker(dish, name) } else { String::new() };
    let words = (from..to).map(|n| word(dish, n)).collect::<String>();
    format!("{marker}{words}")
}

// === impl Answer ===

impl Answer {
    /// The answer that an order calls for, given what was asked.
    pub(super) fn cook(order: &Order, asked: &Asked, name: &str) -> Self {
        let dish = &order.served();
        let mute = dish.goes_on == GoesOn::Nothing && asked.going != Going::Fresh;
        let empty = mute || order.fault == Some(Fault::Plain(Plain::EmptyAnswer));
        let wish = if dish.obeys {
            Wish::read(&asked.document, &text_of(&Dish { anonymous: true, ..*dish }, name, 0, 2))
        } else {
            Wish::default()
        };
        let (calls, text) = kinds(dish, asked, &wish);
        let thinks = dish.thinking || wish.thinks.is_some();
        let mut ending = dish.finish.map_or(Ending::Usual, Ending::Ordered);
        let mut parts = Vec::new();
        if thinks && !empty {
            let shown = if wish.thinks == Some(false) { 0 } else { THINKING_TOKENS };
            parts.push(Part::Thinking((0..shown).map(|n| format!("t{n} ")).collect()));
        }
        if text && !empty {
            let (pieces, end) = obeyed(said(dish, asked, &wish, name), &wish);
            ending = end.unwrap_or(ending);
            // Where all of it was said, the calls follow at once.
            if !pieces.is_empty() || calls.is_empty() {
                parts.push(Part::Text(pieces));
            }
        }
        if !empty && ending == Ending::Usual {
            parts.extend(calls.into_iter().map(Part::Call));
        }
        let thinking = if thinks && !empty { THINKING_TOKENS } else { 0 };
        let counted = parts.iter().filter(|part| !matches!(part, Part::Thinking(_)));
        let tokens = counted.map(Part::tokens).sum::<usize>().saturating_add(thinking);
        let Dish { unicode, halves, interleaved, .. } = *dish;
        Self { parts, tokens, thinking, unicode, halves, interleaved, ending }
    }

    /// Pieces of text as JSON strings.
    pub(super) fn spelt(&self, pieces: &[String]) -> Vec<(Cue, String)> {
        let mut spelt = Vec::new();
        for (n, piece) in pieces.iter().enumerate() {
            if !(self.unicode && n % 2 == 1) {
                spelt.push((Cue::Text, quote(piece)));
            } else if self.halves
                && let (high, Some(low)) = quote_halves(piece)
            {
                spelt.extend([(Cue::Half, high), (Cue::Text, low)]);
            } else {
                spelt.push((Cue::Text, quote_ascii(piece)));
            }
        }
        spelt
    }

    /// Whether it waits for tool results.
    pub(super) fn calls(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Call(_)))
    }
}

// === impl Part ===

impl Part {
    fn tokens(&self) -> usize {
        match self {
            Self::Thinking(pieces) | Self::Text(pieces) => pieces.len(),
            Self::Call(_) => CALL_TOKENS,
        }
    }
}

// === impl Call ===

impl Call {
    /// A call with its arguments in pieces.
    pub(super) fn new(name: &str, arguments: &str) -> Self {
        let letters: Vec<char> = arguments.chars().collect();
        // So that even `{}` can be cut in its middle.
        let size = PIECE_BYTES.min(letters.len() / 2).max(1);
        let pieces = letters.chunks(size).map(|piece| piece.iter().collect());
        let pieces = std::iter::once(String::new()).chain(pieces).collect();
        Self { name: name.to_owned(), pieces }
    }
}

/// The text in pieces: what was ordered, or what the request wants; of that, the rest, where it asks
/// for the rest.
fn said(dish: &Dish, asked: &Asked, wish: &Wish, name: &str) -> Vec<String> {
    if let Going::Calls(_) = asked.going {
        let text = if dish.after_calls == AfterCalls::Talk { TALK } else { NOTHING_MORE };
        return going::words(text);
    }
    let marker = marker(dish, name);
    let (marker, pieces) = match &wish.text {
        Some(text) => ("", going::words(text)),
        // It tells what this request said, and has no rest.
        None if dish.echo => return going::words(&echo::of(&asked.document)),
        None if dish.edit => ("", going::words(EDIT)),
        None => (marker.as_str(), (0..dish.tokens).map(|n| word(dish, n)).collect()),
    };
    asked.going.take(dish, Uncut { marker, pieces }, asked.prefill.as_deref())
}

/// The same up to where the request wants its end, and which end that is.
fn obeyed(mut pieces: Vec<String>, wish: &Wish) -> (Vec<String>, Option<Ending>) {
    let most = wish.words_max.unwrap_or(usize::MAX);
    let mut ending = None;
    if pieces.len() > most {
        pieces.truncate(most);
        ending = Some(Ending::Length);
    }
    if let Some((place, stop)) = wish.stop(&pieces.concat()) {
        ending = Some(Ending::Sequence(stop.to_owned()));
        let mut left = place;
        for piece in &mut pieces {
            let size = piece.len().min(left);
            left = left.saturating_sub(size);
            piece.truncate(size);
        }
        pieces.retain(|piece| !piece.is_empty());
    }
    (pieces, ending)
}

/// The calls, and whether there is text.
fn kinds(dish: &Dish, asked: &Asked, wish: &Wish) -> (Vec<Call>, bool) {
    let offered = match &wish.calls {
        Calls::Of(name) => std::slice::from_ref(name),
        Calls::Any | Calls::None | Calls::Some => asked.tools.as_slice(),
    };
    let count = match wish.calls {
        Calls::Any => dish.tools,
        Calls::None => 0,
        Calls::Some | Calls::Of(_) => dish.tools.max(1),
    };
    let count = if wish.one_call { count.min(1) } else { count };
    let calls = |made: usize| (made..count).map(|nth| call(dish, offered, nth)).collect();
    if let Going::Calls(made) = &asked.going {
        let calls = match dish.after_calls {
            AfterCalls::NothingMore | AfterCalls::Talk => Vec::new(),
            AfterCalls::Rest => calls(made.len()),
            AfterCalls::Again => made.clone(),
        };
        let silent = calls.is_empty();
        return (calls, silent);
    }
    // The result of a call gets its final word, so that agents come to an end.
    if asked.tool_result {
        return (Vec::new(), true);
    }
    let begun = matches!(asked.going.way(), Way::Anchor | Way::Prefill);
    if begun && dish.goes_on != GoesOn::Restart {
        // There was text, whatever was ordered.
        return (if dish.goes_on.follows() { calls(0) } else { Vec::new() }, true);
    }
    let calls = calls(0);
    let text = dish.text || calls.is_empty();
    (calls, text)
}

/// What a named provider begins with.
fn marker(dish: &Dish, name: &str) -> String {
    if name.is_empty() || dish.anonymous { String::new() } else { format!("[{name}] ") }
}

/// A word of the text, with the blank that is before it.
fn word(dish: &Dish, n: usize) -> String {
    let blank = if n == 0 { "" } else { " " };
    let length = if dish.long { LONG.get(n % LONG.len()).copied().unwrap_or_default() } else { "" };
    let wide = if dish.unicode { WIDE } else { "" };
    format!("{blank}w{n}{length}{wide}")
}

fn call(dish: &Dish, offered: &[String], nth: usize) -> Call {
    let known = |name: &String| KNOWN.iter().find(|(known, _)| known == name);
    let (name, arguments) = match (offered.iter().find_map(known), offered.first()) {
        (Some((name, arguments)), _) => (*name, *arguments),
        (None, Some(name)) => (name.as_str(), "{}"),
        (None, None) => ("get_weather", r#"{"city":"Oslo","unit":"celsius"}"#),
    };
    match arguments.strip_prefix('{').filter(|_| dish.numbered) {
        Some("}") => Call::new(name, &format!("{{\"number\":{nth}}}")),
        Some(others) => Call::new(name, &format!("{{\"number\":{nth},{others}")),
        None => Call::new(name, arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Part, text, text_of};
    use crate::provider::asked::{Asked, Endpoint};
    use crate::provider::order::Order;
    use ir::Dialect;

    fn cook(model: &str, body: &str) -> Answer {
        let asked = Asked::read(Endpoint::Answer(Dialect::Chat), body.as_bytes());
        Answer::cook(&Order::from_model(model).unwrap(), &asked, "a")
    }

    fn said(answer: &Answer) -> String {
        let text = answer.parts.iter().map(|part| match part {
            Part::Text(pieces) => pieces.concat(),
            Part::Thinking(_) | Part::Call(_) => String::new(),
        });
        text.collect()
    }

    #[test]
    fn words_are_numbered_and_marked() {
        assert_eq!(said(&cook("ok+tokens-3", "{}")), "[a] w0 w1 w2");
        assert_eq!(text("a", 0, 3), "[a] w0 w1 w2");
        assert_eq!(text("", 0, 2), "w0 w1");
    }

    #[test]
    fn words_are_as_ordered() {
        assert_eq!(said(&cook("ok+tokens-2+anonymous", "{}")), "w0 w1");
        assert_eq!(said(&cook("ok+tokens-3+long", "{}")), "[a] w0-stone w1-water, w2-lantern");
        let wide = said(&cook("ok+tokens-2+unicode", "{}"));
        assert_eq!(wide, "[a] w0é語👩\u{200d}💻 w1é語👩\u{200d}💻");
        let dish = Order::from_model("ok+unicode").unwrap().dish;
        assert_eq!(text_of(&dish, "a", 0, 2), wide);
        assert_eq!(text_of(&dish, "a", 1, 2), " w1é語👩\u{200d}💻");
    }

    #[test]
    fn documents_say_the_words_of_the_order() {
        let asks = r#"{"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string"}}}}"#;
        assert_eq!(said(&cook("ok+obeys", asks)), "\"w0 w1\"");
        assert_eq!(said(&cook("ok+obeys+long", asks)), "\"w0-stone w1-water,\"");
    }

    #[test]
    fn the_first_known_tool_is_called() {
        let name = |body: &str| match cook("ok+tools", body).parts.as_slice() {
            [Part::Call(call)] => (call.name.clone(), call.pieces.concat()),
            other => panic!("{other:?}"),
        };
        let bash = r#"{"tools":[{"name":"Agent"},{"name":"Bash"}]}"#;
        assert!(name(bash).1.starts_with(r#"{"command":"echo backstop-tool-ran""#));
        let other = r#"{"tools":[{"name":"Agent"}]}"#;
        assert_eq!(name(other), ("Agent".to_owned(), "{}".to_owned()));
    }

    #[test]
    fn calls_are_numbered_where_that_is_ordered() {
        let arguments = |body: &str| -> Vec<String> {
            let answer = cook("ok+tools-2+numbered", body);
            let said = answer.parts.iter().map(|part| match part {
                Part::Call(call) => call.pieces.concat(),
                Part::Text(_) | Part::Thinking(_) => panic!("no call: {part:?}"),
            });
            said.collect()
        };
        assert_eq!(arguments(r#"{"tools":[{"name":"f"}]}"#), ["{\"number\":0}", "{\"number\":1}"]);
        let known = arguments("{}");
        assert!(known[1].starts_with("{\"number\":1,\"city\":"), "{known:?}");
    }

    #[test]
    fn after_a_tool_result_there_is_text() {
        for model in ["ok+tools", "tool-cut", "text-then-tool-stall", "ok+tools-3"] {
            let answer = cook(model, r#"{"messages":[{"role":"tool"}]}"#);
            assert!(!answer.calls() && said(&answer).contains("w11"), "{model}");
        }
    }
}
