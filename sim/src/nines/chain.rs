//! The plan of a request: every target once, with the defaults that are shipped.

use crate::dice::Dice;
use ir::{Dialect, Shape};
use policy::{Deadlines, Leg, Plan, ProviderId, Retries};
use std::sync::Arc;
use std::time::Duration;

/// So many targets in order, each of a provider of its own.
pub(super) fn legs(targets: usize) -> Vec<Leg> {
    let leg = |index| Leg {
        provider: ProviderId(index),
        model: Arc::from("m"),
        name: Arc::from(format!("p{index}/m")),
        dialect: Dialect::Chat,
        local: false,
        caller_owned: false,
        credentials: 1,
        only: None,
        thinking: false,
        crossed: false,
        watched: false,
        prefill: false,
        codes: &[],
        deadlines: Deadlines::default(),
    };
    (0..targets).map(leg).collect()
}

/// What a request may do, as it is shipped. All are streams.
pub(super) fn plan(legs: &[Leg], dice: &mut Dice) -> Plan {
    Plan {
        legs: legs.to_vec(),
        shape: Shape::Stream,
        retries: Retries::default(),
        ping_every: Duration::from_secs(15),
        total: Duration::from_mins(10),
        filter_next: false,
        empty_next: false,
        continues: true,
        unjoinable: None,
        structured: false,
        hold_max: 1 << 20,
        seed: dice.seed(),
    }
}
