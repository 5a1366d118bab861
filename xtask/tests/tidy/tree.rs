//! What the laws look at: files and crates as plain values, from the disk or made up by a test.

use std::collections::BTreeMap;

/// A law: every message says where, what, and what to do.
pub(crate) type Law = fn(&Tree) -> Vec<String>;

/// The repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// Text files that are tracked or could be, by their path from the root with `/` between.
    pub(crate) files: BTreeMap<String, String>,
    /// The members of the workspace.
    pub(crate) crates: Vec<Crate>,
    /// Every package of the build on this machine, by an id that is its own.
    pub(crate) packages: BTreeMap<String, Package>,
    /// Why `cargo metadata` gave neither crates nor packages.
    pub(crate) trouble: Option<String>,
    /// Files that may be long, each with its reason.
    pub(crate) long: Vec<(&'static str, &'static str)>,
}

/// A member of the workspace, as its manifest declares it.
#[derive(Clone, Debug)]
pub(crate) struct Crate {
    /// The package's name.
    pub(crate) name: String,
    /// The key in [`Tree::packages`].
    pub(crate) id: String,
    /// From the root.
    pub(crate) folder: String,
    /// Package names.
    pub(crate) imports: Vec<(Kind, String)>,
}

/// When a dependency is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// By the crate itself, or by its build script.
    Normal,
    /// By its tests only.
    Dev,
}

/// A package, ours or another's.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The ids of the packages that it is linked with; tests and build scripts left out.
    pub(crate) needs: Vec<String>,
}

/// A line with its number, from 1.
pub(crate) type Line<'a> = (usize, &'a str);

// === impl Tree ===

impl Tree {
    /// The Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named(".rs")
    }

    /// The files whose path ends in `end`.
    pub(crate) fn named(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The manifest of a member.
    pub(crate) fn manifest(&self, member: &Crate) -> Option<(String, &str)> {
        let path = format!("{}/Cargo.toml", member.folder);
        let text = self.files.get(&path)?;
        Some((path, text))
    }
}

// === impl Crate ===

impl Crate {
    /// The name that the layer table uses: without the family name.
    pub(crate) fn room(&self) -> &str {
        self.name.strip_prefix("backstop-").unwrap_or(&self.name)
    }

    /// Whether it must be pure.
    pub(crate) fn is_core(&self) -> bool {
        self.folder.starts_with("core/")
    }
}

/// Whether the whole file is tests: `tests.rs`, or anything below a folder `tests`.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// The lines of a file, parted into its code and its tests.
///
/// The tests are a file of their own or the `#[cfg(test)] mod … {` that ends the file: clippy's
/// `items_after_test_module` keeps code from following it.
pub(crate) fn part<'a>(path: &str, text: &'a str) -> (Vec<Line<'a>>, Vec<Line<'a>>) {
    let mut code: Vec<Line<'_>> = text.lines().enumerate().map(|(at, it)| (at + 1, it)).collect();
    if is_test_file(path) {
        return (Vec::new(), code);
    }
    let starts = |at: usize| {
        let mut rest = code.iter().skip(at).map(|(_, line)| *line);
        rest.next() == Some("#[cfg(test)]")
            && rest
                .find(|line| !line.starts_with("#["))
                .is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    };
    let start = (0..code.len()).find(|at| starts(*at)).unwrap_or(code.len());
    let tests = code.split_off(start);
    (code, tests)
}

/// Whether `word` stands in `line` with no letter, digit or `_` on either side.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|it| it.chars().next());
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}
