//! Records in a few words each.
//!
//! ```text
//! ENDING DIALECT SHAPE MODEL STATUS [KEY=VALUE …]
//! try TARGET OUTCOME [BLAME] STATUS [tokens=INPUT+READ+WRITE+OUTPUT+REASONING] [about] [billed] [repair]
//! skip TARGET WHY
//! loss FIELD=FATE
//! ```

use ir::{AttemptRecord, Dialect, Ending, Record, Shape, Tokens, Usage};
use std::sync::Arc;

/// Every record of a text: they are apart by an empty line, and `#` begins a comment.
pub(super) fn records(text: &str) -> Vec<Record> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split("\n\n").map(str::trim).filter(|it| !it.is_empty()).map(record).collect()
}

/// One record, and its attempts below it.
pub(super) fn record(text: &str) -> Record {
    let mut lines = text.lines().map(str::trim);
    let mut record = request(lines.next().unwrap());
    for line in lines {
        let (what, rest) = line.split_once(' ').unwrap();
        match what {
            "try" => record.attempts.push(attempt(line)),
            "skip" => {
                let (target, why) = rest.split_once(' ').unwrap();
                record.skipped.push((Arc::from(target), word(why)));
            }
            "loss" => record.losses.push(rest.to_owned()),
            _ => panic!("not a line: {line}"),
        }
    }
    let served = record.attempts.iter().find(|it| it.outcome == "ok");
    record.usage = served.map_or(Usage::Unknown, |it| it.usage);
    record
}

fn request(line: &str) -> Record {
    let words: Vec<&str> = line.split_whitespace().collect();
    let endings =
        [Ending::Answered, Ending::Rejected, Ending::Failed, Ending::Broken, Ending::Abandoned];
    let mut record = Record {
        id: "req_1".to_owned(),
        at_unix_ms: 1_767_225_600_250,
        trace: ir::Trace::root(ir::TraceId(1)),
        principal: None,
        dialect: Dialect::from_name(words[1]).unwrap(),
        shape: Shape::ALL.into_iter().find(|it| it.name() == words[2]).unwrap(),
        counts: false,
        model: words[3].trim_matches('-').to_owned(),
        ending: endings.into_iter().find(|it| it.word() == words[0]).unwrap(),
        status: words[4].parse().unwrap(),
        code: None,
        blame: None,
        preferred: None,
        target: None,
        attempts: Vec::new(),
        skipped: Vec::new(),
        usage: Usage::Unknown,
        bytes_out: 0,
        losses: Vec::new(),
        seams: 0,
        pings: 0,
        malformed: 0,
        first_content_ms: None,
        held_ms: 0,
        total_ms: 0,
    };
    for option in &words[5..] {
        let (key, value) = option.split_once('=').unwrap();
        let number = || value.parse().unwrap();
        match key {
            "at" => record.at_unix_ms = number(),
            "by" => record.principal = Some(Arc::from(value)),
            "code" => record.code = Some(word(value)),
            "blame" => record.blame = Some(word(value)),
            "of" => record.preferred = Some(Arc::from(value)),
            "served" => record.target = Some(Arc::from(value)),
            "out" => record.bytes_out = number(),
            "pings" => record.pings = u32::try_from(number()).unwrap(),
            "malformed" => record.malformed = u32::try_from(number()).unwrap(),
            "first" => record.first_content_ms = Some(number()),
            "held" => record.held_ms = number(),
            "all" => record.total_ms = number(),
            _ => panic!("not an option: {option}"),
        }
    }
    record
}

/// One attempt.
pub(super) fn attempt(line: &str) -> AttemptRecord {
    let mut attempt = AttemptRecord {
        target: Arc::from(""),
        credential: 0,
        began_ms: 0,
        head_ms: None,
        first_content_ms: None,
        lasted_ms: 0,
        status: None,
        outcome: "ok",
        blame: None,
        repair: None,
        way: None,
        upstream_id: None,
        ambiguous_billing: false,
        usage: Usage::Unknown,
    };
    let mut about = false;
    for (place, word) in line.split_whitespace().enumerate() {
        match (place, word) {
            (0, "try") => {}
            (1, target) => attempt.target = Arc::from(target),
            (2, outcome) => attempt.outcome = self::word(outcome),
            (_, "caller" | "gateway" | "provider" | "network") => {
                attempt.blame = Some(self::word(word));
            }
            (_, "about") => about = true,
            (_, "billed") => attempt.ambiguous_billing = true,
            (_, "repair") => attempt.repair = Some("without temperature".to_owned()),
            (_, word) => match word.strip_prefix("tokens=") {
                Some(counts) => attempt.usage = Usage::Exact(tokens(counts)),
                None if word.starts_with("by=") => attempt.way = Some(self::word(&word[3..])),
                None => attempt.status = Some(word.parse().unwrap()),
            },
        }
    }
    if let (true, Usage::Exact(tokens)) = (about, attempt.usage) {
        attempt.usage = Usage::Estimated(tokens);
    }
    attempt
}

fn tokens(text: &str) -> Tokens {
    let counts: Vec<u64> = text.split('+').map(|count| count.parse().unwrap()).collect();
    let [input, cache_read, cache_write, output, reasoning] = counts[..] else {
        panic!("not five counts: {text}");
    };
    Tokens { input, cache_read, cache_write, output, reasoning }
}

fn word(text: &str) -> &'static str {
    text.to_owned().leak()
}
