//! The room through its face: records in; spans, metrics and requests to a collector out.

mod collector;
mod exports;
mod goldens;

use config::{Config, Surroundings};
use ir::{AttemptRecord, Dialect, Ending, Record, Shape, SpanId, Tokens, Trace, TraceId, Usage};
use std::sync::Arc;

/// A world of nothing.
struct Nothing;

impl Surroundings for Nothing {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("no such file".to_owned())
    }
}

/// Two vendors, and somebody who speaks like one.
fn config() -> Config {
    let text = "[providers.anthropic]\napi_key = \"caller\"\n\
                [providers.azure]\nbase_url = \"https://team.openai.azure.com\"\n\
                api_key = \"caller\"\n\
                [providers.gpu]\ndialect = \"openai\"\nbase_url = \"http://10.1.2.3:8000\"\nlocal = true\n\
                [models.\"*\"]\nchain = [\"gpu/x\"]\n";
    config::load(text, &Nothing).unwrap_or_else(|problems| panic!("{problems:?}"))
}

const AT: u64 = 1_700_000_000_000;
const DIGITS: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

fn tokens(source: impl FnOnce(Tokens) -> Usage) -> Usage {
    source(Tokens { input: 11, cache_read: 5, cache_write: 3, output: 12, reasoning: 4 })
}

/// A good attempt, from 800 ms on.
fn good() -> AttemptRecord {
    AttemptRecord {
        target: Arc::from("azure/gpt-5.4"),
        credential: 0,
        began_ms: 800,
        head_ms: Some(100),
        first_content_ms: Some(250),
        lasted_ms: 1_200,
        status: Some(200),
        outcome: "ok",
        blame: None,
        repair: None,
        way: None,
        upstream_id: Some("req_theirs".to_owned()),
        ambiguous_billing: false,
        usage: tokens(Usage::Exact),
    }
}

/// One that failed before it.
fn bad() -> AttemptRecord {
    AttemptRecord {
        target: Arc::from("anthropic/claude-sonnet-4-6"),
        credential: 1,
        began_ms: 2,
        head_ms: Some(700),
        first_content_ms: None,
        lasted_ms: 790,
        status: Some(529),
        outcome: "overloaded",
        blame: Some("provider"),
        repair: Some("without temperature".to_owned()),
        way: None,
        upstream_id: None,
        ambiguous_billing: true,
        usage: Usage::Unknown,
    }
}

/// A stream that failed over, of a caller without a trace.
fn failed_over() -> Record {
    Record {
        id: format!("req_{DIGITS:032x}"),
        at_unix_ms: AT,
        trace: Trace::root(TraceId(DIGITS)),
        principal: Some(Arc::from("team-a")),
        dialect: Dialect::Messages,
        shape: Shape::Stream,
        counts: false,
        model: "claude-sonnet-4-6".to_owned(),
        ending: Ending::Answered,
        status: 200,
        code: None,
        blame: None,
        preferred: Some(Arc::from("gpu/x")),
        target: Some(Arc::from("azure/gpt-5.4")),
        attempts: vec![bad(), good()],
        skipped: vec![(Arc::from("gpu/x"), "open")],
        usage: tokens(Usage::Exact),
        bytes_out: 1_000,
        losses: vec!["thinking.display=dropped".to_owned()],
        seams: 0,
        pings: 1,
        malformed: 0,
        first_content_ms: Some(1_300),
        held_ms: 250,
        total_ms: 2_001,
    }
}

/// The same, in the trace of its caller, broken after content.
fn broken() -> Record {
    let cut = AttemptRecord {
        outcome: "cut",
        blame: Some("provider"),
        usage: tokens(Usage::Estimated),
        ..good()
    };
    Record {
        trace: Trace {
            id: TraceId(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c),
            parent: Some(SpanId(0xb7ad_6b71_6920_3331)),
            sampled: Some(true),
            state: Some(Arc::from("rojo=00f067aa0ba902b7")),
        },
        ending: Ending::Broken,
        code: Some("BS0310"),
        blame: Some("provider"),
        preferred: Some(Arc::from("azure/gpt-5.4")),
        attempts: vec![cut],
        skipped: Vec::new(),
        usage: tokens(Usage::Estimated),
        losses: Vec::new(),
        ..failed_over()
    }
}

/// Refused at the edge.
fn refused() -> Record {
    Record {
        principal: None,
        shape: Shape::Whole,
        model: String::new(),
        ending: Ending::Rejected,
        status: 400,
        code: Some("BS0101"),
        blame: Some("caller"),
        preferred: None,
        target: None,
        attempts: Vec::new(),
        skipped: Vec::new(),
        usage: Usage::Unknown,
        losses: Vec::new(),
        first_content_ms: None,
        held_ms: 0,
        total_ms: 1,
        ..failed_over()
    }
}

/// A count of tokens whose caller left, with an attempt that lost.
fn left() -> Record {
    let lost = AttemptRecord { outcome: "lost", status: None, usage: Usage::Unknown, ..good() };
    let left = AttemptRecord {
        target: Arc::from("gpu/some/model"),
        outcome: "abandoned",
        first_content_ms: None,
        ..lost.clone()
    };
    Record {
        counts: true,
        ending: Ending::Abandoned,
        status: 0,
        code: None,
        attempts: vec![lost, left],
        ..refused()
    }
}
