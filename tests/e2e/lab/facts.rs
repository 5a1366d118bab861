//! Reads `facts.txt`, and holds evidence against it.

use serde_json::Value;

/// What must be found in one situation.
#[derive(Debug)]
pub(super) struct Facts {
    /// The situation's name.
    pub(super) name: &'static str,
    facts: Vec<Fact>,
}

/// One line.
#[derive(Debug)]
struct Fact {
    line: &'static str,
    path: Vec<&'static str>,
    is: Is,
}

/// What stands there.
#[derive(Debug)]
enum Is {
    Equal(Value),
    Other(Value),
    Holds(&'static str),
    Below(f64),
    Above(f64),
}

/// All blocks, in order.
pub(super) fn all() -> Vec<Facts> {
    let mut all: Vec<Facts> = Vec::new();
    for line in include_str!("facts.txt").lines() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(fact) = line.strip_prefix("  ") {
            all.last_mut().expect("a name before the first fact").facts.push(Fact::read(fact));
        } else {
            all.push(Facts { name: line, facts: Vec::new() });
        }
    }
    all
}

// === impl Facts ===

impl Facts {
    /// Those that do not hold.
    pub(super) fn missing(&self, evidence: &Value) -> Vec<String> {
        let mut missing = Vec::new();
        for fact in &self.facts {
            let found = find(evidence, &fact.path);
            if found.is_empty() || !found.iter().all(|it| fact.is.met(it)) {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
                missing.push(format!("{}: {}; there is {found}", self.name, fact.line));
            }
        }
        missing
    }
}

// === impl Fact ===

impl Fact {
    fn read(line: &'static str) -> Self {
        // The last of them: a path may hold the same signs.
        let signs = [" = ", " != ", " ~ ", " < "];
        let sign = signs.iter().find(|it| line.contains(**it)).copied();
        let (path, value, sign) = match sign {
            Some(sign) => line.split_once(sign).map(|(path, value)| (path, value, sign)),
            // What separates steps means more than, before a number.
            None => line.rsplit_once(" > ").map(|(path, value)| (path, value, " > ")),
        }
        .unwrap_or_else(|| panic!("{line} is no fact"));
        let json = || serde_json::from_str(value).unwrap_or_else(|it| panic!("{line}: {it}"));
        let number = || value.parse().unwrap_or_else(|it| panic!("{line}: {it}"));
        let is = match sign {
            " = " => Is::Equal(json()),
            " != " => Is::Other(json()),
            " ~ " => Is::Holds(value),
            " < " => Is::Below(number()),
            _ => Is::Above(number()),
        };
        Self { line, path: path.split(" > ").collect(), is }
    }
}

// === impl Is ===

impl Is {
    fn met(&self, found: &Value) -> bool {
        match self {
            Self::Equal(value) => found == value,
            Self::Other(value) => found != value,
            Self::Holds(text) => found.to_string().contains(text),
            Self::Below(most) => found.as_f64().is_some_and(|it| it < *most),
            Self::Above(least) => found.as_f64().is_some_and(|it| *least < it),
        }
    }
}

/// What a path leads to: several where it says `*`, null where there is nothing.
fn find<'a>(value: &'a Value, path: &[&str]) -> Vec<&'a Value> {
    let Some((step, rest)) = path.split_first() else { return vec![value] };
    if *step == "*" {
        let inner: Vec<&Value> = match value {
            Value::Object(all) => all.values().collect(),
            Value::Array(all) => all.iter().collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        return inner.into_iter().flat_map(|it| find(it, rest)).collect();
    }
    let next = match value {
        Value::Array(all) => step.parse().ok().and_then(|nth: usize| all.get(nth)),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            value.get(step)
        }
    };
    find(next.unwrap_or(&Value::Null), rest)
}
