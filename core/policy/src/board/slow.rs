//! Targets that are slow just now: who is asked instead, and who finds out whether they still are.

use super::{Board, Permit, Target};
use crate::breaker::Sample;
use crate::{Leg, Turn, pace::Pace};
use ir::Time;
use std::sync::Arc;
use std::time::Duration;

/// Whoever is asked instead of a slow target takes this share of its time at most. That is why two
/// that are slow alike, as with prompts that are long alike, do not take turns.
const FASTER_BY: u32 = 2;

// === impl Board ===

impl Board {
    /// Whether a request passes this leg over, since it is slow just now and one of the others is well
    /// and clearly faster.
    pub fn turn(
        &mut self,
        now: Time,
        leg: &Leg,
        others: &mut dyn Iterator<Item = &Leg>,
        tells: bool,
    ) -> Turn {
        let key = (leg.provider, leg.dialect, Arc::clone(&leg.model));
        let Some(target) = self.targets.get(&key) else { return Turn::Usual };
        let brownout = &target.pace(leg).brownout;
        // What its breaker lets through has to prove more than its pace.
        if !brownout.is_slow() || !target.breaker.is_closed() {
            return Turn::Usual;
        }
        let than = brownout.recent().unwrap_or_default();
        let mut faster = others.filter(|other| self.is_faster(now, other, (than, leg.local)));
        if faster.next().is_none() {
            return Turn::Usual;
        }
        let target = self.targets.get_mut(&key);
        target.map_or(Turn::Usual, |target| target.pace_mut(leg).brownout.turn(now, tells))
    }

    /// Whether a leg is well and clearly faster than this. A model on this machine is there for when
    /// nothing else answers, not for when it is slow. Of whom nothing is known, the best is believed.
    fn is_faster(&self, now: Time, leg: &Leg, (than, local): (Duration, bool)) -> bool {
        let key = (leg.provider, leg.dialect, Arc::clone(&leg.model));
        let faster = self.targets.get(&key).is_none_or(|target| {
            let brownout = &target.pace(leg).brownout;
            let fast = brownout.recent().is_none_or(|recent| recent * FASTER_BY <= than);
            let well = target.breaker.is_closed() && target.cool_until <= now;
            well && fast && !brownout.is_slow()
        });
        let credentials = self.providers.get(leg.provider.0);
        let ready = leg.caller_owned || credentials.is_some_and(|it| it.is_ready(now, leg.only));
        faster && ready && self.hosts.is_closed(leg.provider) && (local || !leg.local)
    }

    /// An attempt has shown nothing for so long, and is late.
    pub fn late(&mut self, now: Time, leg: &Leg, permit: &mut Permit, after: Duration) {
        permit.late = true;
        self.target(now, leg).pace_mut(leg).brownout.late(now, after);
    }

    /// An attempt lost our patience.
    pub fn slow(&mut self, now: Time, leg: &Leg, permit: &mut Permit) {
        // Whoever speaks and shows nothing is there: it is not the network.
        if let Some(heard) = permit.heard {
            self.reached(heard, leg.provider);
        }
        // One that measures has less patience than others: that it lost it is no failure.
        if !permit.measures && !std::mem::replace(&mut permit.counted, true) {
            self.sample(now, leg, permit, Sample::Bad);
        }
    }
}

// === impl Target ===

impl Target {
    pub(super) fn pace(&self, leg: &Leg) -> &Pace {
        if leg.thinking { &self.pace_thinking } else { &self.pace }
    }

    pub(super) fn pace_mut(&mut self, leg: &Leg) -> &mut Pace {
        if leg.thinking { &mut self.pace_thinking } else { &mut self.pace }
    }
}
