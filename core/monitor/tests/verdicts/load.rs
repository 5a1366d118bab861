//! Reads scenarios: evidence written as differences to a base, and the right verdict beside it.
//!
//! A base says `like` another one and goes on from there. Of what a scenario or a base goes on from,
//! `without` is taken away first; then its own keys are laid over it: tables merge, all else replaces.
//!
//! **Invariant:** nothing that is written is passed over: unknown keys, and a `without` that takes
//! nothing away, are errors that name their scenario.

use ir::Evidence;
use monitor::Cause;
use serde::Deserialize;
use std::fmt;
use toml::{Table, Value};

/// A base may be like another one, and that one like a third; more than this is a ring.
const LIKE_MAX: usize = 8;

/// What was measured once, and what it comes to.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// What it is called; no two have the same name.
    pub(crate) name: String,
    /// Where it is from: a fact, or `own`.
    pub(crate) source: String,
    /// What was measured.
    pub(crate) evidence: Evidence,
    /// The right verdict.
    pub(crate) expect: Cause,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: Vec<Written>,
}

/// A scenario as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    source: String,
    base: String,
    expect: String,
    #[serde(default)]
    without: Vec<Path>,
    #[serde(default)]
    but: Table,
}

/// A path of keys, outermost first.
#[derive(Deserialize)]
#[serde(untagged)]
enum Path {
    /// With dots between them.
    Dotted(String),
    /// One by one, for keys that hold dots themselves.
    Keys(Vec<String>),
}

/// Every scenario of a file, in its order.
///
/// # Errors
///
/// What is wrong, and in which scenario.
pub(crate) fn read(bases: &str, scenarios: &str) -> Result<Vec<Scenario>, String> {
    let bases: Table = bases.parse().map_err(|error| format!("the bases: {error}"))?;
    let file: File =
        toml::from_str(scenarios).map_err(|error| format!("the scenarios: {error}"))?;
    file.scenario.into_iter().map(|written| written.read(&bases)).collect()
}

/// A base, with all that it is like.
fn base(bases: &Table, name: &str, depth: usize) -> Result<Table, String> {
    if LIKE_MAX < depth {
        return Err(format!("the base {name:?} is like itself"));
    }
    let mut own = match bases.get(name) {
        Some(Value::Table(own)) => own.clone(),
        Some(_) | None => return Err(format!("there is no base {name:?}")),
    };
    let mut whole = match own.remove("like") {
        Some(Value::String(like)) => base(bases, &like, depth + 1)?,
        Some(other) => {
            return Err(format!("the base {name:?} is like {other:?}, which is no name"));
        }
        None => Table::new(),
    };
    if let Some(without) = own.remove("without") {
        let paths = Vec::<Path>::deserialize(without).map_err(|error| error.to_string())?;
        take_all(&mut whole, paths)?;
    }
    lay(&mut whole, own);
    Ok(whole)
}

fn take_all(from: &mut Table, paths: Vec<Path>) -> Result<(), String> {
    for path in paths {
        let keys = path.into_keys();
        if !take(from, &keys) {
            return Err(format!("`without` names {keys:?}, and there is no such thing"));
        }
    }
    Ok(())
}

/// Takes away what stands at a path; whether there was anything.
fn take(from: &mut Table, keys: &[String]) -> bool {
    match keys {
        [] => false,
        [last] => from.remove(last).is_some(),
        [first, rest @ ..] => match from.get_mut(first) {
            Some(Value::Table(inner)) => take(inner, rest),
            Some(_) | None => false,
        },
    }
}

/// Lays one table over another.
fn lay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => lay(inner, value),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

// === impl Written ===

impl Written {
    fn read(self, bases: &Table) -> Result<Scenario, String> {
        let name = self.name.clone();
        self.build(bases).map_err(|why| format!("{name:?}: {why}"))
    }

    fn build(self, bases: &Table) -> Result<Scenario, String> {
        let mut whole = base(bases, &self.base, 0)?;
        take_all(&mut whole, self.without)?;
        lay(&mut whole, self.but);
        let evidence =
            Evidence::deserialize(Value::Table(whole)).map_err(|error| error.to_string())?;
        let expect = Cause::ALL.into_iter().find(|cause| cause.word() == self.expect);
        let expect = expect.ok_or_else(|| format!("{:?} is no cause", self.expect))?;
        Ok(Scenario { name: self.name, source: self.source, evidence, expect })
    }
}

// === impl Path ===

impl Path {
    fn into_keys(self) -> Vec<String> {
        match self {
            Self::Dotted(dotted) => dotted.split('.').map(str::to_owned).collect(),
            Self::Keys(keys) => keys,
        }
    }
}

// === impl Scenario ===

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, source, evidence, expect } = self;
        write!(f, "{name} [{}; {source}]: {expect}", evidence.provider)
    }
}
