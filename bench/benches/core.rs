//! The core by itself: reading requests, decoding streams, crossing dialects, carrying an exchange.

use bytes::Bytes;
use codec::request::{self, Target};
use codec::seal::Origin;
use codec::{Crossing, CrossingPlan, Decoder, Fold};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use ir::{Crossable, Dialect, Frame, Shape, Thinks, Time, Traits};
use policy::{
    Action, AttemptId, Board, Breakers, Deadlines, Exchange, Input, Leg, Member, Plan, ProviderId,
    Retries,
};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

fn main() {
    divan::main();
}

/// A request whose prompt is about this long.
fn question(kib: usize) -> Bytes {
    let turn = r#"{"role":"user","content":"The quick brown fox \"jumps\" over the lazy dog.\n"},"#;
    let turns = turn.repeat((kib * 1024).div_ceil(turn.len()));
    let turns = turns.trim_end_matches(',');
    Bytes::from(format!(r#"{{"model":"gpt-5.4","stream":true,"messages":[{turns}]}}"#))
}

/// A stream of this many pieces of text.
fn stream(dialect: Dialect, pieces: usize) -> Bytes {
    let (start, piece, end) = match dialect {
        Dialect::Chat => (
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ),
        Dialect::Messages => (
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        Dialect::Responses => (
            "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"model\":\"m\",\"output\":[]}}\n\nevent: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[]}}\n\nevent: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"sequence_number\":2,\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\"}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\" word\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":4,\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"…\"}]}]}}\n\n",
        ),
    };
    Bytes::from([start, &piece.repeat(pieces), end].concat())
}

fn decode(dialect: Dialect, bytes: &Bytes) -> Vec<Frame> {
    let mut decoder = Decoder::new(dialect, 1);
    let mut frames = Vec::new();
    decoder.feed(bytes.clone(), &mut frames).unwrap_or_default();
    frames
}

fn cross(from: Crossable, bytes: &Bytes) -> Vec<Frame> {
    let plan = CrossingPlan {
        from,
        to: match from {
            Crossable::Chat => Crossable::Messages,
            Crossable::Messages => Crossable::Chat,
        },
        origin: Origin::of("a/m"),
        model: "a/m".to_owned(),
        request_id: "bs_1".to_owned(),
        aliases: Vec::new(),
        include_usage: true,
        now_unix: 1_800_000_000,
    };
    let mut crossing = Crossing::new(plan, 1 << 20);
    let mut frames = Vec::new();
    crossing.feed(bytes.clone(), &mut frames).unwrap_or_default();
    frames
}

#[divan::bench(args = [1, 32, 400])]
fn read_head_and_splice(bencher: Bencher<'_, '_>, kib: usize) {
    let body = question(kib);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let head = codec::read_head(Dialect::Chat, black_box(&body));
        head.map(|head| head.splice(&body, "another", None))
    });
}

/// A conversation of 200 messages and about 400 KiB, a third of them with calls and their results.
fn conversation(dialect: Crossable) -> String {
    let prose = r#"fn main() {\n    println!(\"The quick brown fox\");\n}\n"#.repeat(34);
    let turns = (0..50).map(|turn| match dialect {
        Crossable::Chat => format!(
            r#"{{"role":"user","content":[{{"type":"text","text":"{prose}"}}]}},{{"role":"assistant","content":"{prose}","tool_calls":[{{"id":"call_{turn}","type":"function","function":{{"name":"read","arguments":"{{\\\"path\\\":1}}"}}}}]}},{{"role":"tool","tool_call_id":"call_{turn}","content":"{prose}"}},{{"role":"assistant","content":"{prose}"}}"#
        ),
        Crossable::Messages => format!(
            r#"{{"role":"user","content":[{{"type":"text","text":"{prose}"}}]}},{{"role":"assistant","content":[{{"type":"text","text":"{prose}"}},{{"type":"tool_use","id":"toolu_{turn}","name":"read","input":{{"path":"{prose}"}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"toolu_{turn}","content":"{prose}"}}]}},{{"role":"assistant","content":"{prose}"}}"#
        ),
    });
    let turns = turns.collect::<Vec<_>>().join(",");
    format!(r#"{{"model":"m","max_tokens":1000,"stream":true,"messages":[{turns}]}}"#)
}

/// One CPU's work from the body as it came to the body that leaves.
#[divan::bench(args = [Crossable::Chat, Crossable::Messages])]
fn cross_a_request_of_200_messages(bencher: Bencher<'_, '_>, from: Crossable) {
    let body = conversation(from);
    let to = if from == Crossable::Chat { "anthropic" } else { "openai" };
    let Some(quirks) = config::providers::row(to) else { return };
    let target = Target {
        dialect: if from == Crossable::Chat { Crossable::Messages } else { Crossable::Chat },
        quirks,
        model: "another",
        traits: Traits { max_tokens: 32_000, thinks: Thinks::Adaptive },
        origin: Origin::of("there/another"),
        stream: true,
        repairs: &[],
    };
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let head = codec::read_head(from.dialect(), black_box(body.as_bytes()));
        (head, request::cross(from, black_box(body.as_bytes()), &target))
    });
}

