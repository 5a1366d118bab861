//! Text → raw: every value has the type and the range that [`schema`](crate::schema) asks for, and
//! remembers where it stood. What it means is for [`assemble`](crate::assemble).

mod value;

use crate::near;
use crate::problem::Findings;
use crate::schema::{Kind, Scope};
use std::collections::BTreeMap;
use std::time::Duration;
use toml_span::Value;
use toml_span::value::{Key, Table};

/// A file whose keys are known and whose values have the right type.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) server: Section,
    pub(crate) console: Section,
    pub(crate) deadlines: Section,
    pub(crate) retry: Section,
    pub(crate) breaker: Section,
    pub(crate) upstream: Section,
    pub(crate) watch: Section,
    pub(crate) telemetry: Section,
    /// In the order of the file, like the next two.
    pub(crate) keys: Vec<Named>,
    pub(crate) providers: Vec<Named>,
    pub(crate) models: Vec<Named>,
}

/// A section that has a name of its own.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) section: Section,
}

/// The values of one section.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// Where it is named.
    pub(crate) at: usize,
    /// Its dotted name, as problems show it.
    pub(crate) path: String,
    values: BTreeMap<&'static str, Spot>,
    /// Keys whose value was reported.
    refused: Vec<&'static str>,
    /// It is none of ours: not a table, or a name that was cut at a dot.
    misnamed: bool,
    /// Its own deadlines.
    pub(crate) deadlines: Option<Box<Section>>,
}

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Spot {
    pub(crate) at: usize,
    pub(crate) given: Given,
}

/// A value of a known type.
#[derive(Debug)]
pub(crate) enum Given {
    Text(String),
    Texts(Vec<(usize, String)>),
    Word(&'static str),
    Flag(bool),
    Time(Duration),
    Size(u64),
    Count(u32),
    Number(f64),
}

/// Reads a document.
pub(crate) fn read(document: &Value<'_>, findings: &mut Findings<'_>) -> Raw {
    let mut raw = Raw::default();
    let Some(root) = document.as_table() else { return raw };
    for (key, value) in in_order(root) {
        let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.name() == key.name) else {
            unknown_section(key, findings);
            continue;
        };
        match scope {
            Scope::Server => raw.server = section(scope, key, value, findings),
            Scope::Console => raw.console = section(scope, key, value, findings),
            Scope::Deadlines => raw.deadlines = section(scope, key, value, findings),
            Scope::Retry => raw.retry = section(scope, key, value, findings),
            Scope::Breaker => raw.breaker = section(scope, key, value, findings),
            Scope::Upstream => raw.upstream = section(scope, key, value, findings),
            Scope::Watch => raw.watch = section(scope, key, value, findings),
            Scope::Telemetry => raw.telemetry = section(scope, key, value, findings),
            Scope::Key => raw.keys = named(scope, key, value, findings),
            Scope::Provider => raw.providers = named(scope, key, value, findings),
            Scope::Model => raw.models = named(scope, key, value, findings),
        }
    }
    raw
}

/// `part` below `path`, quoted where TOML would need it.
pub(crate) fn join(path: &str, part: &str) -> String {
    let bare = !part.is_empty()
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let part = if bare { part.to_owned() } else { format!("\"{}\"", part.escape_debug()) };
    if path.is_empty() { part } else { format!("{path}.{part}") }
}

/// The entries of a table in the order of the file.
fn in_order<'a, 'de>(table: &'a Table<'de>) -> Vec<(&'a Key<'de>, &'a Value<'de>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    entries
}

fn unknown_section(key: &Key<'_>, findings: &mut Findings<'_>) {
    let path = join("", &key.name);
    let names = Scope::ALL.map(Scope::name);
    let hint = near::did_you_mean(&key.name, &names);
    findings.problem(key.span.start, path, "unknown section", hint);
}

