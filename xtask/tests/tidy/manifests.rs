//! Laws about the texts that configure the build: manifests, lint thresholds, the lock file.

use super::tree::{Line, Tree};

/// What a crate takes from the workspace, so that it is said once.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// What Cargo.lock calls crates.io.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Every crate has the lints, the version, the edition and the licence of the workspace.
pub(crate) fn crates_inherit(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for member in &tree.crates {
        let Some((path, text)) = tree.manifest(member) else {
            found.push(format!("{}: it has no readable Cargo.toml", member.folder));
            continue;
        };
        if !section(text, "[lints]").any(|(_, line)| line == "workspace = true") {
            found.push(format!("{path}: add `[lints]` with `workspace = true`"));
        }
        for key in INHERITED {
            let takes = |line: &str| line == format!("{key}.workspace = true");
            if !section(text, "[package]").any(|(_, line)| takes(line)) {
                found.push(format!("{path}: under [package], say `{key}.workspace = true`"));
            }
        }
    }
    found
}

/// Versions and features stand in the root, where each has its reason.
pub(crate) fn dependencies_are_declared_once(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for member in &tree.crates {
        let Some((path, text)) = tree.manifest(member) else { continue };
        for (header, lines) in sections(text) {
            let name = header.trim_matches(['[', ']']);
            if name.ends_with("dependencies") {
                let own = |line: &&Line<'_>| is_key(line.1) && !line.1.contains("workspace = true");
                found.extend(lines.iter().filter(own).map(|(at, line)| {
                    format!(
                        "{path}:{at}: `{line}`: declare it in the root's [workspace.dependencies] \
                         and say `workspace = true` here"
                    )
                }));
            } else if name.contains("dependencies.")
                && !lines.iter().any(|(_, line)| *line == "workspace = true")
            {
                found.push(format!("{path}: {header}: say `workspace = true` in it"));
            }
        }
    }
    found
}

/// Every dependency has a comment above it, its own or its group's, that says why.
///
/// A group ends with an empty line. A heading (`# === … ===`) is no reason. Our crates need none.
pub(crate) fn dependencies_say_why(tree: &Tree) -> Vec<String> {
    let root = tree.files.get("Cargo.toml").map_or("", String::as_str);
    let mut found = Vec::new();
    let mut explained = false;
    for (at, line) in section(root, "[workspace.dependencies]") {
        if line.is_empty() || line.starts_with("# ===") {
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if is_key(line) && !line.contains("path = ") && !explained && !line.contains(" # ") {
            let name = line.split([' ', '.', '=']).next().unwrap_or(line);
            found.push(format!("Cargo.toml:{at}: {name}: say in a comment above why it is here"));
        }
    }
    found
}

/// A nearer clippy.toml replaces the root's, so it repeats the root's numbers and switches.
pub(crate) fn nearer_thresholds_are_the_same(tree: &Tree) -> Vec<String> {
    let root = tree.files.get("clippy.toml").map_or("", String::as_str);
    let mut found = Vec::new();
    if !tree.files.contains_key("core/clippy.toml") {
        found
            .push("core/clippy.toml: it is missing, and with it what the core may not call".into());
    }
    for (path, text) in tree.named("/clippy.toml") {
        for line in root.lines().filter(|line| is_key(line) && !line.contains('[')) {
            if !text.lines().any(|it| it == line) {
                found.push(format!("{path}: repeat `{line}` of the root's clippy.toml"));
            }
        }
    }
    found
}

/// Lock files name crates.io and no mirror, fork or folder.
pub(crate) fn packages_come_from_one_registry(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.named("Cargo.lock") {
        for (at, line) in text.lines().enumerate() {
            let Some(source) = line.strip_prefix("source = ") else { continue };
            if source.trim_matches('"') != REGISTRY {
                let at = at + 1;
                found.push(format!("{path}:{at}: {source}: take the package from crates.io"));
            }
        }
    }
    found
}

/// The lines below a header, up to the next one.
fn section<'a>(text: &'a str, header: &str) -> impl Iterator<Item = Line<'a>> {
    sections(text).into_iter().filter(move |(it, _)| *it == header).flat_map(|(_, lines)| lines)
}

/// Every `[header]` with the lines below it.
fn sections(text: &str) -> Vec<(&str, Vec<Line<'_>>)> {
    let mut found = vec![("", Vec::new())];
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            found.push((line, Vec::new()));
        } else if let Some((_, lines)) = found.last_mut() {
            lines.push((at + 1, line));
        }
    }
    found
}

/// Whether the line starts an entry: not a comment, nor the inside of an array.
fn is_key(line: &str) -> bool {
    line.starts_with(|c: char| c.is_alphanumeric()) && line.contains('=')
}
