//! The state of an entry, out of what people wrote of it.
//!
//! Prose can take back anything in any words, and no list of such words is ever whole. So the words that
//! may stand beside a label that says that it is over are the ones that are listed. Its newest update is
//! dates and fields, then the label (at the start of a line or behind `Status:`), then sentences of one
//! shape: names, then that they are well. Whatever else stands there is doubt: numbers, brackets, what
//! was struck out, other labels, other words, other languages. Older updates may follow, each below its
//! date, so that they are known to be older.
//!
//! **Invariant:** beside a label of `STATE.well` that is believed stands no word that is not listed here.

use super::reading::{Said, Unwell, Words};

/// Words of a state, in small letters. The first label of a text counts, because updates stand newest
/// first.
const STATE: Words = Words {
    well: &[RESOLVED, "completed", "recovered", "mitigated", "restored", "postmortem"],
    nothing: &["scheduled"],
    unwell: &[
        ("investigating", Unwell::Degraded),
        ("identified", Unwell::Degraded),
        ("monitoring", Unwell::Degraded),
        ("degraded", Unwell::Degraded),
        ("degraded performance", Unwell::Degraded),
        ("disruption", Unwell::Degraded),
        ("in progress", Unwell::Maintenance),
        ("verifying", Unwell::Maintenance),
        ("outage", Unwell::Partial),
        ("partial outage", Unwell::Partial),
        ("major outage", Unwell::Partial),
        ("downtime", Unwell::Partial),
        ("went down", Unwell::Partial),
    ],
};

/// The word that is believed even of a page that lists only what goes on.
const RESOLVED: &str = "resolved";

/// What Better Stack ends a title with, behind the name of a resource.
const VERBS: [&str; 2] = ["recovered", "went down"];

/// What incidents are about and how they are named, in titles and at the start of a sentence. None says
/// where or for whom, that it goes on, or that it came back.
const NAMES: &str = "the|this|that|it|all|our|of|on|with|and|affected|impacted|elevated|increased|high|\
                     higher|scheduled|planned|incident|incidents|issue|issues|problem|problems|error|\
                     errors|rate|rates|latency|latencies|timeout|timeouts|failure|failures|outage|\
                     maintenance|work|service|services|system|systems|component|components|api|apis|\
                     website|dashboard|console|request|requests|operation|operations|performance|\
                     traffic|function|functionality|access|database|network|connection|connectivity|\
                     login|logins|authentication|chat|completion|completions|response|responses|\
                     embeddings|inference|model|models|azure|openai";
/// What leads from a name to how it is.
const VERBAL: &str = "is|are|has|have|been|now|fully|completely|successfully|operating|functioning";
/// How it is.
const WELL: &str =
    "resolved|completed|recovered|mitigated|restored|fixed|over|operational|normal|normally";
/// Whole sentences that say nothing.
const COURTESY: &str = "thank you|thank you for your patience|thanks for your patience|\
                        we apologize for the inconvenience|we apologize for any inconvenience|\
                        we apologize for any inconvenience caused";

/// Fields that stand around the updates of an entry.
const FIELDS: &str = "type|duration|started|affected|affected components|affected services";
const MONTHS: &str =
    "january|february|march|april|may|june|july|august|september|october|november|december";
/// What else stands in a line that only dates: days, zones, and what Statuspage writes before planned
/// work.
const DATED: &str = "monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tue|wed|thu|fri|sat|sun|\
                     utc|gmt|pst|pdt|mst|mdt|cst|cdt|est|edt|bst|cet|cest|ist|jst|am|pm|at|on|of|\
                     this|is|a|scheduled|event|hour|hours|minute|minutes|and";

/// Marks that may end a label.
const ENDS: &str = "-–—:.!])*";
/// Marks that may stand before one.
const OPENS: &str = "[(*";
/// Elements that begin a line of their own.
const LINES: &str =
    "br|p|div|li|ul|ol|dl|dt|dd|tr|td|th|table|hr|h1|h2|h3|h4|h5|h6|section|article|blockquote";
/// Elements within a line that take nothing back.
const INLINE: &str = "b|strong|i|em|u|small|span|var|time";

