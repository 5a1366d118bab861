//! From words to a level: the only place where a page becomes well.
//!
//! Readers of formats add what a page says of each thing that is used here; `Reading::page` sums it up.
//! What is unwell counts although something else is unknown, because it can only be worse; what is well
//! counts only if nothing is unknown.
//!
//! **Invariant:** `Positive` has two makers, both here: a word of the format's own list that means well,
//! and a log of a proven format in which nothing is open. `Level::Operational` is made of nothing else.

use std::collections::BTreeSet;

use ir::evidence::{Incident, Level, Page};

use super::foreign;
use super::moment;
use super::pages::Selection;
use super::why::Why;

/// How many incidents and names are kept.
pub(super) const KEPT: usize = 16;

/// Something was said to be well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positive(());

/// How unwell something is said to be.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Unwell {
    Maintenance,
    Degraded,
    Partial,
    Major,
}

/// What a page says of one thing.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Well(Positive),
    Unwell(Unwell),
    /// It is not watched, or was not spoken of.
    Nothing,
    /// In a word that is not known.
    Odd(String),
}

/// The words of one format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub(super) well: &'static [&'static str],
    pub(super) nothing: &'static [&'static str],
    pub(super) unwell: &'static [(&'static str, Unwell)],
}

/// A component of a page.
#[derive(Clone, Debug)]
pub(super) struct Part<'v> {
    pub(super) id: &'v str,
    pub(super) name: &'v str,
    pub(super) said: Said,
}

/// Whom an incident is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum About {
    /// What is used here.
    Ours,
    /// Something else.
    Others,
    /// The page does not say.
    Unsaid,
}

/// An incident that is open.
#[derive(Clone, Debug)]
pub(super) struct Open<'v> {
    pub(super) id: String,
    pub(super) title: &'v str,
    /// How bad it is called.
    pub(super) said: Said,
    pub(super) since: Option<u64>,
    pub(super) told: Option<u64>,
    pub(super) about: About,
    /// It may raise the level: no remedy is being watched, and no component speaks for it.
    pub(super) counts: bool,
}

/// What a document says, in the making.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The page's own sentence.
    says: String,
    /// Its newest change.
    updated: Option<u64>,
    /// It speaks of the page as a whole.
    pub(super) whole: bool,
    well: Option<Positive>,
    worst: Option<Unwell>,
    odd: Option<Why>,
    affected: Vec<String>,
    incidents: Vec<Incident>,
    seen: BTreeSet<String>,
}

// === impl Positive ===

impl Positive {
    /// Nothing is open in a document of which is proven that it is a log of this format; `mark` is what
    /// proves it.
    pub(super) fn nothing_open(mark: Proven) -> Self {
        let Proven(()) = mark;
        Self(())
    }
}

/// What proves that a document is a log of its format, and not something else that happens to be empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proven(());

// === impl Proven ===

impl Proven {
    /// By marks that only this format has, all of which must be there.
    pub(super) fn by(marks: &[bool]) -> Option<Self> {
        (!marks.is_empty() && marks.iter().all(|there| *there)).then_some(Self(()))
    }
}

// === impl Words ===

impl Words {
    /// What a word means; the absence of one means nothing that is known.
    pub(super) fn hear(&self, word: Option<&str>) -> Said {
        let Some(word) = word else { return Said::Odd(String::new()) };
        if self.well.contains(&word) {
            return Said::Well(Positive(()));
        }
        if self.nothing.contains(&word) {
            return Said::Nothing;
        }
        match self.level(Some(word)) {
            Some(unwell) => Said::Unwell(unwell),
            None => Said::Odd(foreign::short(word)),
        }
    }

    /// How bad an incident is by a word; one that goes without a word is not nothing.
    pub(super) fn impact(&self, word: Option<&str>) -> Said {
        word.map_or(Said::Unwell(Unwell::Degraded), |word| self.hear(Some(word)))
    }