#[divan::bench(args = Dialect::ALL)]
fn decode_1000_pieces(bencher: Bencher<'_, '_>, dialect: Dialect) {
    let bytes = stream(dialect, 1000);
    bencher.counter(ItemsCount::new(1000_usize)).bench(|| decode(dialect, black_box(&bytes)));
}

/// The same streams, written in the other dialect: to be held against decoding them.
#[divan::bench(args = [Crossable::Chat, Crossable::Messages])]
fn cross_1000_pieces(bencher: Bencher<'_, '_>, from: Crossable) {
    let bytes = stream(from.dialect(), 1000);
    bencher.counter(ItemsCount::new(1000_usize)).bench(|| cross(from, black_box(&bytes)));
}

#[divan::bench(args = Dialect::ALL)]
fn fold_1000_pieces(bencher: Bencher<'_, '_>, dialect: Dialect) {
    let frames = decode(dialect, &stream(dialect, 1000));
    bencher.counter(ItemsCount::new(1000_usize)).bench(|| {
        let mut fold = Fold::new(dialect, 1 << 20);
        let taken = frames.iter().filter(|frame| fold.take(frame).is_ok()).count();
        (taken, fold.document())
    });
}

#[divan::bench(args = Dialect::ALL)]
fn carry_an_exchange_of_1000_frames(bencher: Bencher<'_, '_>, dialect: Dialect) {
    let frames = decode(dialect, &stream(dialect, 1000));
    bencher.counter(ItemsCount::new(1000_usize)).with_inputs(|| frames.clone()).bench_values(
        |frames| {
            let board = board();
            let mut exchange = Exchange::new(plan(), Time::ZERO);
            exchange.tick(Time::ZERO, &board);
            let mut relayed = 0;
            for frame in frames {
                exchange.handle(Time::ZERO, AttemptId(0), Input::Frame(frame), &board);
                while let Some(action) = exchange.poll() {
                    relayed += usize::from(matches!(action, Action::Relay(_)));
                }
            }
            relayed
        },
    );
}

fn board() -> RefCell<Board> {
    let member = Member { host: "a:443".to_owned(), local: false, credentials: 1 };
    RefCell::new(Board::new(&[member], Breakers::default(), &Retries::default(), 1))
}

fn plan() -> Plan {
    let leg = Leg {
        provider: ProviderId(0),
        model: Arc::from("m"),
        name: Arc::from("a/m"),
        dialect: Dialect::Chat,
        local: false,
        caller_owned: false,
        credentials: 1,
        only: None,
        thinking: false,
        crossed: false,
        prefill: false,
        watched: false,
        codes: &[],
        deadlines: Deadlines::default(),
    };
    Plan {
        legs: vec![leg],
        shape: Shape::Stream,
        retries: Retries::default(),
        ping_every: Duration::from_secs(15),
        total: Duration::from_mins(10),
        filter_next: false,
        empty_next: false,
        continues: false,
        unjoinable: None,
        structured: false,
        hold_max: 1 << 20,
        seed: 1,
    }
}