/// What was heard of an entry.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    Said(Said),
    /// It is called over, beside something that may take it back.
    Unclear,
    /// A word of a state, but nothing by which to believe it.
    Doubt,
    /// No word of any state.
    Silent,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    /// A mark; of an element that is not known `<`.
    Mark(char),
    /// The edge of an element within a line.
    Edge,
    /// The end of a line of the source, which is no end of a line of the text.
    Wrap,
    /// The start of a line.
    Line,
}

/// A word of a state in the place of a label, and what stands behind it in its line.
#[derive(Clone, Copy, Debug)]
struct Label<'a, 't> {
    state: &'static str,
    before: &'a [Token<'t>],
    behind: &'a [Token<'t>],
}

/// What an entry says of its state: by its text, or else by its title.
pub(super) fn heard(title: &str, text: &str) -> Heard {
    let text = text.replace("&nbsp;", " ");
    let tokens = tokens(&text);
    let lines = lines(&tokens);
    let labelled = lines.iter().enumerate().find_map(|(at, line)| Some((at, label(line)?)));
    if let Some((at, label)) = labelled {
        let sure = if is_well(label.state) {
            is_over(&lines, at, &label)
        } else {
            // What is only announced must not be under way.
            let mut said = (0..tokens.len()).filter_map(|at| state_at(&tokens, at));
            !STATE.nothing.contains(&label.state) || said.all(|it| STATE.nothing.contains(&it))
        };
        return if sure { Heard::Said(STATE.hear(Some(label.state))) } else { Heard::Unclear };
    }
    let by_title = in_title(title);
    let plain = lines.iter().all(|line| is_closing(line));
    let speaks = (0..tokens.len()).any(|at| is_of_state(&tokens, at))
        || lines.iter().any(|line| status(line).is_some());
    match by_title {
        Ok(Some(state)) if plain || !is_well(state) => Heard::Said(STATE.hear(Some(state))),
        Ok(Some(_)) => Heard::Unclear,
        Ok(None) if !speaks => Heard::Silent,
        Ok(None) => Heard::Doubt,
        Err(heard) => heard,
    }
}

/// Whether an entry says that it is resolved where it would go on otherwise: by its title, or by all its
/// lines `Status:`, which hold against the title.
pub(super) fn is_resolved(title: &str, text: &str) -> bool {
    let text = text.replace("&nbsp;", " ");
    let tokens = tokens(&text);
    let lines = tokens.split(|it| matches!(it, Token::Line | Token::Wrap));
    let mut told = lines.filter(|line| status(line).is_some()).peekable();
    if told.peek().is_none() {
        return matches!(in_title(title), Ok(Some(RESOLVED)));
    }
    let is_resolved = |label: Label<'_, '_>| label.state == RESOLVED && label.is_closed();
    told.all(|line| label(line).is_some_and(is_resolved))
}