    /// How unwell something is by a word; absent where it is not, or the word is not known.
    pub(super) fn level(&self, word: Option<&str>) -> Option<Unwell> {
        let word = word?;
        self.unwell.iter().find(|(known, _)| *known == word).map(|(_, unwell)| *unwell)
    }
}

// === impl Said ===

impl Said {
    /// In a word.
    fn word(&self) -> &'static str {
        match self {
            Self::Well(_) => Level::Operational.word(),
            Self::Unwell(unwell) => unwell.level().word(),
            Self::Nothing => "not watched",
            Self::Odd(_) => "unknown",
        }
    }

    /// How unwell, where it is.
    pub(super) fn unwell(&self) -> Option<Unwell> {
        match self {
            Self::Unwell(unwell) => Some(*unwell),
            Self::Well(_) | Self::Nothing | Self::Odd(_) => None,
        }
    }
}

// === impl Unwell ===

impl Unwell {
    fn level(self) -> Level {
        match self {
            Self::Maintenance => Level::Maintenance,
            Self::Degraded => Level::Degraded,
            Self::Partial => Level::Partial,
            Self::Major => Level::Major,
        }
    }
}

// === impl Reading ===

impl Reading {
    /// Nothing yet, of a document that changed then and says this of itself; `whole` where it counts as
    /// a whole.
    pub(super) fn new(updated: Option<u64>, whole: bool, says: &str) -> Self {
        Self { says: says.to_owned(), updated, whole, ..Self::default() }
    }

    /// Something that is used here, or the page as a whole.
    pub(super) fn add(&mut self, what: &str, said: &Said) {
        match said {
            Said::Well(positive) => self.well = Some(*positive),
            Said::Unwell(unwell) => self.worst = self.worst.max(Some(*unwell)),
            Said::Nothing => {}
            Said::Odd(word) => {
                self.doubt(Why::Word { what: foreign::short(what), word: word.clone() });
            }
        }
    }

    /// Something because of which nothing can be said to be well.
    pub(super) fn doubt(&mut self, why: Why) {
        self.odd.get_or_insert(why);
    }

