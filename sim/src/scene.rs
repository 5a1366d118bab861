//! Who there is in a world, what befalls them, and who asks.

use crate::dice::Dice;
use crate::provider::{FAULTS, Fault, HARD, Illness, Provider};
use crate::story::{MANNERS, Manner, Story};
use ir::{Dialect, Shape, Time};
use policy::{Deadlines, Leg, ProviderId};
use std::sync::Arc;
use std::time::Duration;

/// A world before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    pub(crate) providers: Vec<Provider>,
    pub(crate) asks: Vec<Ask>,
    /// Everything is down.
    pub(crate) blackout: Option<(Time, Time)>,
    /// The first target is down, and only once: it is to be back in time.
    pub(crate) outage: Option<Illness>,
    /// The first target is slow, and nobody else is anything.
    pub(crate) brown_out: Option<Illness>,
    /// Many ask.
    pub(crate) loaded: bool,
    pub(crate) dice: Dice,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) at: Time,
    pub(crate) shape: Shape,
    pub(crate) legs: Vec<Leg>,
    /// How many attempts it may have, if its chain is no longer.
    pub(crate) attempts: u32,
    /// The caller leaves after this long.
    pub(crate) leaves: Option<Duration>,
    /// Its answer is gone on with where it is cut.
    pub(crate) continues: bool,
    pub(crate) story: Story,
    pub(crate) seed: u64,
}

/// What befalls a world as a whole.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    blackout: Option<(Time, Time)>,
    outage: Option<Illness>,
    brown_out: Option<Illness>,
}

/// The four kinds of a world.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Anything may happen to anyone.
    Wild,
    /// Everything is down at once for a while.
    Blackout,
    /// The first target alone is down for a while, under load.
    Outage,
    /// The first target alone is slow for a while, under load, and the others are as fast as it was.
    BrownOut,
}

fn second(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

// === impl Scene ===

impl Scene {
    /// The world of a seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let kind = match dice.within(0..12) {
            0..=5 => Kind::Wild,
            6 | 7 => Kind::Blackout,
            8 | 9 => Kind::BrownOut,
            _ => Kind::Outage,
        };
        let remote = dice.within(2..5);
        let mut providers: Vec<Provider> =
            (0..remote).map(|_| provider(&mut dice, false)).collect();
        if dice.percent(40) {
            providers.push(provider(&mut dice, true));
        }
        let Fate { blackout, outage, brown_out } = befall(kind, &mut providers, &mut dice);
        if matches!(kind, Kind::Outage | Kind::BrownOut) {
            // These worlds tell how soon it is believed that one is well.
            for provider in &mut providers {
                provider.garbles = 0;
            }
        }
        let chain = chain(&providers);
        let loaded = matches!(kind, Kind::Outage | Kind::BrownOut) || dice.percent(50);
        let asks = asks(&chain, kind, loaded, &mut dice);
        Self { seed, providers, asks, blackout, outage, brown_out, loaded, dice }
    }

    /// Whose each target is, of the longest chain.
    pub(crate) fn targets(&self) -> impl Iterator<Item = ProviderId> {
        let longest = self.asks.iter().max_by_key(|ask| ask.legs.len());
        longest.into_iter().flat_map(|ask| ask.legs.iter().map(|leg| leg.provider))
    }
}

fn provider(dice: &mut Dice, local: bool) -> Provider {
    Provider {
        local,
        credentials: usize::try_from(dice.within(1..4)).unwrap_or(1),
        first: dice.ms(50..500),
        spread: dice.ms(50..500),
        gap: dice.ms(1..60),
        manner: dice.pick(MANNERS).unwrap_or(Manner::Obeys),
        refuses: dice.percent(50),
        garbles: if dice.percent(50) { 2 } else { 0 },
        illnesses: Vec::new(),
    }
}