/// Whether nothing around a label that says so takes it back.
fn is_over(lines: &[&[Token<'_>]], at: usize, label: &Label<'_, '_>) -> bool {
    let (before, from) = lines.split_at(at);
    let dates: Vec<&&[Token<'_>]> = before.iter().filter(|line| is_date(line)).collect();
    let Some((_, behind)) = from.split_first() else { return false };
    // Of updates below it is known that they are older if their dates go down.
    let heads = behind.windows(2).enumerate();
    let mut older = heads.filter_map(|(at, pair)| match pair {
        [date, update] if is_date(date) && self::label(update).is_some() => Some((at, *date)),
        _ => None,
    });
    let mut newest = dates.last().and_then(|date| moment(date));
    let first = older.next();
    let end = first.map_or(behind.len(), |(at, _)| at);
    let falls = first.into_iter().chain(older).all(|(_, date)| {
        let later = std::mem::replace(&mut newest, moment(date));
        // Dates have no year: what is many months earlier may be some later.
        newest <= later && newest.iter().zip(later).any(|(it, later)| later.0 <= it.0 + 1)
    });
    let rest = behind.get(..end).unwrap_or_default();
    falls
        && label.is_closed()
        && before.iter().all(|line| is_date(line) || is_field(line))
        && rest.iter().all(|line| is_closing(line) || is_field(line) || is_part(line))
}

/// The label of a title; absent where no word of a state is in it. In place of one that is in doubt, what
/// is heard instead: it stands beside other words than names, or is no label.
fn in_title(title: &str) -> Result<Option<&'static str>, Heard> {
    let tokens = tokens(title);
    if !(0..tokens.len()).any(|at| is_of_state(&tokens, at)) {
        return Ok(None);
    }
    let is_word = |it: &Token<'_>| matches!(it, Token::Word(_));
    let last = |(at, state): (usize, &'static str)| {
        let (before, from) = tokens.split_at(at);
        let behind = from.get(length(state)..).unwrap_or_default();
        let apart = match before.last() {
            Some(Token::Mark(mark)) => "-–—:|[(".contains(*mark),
            Some(Token::Word(_)) => VERBS.contains(&state),
            _ => false,
        };
        let ends = apart && before.iter().any(is_word) && !behind.iter().any(is_word);
        ends.then_some(Label { state, before, behind })
    };
    let found = |at: usize| Some((at, state_at(&tokens, at)?));
    let first = label(&tokens);
    let last = (0..tokens.len()).filter_map(found).find_map(last);
    let ((Some(label), None) | (None, Some(label))) = (first, last) else {
        return Err(Heard::Doubt);
    };
    let named = label.before.iter().chain(label.behind).all(|it| match it {
        Token::Word(word) => is_one_of(NAMES, word),
        Token::Mark(mark) => ENDS.contains(*mark) || OPENS.contains(*mark),
        Token::Edge | Token::Wrap => true,
        Token::Line => false,
    });
    let sure = !is_well(label.state) || named;
    sure.then_some(Some(label.state)).ok_or(Heard::Unclear)
}

// === impl Label ===

impl Label<'_, '_> {
    /// Whether its line says nothing else.
    fn is_closed(&self) -> bool {
        let mut words = self.before.iter().filter_map(Token::word);
        let is_lead = |word: &str| is_one_of("status|current", word);
        let lead = self.behind.iter().take_while(|it| match it {
            Token::Mark(mark) => ENDS.contains(*mark),
            Token::Edge | Token::Wrap => true,
            Token::Word(_) | Token::Line => false,
        });
        let (count, colon) = lead
            .fold((0, false), |(count, colon), it| (count + 1, colon || *it == Token::Mark(':')));
        let value = self.behind.get(count..).unwrap_or_default();
        words.all(is_lead) && is_closing(value) && !(colon && value.is_empty())
    }
}

// === impl Token ===

impl<'t> Token<'t> {
    fn word(&self) -> Option<&'t str> {
        match self {
            Token::Word(word) => Some(word),
            Token::Mark(_) | Token::Edge | Token::Wrap | Token::Line => None,
        }
    }
}

// === Lines ===

/// The lines in which anything stands.
fn lines<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let lines = tokens.split(|it| *it == Token::Line);
    lines.filter(|line| !line.iter().all(|it| matches!(it, Token::Edge | Token::Wrap))).collect()
}

/// The label of a line, which stands behind `Status:` in it, or else at its start.
fn label<'a, 't>(line: &'a [Token<'t>]) -> Option<Label<'a, 't>> {
    let opens = |it: &Token<'_>| match it {
        Token::Mark(mark) => OPENS.contains(*mark),
        Token::Edge | Token::Wrap => true,
        Token::Word(_) | Token::Line => false,
    };
    let at = status(line).or_else(|| line.iter().position(|it| !opens(it)))?;
    let state = state_at(line, at)?;
    let (before, from) = line.split_at(at);
    let behind = from.get(length(state)..).unwrap_or_default();
    let mut next = behind.iter().skip_while(|it| matches!(it, Token::Edge | Token::Wrap));
    let begins = |word: &str| word.chars().next().is_some_and(|c| !c.is_lowercase());
    let ends = match next.next() {
        None => true,
        Some(Token::Mark(mark)) => ENDS.contains(*mark),
        Some(Token::Word(word)) => !matches!(behind.first(), Some(Token::Word(_))) && begins(word),
        Some(Token::Edge | Token::Wrap | Token::Line) => false,
    };
    ends.then_some(Label { state, before, behind })
}

