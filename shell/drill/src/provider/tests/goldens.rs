//! The bytes of good answers and of error bodies, and a fingerprint of everything else.
//!
//! After a wanted change: `INSTA_UPDATE=always cargo test -p backstop-drill`.

use super::{Order, Seen, Step, scene, script, steps};
use crate::provider::Fault;
use ir::{Dialect, Shape};
use serde_json::json;
use std::fmt::Write;

fn text(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Send(bytes) => {
                let text = String::from_utf8_lossy(bytes).replace("\r\n", "\\r\\n\n");
                out.push_str(&text);
                if !text.ends_with('\n') {
                    out.push('\n');
                }
            }
            Step::Wait(wait) => writeln!(out, "<wait {wait:?}>").unwrap(),
            Step::Hang => out.push_str("<hang>\n"),
            Step::Reset => out.push_str("<reset>\n"),
            Step::Fin => out.push_str("<fin>\n"),
        }
    }
    out
}

/// The lengths of the sends, equal ones in a row counted, and a hash over all bytes.
fn fingerprint(steps: &[Step]) -> String {
    let mut words: Vec<(String, usize)> = Vec::new();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for step in steps {
        let word = match step {
            Step::Send(bytes) => {
                for byte in bytes {
                    hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                }
                bytes.len().to_string()
            }
            Step::Wait(wait) => format!("wait-{wait:?}"),
            Step::Hang => "hang".to_owned(),
            Step::Reset => "reset".to_owned(),
            Step::Fin => "fin".to_owned(),
        };
        match words.last_mut() {
            Some((last, count)) if *last == word => *count += 1,
            Some(_) | None => words.push((word, 1)),
        }
    }
    // Two minutes of pings need not be read.
    words.truncate(40);
    let words = words.iter().map(|(word, count)| match count {
        1 => word.clone(),
        _ => format!("{word}×{count}"),
    });
    format!("{} #{hash:016x}", words.collect::<Vec<_>>().join(" "))
}

#[test]
fn good_answers() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let mut out = String::new();
            for model in [
                "ok+tokens-3",
                "ok+thinking+unicode+tokens-2+every-20ms",
                "ok+text+tools-2+interleaved+tokens-1",
                "empty-answer",
            ] {
                let script = text(&steps(dialect, shape, model));
                write!(out, "=== {model}\n{script}").unwrap();
            }
            insta::assert_snapshot!(format!("good-{}-{}", dialect.name(), shape.name()), out);
        }
    }
}

/// Whether the answer is what a request wants, and how it ends otherwise.
#[test]
fn wishes_and_ends() {
    let wish = |dialect: Dialect| match dialect {
        Dialect::Chat => json!({
            "max_completion_tokens": 9, "stop": ["w2"], "reasoning_effort": "low",
            "stream_options": {"include_usage": true}}),
        Dialect::Messages => json!({
            "max_tokens": 9, "stop_sequences": ["w2"], "thinking": {"type": "adaptive"}}),
        Dialect::Responses => json!({"max_output_tokens": 16, "reasoning": {"effort": "low"}}),
    };
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let mut out = String::new();
            for model in [
                "ok+strict+obeys",
                "ok+echo",
                "ok+tokens-2+paused",
                "ok+tokens-2+refusal",
                "ok+tokens-2+filtered",
                "ok+tokens-2+context",
            ] {
                let mut body = wish(dialect);
                body["model"] = json!(model);
                body["stream"] = json!(shape == Shape::Stream);
                let turns = json!([{"role": "user", "content": "What is new?"}]);
                let key = if dialect == Dialect::Responses { "input" } else { "messages" };
                body[key] = turns;
                if shape == Shape::Whole {
                    body.as_object_mut().unwrap().remove("stream_options");
                }
                let path = format!("/v1{}", dialect.path());
                let mut seen = Seen::new("POST", &path, body.to_string().as_bytes());
                seen.headers.push(("anthropic-version".to_owned(), "2026-10-21".to_owned()));
                let script = script(&seen, &Order::from_model(model).unwrap(), &scene());
                write!(out, "=== {model}\n{}", text(&script)).unwrap();
            }
            insta::assert_snapshot!(format!("ends-{}-{}", dialect.name(), shape.name()), out);
        }
    }
}

#[test]
fn error_bodies() {
    for dialect in Dialect::ALL {
        let mut out = String::new();
        for fault in Fault::menu() {
            let script = text(&steps(dialect, Shape::Whole, &fault.name()));
            if !script.starts_with("HTTP/1.1 200") && script.starts_with("HTTP/1.1") {
                write!(out, "=== {fault}\n{script}").unwrap();
            }
        }
        insta::assert_snapshot!(format!("errors-{}", dialect.name()), out);
    }
}

#[test]
fn the_whole_menu() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let mut out = String::new();
            for fault in Fault::menu() {
                let print = fingerprint(&steps(dialect, shape, &fault.name()));
                let stage = fault.stage();
                let word = if fault.applies_to(dialect, shape) { "applies" } else { "nearest" };
                writeln!(out, "{fault} | {stage:?} {word} | {print}").unwrap();
            }
            insta::assert_snapshot!(format!("menu-{}-{}", dialect.name(), shape.name()), out);
        }
    }
}
