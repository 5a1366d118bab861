//! What is different between two texts of a configuration, for the log of whoever changed it.
//!
//! **Invariant:** no value that could be a secret is shown; that it changed is.

use crate::syntax;
use std::collections::BTreeMap;
use toml_span::Value;
use toml_span::value::ValueInner;

/// More differences than this are only counted.
const SHOWN_MAX: usize = 20;
/// Longer values are cut.
const VALUE_MAX: usize = 120;
/// Keys whose values are nobody's business: keys, their hashes, and addresses that may hold a password.
const SECRET: &[&str] = &["api_key", "hash", "proxy", "headers"];

/// One line per difference: `server.grace: "30s" → "1m"`, `keys.team-b: new`, `keys.team-a: gone`.
/// Both texts are TOML, or there is nothing to compare.
pub fn changes(before: &str, after: &str) -> Vec<String> {
    let (Some(before), Some(after)) = (syntax::parse(before), syntax::parse(after)) else {
        return Vec::new();
    };
    let (mut old, mut new) = (Flat::new(), Flat::new());
    flatten(&[], &before, &mut old);
    flatten(&[], &after, &mut new);
    let mut lines = Vec::new();
    for (path, value) in &old {
        match new.get(path) {
            Some(same) if same == value => {}
            Some(other) => lines.push(changed(path, value, other)),
            None => one_sided(path, &new, "gone", &mut lines),
        }
    }
    for path in new.keys().filter(|path| !old.contains_key(*path)) {
        one_sided(path, &old, "new", &mut lines);
    }
    let more = lines.len().saturating_sub(SHOWN_MAX);
    if more != 0 {
        lines.truncate(SHOWN_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Every value by its path. The parts of a path are kept apart: names may hold dots.
type Flat = BTreeMap<Vec<String>, String>;

fn flatten(path: &[String], value: &Value<'_>, into: &mut Flat) {
    let ValueInner::Table(table) = value.as_ref() else {
        into.insert(path.to_vec(), shown(value));
        return;
    };
    if table.is_empty() && !path.is_empty() {
        into.insert(path.to_vec(), "{}".to_owned());
    }
    for (key, value) in table {
        let path = [path, &[key.name.to_string()]].concat();
        flatten(&path, value, into);
    }
}

fn shown(value: &Value<'_>) -> String {
    match value.as_ref() {
        ValueInner::String(text) => format!("{text:?}"),
        ValueInner::Integer(number) => number.to_string(),
        ValueInner::Float(number) => number.to_string(),
        ValueInner::Boolean(flag) => flag.to_string(),
        ValueInner::Array(all) => {
            let all: Vec<String> = all.iter().map(shown).collect();
            format!("[{}]", all.join(", "))
        }
        ValueInner::Table(table) => {
            let all = table.iter().map(|(key, value)| format!("{} = {}", key.name, shown(value)));
            format!("{{{}}}", all.collect::<Vec<_>>().join(", "))
        }
    }
}

fn changed(path: &[String], old: &str, new: &str) -> String {
    let name = path.join(".");
    if path.last().is_some_and(|key| SECRET.contains(&key.as_str())) {
        return format!("{name}: changed");
    }
    format!("{name}: {} → {}", cut(old), cut(new))
}

/// A section that is only on one side is one line.
fn one_sided(path: &[String], other: &Flat, word: &str, lines: &mut Vec<String>) {
    let depth = (1..path.len())
        .find(|depth| {
            let section = path.get(..*depth).unwrap_or(path);
            let mut behind = other.range(section.to_vec()..).map(|(known, _)| known);
            !behind.next().is_some_and(|known| known.starts_with(section))
        })
        .unwrap_or(path.len());
    let section = path.get(..depth).unwrap_or(path);
    let line = format!("{}: {word}", section.join("."));
    if lines.last() != Some(&line) {
        lines.push(line);
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE_MAX {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(VALUE_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[track_caller]
    fn check(before: &str, after: &str, expect: &[&str]) {
        assert_eq!(changes(before, after), expect);
    }

    #[test]
    fn differences_are_lines_without_secrets() {
        check("a = 1", "# a comment\na = 1", &[]);
        check(
            "[server]\ngrace = \"30s\"",
            "[server]\ngrace = \"1m\"",
            &["server.grace: \"30s\" → \"1m\""],
        );
        check(
            "[keys.a]\nhash = \"sha256:1\"\n[keys.b]\nhash = \"sha256:2\"",
            "[keys.b]\nhash = \"sha256:3\"\n[keys.\"c.d\"]\nhash = \"sha256:4\"\nconsole = true",
            &["keys.a: gone", "keys.b.hash: changed", "keys.c.d: new"],
        );
        check(
            "[providers.x]\napi_key = \"literal:one\"\nproxy = \"http://u:p@h\"",
            "[providers.x]\napi_key = [\"literal:two\", \"literal:three\"]\nproxy = \"off\"",
            &["providers.x.api_key: changed", "providers.x.proxy: changed"],
        );
        check(
            "[models.\"*\"]\nchain = [\"a/*\"]",
            "[models.\"*\"]\nchain = [\"b/*\", \"a/*\"]",
            &["models.*.chain: [\"a/*\"] → [\"b/*\", \"a/*\"]"],
        );
        check("not toml", "a = 1", &[]);
    }

    #[test]
    fn what_is_much_or_long_is_cut() {
        let many: Vec<String> = (0..30).map(|at| format!("k{at:02} = 1")).collect();
        let lines = changes("", &many.join("\n"));
        assert_eq!((lines.len(), lines[20].as_str()), (21, "and 10 more"));
        let long = changes("a = 1", &format!("a = \"{}\"", "x".repeat(1000)));
        assert!(long[0].chars().count() < 140);
    }
}
