//! A strict reader of the text format: what a scraper might forgive fails here.

use std::collections::{BTreeMap, BTreeSet};

/// Labels in the order of their names.
type Labels = BTreeMap<String, String>;

/// A page that was read.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// By name and labels.
    samples: BTreeMap<(String, Labels), String>,
}

/// A family under way.
#[derive(Debug)]
struct Family {
    name: String,
    measure: String,
}

// === impl Page ===

impl Page {
    /// Reads a page; panics where a line is not what the format says.
    #[track_caller]
    pub(super) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends too");
        let mut page = Self::default();
        let mut known = BTreeSet::new();
        let mut family: Option<Family> = None;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, _) = help.split_once(' ').expect("a name and its help");
                let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
                let (same, measure) = kind.and_then(|it| it.split_once(' ')).expect("a type");
                assert_eq!(same, name, "the type is that of the family");
                assert!(["counter", "gauge", "histogram"].contains(&measure), "{line}");
                assert!(is_name(name, true) && known.insert(name.to_owned()), "{name} twice");
                assert_eq!(measure == "counter", name.ends_with("_total"), "{name}");
                family = Some(Family { name: name.to_owned(), measure: measure.to_owned() });
                continue;
            }
            assert!(!line.starts_with('#'), "{line}");
            let family = family.as_ref().expect("a sample of some family");
            let (name, labels, value) = sample(line);
            assert!(family.owns(&name), "{name} does not belong to {}", family.name);
            let number: f64 = value.parse().expect("a number");
            assert!(0.0 <= number && number.is_finite(), "{line}");
            let again = page.samples.insert((name, labels), value);
            assert!(again.is_none(), "twice: {line}");
        }
        page.check_histograms();
        page
    }

    /// The sum of a name's samples with these labels among theirs.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let has = |of: &Labels| {
            labels.iter().all(|(label, value)| of.get(*label).is_some_and(|it| it == value))
        };
        let samples = self.samples.iter().filter(|((it, of), _)| it == name && has(of));
        samples.map(|(_, value)| value.parse::<u64>().expect("a whole number")).sum()
    }

    /// How many series a name has.
    pub(super) fn count(&self, name: &str) -> usize {
        self.samples.keys().filter(|(it, _)| it == name).count()
    }

    /// How many series there are.
    pub(super) fn series(&self) -> usize {
        self.samples.len()
    }

    /// Buckets grow up to `+Inf`, which is the count, and there is a sum.
    #[track_caller]
    fn check_histograms(&self) {
        let mut buckets: BTreeMap<(String, Labels), Vec<(f64, u64)>> = BTreeMap::new();
        for ((name, labels), value) in &self.samples {
            let Some(name) = name.strip_suffix("_bucket") else { continue };
            let mut labels = labels.clone();
            let bound = labels.remove("le").expect("a bound");
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("one") };
            let of = buckets.entry((name.to_owned(), labels)).or_default();
            of.push((bound, value.parse().expect("a count")));
        }
        for ((name, labels), mut bounds) in buckets {
            bounds.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(bounds.is_sorted_by_key(|(_, count)| *count), "{name} {labels:?}");
            let (last, count) = bounds[bounds.len() - 1];
            let told = self.samples[&(format!("{name}_count"), labels.clone())].parse();
            assert_eq!((last, Ok(count)), (f64::INFINITY, told), "{name} {labels:?}");
            assert!(self.samples.contains_key(&(format!("{name}_sum"), labels)), "{name}");
        }
    }
}

// === impl Family ===

impl Family {
    fn owns(&self, name: &str) -> bool {
        match name.strip_prefix(self.name.as_str()) {
            Some("_bucket" | "_sum" | "_count") => self.measure == "histogram",
            Some("") => self.measure != "histogram",
            Some(_) | None => false,
        }
    }
}

/// Name, labels and value of a line.
#[track_caller]
fn sample(line: &str) -> (String, Labels, String) {
    let end = line.find(['{', ' ']).expect("an end of the name");
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name, true), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, value) = rest.split_once("=\"").expect("a label");
            assert!(is_name(label, false), "{line}");
            let (value, after) = quoted(value);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{label} twice: {line}");
            if let Some(after) = after.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = after.strip_prefix(',').expect("another label");
        }
    }
    let value = rest.strip_prefix(' ').expect("one space");
    assert!(value.chars().all(|c| c.is_ascii_digit() || c == '.'), "{line}");
    (name.to_owned(), labels, value.to_owned())
}

/// The text up to the closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some(c @ ('\\' | '"')) => value.push(c),
                other => panic!("not an escape: {other:?}"),
            },
            c => value.push(c),
        }
    }
    panic!("an open quote: {text}")
}

fn is_name(name: &str, colon: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}
