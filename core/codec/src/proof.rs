//! How tests feed decoders, write events down and find the recorded streams. Tests only.

#![expect(clippy::disallowed_methods, reason = "tests read fixtures and bless goldens")]

use crate::Decoder;
use bytes::Bytes;
use ir::{Aside, Block, BlockKind, Dialect, Event, Frame, Piece, Rejection, Tokens};
use std::path::{Path, PathBuf};

/// A recorded answer.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) bytes: Bytes,
}

/// Feeds the pieces, and gives the frames and what was left.
pub(crate) fn feed(dialect: Dialect, choices: u32, pieces: &[Bytes]) -> (Vec<Frame>, Bytes) {
    let mut decoder = Decoder::new(dialect, choices);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.feed(piece.clone(), &mut frames).expect("frames within the limit");
    }
    (frames, decoder.finish())
}

/// The same, with what was said.
pub(crate) fn feed_carrying(dialect: Dialect, choices: u32, pieces: &[Bytes]) -> Vec<Frame> {
    let mut decoder = Decoder::carrying(dialect, choices);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.feed(piece.clone(), &mut frames).expect("frames within the limit");
    }
    frames
}

/// The events of a frame without what was said: asides gone, several pieces of a block as one.
pub(crate) fn bare(events: &[Event]) -> Vec<Event> {
    let mut bare: Vec<Event> = Vec::new();
    for event in events {
        let event = match event {
            Event::Start(_) => Event::Start(None),
            Event::Open(block, _) => Event::Open(*block, None),
            Event::Delta(block, _) => Event::Delta(*block, Piece::Unread),
            Event::Finish(finish, _) => Event::Finish(*finish, None),
            Event::Aside(_) => continue,
            Event::Ping
            | Event::Close(_)
            | Event::Progress
            | Event::Usage(_)
            | Event::End
            | Event::Fail(_)
            | Event::Repeated(_)
            | Event::Malformed(_)
            | Event::Noise(_) => event.clone(),
        };
        if !matches!(event, Event::Delta(..)) || bare.last() != Some(&event) {
            bare.push(event);
        }
    }
    bare
}

/// All events in order.
pub(crate) fn events(frames: &[Frame]) -> Vec<Event> {
    frames.iter().flat_map(|frame| frame.events.iter().cloned()).collect()
}

/// All bytes in order.
pub(crate) fn joined(frames: &[Frame], rest: &Bytes) -> Vec<u8> {
    let frames = frames.iter().flat_map(|frame| frame.bytes.iter().copied());
    frames.chain(rest.iter().copied()).collect()
}

/// One line per frame; equal lines are counted.
pub(crate) fn written(frames: &[Frame]) -> String {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for frame in frames {
        // Which item is done is no part of what is said.
        let said = |event: &&Event| !matches!(event, Event::Aside(Aside::Kept(_)));
        let line = frame.events.iter().filter(said).map(word).collect::<Vec<_>>().join(", ");
        let line = if line.is_empty() { "-".to_owned() } else { line };
        match lines.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            Some(_) | None => lines.push((line, 1)),
        }
    }
    let line = |(line, count): (String, usize)| match count {
        1 => format!("{line}\n"),
        count => format!("{line} ×{count}\n"),
    };
    lines.into_iter().map(line).collect()
}

/// An event in words.
pub(crate) fn word(event: &Event) -> String {
    match event {
        Event::Ping => "ping".to_owned(),
        Event::Start(_) => "start".to_owned(),
        Event::Progress => "progress".to_owned(),
        Event::Open(block, _) => format!("open {}", place(*block)),
        Event::Delta(block, _) => format!("delta {}", place(*block)),
        Event::Close(block) => format!("close {}", place(*block)),
        Event::Finish(finish, _) => format!("finish {finish:?}"),
        Event::Usage(tokens) => format!("usage {}", counts(*tokens)),
        Event::End => "end".to_owned(),
        Event::Fail(rejection) => format!("fail {}", told(rejection)),
        Event::Repeated(what) => format!("repeated: {what}"),
        Event::Malformed(reason) => format!("malformed: {reason}"),
        Event::Noise(reason) => format!("noise: {reason}"),
        Event::Aside(aside) => format!("aside: {aside:?}"),
    }
}

/// Token counts: in, read, write, out, reasoning.
pub(crate) fn counts(tokens: Tokens) -> String {
    let Tokens { input, cache_read, cache_write, output, reasoning } = tokens;
    format!("in {input} read {cache_read} write {cache_write} out {output} reasoning {reasoning}")
}

