//! A record as one line: for programs, or for people.
//!
//! **Invariant:** a record is one line, whatever stands in its names, and nothing of it acts on a
//! terminal.

use crate::shown::{is_hidden, shown};
use ir::{Ending, Record, Tokens, Usage};
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::fmt::Write as _;
use std::io::{self, Write};

/// A name on a line for people is cut at this.
const NAME_BYTES_MAX: usize = 128;

/// Everything that is known, as JSON, without a line end.
pub fn json(record: &Record) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(512);
    record.serialize(&mut Serializer::with_formatter(&mut line, Plain))?;
    Ok(line)
}

/// What matters at a glance, without a line end: when, how it ended, who was asked for and who served,
/// how long it took, tokens, the trail where there was more than one attempt, who is to blame.
pub fn human(record: &Record, colour: bool) -> String {
    let paint = Paint(colour);
    let status = match record.status {
        0 => "  -".to_owned(),
        status => status.to_string(),
    };
    let ending = paint.with(code(record.ending), &format!("{:<9}", record.ending.word()));
    let mut line = format!("{} {status} {ending}", paint.with(DIM, &clock(record.at_unix_ms)));
    let mut say = |text: &str| {
        line.push_str("  ");
        line.push_str(text);
    };
    let name = |name: &str| shown(name, NAME_BYTES_MAX).into_owned();
    match (record.model.as_str(), &record.target) {
        ("", _) => {}
        (model, None) => say(&name(model)),
        (model, Some(target)) => say(&format!("{} → {}", name(model), name(target))),
    }
    if let Some(principal) = &record.principal {
        say(&format!("by {}", name(principal)));
    }
    let first = record.first_content_ms.map(|ms| format!("first {ms} ms, ")).unwrap_or_default();
    say(&format!("{first}all {} ms", record.total_ms));
    if let Some(tokens) = tokens(record.usage) {
        say(&tokens);
    }
    match record.seams {
        0 => {}
        1 => say("1 seam"),
        seams => say(&format!("{seams} seams")),
    }
    if let Some(trail) = trail(record) {
        say(&paint.with(DIM, &format!("[{trail}]")));
    }
    let blame = [record.blame, record.code].into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !blame.is_empty() {
        say(&paint.with(code(record.ending), &blame));
    }
    line
}

/// Who was passed over and who was asked, where that is more than one.
fn trail(record: &Record) -> Option<String> {
    let name = |name: &str| shown(name, NAME_BYTES_MAX).into_owned();
    let skipped = record.skipped.iter().map(|(target, why)| format!("{}={why}", name(target)));
    let tried = record.attempts.iter().map(|attempt| name(&attempt.trail()));
    let trail: Vec<String> = skipped.chain(tried).collect();
    (1 < trail.len()).then(|| trail.join(", "))
}

fn tokens(usage: Usage) -> Option<String> {
    let (about, tokens) = match usage {
        Usage::Exact(tokens) => ("", tokens),
        Usage::Estimated(tokens) => ("about ", tokens),
        Usage::Unknown => return None,
    };
    let Tokens { input, cache_read, cache_write, output, .. } = tokens;
    let input = input.saturating_add(cache_read).saturating_add(cache_write);
    let mut text = format!("{about}{input} in");
    if 0 < cache_read {
        write!(text, " ({cache_read} cached)").unwrap_or_default();
    }
    write!(text, ", {output} out").unwrap_or_default();
    Some(text)
}

/// The time of the day, UTC.
fn clock(unix_ms: u64) -> String {
    let second = unix_ms / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Whether to colour.
#[derive(Clone, Copy)]
struct Paint(bool);

// Select Graphic Rendition, ECMA-48.
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

fn code(ending: Ending) -> &'static str {
    match ending {
        Ending::Answered => GREEN,
        Ending::Rejected | Ending::Abandoned => YELLOW,
        Ending::Failed | Ending::Broken => RED,
    }
}

// === impl Paint ===

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// JSON in which what is hidden is escaped, beyond what JSON itself requires.
struct Plain;

// === impl Plain ===

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = tail.strip_prefix(c).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}
