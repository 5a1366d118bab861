//! One target: what an attempt on it yields, and what becomes of a caller that asks it directly.

use super::outages::Outage;
use crate::dice::Dice;
use crate::provider::{Call, Fault, Provider, Yield};
use crate::story::{Labels, Manner, Says};
use ir::{Block, BlockKind, Event, Events, Finish, Frame, Piece, Time};
use policy::Input;
use std::time::Duration;

/// A target and its outages.
#[derive(Debug)]
pub(super) struct Target {
    provider: Provider,
    outages: Vec<Outage>,
}

/// A healthy answer, or a slow one.
#[derive(Clone, Copy, Debug)]
struct Answer {
    first: Duration,
    lasts: Duration,
}

/// Until a caller gives up that has seen nothing.
pub(super) const CALLER_WAITS: Duration = Duration::from_mins(1);
/// From the first content to the end.
const TEXT_MS: std::ops::Range<u64> = 2000..6000;
/// To the first content of a target that is slow beyond use.
const SLOW_MS: std::ops::Range<u64> = 5000..100_000;

// === impl Target ===

impl Target {
    pub(super) fn new(outages: Vec<Outage>, dice: &mut Dice) -> Self {
        let provider = Provider {
            local: false,
            credentials: 1,
            first: dice.ms(300..600),
            spread: dice.ms(200..800),
            gap: dice.ms(10..60),
            manner: Manner::Obeys,
            refuses: false,
            garbles: 0,
            illnesses: Vec::new(),
        };
        Self { provider, outages }
    }

    pub(super) fn outages(&self) -> &[Outage] {
        &self.outages
    }

    /// The outage that is under way. Outages of its own and those for all may overlap.
    pub(super) fn outage(&self, now: Time) -> Option<&Outage> {
        let begun = self.outages.partition_point(|outage| outage.from <= now);
        let begun = self.outages.get(..begun).unwrap_or_default();
        begun.iter().rev().take(2).find(|outage| now < outage.until)
    }

    /// What an attempt that begins now yields.
    pub(super) fn call(&self, now: Time, call: Call<'_>, dice: &mut Dice) -> Yield {
        let met = self.outage(now).filter(|outage| dice.percent(outage.percent));
        match met.map(|outage| outage.fault) {
            None => self.answers(now, (call, self.drawn(dice)), dice),
            Some(Fault::Slow) => {
                let answer = Answer { first: dice.ms(SLOW_MS), ..self.drawn(dice) };
                said(call, answer, None, dice)
            }
            Some(fault) => self.provider.yields(Some(fault), call, dice),
        }
    }

    fn drawn(&self, dice: &mut Dice) -> Answer {
        let spread = u64::try_from(self.provider.spread.as_millis()).unwrap_or(u64::MAX);
        Answer { first: self.provider.first + dice.ms(0..spread), lasts: dice.ms(TEXT_MS) }
    }

    /// An answer that is well, unless an outage begins before its end.
    fn answers(&self, now: Time, (call, answer): (Call<'_>, Answer), dice: &mut Dice) -> Yield {
        let caught = self.caught(now, answer, dice);
        said(call, answer, caught, dice)
    }

    /// After how long an outage catches it.
    fn caught(&self, now: Time, answer: Answer, dice: &mut Dice) -> Option<Duration> {
        let next = self.outages.partition_point(|outage| outage.from <= now);
        let next = self.outages.get(next)?;
        let after = next.from.since(now);
        let during = after < answer.first + answer.lasts && next.fault != Fault::Slow;
        (during && dice.percent(next.percent)).then_some(after)
    }

    /// Whether a caller that asks it directly gets its answer.
    pub(super) fn serves(&self, now: Time, dice: &mut Dice) -> bool {
        match self.outage(now).filter(|outage| dice.percent(outage.percent)) {
            None => self.caught(now, self.drawn(dice), dice).is_none(),
            Some(outage) if outage.fault == Fault::Slow => dice.ms(SLOW_MS) <= CALLER_WAITS,
            Some(_) => false,
        }
    }

    /// Whether a free probe finds it.
    pub(super) fn is_found(&self, now: Time) -> bool {
        self.outage(now).is_none_or(|outage| outage.probe && !outage.fault.unreached())
    }
}

/// One half at the first content, the other at the end, and nothing more once it is caught.
fn said(call: Call<'_>, answer: Answer, caught: Option<Duration>, dice: &mut Dice) -> Yield {
    let block = Block { kind: BlockKind::Text, index: 0 };
    let Says { text, .. } = call.story.says(call.going, Manner::Obeys, dice);
    let (half, rest) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let delta = |text: &str| Event::Delta(block, Piece::Text(text.into()));
    let mut labels = Labels::default();
    let mut frame = |events: &[Event]| {
        let bytes = labels.frame(call, events);
        Input::Frame(Frame { bytes, events: Events::from(events) })
    };
    let begins = frame(&[Event::Open(block, None), delta(half)]);
    let ends = [delta(rest), Event::Close(block), Event::Finish(Finish::Stop, None), Event::End];
    let mut news = vec![(answer.first, begins), (answer.first + answer.lasts, frame(&ends))];
    if let Some(at) = caught {
        news.retain(|(after, _)| *after <= at);
        news.push((at, Input::Eof { clean: false }));
    }
    news
}
