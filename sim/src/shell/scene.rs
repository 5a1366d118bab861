//! Drawing worlds: which providers there are, who asks what and when, and what goes wrong.

use super::caller::Ask;
use super::world::{Plan, Site, Trouble};
use crate::dice::Dice;
use drill::provider::{Break, Fault, Flaw, InBand, Kind, Pace, Place, Plain};
use ir::{Dialect, Shape};
use std::fmt::Write as _;
use std::time::Duration;

/// A world, and what is to be known of it to judge what came of it.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) plan: Plan,
    /// What is ordered by the model of each caller; `None` is a good answer.
    pub(super) orders: Vec<Option<Fault>>,
    /// How many words a complete text has, whoever says it.
    pub(super) words: usize,
    /// All providers say the same: what one has begun, any other can go on with. Else each begins with
    /// its name.
    pub(super) alike: bool,
    /// When the gateway is asked to stop.
    pub(super) stops: Option<Duration>,
    /// What ails whom, from when, and until when at the latest.
    pub(super) ills: Vec<Ill>,
}

/// A trouble with its end.
#[derive(Clone, Debug)]
pub(super) struct Ill {
    pub(super) place: usize,
    pub(super) from: Duration,
    pub(super) until: Duration,
    pub(super) kind: IllKind,
}

/// What kind of trouble.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum IllKind {
    /// It answers every request with a fault.
    Fault,
    /// Its machine goes down.
    Crash,
    /// The network between drops everything.
    Partition,
    /// The network between holds everything.
    Hold,
    /// Every connection is reset.
    Sever,
    /// It is far away.
    Distance,
}

/// The providers, in the order of the chain.
const SITES: [Site; 3] =
    [Site { name: "a", says: "a" }, Site { name: "b", says: "b" }, Site { name: "c", says: "c" }];
/// Callers come within this.
const OPEN_FOR_MS: u64 = 30_000;

impl IllKind {
    pub(super) const ALL: [Self; 6] =
        [Self::Fault, Self::Crash, Self::Partition, Self::Hold, Self::Sever, Self::Distance];

    /// Its word in figures.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fault => "faults",
            Self::Crash => "crashes",
            Self::Partition => "partitions",
            Self::Hold => "holds",
            Self::Sever => "resets",
            Self::Distance => "distances",
        }
    }
}

/// Dialects that answer each other.
const FAMILIES: &[&[Dialect]] = &[
    &[Dialect::Chat, Dialect::Messages],
    &[Dialect::Chat, Dialect::Messages],
    &[Dialect::Responses],
];

// === impl Scene ===

impl Scene {
    /// The world of a seed.
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let words = usize::try_from(dice.within(1..60)).unwrap_or(1);
        // Whoever asks can be answered by anybody: nothing crosses to or from Responses.
        let spoken = dice.pick(FAMILIES).unwrap_or_default();
        let speaks = SITES.map(|site| (site, one_of(spoken, &mut dice)));
        let pace = dice.within(0..120);
        let good = format!("+tokens-{words}+every-{pace}ms");
        let mut ills = Vec::new();
        for place in 0..SITES.len() {
            if dice.percent(55) {
                ills.push(ill(place, &mut dice));
            }
        }
        let mut asks = Vec::new();
        let mut orders = Vec::new();
        let first = speaks.first().map_or(Dialect::Chat, |(_, dialect)| *dialect);
        for _ in 0..dice.within(12..48) {
            let order = order(first, &mut dice);
            asks.push(asks_for(order.as_ref(), spoken, &good, &mut dice));
            orders.push(order);
        }
        let troubles = ills.iter().flat_map(|ill: &Ill| ill.troubles(&mut dice));
        let mut troubles: Vec<(Duration, Trouble)> = troubles.collect();
        let stops = dice.percent(20).then(|| dice.ms(3_000..OPEN_FOR_MS));
        troubles.extend(stops.map(|at| (at, Trouble::Stops)));
        let toml = toml(&speaks, &good);
        let alike = dice.percent(50);
        let sites = SITES.map(|site| Site { says: if alike { "" } else { site.says }, ..site });
        let plan = Plan { seed, toml, sites: sites.to_vec(), asks, troubles };
        Self { plan, orders, words, alike, stops, ills }
    }
}

