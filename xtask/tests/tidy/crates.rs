//! Laws about crates: their layers, their arrows and the purity of the core.

use std::collections::{BTreeMap, VecDeque};

use super::tree::{Crate, Kind, Package, Tree};
use crate::ROOMS;

/// The fake provider: tests of any crate may talk to it.
const DRILL: &str = "drill";

/// What the core may not be linked with, and why.
const IMPURE: &[(&str, &str)] = &[
    ("async-std", "a runtime: waits, sockets and threads"),
    ("axum", "a server"),
    ("chrono", "reads the clock and the time zone"),
    ("crossbeam-channel", "threads talk through it"),
    ("dirs", "reads the environment"),
    ("dotenvy", "reads files and the environment"),
    ("fastrand", "draws its own seed"),
    ("futures-executor", "runs and blocks threads"),
    ("getrandom", "asks the machine for randomness: the core is given a seed"),
    ("h2", "a connection's state: the shell speaks HTTP"),
    ("hickory-resolver", "asks the network"),
    ("hyper", "the shell speaks HTTP"),
    ("hyper-util", "the shell speaks HTTP"),
    ("jiff", "reads the clock and the time zone"),
    ("memmap2", "maps files"),
    ("mio", "waits for sockets"),
    ("notify", "watches files"),
    ("num_cpus", "looks at the machine"),
    ("parking_lot", "a lock means shared state: the shell locks"),
    ("quinn", "a connection"),
    ("rand", "draws its own seed: the core is given one"),
    ("rayon", "threads"),
    ("redis", "a store: the core returns what to keep"),
    ("reqwest", "a client"),
    ("rusqlite", "a store: the core returns what to keep"),
    ("rustls", "the shell encrypts"),
    ("signal-hook", "listens to the process"),
    ("smol", "a runtime: waits, sockets and threads"),
    ("socket2", "sockets"),
    ("sqlx", "a store: the core returns what to keep"),
    ("tempfile", "makes files"),
    ("time", "reads the clock"),
    ("tokio", "a runtime: waits, sockets and threads"),
    ("tokio-postgres", "a store: the core returns what to keep"),
    ("tokio-rustls", "the shell encrypts"),
    ("tracing", "writes as it goes: the core returns what happened"),
    ("ureq", "a client"),
    ("uuid", "draws its own randomness: the core is given ids"),
    ("walkdir", "reads folders"),
];

/// `cargo metadata` works and was understood, or the other laws about crates would hold of nothing.
pub(crate) fn the_workspace_resolves(tree: &Tree) -> Vec<String> {
    if let Some(trouble) = &tree.trouble {
        return vec![format!("`cargo metadata --locked` failed, mend it first: {trouble}")];
    }
    if tree.crates.is_empty() {
        return vec!["Cargo.toml: the workspace has no member".to_owned()];
    }
    let imports = tree.crates.iter().any(|member| !member.imports.is_empty());
    let links = tree.packages.values().any(|package| !package.needs.is_empty());
    if imports && !links {
        return vec!["`cargo metadata`: no package links another: mend tidy/collect.rs".to_owned()];
    }
    Vec::new()
}

/// A crate is a room of the table, under its name and in its place.
pub(crate) fn each_crate_has_its_layer(tree: &Tree) -> Vec<String> {
    let check = |member: &Crate| {
        let (name, folder) = (&member.name, &member.folder);
        let Some((room, place, _)) = row(member.room()) else {
            return Some(format!(
                "{folder}: {name} has no layer: add it to ROOMS in xtask/tests/tidy.rs"
            ));
        };
        if folder != place && !folder.starts_with(&format!("{place}/")) {
            return Some(format!("{folder}: {name} belongs into {place}: move it"));
        }
        let plain = ["backstop", "xtask"].contains(room);
        let expected = if plain { (*room).to_owned() } else { format!("backstop-{room}") };
        (*name != expected).then(|| format!("{folder}: name the package {expected}, not {name}"))
    };
    tree.crates.iter().filter_map(check).collect()
}

/// A crate imports only crates of lower layers, and the core nothing of the shell.
pub(crate) fn arrows_point_down(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for member in &tree.crates {
        for (kind, import) in &member.imports {
            let Some(to) = tree.crates.iter().find(|it| it.name == *import) else { continue };
            if *kind == Kind::Dev && to.room() == DRILL {
                continue;
            }
            found.extend(arrow(member, to));
        }
    }
    found
}

/// What is wrong with the arrow from one crate to another.
fn arrow(from: &Crate, to: &Crate) -> Option<String> {
    let (_, _, high) = row(from.room())?;
    let (_, _, low) = row(to.room())?;
    let (name, import, folder) = (from.room(), to.room(), &from.folder);
    if from.is_core() && !to.is_core() {
        return Some(format!(
            "{folder}/Cargo.toml: the core may not import {import}, which is not core: \
             pass what it needs as a value"
        ));
    }
    (low >= high).then(|| {
        format!(
            "{folder}/Cargo.toml: {name} (layer {high}) may not import {import} (layer {low}): \
             move what both need to a lower layer, or join them in a higher one"
        )
    })
}

/// No crate of the core is linked with anything that acts, waits, reads or draws.
pub(crate) fn the_core_is_pure(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for member in tree.crates.iter().filter(|member| member.is_core()) {
        for chain in chains(&tree.packages, &member.id) {
            let impure = chain.last().and_then(|last| IMPURE.iter().find(|(name, _)| name == last));
            let Some((_, reason)) = impure else { continue };
            let (folder, chain) = (&member.folder, chain.join(" → "));
            found.push(format!(
                "{folder}: {chain}: {reason}; drop the dependency or the feature that brings it"
            ));
        }
    }
    found
}

/// For each package that is reached, the shortest way to it, as names.
fn chains<'a>(packages: &'a BTreeMap<String, Package>, start: &'a str) -> Vec<Vec<&'a str>> {
    let mut from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(start, None)]);
    let mut queue = VecDeque::from([start]);
    while let Some(id) = queue.pop_front() {
        for next in packages.get(id).into_iter().flat_map(|package| &package.needs) {
            if !from.contains_key(next.as_str()) {
                from.insert(next, Some(id));
                queue.push_back(next);
            }
        }
    }
    let name = |id: &'a str| packages.get(id).map_or(id, |package| package.name.as_str());
    let way = |end: &&'a str| {
        let back = std::iter::successors(Some(*end), |id| from.get(id).copied().flatten());
        let mut way: Vec<&str> = back.map(name).collect();
        way.reverse();
        way
    };
    from.keys().map(way).collect()
}

fn row(room: &str) -> Option<&'static (&'static str, &'static str, u32)> {
    ROOMS.iter().find(|(name, _, _)| *name == room)
}
