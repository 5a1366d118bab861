//! What a good answer says, before anyone writes it in a dialect.
//!
//! The text is numbered words, so that whoever reads it can tell what was lost, doubled or
//! reordered: `[cloud-a] w0 w1 w2 …`. A provider without a name leaves the marker out.

use super::fault::{Fault, Place};
use super::order::{Dish, Order};
use super::wish::{Calls, Wish};
use super::words::{Finish, Plain};
use super::{asked::Asked, echo};

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
    words(&Dish::default(), name, from, to).concat()
}

// === impl Answer ===

impl Answer {
    /// The answer that an order calls for, given what was asked.
    pub(super) fn cook(order: &Order, asked: &Asked, name: &str) -> Self {
        let dish = &order.dish;
        let empty = order.fault == Some(Fault::Plain(Plain::EmptyAnswer));
        let wish = if dish.obeys { Wish::read(&asked.document) } else { Wish::default() };
        let (tools, text) = kinds(order, asked, &wish);
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
            parts.push(Part::Text(pieces));
        }
        if !empty && ending == Ending::Usual {
            let offered = match &wish.calls {
                Calls::Of(name) => std::slice::from_ref(name),
                Calls::Any | Calls::None | Calls::Some => asked.tools.as_slice(),
            };
            parts.extend((0..tools).map(|_| Part::Call(call(offered))));
        }
        let thinking = if thinks && !empty { THINKING_TOKENS } else { 0 };
        let counted = parts.iter().filter(|part| !matches!(part, Part::Thinking(_)));
        let tokens = counted.map(Part::tokens).sum::<usize>().saturating_add(thinking);
        let Dish { unicode, interleaved, .. } = *dish;
        Self { parts, tokens, thinking, unicode, interleaved, ending }
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

/// The text in pieces: what was ordered, or what the request wants.
fn said(dish: &Dish, asked: &Asked, wish: &Wish, name: &str) -> Vec<String> {
    let split = |text: &str| text.split_inclusive([' ', '\n']).map(str::to_owned).collect();
    match &wish.text {
        Some(text) => split(text),
        None if dish.echo => split(&echo::of(&asked.document)),
        None if dish.edit => split(EDIT),
        None => pieces(dish, asked, name),
    }
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

/// How many calls, and whether there is text.
fn kinds(order: &Order, asked: &Asked, wish: &Wish) -> (usize, bool) {
    // The result of a call gets its final word, so that agents come to an end.
    if asked.tool_result {
        return (0, true);
    }
    let (tools, text) = ordered(order);
    let tools = match wish.calls {
        Calls::Any => tools,
        Calls::None => 0,
        Calls::Some | Calls::Of(_) => tools.max(1),
    };
    let tools = if wish.one_call { tools.min(1) } else { tools };
    (tools, text || tools == 0)
}

fn ordered(order: &Order) -> (usize, bool) {
    let place = match &order.fault {
        Some(Fault::Break(_, place)) => Some(*place),
        Some(Fault::Slow(super::words::Pace::Tool, _)) => Some(Place::Tool),
        Some(_) | None => None,
    };
    match place {
        Some(Place::Tool) => (order.dish.tools.max(1), order.dish.text),
        Some(Place::TextThenTool) => (order.dish.tools.max(1), true),
        Some(Place::BeforeContent | Place::After(_)) | None => (order.dish.tools, order.dish.text),
    }
}

/// The words of the answer, going on after the last one of a prefill.
fn pieces(dish: &Dish, asked: &Asked, name: &str) -> Vec<String> {
    let Some(prefill) = &asked.prefill else {
        return words(dish, name, 0, dish.tokens);
    };
    let from = next_word(prefill);
    let mut words = words(dish, name, from, dish.tokens);
    if prefill.ends_with(char::is_whitespace)
        && let Some(first) = words.first_mut()
    {
        *first = first.trim_start().to_owned();
    }
    words
}

fn words(dish: &Dish, name: &str, from: usize, to: usize) -> Vec<String> {
    let accent = if dish.unicode { "é😀" } else { "" };
    (from..to)
        .map(|n| match (n, name) {
            (0, "") => format!("w0{accent}"),
            (0, name) => format!("[{name}] w0{accent}"),
            (n, _) => format!(" w{n}{accent}"),
        })
        .collect()
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

fn call(offered: &[String]) -> Call {
    let known = |name: &String| KNOWN.iter().find(|(known, _)| known == name);
    let (name, arguments) = match (offered.iter().find_map(known), offered.first()) {
        (Some((name, arguments)), _) => (*name, *arguments),
        (None, Some(name)) => (name.as_str(), "{}"),
        (None, None) => ("get_weather", r#"{"city":"Oslo","unit":"celsius"}"#),
    };
    // So that even `{}` can be cut in its middle.
    let size = PIECE_BYTES.min(arguments.len() / 2).max(1);
    let letters: Vec<char> = arguments.chars().collect();
    let pieces = letters.chunks(size).map(|piece| piece.iter().collect());
    Call { name: name.to_owned(), pieces: std::iter::once(String::new()).chain(pieces).collect() }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Part, next_word, text};
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
    fn a_prefill_is_gone_on_from() {
        let ask =
            |text: &str| format!(r#"{{"messages":[{{"role":"assistant","content":"{text}"}}]}}"#);
        let check = |prefill: &str, expect: &str| {
            assert_eq!(said(&cook("ok+tokens-5", &ask(prefill))), expect, "{prefill}");
        };
        check("[b] w0 w1 w2", " w3 w4");
        check("[b] w0 w1 w2 ", "w3 w4");
        check("nothing of ours", "[a] w0 w1 w2 w3 w4");
        check("w0 w1 w2 w3 w4", "");
        assert_eq!(next_word("w0é😀 w7é😀"), 8);
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
    fn after_a_tool_result_there_is_text() {
        for model in ["ok+tools", "tool-cut", "text-then-tool-stall", "ok+tools-3"] {
            let answer = cook(model, r#"{"messages":[{"role":"tool"}]}"#);
            assert!(!answer.calls() && said(&answer).contains("w11"), "{model}");
        }
    }
}