/// A rejection in one line.
pub(crate) fn told(rejection: &Rejection) -> String {
    let Rejection { status, kind, code, param, message, hints, .. } = rejection;
    let Rejection { in_band, bare, unheard, html, .. } = rejection;
    let mut line = format!("{status} kind={kind} code={code} param={param} message={message}");
    let flags = [(in_band, "in_band"), (bare, "bare"), (unheard, "unheard"), (html, "html")];
    for (flag, name) in flags {
        if *flag {
            line = format!("{line} {name}");
        }
    }
    hints.after.map_or_else(|| line.clone(), |after| format!("{line} after={after:?}"))
}

fn place(block: Block) -> String {
    let kind = match block.kind {
        BlockKind::Text => "text",
        BlockKind::Reasoning => "reasoning",
        BlockKind::Tool => "tool",
        BlockKind::Other => "other",
    };
    match (block.index >> 16, block.index & 0xFFFF) {
        (0, index) => format!("{kind} {index}"),
        (choice, index) => format!("{kind} {choice}/{index}"),
    }
}

/// The data of events in their family's framing.
pub(crate) fn framed<'a>(dialect: Dialect, lines: impl IntoIterator<Item = &'a str>) -> String {
    let frame = |line: &str| match dialect {
        Dialect::Chat => format!("data: {line}\n\n"),
        Dialect::Messages | Dialect::Responses => {
            let data: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            match data.get("type").and_then(|kind| kind.as_str()) {
                Some(kind) => format!("event: {kind}\ndata: {line}\n\n"),
                None => format!("data: {line}\n\n"),
            }
        }
    };
    lines.into_iter().filter(|line| !line.is_empty()).map(frame).collect()
}

/// Every recorded stream of our dialects.
pub(crate) fn streams() -> Vec<Recorded> {
    files(&[".chunks.txt", ".sse"], |name, dialect, text| {
        let done = if dialect == Dialect::Chat { "data: [DONE]\n\n" } else { "" };
        let lines = name.ends_with(".chunks.txt");
        Bytes::from(if lines { framed(dialect, text.lines()) + done } else { text })
    })
}

/// Every recorded whole answer, error documents among them.
pub(crate) fn documents() -> Vec<Recorded> {
    files(&[".json"], |_, _, text| Bytes::from(text))
}

fn files(suffixes: &[&str], bytes: impl Fn(&str, Dialect, String) -> Bytes) -> Vec<Recorded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/streams");
    let mut found = Vec::new();
    for (folder, dialect) in [
        ("anthropic", Dialect::Messages),
        ("openai/chat", Dialect::Chat),
        ("openai/responses", Dialect::Responses),
        ("openai-compatible/chat", Dialect::Chat),
    ] {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(root.join(folder))
            .expect("the recorded streams are there")
            .map(|entry| entry.expect("a readable folder").path())
            .collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            if suffixes.iter().any(|suffix| name.ends_with(suffix)) {
                let text = std::fs::read_to_string(&path).expect("a readable file");
                let bytes = bytes(&name, dialect, text);
                found.push(Recorded { name, dialect, bytes });
            }
        }
    }
    assert!(!found.is_empty(), "no recorded file");
    found
}

/// Compares with a file under `tests/golden`; `BLESS=1` writes it.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder to write to");
        std::fs::write(&path, text).expect("a file to write");
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; BLESS=1 writes it", path.display()));
    assert_eq!(text, expected, "{name} differs; after a wanted change run with BLESS=1");
}

/// `text` in pieces that end at these places.
pub(crate) fn cut(text: &Bytes, places: &[usize]) -> Vec<Bytes> {
    let mut start = 0;
    let mut pieces = Vec::new();
    for &place in places.iter().chain([&text.len()]) {
        pieces.push(text.slice(start..place));
        start = place;
    }
    pieces
}

/// So many random inputs; `BACKSTOP_HOSTILE_CASES` sets another number.
pub(crate) fn cases(usual: u32) -> u32 {
    let asked = std::env::var("BACKSTOP_HOSTILE_CASES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(usual)
}

/// The seeds of a fuzz target.
pub(crate) fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let entries = std::fs::read_dir(&folder).expect("a folder of seeds");
    let paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable folder").path()).collect();
    assert!(paths.len() > 3, "{target} has seeds");
    let name = |path: &Path| path.file_name().expect("a file").to_string_lossy().into_owned();
    let read = |path: PathBuf| (name(&path), std::fs::read(&path).expect("a readable seed"));
    paths.into_iter().map(read).collect()
}