fn named(
    scope: Scope,
    key: &Key<'_>,
    value: &Value<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Named> {
    let Some(table) = value.as_table() else {
        let hint = format!("write {}", scope.header());
        findings.problem(value.span.start, scope.name(), "expected a section", hint);
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, value) in in_order(table) {
        if value.as_table().is_none()
            && let Some(spec) = scope.keys().find(|spec| spec.name == name.name)
        {
            let hint = format!("\"{}\" belongs below {}", spec.name, scope.header());
            let path = join(key.name.as_ref(), &name.name);
            findings.problem(name.span.start, path, "stands outside a named section", hint);
            continue;
        }
        let path = join(&key.name, &name.name);
        let section = keys_of(scope, path, name.span.start, value, findings);
        if section.misnamed {
            // What refers to it would be a fault only because of this one.
            findings.damage();
        } else {
            all.push(Named { name: name.name.to_string(), section });
        }
    }
    all
}

fn section(scope: Scope, key: &Key<'_>, value: &Value<'_>, findings: &mut Findings<'_>) -> Section {
    keys_of(scope, key.name.to_string(), key.span.start, value, findings)
}

fn keys_of(
    scope: Scope,
    path: String,
    at: usize,
    value: &Value<'_>,
    findings: &mut Findings<'_>,
) -> Section {
    let mut section = Section { at, path, ..Section::default() };
    let Some(table) = value.as_table() else {
        let hint = format!("write {}", scope.header());
        findings.problem(value.span.start, section.path.clone(), "expected a section", hint);
        section.misnamed = true;
        return section;
    };
    for (key, value) in in_order(table) {
        let path = join(&section.path, &key.name);
        let Some(spec) = scope.keys().find(|spec| spec.name == key.name) else {
            section.misnamed |= unknown_key(scope, &section.path, key, value, findings);
            continue;
        };
        if let Kind::Deadlines = spec.kind {
            let deadlines = keys_of(Scope::Deadlines, path, key.span.start, value, findings);
            section.deadlines = Some(Box::new(deadlines));
        } else if let Some(given) = value::read(&spec.kind, &path, value, findings) {
            section.values.insert(spec.name, Spot { at: value.span.start, given });
        } else {
            section.refused.push(spec.name);
        }
    }
    section
}

/// Reports a key that is not in the table; `true` where it is the rest of a name with a dot, as in
/// `[models.gpt-5.4]`.
fn unknown_key(
    scope: Scope,
    section: &str,
    key: &Key<'_>,
    value: &Value<'_>,
    findings: &mut Findings<'_>,
) -> bool {
    let path = join(section, &key.name);
    let cut = scope.placeholder().is_some() && value.as_table().is_some();
    let start = section.split_once('.').map(|(_, name)| name.trim_matches('"'));
    let hint = match start {
        Some(start) if cut => {
            format!("names with dots need quotes: [{}.\"{start}.{}\"]", scope.name(), key.name)
        }
        Some(_) | None => {
            let names: Vec<&str> = scope.keys().map(|spec| spec.name).collect();
            near::did_you_mean(&key.name, &names)
        }
    };
    findings.problem(key.span.start, path, "unknown key", hint);
    cut
}

// === impl Section ===

impl Section {
    /// The dotted name of a key in it.
    pub(crate) fn key(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Where the value of a key stands; the section's own place where it is not given.
    pub(crate) fn at(&self, name: &str) -> usize {
        self.values.get(name).map_or(self.at, |spot| spot.at)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether a key is there with a value that was reported: nothing more to say about it.
    pub(crate) fn refused(&self, name: &str) -> bool {
        self.refused.contains(&name)
    }

    /// A string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let Given::Text(text) = self.given(name)? else { return None };
        Some(text)
    }

    /// One or several strings, each with its place.
    pub(crate) fn texts(&self, name: &str) -> Option<&[(usize, String)]> {
        let Given::Texts(texts) = self.given(name)? else { return None };
        Some(texts)
    }

    /// One of the words of its kind.
    pub(crate) fn word(&self, name: &str) -> Option<&'static str> {
        let Given::Word(word) = self.given(name)? else { return None };
        Some(word)
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let Given::Flag(flag) = self.given(name)? else { return None };
        Some(*flag)
    }

    pub(crate) fn time(&self, name: &str) -> Option<Duration> {
        let Given::Time(time) = self.given(name)? else { return None };
        Some(*time)
    }

    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        let Given::Size(size) = self.given(name)? else { return None };
        Some(*size)
    }

    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        let Given::Count(count) = self.given(name)? else { return None };
        Some(*count)
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        let Given::Number(number) = self.given(name)? else { return None };
        Some(*number)
    }

    fn given(&self, name: &str) -> Option<&Given> {
        self.values.get(name).map(|spot| &spot.given)
    }
}
