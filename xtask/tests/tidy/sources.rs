//! Laws about the text of Rust files. What clippy can see (long functions, many parameters,
//! unwraps) is left to clippy.

use super::tree::{Tree, has_word, is_test_file, part};

/// Lines of a file before its tests.
const LINES_MAX: usize = 500;

/// Tables of data may be longer: the path, and why it is one table.
pub(crate) const LONG: &[(&str, &str)] =
    &[("core/config/src/schema/keys.rs", "one row per key, in the order of the reference")];

/// Names that say nothing about what they hold, so that anything gets thrown in.
const DRAWERS: [&str; 13] = [
    "common", "data", "handler2", "helper", "helpers", "manager", "managers", "misc", "stuff",
    "types", "util", "utils", "various",
];

/// A file opens with one sentence on what it is for.
pub(crate) fn files_say_what_they_are_for(tree: &Tree) -> Vec<String> {
    tree.rust()
        .filter(|(_, text)| {
            let opening = text.lines().next().and_then(|line| line.strip_prefix("//! "));
            opening.is_none_or(|words| words.trim().is_empty())
        })
        .map(|(path, _)| format!("{path}:1: open it with `//! ` and what the file is for"))
        .collect()
}

/// A file is short before its tests, unless it is a table with a reason; the reason must be needed.
pub(crate) fn files_are_short(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        let lines = part(path, text).0.len();
        let excused = tree.long.iter().any(|(long, _)| *long == path);
        if lines > LINES_MAX && !excused {
            found.push(format!(
                "{path}: {lines} lines before its tests, {LINES_MAX} is the limit: \
                 split it by what its parts hide"
            ));
        }
        if lines <= LINES_MAX && excused {
            found.push(format!("{path}: {lines} lines: take it off LONG in tidy/sources.rs"));
        }
    }
    let gone = tree.long.iter().filter(|(long, _)| !tree.files.contains_key(*long));
    found.extend(gone.map(|(path, _)| format!("{path}: no such file: take it off LONG")));
    found
}

/// `foo.rs` beside `foo/`.
pub(crate) fn no_module_hides_in_a_folder(tree: &Tree) -> Vec<String> {
    tree.rust()
        .filter_map(|(path, _)| path.strip_suffix(concat!("/mod", ".rs")))
        .map(|folder| format!("{folder}: its module belongs beside it, into {folder}.rs"))
        .collect()
}

/// Nothing that is unfinished reaches the main branch: no marker, no hole, no test that is off.
pub(crate) fn nothing_is_left_for_later(tree: &Tree) -> Vec<String> {
    let words = [concat!("FIX", "ME"), concat!("XX", "X")];
    let calls = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ign", "ore")];
    let mut found = Vec::new();
    for (path, text) in tree.rust().chain(tree.named(".py")).chain(tree.named(".toml")) {
        for (at, line) in text.lines().enumerate() {
            let mark = words.iter().find(|word| has_word(line, word));
            if let Some(mark) = mark.or_else(|| calls.iter().find(|call| line.contains(*call))) {
                found.push(format!("{path}:{}: {mark}: finish it or open an issue", at + 1));
            }
        }
    }
    found
}

/// A test that sleeps is slow when it passes and flaky when the machine is busy.
pub(crate) fn tests_do_not_sleep(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        for (at, line) in part(path, text).1 {
            if sleeps(line) {
                found.push(format!(
                    "{path}:{at}: `{}`: wait for the event itself, or a due time under a paused clock",
                    line.trim()
                ));
            }
        }
    }
    let python = concat!("time.sl", "eep(");
    for (path, text) in tree.named(".py").filter(|(path, _)| is_test_file(path)) {
        let lines = text.lines().enumerate().filter(|(_, line)| line.contains(python));
        found.extend(
            lines.map(|(at, _)| {
                format!("{path}:{}: a test sleeps: wait for the event itself", at + 1)
            }),
        );
    }
    found
}

/// A call of a sleep, by its path or imported. A method `.sleep(` may be of virtual time.
fn sleeps(line: &str) -> bool {
    let paths = [concat!("thread::sl", "eep("), concat!("time::sl", "eep(")];
    let bare = concat!("sl", "eep(");
    let imported = line.match_indices(bare).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        !before.ends_with(|c: char| c.is_alphanumeric() || "_.:".contains(c))
            && !before.trim_end().ends_with("fn")
    });
    imported || paths.iter().any(|path| line.contains(path))
}

/// Files and modules are named by what they hold.
pub(crate) fn there_are_no_drawers(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        let names = path.trim_end_matches(".rs").split('/');
        found.extend(names.filter_map(drawer).map(|drawer| {
            format!("{path}: {drawer:?} is a drawer: name it by the noun that it holds")
        }));
        for (at, line) in text.lines().enumerate() {
            let Some((_, module)) = line.trim_start().split_once("mod ") else { continue };
            let name: String =
                module.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let declared = module.get(name.len()..).is_some_and(|end| [";", " {"].contains(&end));
            if let Some(drawer) = drawer(&name).filter(|_| declared) {
                let at = at + 1;
                found.push(format!("{path}:{at}: {drawer:?} is a drawer: name what is in it"));
            }
        }
    }
    found
}

/// The word of a name that makes it a drawer: all of it, or its end (`test_util`).
fn drawer(name: &str) -> Option<&str> {
    name.rsplit(['_', '-']).next().filter(|word| DRAWERS.contains(word))
}

/// Every `allow` and `expect` says why.
pub(crate) fn allowances_say_why(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        for (at, attribute) in attributes(text) {
            let lints = |word: &str| attribute.starts_with(&format!("{word}("));
            let nested = |word: &str| {
                attribute.starts_with("cfg_attr(") && attribute.contains(&format!(" {word}("))
            };
            let allows = ["allow", "expect"].iter().any(|word| lints(word) || nested(word));
            if allows && !has_word(&attribute, "reason") {
                found.push(format!("{path}:{at}: give it a `reason = \"…\"`, or mend the cause"));
            }
        }
    }
    found
}

/// What stands between the brackets of each attribute that starts a line, with its line number.
fn attributes(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(open) = line.strip_prefix("#![").or_else(|| line.strip_prefix("#[")) else {
            continue;
        };
        let rest = lines.iter().skip(at + 1).copied();
        let whole: Vec<&str> = std::iter::once(open).chain(rest).collect();
        // rustfmt ends an attribute with `]` at the end of a line.
        let end = whole.iter().position(|line| line.ends_with(']')).unwrap_or(0);
        let inside: Vec<&str> = whole.into_iter().take(end + 1).collect();
        found.push((at + 1, inside.join(" ")));
    }
    found
}