    /// The components: those that are selected, each of which must be there; else all of them, with what
    /// the page says of itself as a whole, where it does. Its sentence about the whole is not about
    /// those that are selected, and so theirs takes its place.
    pub(super) fn parts(
        &mut self,
        parts: &[Part<'_>],
        selection: &Selection,
        whole: Option<&Said>,
    ) -> Result<(), Why> {
        if parts.is_empty() {
            return Err(Why::Bare);
        }
        if selection.components.is_empty() {
            self.whole = true;
            self.roll_up(parts, whole);
            return Ok(());
        }
        let mut says = Vec::new();
        for component in &selection.components {
            let mut there = false;
            for part in parts.iter().filter(|part| part.id == component.id) {
                there = true;
                self.add(part.name, &part.said);
                self.name(part);
                says.push(format!("{}: {}", foreign::short(part.name), part.said.word()));
            }
            if !there {
                self.doubt(Why::Missing(component.name.clone()));
            }
        }
        self.says = says.join(", ");
        Ok(())
    }

    /// All components at once. Without a word for the whole it is down only if all of them are; with one
    /// that says well beside components that are not, it is not quite well.
    fn roll_up(&mut self, parts: &[Part<'_>], whole: Option<&Said>) {
        let (mut worst, mut mildest) = (None, Some(Unwell::Major));
        for part in parts {
            self.name(part);
            match &part.said {
                Said::Well(_) => mildest = None,
                Said::Unwell(unwell) => {
                    worst = worst.max(Some(*unwell));
                    mildest = mildest.min(Some(*unwell));
                }
                Said::Nothing => {}
                Said::Odd(_) => self.add(part.name, &part.said),
            }
        }
        let below = |most: Unwell| worst.map(|worst| Said::Unwell(worst.min(most)));
        match whole {
            Some(Said::Well(well)) => {
                let said = below(Unwell::Degraded).unwrap_or(Said::Well(*well));
                self.add("the page", &said);
            }
            Some(said) => self.add("the page", said),
            None if worst.is_some() => {
                let most =
                    if mildest == Some(Unwell::Major) { Unwell::Major } else { Unwell::Partial };
                self.add("the page", &below(most).unwrap_or(Said::Nothing));
            }
            None => {
                let well = parts.iter().find(|part| matches!(part.said, Said::Well(_)));
                self.add("the page", well.map_or(&Said::Nothing, |part| &part.said));
            }
        }
    }

    /// Keeps the name of what is unwell.
    fn name(&mut self, part: &Part<'_>) {
        if matches!(part.said, Said::Unwell(_)) {
            self.affected(foreign::sentence(part.name));
        }
    }

    /// Something is unwell, by a name that was cleaned.
    pub(super) fn affected(&mut self, name: String) {
        if self.affected.len() < KEPT && !name.is_empty() && !self.affected.contains(&name) {
            self.affected.push(name);
        }
    }

    /// An incident that is open. What is about others is left out, and what has been told counts once.
    /// Beside components it raises the level only if it is about them, or if the page is read as a
    /// whole; a notice never does.
    pub(super) fn open(&mut self, open: &Open<'_>, now: u64) {
        if open.about == About::Others {
            return;
        }
        let notice = foreign::is_notice(open.title);
        let counts = open.counts && (open.about == About::Ours || self.whole);
        if counts
            && !notice
            && let Said::Unwell(_) | Said::Odd(_) = open.said
        {
            self.add("an incident", &open.said);
        }
        let id = foreign::sentence(&open.id);
        if !id.is_empty() && !self.seen.insert(id.clone()) {
            return;
        }
        let since = moment::begun(open.since, now);
        let told = moment::begun(open.told, now);
        self.incidents.push(Incident {
            id,
            title: foreign::sentence(open.title),
            level: open.said.unwell().map(Unwell::level),
            // Nobody tells of it before it began: one of the two is wrong.
            since_unix_ms: since.map(|since| told.map_or(since, |told| since.min(told))),
            told_unix_ms: told,
            notice,
        });
    }

    /// A log whose entries were all looked at: where none of them is open and about what is used here,
    /// that is a positive reading.
    pub(super) fn log(&mut self, mark: Proven) {
        self.add("", &Said::Well(Positive::nothing_open(mark)));
    }

    /// The page, as far as the document tells.
    pub(super) fn page(mut self, now: u64) -> Page {
        self.incidents.sort_by_key(|incident| std::cmp::Reverse(incident.since_unix_ms));
        self.incidents.truncate(KEPT);
        let level = self.level(now);
        let mut says = foreign::sentence(&self.says);
        if self.whole {
            says = foreign::sentence(&format!("(the page as a whole) {says}"));
        }
        let old = matches!(level, Err(Why::Stale(_) | Why::Future));
        Page {
            says,
            affected: if old { Vec::new() } else { self.affected },
            incidents: if old { Vec::new() } else { self.incidents },
            updated_unix_ms: self.updated,
            unknown: level.as_ref().err().map(ToString::to_string),
            level: level.ok(),
            ..Page::default()
        }
    }

    fn level(&self, now: u64) -> Result<Level, Why> {
        moment::judge(self.updated, now)?;
        let notices = !self.incidents.is_empty() && self.incidents.iter().all(|it| it.notice);
        match (self.worst, &self.odd, self.well) {
            // Authors mark components for a notice too; that is no outage, and no word that all is well.
            (Some(Unwell::Maintenance | Unwell::Degraded), _, _) if notices => Err(Why::Notices),
            (Some(worst), _, _) => Ok(worst.level()),
            (None, Some(why), _) => Err(why.clone()),
            (None, None, Some(Positive(()))) => Ok(Level::Operational),
            (None, None, None) => Err(Why::Bare),
        }
    }
}