/// Two or three providers and a chain, and nothing else: as it is shipped.
fn toml(speaks: &[(Site, Dialect)], good: &str) -> String {
    let mut toml = String::new();
    for (Site { name, .. }, dialect) in speaks {
        let dialect = dialect.name();
        // Writing to a string does not fail.
        let _written = write!(
            toml,
            "[providers.{name}]\ndialect = \"{dialect}\"\nbase_url = \"http://{name}.world/v1\"\n\
             api_key = \"env:KEY_{name}\"\n"
        );
    }
    toml + &format!("[models.\"*\"]\nchain = [\"a/*\", \"b/ok{good}\", \"c/ok{good}\"]\n")
}

fn one_of(spoken: &[Dialect], dice: &mut Dice) -> Dialect {
    dice.pick(spoken).unwrap_or(Dialect::Chat)
}

fn asks_for(order: Option<&Fault>, spoken: &[Dialect], good: &str, dice: &mut Dice) -> Ask {
    let dish = ["", "", "", "+thinking", "+tools", "+tools-2+text", "+unicode"];
    let dish = dice.pick(&dish).unwrap_or_default();
    let base = order.map_or_else(|| "ok".to_owned(), Fault::name);
    let shape = dice.pick(&Shape::ALL).unwrap_or(Shape::Stream);
    Ask {
        at: dice.ms(0..OPEN_FOR_MS),
        dialect: one_of(spoken, dice),
        shape,
        model: format!("{base}{dish}{good}"),
        leaves: dice.percent(8).then(|| dice.ms(200..9_000)),
    }
}

/// What is ordered of the first provider.
fn order(dialect: Dialect, dice: &mut Dice) -> Option<Fault> {
    if dice.percent(50) {
        return None;
    }
    if dice.percent(15) {
        return Some(Fault::Slow(Pace::First, dice.ms(1_000..30_000)));
    }
    let menu: Vec<Fault> = Fault::menu().into_iter().filter(|it| is_fit(it, dialect)).collect();
    let place = dice.within(0..u64::try_from(menu.len()).unwrap_or(1));
    usize::try_from(place).ok().and_then(|place| menu.get(place)).cloned()
}

/// Whether a fault means what it says, and costs no more than it shows: answers of megabytes are for
/// real sockets.
fn is_fit(fault: &Fault, dialect: Dialect) -> bool {
    let large = [Fault::Flaw(Flaw::EndlessLine), Fault::Plain(Plain::HugeHead)].contains(fault);
    !large && fault.kind() != Kind::BigAnswer && fault.applies_to(dialect, Shape::Stream)
}

fn ill(place: usize, dice: &mut Dice) -> Ill {
    let from = dice.ms(0..OPEN_FOR_MS);
    let kind = dice.pick(&IllKind::ALL).unwrap_or(IllKind::Fault);
    Ill { place, from, until: from + dice.ms(500..25_000), kind }
}

// === impl Ill ===

impl Ill {
    fn troubles(&self, dice: &mut Dice) -> Vec<(Duration, Trouble)> {
        let Self { place, from, until, kind } = self.clone();
        match kind {
            IllKind::Fault => {
                vec![(from, Trouble::Ails(place, ails(dice))), (until, Trouble::Recovers(place))]
            }
            IllKind::Crash => {
                vec![(from, Trouble::Crashes(place)), (until, Trouble::Returns(place))]
            }
            IllKind::Partition => {
                vec![(from, Trouble::Parts(place)), (until, Trouble::Joins(place))]
            }
            IllKind::Hold => vec![(from, Trouble::Holds(place)), (until, Trouble::Releases(place))],
            IllKind::Sever => vec![(from, Trouble::Severs(place))],
            IllKind::Distance => {
                let far = dice.ms(50..900);
                let near = Duration::from_millis(5);
                vec![(from, Trouble::Moves(place, far)), (until, Trouble::Moves(place, near))]
            }
        }
    }
}

/// How a provider fails altogether.
fn ails(dice: &mut Dice) -> Fault {
    let after = usize::try_from(dice.within(0..20)).unwrap_or(0);
    let all = [
        Fault::Status(500, None),
        Fault::Status(503, None),
        Fault::Status(429, None),
        Fault::Html(502),
        Fault::Plain(Plain::Overloaded),
        Fault::Plain(Plain::ResetBeforeHead),
        Fault::Plain(Plain::HangBeforeHead),
        Fault::Plain(Plain::Silent200),
        Fault::Break(Break::Stall, Place::After(after)),
        Fault::Break(Break::Cut, Place::After(after)),
        Fault::Error(InBand::Overloaded, drill::provider::ErrorPlace::After(after)),
    ];
    let place = dice.within(0..u64::try_from(all.len()).unwrap_or(1));
    let found = usize::try_from(place).ok().and_then(|place| all.get(place));
    found.cloned().unwrap_or(Fault::Status(503, None))
}
