//! Requests that cross: never a panic, always JSON that the target's dialect can read, and what
//! crossed once crosses back.

#![no_main]

use codec::request::{Target, cross};
use codec::seal::Origin;
use ir::{Crossable, Repair, Thinks, TokenField, Traits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((options, body)) = input.split_first() else { return };
    for from in Crossable::ALL {
        let (to, row) = match from {
            Crossable::Chat => (Crossable::Messages, "anthropic"),
            Crossable::Messages => (Crossable::Chat, "openai"),
        };
        let Some(written) = written(from, to, row, *options, body) else { continue };
        let head = codec::read_head(to.dialect(), written.as_bytes()).expect("a readable body");
        assert_eq!(head.model, "there \"é\"");
        let back = if from == Crossable::Chat { "openai" } else { "anthropic" };
        written_again(to, from, back, *options, &written);
    }
});

fn written_again(from: Crossable, to: Crossable, row: &str, options: u8, body: &str) {
    if let Some(again) = written(from, to, row, options, body.as_bytes()) {
        codec::read_head(to.dialect(), again.as_bytes()).expect("a readable body");
    }
}

fn written(from: Crossable, to: Crossable, row: &str, options: u8, body: &[u8]) -> Option<String> {
    let bit = |place: u8| options & (1 << place) != 0;
    let all = [
        Repair::Without("temperature"),
        Repair::SystemAsUser,
        Repair::MaxTokens(100),
        Repair::TokenField(TokenField::MaxTokens),
    ];
    let repairs: Vec<Repair> = all
        .into_iter()
        .enumerate()
        .filter(|(place, _)| bit(*place as u8))
        .map(|(_, it)| it)
        .collect();
    let thinks = if bit(4) { Thinks::Budget } else { Thinks::Adaptive };
    let target = Target {
        dialect: to,
        quirks: config::providers::row(row).expect("a row"),
        model: "there \"é\"",
        traits: Traits { max_tokens: 32_000, thinks },
        origin: Origin::of("a/m"),
        stream: bit(5),
        repairs: &repairs,
    };
    // A head that is refused never gets as far as crossing.
    codec::read_head(from.dialect(), body).ok()?;
    cross(from, body, &target).ok().map(|written| written.body)
}
