//! The state of an entry, out of what people wrote of it.
//!
//! Prose is full of words of a state that do not say that it holds: "until it is resolved", "remains
//! unresolved", "we expect it to be mitigated". So a state is believed only where pages print it as a
//! label: alone at the start of an update (`Resolved - …`, `<strong>Resolved</strong>`), behind
//! `Status:`, or at either end of a title. Anywhere else, or with a negation or a promise near it, it is
//! doubt, and doubt is neither well nor unwell. Before the first label nothing stands but dates and
//! fields of known names: a line in front of it may be a newer update that has no label.

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

/// Words near which no state is certain: negations, conditions, promises, and halves.
const DOUBTS: [&str; 48] = [
    "not",
    "no",
    "non",
    "never",
    "cannot",
    "without",
    "nor",
    "neither",
    "until",
    "till",
    "unless",
    "once",
    "when",
    "whenever",
    "if",
    "before",
    "after",
    "by",
    "yet",
    "soon",
    "still",
    "will",
    "shall",
    "should",
    "would",
    "could",
    "may",
    "might",
    "must",
    "can",
    "be",
    "being",
    "pending",
    "eta",
    "estimated",
    "partially",
    "partly",
    "mostly",
    "almost",
    "nearly",
    "largely",
    "some",
    "except",
    "previous",
    "previously",
    "last",
    "next",
    "target",
];
/// Beginnings of such words.
const DOUBTS_BEGIN: [&str; 9] =
    ["expect", "anticipat", "hope", "hoping", "plan", "wait", "await", "try", "working"];
/// Those that take back a label from behind it, in a sentence of its own.
const TAKES_BACK: [&str; 8] =
    ["not", "never", "unless", "except", "partially", "partly", "mostly", "pending"];
/// How many words before a state are near it, and how many behind it as the name of a field.
const NEAR: usize = 6;
/// So many words without a number are a sentence; fewer may be "TBD".
const SENTENCE: usize = 3;

/// Fields that stand before the updates of an entry.
const FIELDS: &str = "type|severity|priority|impact|duration|affected|affected components|affected services|\
                      affected regions|component|components|service|services|region|regions|location|\
                      locations|started|started at|start time|created|posted|published|date|time|id";
/// Words of dates beside their numbers, whole or cut to three letters and more.
const CALENDAR: &str = "january|february|march|april|may|june|july|august|september|october|november|\
                        december|monday|tuesday|wednesday|thursday|friday|saturday|sunday";
/// What else stands in a line that only dates: zones, and what Statuspage writes before planned work.
const DATED: &str = "utc|gmt|pst|pdt|mst|mdt|cst|cdt|est|edt|bst|cet|cest|ist|jst|am|pm|at|on|of|\
                     this|is|a|scheduled|event";

/// Marks that may end a label.
const STOPS: &str = "-–—:.!;|[]()*";
/// Elements that begin a line of their own.
const LINES: [&str; 23] = [
    "br",
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "tr",
    "td",
    "th",
    "table",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "blockquote",
];
/// Elements whose words are no longer meant.
const STRUCK: [&str; 3] = ["del", "s", "strike"];

/// What was heard of an entry.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    Said(Said),
    /// A word of a state, but nothing by which to believe it.
    Doubt,
    /// No word of any state.
    Silent,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    /// A mark that may end a label.
    Stop(char),
    /// Any other mark.
    Odd,
    /// The edge of an element within a line.
    Edge,
    /// The end of a line of the source, which is no end of a line of the text.
    Wrap,
    /// The start of a line.
    Line,
}