/// Draws what befalls them: a blackout, the first one's outage or brown-out, or anything.
fn befall(kind: Kind, providers: &mut [Provider], dice: &mut Dice) -> Fate {
    match kind {
        Kind::Wild => {
            for provider in providers {
                wild(provider, dice);
            }
            Fate::default()
        }
        Kind::Blackout => {
            let (from, until) = (second(5), second(dice.within(45..60)));
            for provider in providers {
                let fault = dice.pick(HARD).unwrap_or(Fault::Silent);
                provider.illnesses.push(Illness { from, until, fault, probe: dice.percent(50) });
            }
            Fate { blackout: Some((from, until)), ..Fate::default() }
        }
        Kind::Outage => {
            let (from, until) = (second(3), second(dice.within(8..45)));
            let fault = dice.pick(HARD).unwrap_or(Fault::Silent);
            let illness = Illness { from, until, fault, probe: dice.percent(50) };
            if let Some(first) = providers.first_mut() {
                first.illnesses.push(illness);
            }
            Fate { outage: Some(illness), ..Fate::default() }
        }
        Kind::BrownOut => {
            let (from, until) = (second(12), second(dice.within(32..39)));
            let illness = Illness { from, until, fault: Fault::BrownOut, probe: true };
            if let Some(Provider { first, spread, gap, .. }) = providers.first().cloned() {
                for it in providers.iter_mut() {
                    (it.first, it.spread, it.gap) = (first, spread, gap);
                }
            }
            if let Some(first) = providers.first_mut() {
                first.illnesses.push(illness);
            }
            Fate { brown_out: Some(illness), ..Fate::default() }
        }
    }
}

fn wild(provider: &mut Provider, dice: &mut Dice) {
    let mut at = dice.ms(0..30_000);
    for _ in 0..dice.within(0..4) {
        let from = Time::ZERO + at;
        at += dice.ms(200..25_000);
        let fault = dice.pick(FAULTS).unwrap_or(Fault::Silent);
        let illness = Illness { from, until: Time::ZERO + at, fault, probe: dice.percent(50) };
        provider.illnesses.push(illness);
        at += dice.ms(100..20_000);
    }
}

/// One or two models of each, in order.
fn chain(providers: &[Provider]) -> Vec<Leg> {
    let legs = providers.iter().enumerate().flat_map(|(index, provider)| {
        let models = if index % 2 == 0 { 1 } else { 2 };
        (0..models).map(move |model| Leg {
            provider: ProviderId(index),
            model: Arc::from(format!("m{model}")),
            name: Arc::from(format!("p{index}/m{model}")),
            dialect: Dialect::Chat,
            local: provider.local,
            caller_owned: false,
            credentials: provider.credentials,
            only: None,
            thinking: false,
            crossed: false,
            prefill: index % 2 == 1,
            watched: false,
            codes: &[],
            deadlines: Deadlines::default(),
        })
    });
    legs.collect()
}

fn asks(chain: &[Leg], kind: Kind, loaded: bool, dice: &mut Dice) -> Vec<Ask> {
    let per_second = match kind {
        // Enough for a 99th percentile.
        Kind::BrownOut => dice.within(20..26),
        Kind::Wild | Kind::Blackout | Kind::Outage if loaded => dice.within(8..14),
        Kind::Wild | Kind::Blackout | Kind::Outage => dice.within(1..6),
    };
    let seconds = if kind == Kind::Wild { 50 } else { 70 };
    let count = per_second * seconds;
    let mut asks: Vec<Ask> = (0..count)
        .map(|_| {
            let mut legs = chain.to_vec();
            if kind == Kind::Wild && dice.percent(30) {
                dice.shuffle(&mut legs);
                legs.truncate(usize::try_from(dice.within(1..5)).unwrap_or(1));
            }
            let shape = if dice.percent(85) { Shape::Stream } else { Shape::Whole };
            // Most whole answers are watched, as they are shipped.
            let watched = shape == Shape::Whole && dice.percent(70);
            for leg in &mut legs {
                leg.watched = watched;
            }
            let leaves = dice.percent(4).then(|| dice.ms(0..15_000));
            let attempts = if dice.percent(30) { dice.within(1..6) } else { 8 };
            let attempts = u32::try_from(attempts).unwrap_or(8);
            let at = Time::ZERO + dice.ms(0..seconds * 1000);
            let continues = dice.percent(80);
            // Who shows nothing does not tell how fast it is.
            let quiet = if kind == Kind::BrownOut { 0 } else { 20 };
            let story = Story::draw(quiet, dice);
            Ask { at, shape, legs, attempts, leaves, continues, story, seed: dice.seed() }
        })
        .collect();
    asks.sort_by_key(|ask| ask.at);
    asks
}
