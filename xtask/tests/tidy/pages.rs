//! Laws about what is written for readers, and about what may not be written anywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Tree, part};

const PAGES: &str = "docs/errors/";

/// Where the code lives that an operator meets the errors of.
const SPEAKING: [&str; 3] = ["core/", "shell/", "bin/"];

/// Every error code in the code has its page, and every page its code.
pub(crate) fn errors_have_pages(tree: &Tree) -> Vec<String> {
    let mut raised: BTreeMap<&str, String> = BTreeMap::new();
    for (path, text) in
        tree.rust().filter(|(path, _)| SPEAKING.iter().any(|it| path.starts_with(it)))
    {
        for (at, line) in part(path, text).0 {
            for code in codes(line) {
                raised.entry(code).or_insert_with(|| format!("{path}:{at}"));
            }
        }
    }
    let pages: BTreeSet<&str> = tree
        .named(".md")
        .filter_map(|(path, _)| path.strip_prefix(PAGES)?.strip_suffix(".md"))
        .filter(|name| codes(name).next() == Some(name))
        .collect();
    let missing = raised.iter().filter(|(code, _)| !pages.contains(*code)).map(|(code, place)| {
        format!(
            "{place}: {code} has no page: write {PAGES}{code}.md (what happened, why, what now)"
        )
    });
    let idle = pages.iter().filter(|code| !raised.contains_key(*code)).map(|code| {
        format!("{PAGES}{code}.md: nothing raises {code}: delete the page or raise the error")
    });
    missing.chain(idle).collect()
}

/// `BS` and four digits, as a word.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| {
        word.strip_prefix("BS")
            .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|it| it.is_ascii_digit()))
    })
}

/// A map that leaves out a crate misleads.
pub(crate) fn the_architecture_names_every_crate(tree: &Tree) -> Vec<String> {
    let Some(map) = tree.files.get("ARCHITECTURE.md") else {
        return vec!["ARCHITECTURE.md: it is missing: draw the crates and their arrows".to_owned()];
    };
    tree.crates
        .iter()
        .filter(|member| !map.contains(&member.folder))
        .map(|member| format!("ARCHITECTURE.md: say what {} is for", member.folder))
        .collect()
}

/// Nothing names a folder of one machine or the host of a registry: that is wrong elsewhere.
pub(crate) fn no_place_of_one_machine(tree: &Tree) -> Vec<String> {
    let folders = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!(r"C:\Us", "ers"),
    ];
    let hosts = [
        concat!("index.cra", "tes.io"),
        concat!("static.cra", "tes.io"),
        concat!("pypi", ".org"),
        concat!("pythonhos", "ted.org"),
        concat!("registry.npm", "js.org"),
        concat!("proxy.gol", "ang.org"),
        concat!("artifac", "tory"),
    ];
    let mut found = Vec::new();
    for (path, text) in &tree.files {
        for (at, line) in text.lines().enumerate() {
            let folder = folders.iter().find(|folder| starts_a_path(line, folder));
            if let Some(place) = folder.or_else(|| hosts.iter().find(|host| line.contains(*host))) {
                let at = at + 1;
                found.push(format!("{path}:{at}: {place}: say it so that it holds on any machine"));
            }
        }
    }
    found
}

/// Whether `folder` stands in `line` as the start of a path, not inside of one or of an address.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.~}*".contains(c))
    })
}
