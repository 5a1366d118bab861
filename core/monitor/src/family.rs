//! Families of counters and of histograms, by the values of their labels.
//!
//! **Invariant:** a family has at most [`FAMILY_MAX`] series with names of their own; beyond, a new
//! one is counted under names that stand for all others.

use crate::names::{Names, Place};
use crate::page::{Measure, Page, Seconds};
use std::collections::BTreeMap;

/// Series of one family with names of their own.
pub(crate) const FAMILY_MAX: usize = 2048;

/// Upper bounds of a histogram, in ms. One more holds what is longer.
const BOUNDS_MS: [u64; 14] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000,
    600_000,
];

/// What a label says.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Value {
    /// A word of ours.
    Word(&'static str),
    /// A name from outside, of this kind.
    Name(Kind, Place),
}

/// Kinds of names.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Target,
    Model,
    Key,
    Field,
}

/// The names of every kind.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    targets: Names,
    models: Names,
    keys: Names,
    fields: Names,
}

/// What a family is called, and what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Title {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
}

/// Counters that differ in `N` labels.
#[derive(Debug)]
pub(crate) struct Counters<const N: usize> {
    title: Title,
    labels: [&'static str; N],
    series: BTreeMap<[Value; N], u64>,
}

/// Histograms of times that differ in one label.
#[derive(Debug)]
pub(crate) struct Histograms {
    title: Title,
    label: &'static str,
    series: BTreeMap<Value, Histogram>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Histogram {
    /// How many fell into each bound and into none.
    counts: [u64; BOUNDS_MS.len() + 1],
    sum_ms: u64,
}

// === impl Registry ===

impl Registry {
    /// A name as the value of a label; `vouched` where something was answered under it.
    pub(crate) fn value(&mut self, kind: Kind, name: &str, vouched: bool) -> Value {
        let names = match kind {
            Kind::Target => &mut self.targets,
            Kind::Model => &mut self.models,
            Kind::Key => &mut self.keys,
            Kind::Field => &mut self.fields,
        };
        Value::Name(kind, names.place(name, vouched))
    }

    /// The names of a kind that have a place of their own.
    pub(crate) fn names(&self, kind: Kind) -> &Names {
        match kind {
            Kind::Target => &self.targets,
            Kind::Model => &self.models,
            Kind::Key => &self.keys,
            Kind::Field => &self.fields,
        }
    }

    fn text(&self, value: Value) -> &str {
        match value {
            Value::Word(word) => word,
            Value::Name(kind, place) => self.names(kind).text(place),
        }
    }
}

// === impl Value ===

impl Value {
    /// The same, where it is one of too many.
    fn folded(self) -> Self {
        match self {
            Self::Word(_) => self,
            Self::Name(kind, _) => Self::Name(kind, Place::OTHER),
        }
    }
}

// === impl Counters ===

impl<const N: usize> Counters<N> {
    pub(crate) fn new(name: &'static str, labels: [&'static str; N], help: &'static str) -> Self {
        Self { title: Title { name, help }, labels, series: BTreeMap::new() }
    }

    /// Counts one.
    pub(crate) fn count(&mut self, values: [Value; N]) {
        self.add(values, 1);
    }

    /// Counts several.
    pub(crate) fn add(&mut self, values: [Value; N], several: u64) {
        let full = FAMILY_MAX <= self.series.len() && !self.series.contains_key(&values);
        let values = if full { values.map(Value::folded) } else { values };
        let count = self.series.entry(values).or_default();
        *count = count.saturating_add(several);
    }

    pub(crate) fn render(&self, registry: &Registry, page: &mut Page) {
        page.family(self.title.name, Measure::Counter, self.title.help);
        for (values, count) in &self.series {
            let labels: Vec<(&str, &str)> = self
                .labels
                .iter()
                .zip(values)
                .map(|(label, value)| (*label, registry.text(*value)))
                .collect();
            page.sample(self.title.name, &labels, count);
        }
    }
}

// === impl Histograms ===

impl Histograms {
    pub(crate) fn new(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self { title: Title { name, help }, label, series: BTreeMap::new() }
    }

    /// Notes a time.
    pub(crate) fn note(&mut self, value: Value, ms: u64) {
        let histogram = self.series.entry(value).or_default();
        let place = BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS_MS.len());
        if let Some(count) = histogram.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        histogram.sum_ms = histogram.sum_ms.saturating_add(ms);
    }

    pub(crate) fn render(&self, registry: &Registry, page: &mut Page) {
        let Title { name, help } = self.title;
        page.family(name, Measure::Histogram, help);
        for (value, histogram) in &self.series {
            let own = (self.label, registry.text(*value));
            let bounds = BOUNDS_MS.iter().map(|bound| Seconds(*bound).to_string());
            let mut count: u64 = 0;
            for (bound, more) in bounds.chain(["+Inf".to_owned()]).zip(histogram.counts) {
                count = count.saturating_add(more);
                page.sample(&format!("{name}_bucket"), &[own, ("le", &bound)], count);
            }
            page.sample(&format!("{name}_sum"), &[own], Seconds(histogram.sum_ms));
            page.sample(&format!("{name}_count"), &[own], count);
        }
    }
}