/// Where what stands behind `Status:` begins.
fn status(line: &[Token<'_>]) -> Option<usize> {
    let mut solid =
        line.iter().enumerate().filter(|(_, it)| !matches!(it, Token::Edge | Token::Wrap));
    let is_name = |it: &Token<'_>| it.word().is_some_and(|it| it.eq_ignore_ascii_case("status"));
    while let Some((_, token)) = solid.next() {
        if is_name(token) && solid.clone().next().is_some_and(|(_, it)| *it == Token::Mark(':')) {
            return solid.nth(1).map(|(at, _)| at).or(Some(line.len()));
        }
    }
    None
}

/// Whether a line consists of sentences that say that all is well, or nothing.
fn is_closing(line: &[Token<'_>]) -> bool {
    let sentences =
        |part: &[Token<'_>]| part.split(|it| matches!(it, Token::Mark('.' | '!'))).all(is_sentence);
    let mut parts = line.split(|it| *it == Token::Wrap);
    sentences(line) || parts.all(|part| sentences(part) || is_field(part))
}

fn is_sentence(tokens: &[Token<'_>]) -> bool {
    let plain = |it: &Token<'_>| matches!(it, Token::Word(_) | Token::Edge | Token::Wrap);
    let words: Vec<&str> = tokens.iter().filter_map(Token::word).collect();
    let mut rest = words.iter().copied().peekable();
    while rest.next_if(|word| is_one_of(NAMES, word)).is_some() {}
    while rest.next_if(|word| is_one_of(VERBAL, word)).is_some() {}
    let well = rest.next().is_some_and(|word| is_one_of(WELL, word)) && rest.next().is_none();
    let courteous = || is_one_of(COURTESY, &words.join(" "));
    tokens.iter().all(plain) && (words.is_empty() || well || courteous())
}

/// Whether a line only dates.
fn is_date(line: &[Token<'_>]) -> bool {
    let mut words = line.iter().filter_map(Token::word).peekable();
    let marks = |it: &Token<'_>| !matches!(it, Token::Mark(mark) if !"-–—:,/+.".contains(*mark));
    words.peek().is_some() && words.all(is_of_date) && line.iter().all(marks)
}

/// Whether a line is a field of a known name, with names or a date for its value.
fn is_field(line: &[Token<'_>]) -> bool {
    let mut parts = line.splitn(2, |it| *it == Token::Mark(':'));
    let name = parts.next().unwrap_or_default().iter().filter_map(Token::word);
    let name: Vec<&str> = name.collect();
    let value = parts.next().unwrap_or_default();
    let plain = |it: &Token<'_>| match it {
        Token::Word(word) => is_one_of(NAMES, word) || is_of_date(word),
        Token::Mark(mark) => ",:+-".contains(*mark),
        Token::Edge | Token::Wrap | Token::Line => true,
    };
    is_one_of(FIELDS, &name.join(" ")) && value.iter().all(plain)
}

/// Whether a line is a component that is called operational: `API (Operational)`.
fn is_part(line: &[Token<'_>]) -> bool {
    let mut from_end = line.iter().rev().filter(|it| !matches!(it, Token::Edge | Token::Wrap));
    let ends = from_end.next() == Some(&Token::Mark(')'))
        && from_end.next().and_then(Token::word).is_some_and(|it| is_one_of("operational", it))
        && from_end.next() == Some(&Token::Mark('('));
    ends && from_end.all(|it| it.word().is_some_and(|it| is_one_of(NAMES, it)))
}

fn has_digit(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit())
}

/// Whether a word may stand in a line that only dates.
fn is_of_date(word: &str) -> bool {
    has_digit(word) || is_one_of(DATED, word) || month(word).is_some()
}

/// Which month a word is, whole or cut to three letters and more.
fn month(word: &str) -> Option<usize> {
    let begins = |it: &str| it.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    (3 <= word.len()).then(|| MONTHS.split('|').position(begins)).flatten()
}

/// What dates are ordered by: the month and the numbers as they come; absent for hours of half a day.
fn moment(line: &[Token<'_>]) -> Option<(usize, Vec<u32>)> {
    let words = || line.iter().filter_map(Token::word);
    let numbers = words().filter(|it| has_digit(it)).map(|it| it.parse().ok());
    let halves = words().any(|it| is_one_of("am|pm", it));
    let month = words().find_map(month).filter(|_| !halves)?;
    Some((month, numbers.collect::<Option<_>>()?))
}

fn is_one_of(known: &str, text: &str) -> bool {
    known.split('|').any(|it| it.eq_ignore_ascii_case(text))
}

// === Tokens ===

/// The pieces of a text with tags in it.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '<' => {
                element(rest).map_or((Some(Token::Mark(c)), 1), |(token, long)| (Some(token), long))
            }
            '\n' => (Some(Token::Wrap), 1),
            c if c.is_alphanumeric() => {
                let length = word_length(rest);
                (rest.get(..length).map(Token::Word), length)
            }
            c if c.is_whitespace() => (None, c.len_utf8()),
            c => (Some(Token::Mark(c)), c.len_utf8()),
        };
        // Many marks in a row say no more than one.
        if tokens.last() != token.as_ref() || matches!(token, Some(Token::Word(_))) {
            tokens.extend(token);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    tokens
}

/// A tag or a comment at the start of a text, and how long it is.
fn element(text: &str) -> Option<(Token<'_>, usize)> {
    let inside = text.strip_prefix('<')?;
    if inside.starts_with("!--") {
        return Some((Token::Edge, text.find("-->").map_or(text.len(), |end| end + 3)));
    }
    // Only up to the next one, or many that never end would take long.
    let end = inside.find(['<', '>'])?;
    let tag =
        inside.get(..end).filter(|_| inside.get(end..).is_some_and(|it| it.starts_with('>')))?;
    let name = tag.trim_start_matches('/');
    name.chars().next().filter(char::is_ascii_alphabetic)?;
    let end_of_name = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    let (name, attributes) = name.split_at(end_of_name);
    let attributes = attributes.trim_matches(['/', ' ']);
    // A style or a class can strike out what is said.
    let plain =
        attributes.is_empty() || attributes.starts_with("data-") && !attributes.contains(' ');
    let token = if !plain {
        Token::Mark('<')
    } else if is_one_of(LINES, name) {
        Token::Line
    } else if is_one_of(INLINE, name) {
        Token::Edge
    } else {
        Token::Mark('<')
    };
    Some((token, end + 2))
}
/// How long the word at the start of a text is; marks within it belong to it ("un-resolved", "isn't").
fn word_length(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let within =
            "-'’_".contains(c) && chars.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if !c.is_alphanumeric() && !within {
            return at;
        }
    }
    text.len()
}

/// How many words a state has.
fn length(state: &str) -> usize {
    state.split(' ').count()
}

/// The longest state that begins there.
fn state_at(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let Some((Token::Word(first), rest)) = tokens.get(at..)?.split_first() else { return None };
    let here = |state: &str| {
        // Most words begin no state: this is where long texts are left soon.
        let after = state.as_bytes().get(first.len())?;
        let begins = *after == b' ' && state.get(..first.len())?.eq_ignore_ascii_case(first);
        let mut words = state.split(' ').skip(1).zip(rest);
        let follow = |(word, it): (&str, &Token<'_>)| matches!(it, Token::Word(it) if it.eq_ignore_ascii_case(word));
        Some(begins && length(state) <= rest.len() + 1 && words.all(follow))
    };
    let is_here = |state: &str| state.eq_ignore_ascii_case(first) || here(state).unwrap_or(false);
    let states = STATE.well.iter().chain(STATE.nothing);
    let states = states.chain(STATE.unwell.iter().map(|(state, _)| state));
    states.copied().filter(|state| is_here(state)).max_by_key(|state| state.len())
}

/// Whether a state says that it is over.
fn is_well(state: &str) -> bool {
    STATE.well.contains(&state)
}

/// Whether the word there is one of a state, or the denial of one.
fn is_of_state(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(word) = tokens.get(at).and_then(Token::word) else { return false };
    let ends = |state: &&str| {
        let end = word.len().checked_sub(state.len());
        end.and_then(|end| word.get(end..)).is_some_and(|it| it.eq_ignore_ascii_case(state))
    };
    STATE.well.iter().any(ends) || state_at(tokens, at).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Heard, heard, is_resolved};
    use crate::status::reading::Said;

    fn word(title: &str, text: &str) -> &'static str {
        match heard(title, text) {
            Heard::Said(Said::Well(_)) => "well",
            Heard::Said(Said::Unwell(_)) => "unwell",
            Heard::Said(Said::Nothing) => "nothing",
            Heard::Said(Said::Odd(_)) => "odd",
            Heard::Unclear => "unclear",
            Heard::Doubt => "doubt",
            Heard::Silent => "silent",
        }
    }

    #[test]
    fn a_label_is_believed() {
        let check = |text: &str, expect: &str| assert_eq!(word("Errors", text), expect, "{text}");
        let statuspage = "<p><small>Sep <var data-var='date'> 3</var>, 17:02 UTC</small><br>\
                          <strong>Resolved</strong> - This incident has been resolved.</p>\
                          <p><small>Sep 3, 16:50 UTC</small><br><strong>Investigating</strong> - We \
                          look into it.</p>";
        check(statuspage, "well");
        check(&statuspage.replace("Resolved", "Monitoring"), "unwell");
        let planned = "<p><strong>THIS IS A SCHEDULED EVENT Sep 3, 10:00 - 12:00 UTC</strong></p>";
        let work = "<p><small>Sep 3, 12:00 UTC</small><br><strong>Completed</strong> - The scheduled \
                    maintenance has been completed.</p><p><small>Sep 3, 10:00 UTC</small><br>\
                    <strong>In progress</strong> - Work has begun.</p>";
        check(&format!("{planned}{work}"), "well");
        let announced =
            "<p><small>Sep 1</small><br><strong>Scheduled</strong> - It will be slow.</p>";
        check(&format!("{planned}{announced}"), "nothing");
        check(&format!("{planned}{announced}<p>Outage</p>"), "unclear");
        check(
            "<b>Status: Resolved</b><br/><br/>All impacted services have now fully recovered.<br/>\
               <b>Affected components</b><ul><li>API (Operational)</li></ul>",
            "well",
        );
        check("<b>Status: Investigating</b><br/>We will tell when it is resolved.", "unwell");
        check("<strong>Status:</strong> resolved\n<strong>Affected:</strong> API", "well");
        check(
            "<p><strong>Type:</strong> Incident</p><p><strong>Duration:</strong> 1 hour</p>\
               <p><strong>Affected Components:</strong> API</p><p><small>Oct 7, 10:00:00 GMT+0</small>\
               <br><strong>Resolved</strong> - This incident has been resolved.</p>",
            "well",
        );
        check("Resolved", "well");
        check("RESOLVED - Errors have been fixed. Thank you for your patience.", "well");
        check("[Resolved] All systems are operational", "well");
        check("Resolved: This is over.", "well");
        check(
            "<p>Wednesday, 3rd of September, 5:02 pm PDT</p><p>Resolved - It is over.</p>",
            "well",
        );
        check("<b>Resolved</b> It is over.", "well");
        check("Errors for some until 12:30. Current status: investigating.", "unwell");
        check("Partial outage", "unwell");
        check("Investigating: API", "unwell");
        check("In progress - Work has begun", "unwell");
    }

    #[test]
    fn whatever_stands_beside_it_is_doubt() {
        let check = |text: &str| {
            let said = word("API errors", text);
            assert!(["unclear", "doubt", "unwell"].contains(&said), "{said}: {text}");
        };
        for text in AGAIN {
            check(text);
            check(&format!("<p>{text}</p>"));
        }
        for open in ["TBD", "Ongoing", "unknown", "false", "N/A", "see below", "to be determined"] {
            check(&format!("<p>Started: 10:00 UTC<br>Resolved: {open}</p>"));
            check(&format!("<b>Resolved:</b> {open}"));
        }
        let dated = |first: &str, then: &str| {
            format!("<p>{first}<br>Resolved - It is over.</p><p>{then}<br>Investigating - x</p>")
        };
        assert_eq!(word("", &dated("Sep 3, 12:30 UTC", "Sep 3, 11:00 UTC")), "well");
        check(&dated("Sep 3, 11:00 UTC", "Sep 3, 12:30 UTC"));
        check(&dated("12:30 pm, Sep 3", "1:00 pm, Sep 3"));
        check(&dated("Dec 31, 23:00 UTC", "Jan 1, 01:00 UTC"));
        check(&dated("Sep 3", "Later"));
        check(&dated("", "Sep 3, 11:00 UTC"));
    }

    /// Each tells of something that goes on, or may.
    const AGAIN: &[&str] = &[
        "Resolved (partial)",
        "Resolved (in part) - US remains affected",
        "Resolved - for EU customers; US customers remain affected.",
        "Resolved for EU",
        "Resolved - EU only",
        "Mitigated - Error rates remain elevated.",
        "Mitigated - Monitoring",
        "Resolved - Reopened at 12:30",
        "Resolved | Reopened",
        "Resolved: errors keep coming back",
        "Resolved: 0 of 3 incidents",
        "Resolved: 50 %",
        "Resolved: half of requests succeed again",
        "Impact: all requests fail since 12:30</p><p>Resolved - It is over.",
        "<span style=\"text-decoration:line-through\">Resolved</span> Investigating anew",
        "<b class='old'>Resolved</b>",
        "<del>Resolved</del> Too early.",
        "Status: Resolved (teilweise)",
        "Status: Recovered - false alarm, errors are back",
        "Störung: Status: Resolved - nein, weiterhin Ausfall",
        "Reopened</p><p>Resolved - It is over.",
        "12:30 UTC</p><p>Resolved - 11:00: It was over. 12:30: it is back.",
        "<h3>Postmortem</h3><p>to follow</p><p>Investigating",
        "Restored - from backup, service is down",
        "Resolved</p><p>Errors",
        "Resolved - A model is restored.",
        "The issue remains unresolved.",
        "Services have not recovered yet.",
        "We expect it to be fully mitigated by 23:20 UTC.",
        "This was resolved.",
        "Resolved issues are back.",
        "<a>Resolved</a> issues are back.",
        "<b>Resolved</b> Until tomorrow",
        "Resolved? We are looking.",
        "Resolved, unless it comes back.",
        "Resolved - not yet for all.",
        "Resolved: no",
        "Resolved:",
        "Resolved: Sep 9",
        "Update: The errors are back since noon.</p><p>Resolved - It is over.",
        "At 12:30 the errors came back.</p><p>Resolved - It is over.",
        "Resolved once the fix is out.",
        "Un-resolved - we look into it",
        "We hope to see it<br>Resolved - by noon",
        "We want it\nresolved - at once",
        "Status: not resolved",
        "Status: unresolved",
        "Status: Active",
        "Status: Resolved once the fix is out",
        "Expected status: resolved",
        "It isn’t resolved",
        "It remains unresolved. Status: Resolved",
        "<!-- <br>Resolved - x<br> --> It is not resolved",
        "<p>Status: Active</p><p>Resolved - a part of it",
    ];

    #[test]
    fn titles_have_labels_at_their_ends() {
        let check = |title: &str, text: &str, expect: &str| {
            assert_eq!(word(title, text), expect, "{title} {text}");
        };
        check("API recovered", "", "well");
        check("Recovered", "", "well");
        check(
            "[Resolved] Database connection issues",
            "The database connection issue has been \
               resolved. All services are operational.",
            "well",
        );
        check("API recovered", "It has not recovered everywhere.", "unclear");
        check("[Resolved] API errors", "We see errors again.", "unclear");
        check("Resolved - Outage of the API", "", "well");
        check("Resolved - Unresolved errors", "", "unclear");
        check("Resolved - API errors (reopened)", "", "unclear");
        check("Resolved - API errors in EU", "", "unclear");
        check("EU recovered", "", "unclear");
        check("API went down", "It has not recovered yet.", "unwell");
        check("API has not recovered", "", "unclear");
        check("Errors until recovered", "", "unclear");
        check("API resolved", "", "doubt");
        check("Unresolved errors", "", "doubt");
        check("[RESOLVED] Errors", "", "well");
        check("RESOLVED: Elevated error rates", "", "well");
        check("Errors - Resolved", "", "well");
        check("Errors (resolved)", "", "well");
        check("Resolved - Outage", "", "doubt");
        check("Errors", "How are you", "silent");
    }

    #[test]
    fn what_goes_on_is_over_if_it_says_resolved() {
        let check = |title: &str, text: &str, expect: bool| {
            assert_eq!(is_resolved(title, text), expect, "{title} {text}");
        };
        check("Resolved - Errors", "Customers saw errors until it was resolved.", true);
        check("RESOLVED: Errors", "", true);
        check("Errors - Resolved", "", true);
        check("Errors", "Current Status: Resolved. It is over.", true);
        check("Errors", "<b>Status:</b> Resolved", true);
        check("Resolved - Errors", "Current status: investigating", false);
        check("Errors", "Current status: mitigated", false);
        check("Errors", "Resolved - It is over.", false);
        check("Errors", "Status: not resolved", false);
        check("Errors", "Status: Resolved once the fix is out", false);
        check("", "Status: Resolved\nSeverity: Major\nResolved: 12:30 UTC", true);
        check("", "Status: Investigating\nStatus: Resolved", false);
        check("Unresolved - Errors", "", false);
        check("Names are resolved to nothing", "", false);
        check("Errors until resolved", "", false);
        check("API recovered", "", false);
    }
}
