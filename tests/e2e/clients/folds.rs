//! `codec::Fold` beside the official SDKs' own accumulators, over every recorded stream.
//!
//! `null` and absent are one here: an SDK cannot tell them apart in what it was given. Everything
//! else that differs stands in [`DIFFERENT`], with its reason.

use super::{prepared, program};
use bytes::Bytes;
use codec::{Decoder, Fold};
use ir::{Dialect, Event};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Where the two differ: the path and all below it, and why. An entry that explains nothing is an error.
const DIFFERENT: &[(Dialect, &str, &str)] = &[
    (
        Dialect::Chat,
        ".choices[].message.tool_calls[].index",
        "the place among pieces: a whole answer of the API has none",
    ),
    (
        Dialect::Messages,
        ".content[].input.message",
        "the SDK gathers the input of the blocks it knows; `mcp_tool_use` is none of them",
    ),
    (
        Dialect::Messages,
        ".context_management.applied_edits#",
        "the SDK reads delta and usage of `message_delta`, and passes over what stands beside them; a \
         whole answer of the API has it",
    ),
    (Dialect::Messages, ".usage.iterations", "of usage the SDK takes the counts that it knows"),
];

/// Streams that an SDK refuses, and why.
const REFUSED: &[(&str, &str)] = &[(
    "anthropic-fallback-tool-call.sse",
    "its only call has the index 1, and the SDK looks for it at the second place",
)];

const LIMIT: Duration = Duration::from_mins(1);
const ANSWER_MAX: usize = 16 << 20;

/// The data of a stream's frames, and what we make of it.
struct Stream {
    name: String,
    dialect: Dialect,
    pieces: Vec<Value>,
    document: Value,
}

/// Every recorded stream.
fn streams() -> Vec<Stream> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/codec/tests/data/streams");
    let folders = [
        ("anthropic", Dialect::Messages),
        ("openai/chat", Dialect::Chat),
        ("openai-compatible/chat", Dialect::Chat),
    ];
    let mut streams = Vec::new();
    for (folder, dialect) in folders {
        for entry in std::fs::read_dir(root.join(folder)).expect("the recorded streams") {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            let text = || std::fs::read_to_string(&path).expect("a readable file");
            match name.split_once('.').map(|(_, kind)| kind) {
                Some("sse") => streams.push(stream(name, dialect, text())),
                Some(kind) if kind.ends_with("chunks.txt") => {
                    let text = text();
                    let lines = text.lines().filter(|line| !line.is_empty());
                    let framed = lines.flat_map(|line| ["data: ", line, "\n\n"]).collect();
                    streams.push(stream(name, dialect, framed));
                }
                Some(_) | None => {}
            }
        }
    }
    streams.sort_by(|left, right| left.name.cmp(&right.name));
    assert!(streams.len() > 20, "only {} recorded streams", streams.len());
    streams
}

fn stream(name: String, dialect: Dialect, text: String) -> Stream {
    let (mut frames, mut fold) = (Vec::new(), Fold::new(dialect, ANSWER_MAX));
    Decoder::new(dialect, 1).feed(Bytes::from(text), &mut frames).expect("frames");
    let mut pieces = Vec::new();
    for frame in frames {
        fold.take(&frame).unwrap_or_else(|error| panic!("{name}: {error}"));
        pieces.extend(serde_json::from_slice::<Value>(&codec::data_of(&frame.bytes)).ok());
        // Some recordings hold several answers behind each other; the first counts.
        if frame.events.iter().any(|event| matches!(event, Event::End | Event::Fail(_))) {
            break;
        }
    }
    let document = serde_json::from_slice(&fold.document()).expect("a document");
    Stream { name, dialect, pieces, document }
}

/// Every leaf with its path; places in arrays are `[]`, `null` is nothing.
fn leaves(value: &Value, at: &str, into: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                leaves(value, &format!("{at}.{key}"), into);
            }
        }
        Value::Array(items) => {
            into.entry(format!("{at}#")).or_default().push(json!(items.len()));
            for item in items {
                leaves(item, &format!("{at}[]"), into);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            into.entry(at.to_owned()).or_default().push(value.clone());
        }
    }
}

/// The paths at which two documents differ.
fn differences(ours: &Value, theirs: &Value) -> Vec<String> {
    let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
    leaves(ours, "", &mut left);
    leaves(theirs, "", &mut right);
    let all: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differs = |path: &&String| left.get(*path) != right.get(*path);
    all.into_iter().filter(differs).cloned().collect()
}

pub(super) async fn check() {
    let streams = streams();
    let of = |dialect: Dialect| -> Map<String, Value> {
        let own = streams.iter().filter(|stream| stream.dialect == dialect);
        own.map(|stream| (stream.name.clone(), json!(stream.pieces))).collect()
    };
    let input = json!({ "openai": of(Dialect::Chat), "anthropic": of(Dialect::Messages) });
    let python = prepared("BACKSTOP_PYTHON", "cargo xtask test");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/accumulate.py");
    let mut command = Command::new(python);
    // Nothing of this machine's configuration, keys and proxies.
    command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
    let output = program::run(&mut command, &input.to_string(), LIMIT).await;
    let text = String::from_utf8_lossy(&output.stdout);
    let told: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|told| (told["name"].as_str().unwrap_or_default().to_owned(), told))
        .collect();
    assert!(output.status.success() && told.len() == streams.len(), "{}", program::told(&output));
    judge(&streams, &told);
}

fn judge(streams: &[Stream], told: &BTreeMap<String, Value>) {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for Stream { name, dialect, document, .. } in streams {
        let told = &told[name];
        let refused = REFUSED.iter().any(|(refused, _)| refused == name);
        if refused != told.get("raised").is_some() {
            wrong.push(format!("{name}: {}", told["raised"]));
        }
        if refused {
            continue;
        }
        for path in differences(document, &told["document"]) {
            let explains = |it: &(Dialect, &str, &str)| it.0 == *dialect && path.starts_with(it.1);
            match DIFFERENT.iter().position(explains) {
                Some(place) => drop(used.insert(place)),
                None => wrong.push(format!("{name}: {path}")),
            }
        }
    }
    let idle = DIFFERENT.iter().enumerate().filter(|(place, _)| !used.contains(place));
    wrong.extend(idle.map(|(_, (_, path, _))| format!("{path} explains nothing")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