/// What a text comes to without the title.
#[derive(Debug)]
enum Text {
    Label(&'static str),
    /// A word of a state that is denied or promised, or a label that does not stand alone.
    Doubted,
    /// Words of a state, each in passing.
    Passing,
    Silent,
}

/// What an entry says of its state: by its text, or else by its title.
pub(super) fn heard(title: &str, text: &str) -> Heard {
    let labels = in_title(title, true);
    let by_title = match labels.as_deref() {
        Some([]) => None,
        Some([word, rest @ ..]) if rest.iter().all(|it| it == word) => Some(STATE.hear(Some(word))),
        Some(_) | None => Some(Said::Odd(String::new())),
    };
    match (in_text(text, false), by_title) {
        (Text::Label(word), _) => Heard::Said(STATE.hear(Some(word))),
        (Text::Passing | Text::Silent, Some(said @ (Said::Well(_) | Said::Nothing)))
        | (_, Some(said @ Said::Unwell(_))) => Heard::Said(said),
        (Text::Silent, None) => Heard::Silent,
        (Text::Doubted | Text::Passing, _) | (Text::Silent, Some(Said::Odd(_))) => Heard::Doubt,
    }
}

/// Whether an entry says that it is resolved where it would go on otherwise: by its title, or by a line
/// `Status:`, which holds against the title.
pub(super) fn is_resolved(title: &str, text: &str) -> bool {
    match in_text(text, true) {
        Text::Label(word) => word == RESOLVED,
        Text::Doubted => false,
        Text::Passing | Text::Silent => {
            in_title(title, false).is_some_and(|labels| labels.contains(&RESOLVED))
        }
    }
}

/// What a text says; with `only_status` nothing counts but a line `Status:`, whatever else is said.
fn in_text(text: &str, only_status: bool) -> Text {
    let text = text.replace("&nbsp;", " ");
    let tokens = tokens(&text);
    let any = |is: fn(&[Token<'_>], usize) -> bool| (0..tokens.len()).any(|at| is(&tokens, at));
    if let Some(text) = (0..tokens.len()).find_map(|at| label(&tokens, at, only_status)) {
        text
    } else if only_status {
        Text::Silent
    } else if any(is_denied) {
        Text::Doubted
    } else if any(|tokens, at| state_at(tokens, at).is_some()) {
        Text::Passing
    } else {
        Text::Silent
    }
}

/// The label that begins there; absent where nothing stands in the place of one. Whatever stands behind
/// `Status:` is an answer, although it may be none that is known.
fn label(tokens: &[Token<'_>], at: usize, only_status: bool) -> Option<Text> {
    let status = is_behind_status(tokens, at);
    let line = !only_status && is_line_start(tokens, at);
    let word = if status || line { state_at(tokens, at) } else { None };
    if !status && word.is_none() {
        return None;
    }
    let before = tokens.get(..at).unwrap_or_default();
    let believed = word.filter(|word| is_alone(tokens, at, word) && !is_doubted(before));
    // That it is over must not be at odds with what was said before.
    let fits =
        only_status || (status || is_preamble(before)) && !(0..at).any(|at| is_denied(tokens, at));
    let told = |word: &str| is_told(tokens.get(at + length(word)..).unwrap_or_default());
    let believed = believed.filter(|word| !STATE.well.contains(word) || fits && told(word));
    Some(believed.map_or(Text::Doubted, Text::Label))
}

/// The labels at both ends of a title, and with `verbs` a verb at its end; absent where a word of a state
/// stands there in any other way.
fn in_title(title: &str, verbs: bool) -> Option<Vec<&'static str>> {
    let tokens = tokens(title);
    let mut labels = Vec::new();
    let mut in_passing = false;
    for at in 0..tokens.len() {
        let Some(word) = state_at(&tokens, at) else { continue };
        let (before, from) = tokens.split_at(at);
        let begins = is_line_start(&tokens, at);
        let is_last = !from.iter().skip(length(word)).any(|it| matches!(it, Token::Word(_)));
        let apart = matches!(before.last(), Some(Token::Stop(_)));
        let verb = verbs && VERBS.contains(&word) && matches!(before.last(), Some(Token::Word(_)));
        let placed = begins || is_last && (apart || verb);
        if placed && is_alone(&tokens, at, word) && !is_doubted(before) {
            labels.push(word);
        } else {
            in_passing = true;
        }
    }
    let denied = (0..tokens.len()).any(|at| is_denied(&tokens, at));
    let believed = !denied && (!in_passing || !labels.is_empty());
    believed.then_some(labels)
}

// === impl Token ===

impl<'t> Token<'t> {
    fn word(&self) -> Option<&'t str> {
        match self {
            Token::Word(word) => Some(word),
            Token::Stop(_) | Token::Odd | Token::Edge | Token::Wrap | Token::Line => None,
        }
    }
}

// === Tokens ===

/// The pieces of a text with tags in it.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '<' => element(rest).map_or((Some(Token::Odd), 1), |(token, long)| (Some(token), long)),
            '\n' => (Some(Token::Wrap), 1),
            c if c.is_alphanumeric() => {
                let length = word_length(rest);
                (rest.get(..length).map(Token::Word), length)
            }
            c if c.is_whitespace() => (None, c.len_utf8()),
            c if STOPS.contains(c) => (Some(Token::Stop(c)), c.len_utf8()),
            c => (Some(Token::Odd), c.len_utf8()),
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
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_line = LINES.iter().any(|it| it.eq_ignore_ascii_case(name));
    let is_struck = STRUCK.iter().any(|it| it.eq_ignore_ascii_case(name));
    let token = match (is_line, is_struck) {
        (true, _) => Token::Line,
        (false, true) => Token::Odd,
        (false, false) => Token::Edge,
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

/// Whether it is the first word of a line.
fn is_line_start(tokens: &[Token<'_>], at: usize) -> bool {
    let opens =
        |it: &&Token<'_>| matches!(it, Token::Edge | Token::Wrap | Token::Stop('[' | '(' | '*'));
    let is_word = matches!(tokens.get(at), Some(Token::Word(_)));
    let before = tokens.get(..at).unwrap_or_default();
    is_word && matches!(before.iter().rev().find(|it| !opens(it)), None | Some(Token::Line))
}

/// Whether it is the first word behind `Status:`.
fn is_behind_status(tokens: &[Token<'_>], at: usize) -> bool {
    let is_word = matches!(tokens.get(at), Some(Token::Word(_)));
    let before = tokens.get(..at).unwrap_or_default();
    let mut before =
        before.iter().rev().filter(|it| !matches!(it, Token::Edge | Token::Wrap | Token::Line));
    is_word
        && before.next() == Some(&Token::Stop(':'))
        && matches!(before.next(), Some(Token::Word(it)) if it.eq_ignore_ascii_case("status"))
}

/// Whether a state stands alone: it ends with its element, its line or a mark, and what follows does not
/// go on with the sentence or take it back.
fn is_alone(tokens: &[Token<'_>], at: usize, state: &str) -> bool {
    let rest = tokens.get(at + length(state)..).unwrap_or_default();
    let inline = |it: &&Token<'_>| matches!(it, Token::Edge | Token::Wrap);
    let ended = rest.first().is_some_and(|it| inline(&it));
    let mut rest = rest.iter().skip_while(inline);
    match rest.next() {
        None | Some(Token::Line) => true,
        Some(Token::Odd | Token::Edge | Token::Wrap) => false,
        Some(Token::Word(word)) => {
            let begins = word.chars().next().is_some_and(|c| !c.is_lowercase());
            ended && begins && !is_doubt(word)
        }
        Some(Token::Stop(mark)) => match rest.find_map(Token::word) {
            None => *mark != ':',
            Some(word) if *mark == ':' => !is_doubt(word),
            Some(word) => !TAKES_BACK.iter().any(|it| it.eq_ignore_ascii_case(word)),
        },
    }
}

/// Whether a label is no name of a field, or one with a date or a sentence for its value: any other may
/// say no, or nothing yet.
fn is_told(behind: &[Token<'_>]) -> bool {
    let mut behind = behind.iter().skip_while(|it| matches!(it, Token::Edge | Token::Wrap));
    if behind.next() != Some(&Token::Stop(':')) {
        return true;
    }
    let value = behind.take_while(|it| !matches!(it, Token::Line | Token::Stop('.' | '!' | ';')));
    let words: Vec<&str> = value.filter_map(Token::word).take(NEAR).collect();
    let told = SENTENCE <= words.len() || words.iter().copied().any(has_digit);
    told && !words.iter().copied().any(is_doubt)
}

/// Whether what stands before the first label is dates and fields only, each on a line of its own.
fn is_preamble(before: &[Token<'_>]) -> bool {
    before.split(|it| *it == Token::Line).all(|line| {
        let mut words = line.iter().filter_map(Token::word);
        let mut parts = line.split(|it| *it == Token::Stop(':'));
        let name = parts.next().filter(|_| parts.next().is_some()).unwrap_or_default();
        let name: Vec<&str> = name.iter().filter_map(Token::word).take(NEAR).collect();
        // What has no words is all of a date, too.
        is_one_of(FIELDS, &name.join(" ")) || words.all(is_of_date)
    })
}

fn has_digit(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit())
}

/// Whether a word may stand in a line that only dates.
fn is_of_date(word: &str) -> bool {
    let begins = |it: &str| it.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    has_digit(word) || is_one_of(DATED, word) || 3 <= word.len() && CALENDAR.split('|').any(begins)
}

fn is_one_of(known: &str, text: &str) -> bool {
    known.split('|').any(|it| it.eq_ignore_ascii_case(text))
}

/// Whether a negation or a promise stands near the end, within the sentence.
fn is_doubted(before: &[Token<'_>]) -> bool {
    let words = before.iter().rev().take_while(|it| !matches!(it, Token::Stop('.' | '!' | ';')));
    words.filter_map(Token::word).take(NEAR).any(is_doubt)
}

/// Whether the word there is a state that is denied or promised.
fn is_denied(tokens: &[Token<'_>], at: usize) -> bool {
    let Some((before, [Token::Word(word), ..])) = tokens.split_at_checked(at) else { return false };
    let within = |state: &str| {
        let end = word.len().checked_sub(state.len()).filter(|before| 0 < *before);
        end.and_then(|end| word.get(end..)).is_some_and(|it| it.eq_ignore_ascii_case(state))
    };
    let unstate = STATE.well.iter().any(|state| within(state));
    unstate || state_at(tokens, at).is_some() && is_doubted(before)
}

fn is_doubt(word: &str) -> bool {
    let word = word.to_lowercase().replace('’', "'");
    DOUBTS.contains(&word.as_str())
        || DOUBTS_BEGIN.iter().any(|begin| word.starts_with(begin))
        || ["n't", "'ll"].iter().any(|end| word.ends_with(end))
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
            Heard::Doubt => "doubt",
            Heard::Silent => "silent",
        }
    }

    #[test]
    fn a_label_is_believed() {
        let check = |text: &str, expect: &str| assert_eq!(word("Errors", text), expect, "{text}");
        let statuspage = "<p><small>Sep <var data-var='date'> 3</var>, 17:02 UTC</small><br>\
                          <strong>Resolved</strong> - This incident has been resolved. We will \
                          publish more.</p><p><small>Sep 3</small><br><strong>Investigating</strong> \
                          - We look into it.</p>";
        check(statuspage, "well");
        check(&statuspage.replace("Resolved", "Monitoring"), "unwell");
        let planned = "<p><strong>THIS IS A SCHEDULED EVENT Sep 3, 10:00 - 12:00 UTC</strong></p>";
        check(&format!("{planned}{}", statuspage.replace("Resolved", "Completed")), "well");
        check(&format!("{planned}{}", statuspage.replace("Resolved", "Scheduled")), "nothing");
        check("<b>Status: Resolved</b><br/><br/>All have recovered.<br/><b>Affected</b>", "well");
        check("<b>Status: Investigating</b><br/>We will tell when it is resolved.", "unwell");
        check("<strong>Status:</strong> resolved\n<strong>Affected:</strong> API", "well");
        check(
            "<p><strong>Type:</strong> Incident</p><p><strong>Resolved</strong> - Yes</p>",
            "well",
        );
        check("Resolved", "well");
        check("RESOLVED - No further errors were seen.", "well");
        check("[Resolved] All is over", "well");
        check("Resolved: This is over.", "well");
        check("<p>Started: 10:00 UTC<br>Resolved: Sep 3, 12:30 UTC</p>", "well");
        check(
            "<p>Wednesday, 3rd of September, 5:02 pm PDT</p><p>Resolved - It is over.</p>",
            "well",
        );
        check(
            "<p>Duration: 1 hour</p><p>Affected components: API</p><p>Resolved - It is over.</p>",
            "well",
        );
        check("Resolved. It should not come back.", "well");
        check("<b>Resolved</b> It was an outage.", "well");
        check("Errors for some until 12:30. Current status: investigating.", "unwell");
        check("Partial outage", "unwell");
        check("Investigating: API", "unwell");
        check("In progress - Work has begun", "unwell");
    }

    #[test]
    fn prose_is_not() {
        let check = |text: &str| assert_eq!(word("Errors", text), "doubt", "{text}");
        check("The issue remains unresolved.");
        check("Services have not recovered yet.");
        check("We expect it to be fully mitigated by 23:20 UTC.");
        check("This was resolved.");
        check("Resolved issues are back.");
        check("<a>Resolved</a> issues are back.");
        check("<b>Resolved</b> Until tomorrow");
        check("Resolved? We are looking.");
        check("Resolved, unless it comes back.");
        check("Resolved - not yet for all.");
        check("Resolved - partially.");
        check("Resolved: no");
        check("Resolved:");
        for open in ["TBD", "Ongoing", "unknown", "false", "N/A", "see below", "to be determined"] {
            check(&format!("<p>Started: 10:00 UTC<br>Resolved: {open}</p>"));
            check(&format!("<b>Resolved:</b> {open}"));
        }
        check("<p>Update: The errors are back since noon.</p><p>Resolved - It is over.</p>");
        check("<p>At 12:30 the errors came back.</p><p>Resolved - It is over.</p>");
        check("<p>12:30 - The errors are back: we look into it.</p><p>Resolved - It is over.</p>");
        check("Resolved once the fix is out.");
        check("Un-resolved - we look into it");
        check("Not-resolved");
        check("We hope to see it<br>Resolved - by noon");
        check("We hope this is <b>resolved</b>");
        check("We want it\nresolved - at once");
        check("<p>Many see errors.</p><p>Resolved - a part of it</p>");
        check("Status: not resolved");
        check("Status: unresolved");
        check("Status: Resolved once the fix is out");
        check("Expected status: resolved");
        check("It isn’t resolved");
        check("It remains unresolved. Status: Resolved");
        check("<del>Resolved</del> Too early.");
        check("<!-- <br>Resolved - x<br> --> It is not resolved");
        check("<p>Status: Active</p><p>Resolved - a part of it</p>");
    }

    #[test]
    fn titles_have_labels_at_their_ends() {
        let check = |title: &str, text: &str, expect: &str| {
            assert_eq!(word(title, text), expect, "{title} {text}");
        };
        check("API recovered", "", "well");
        check("API recovered", "The API recovered after 3 minutes.", "well");
        check("API recovered", "It has not recovered everywhere.", "doubt");
        check("Resolved - Outage of the API", "", "well");
        check("Resolved - Unresolved errors", "", "doubt");
        check("API went down", "It has not recovered yet.", "unwell");
        check("API has not recovered", "", "doubt");
        check("Errors until recovered", "", "doubt");
        check("API resolved", "", "doubt");
        check("Unresolved errors", "", "doubt");
        check("[RESOLVED] Errors", "", "well");
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
