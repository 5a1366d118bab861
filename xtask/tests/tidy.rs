//! The laws of the house, checked by `cargo test`.
//!
//! A law is a function from a [`Tree`] to what breaks it: where, what, and what to do about it.
//!
//! **Invariant:** each law is checked twice: this repository obeys it, and small trees that break
//! it on purpose (`tidy/breaches.rs`) are caught. A law that no breach belongs to fails.

mod tidy {
    pub(crate) mod breaches;
    pub(crate) mod collect;
    pub(crate) mod crates;
    pub(crate) mod manifests;
    pub(crate) mod pages;
    pub(crate) mod sources;
    pub(crate) mod tree;
}

use std::sync::OnceLock;

use tidy::breaches::{BREACHES, lawful};
use tidy::tree::{Law, Tree};
use tidy::{collect, crates, manifests, pages, sources};

/// Every room: its name, where it stands, and its layer. A crate imports only from lower layers.
///
/// Rooms appear with their first use, so some of these may not stand yet. A new row is an
/// architectural change: its own commit, its reason, and its line in ARCHITECTURE.md.
const ROOMS: &[(&str, &str, u32)] = &[
    ("ir", "core/ir", 0),
    ("codec", "core/codec", 1),
    ("policy", "core/policy", 1),
    ("monitor", "core/monitor", 1),
    ("config", "core/config", 2),
    ("transport", "shell/transport", 1),
    ("store", "shell/store", 1),
    ("local", "shell/local", 2),
    ("probe", "shell/probe", 2),
    ("drill", "shell/drill", 2),
    ("gateway", "shell/gateway", 3),
    ("console", "shell/console", 3),
    ("telemetry", "shell/telemetry", 3),
    ("backstop", "bin/backstop", 4),
    ("sim", "sim", 4),
    ("bench", "bench", 5),
    ("e2e", "tests", 5),
    ("xtask", "xtask", 9),
];

/// Makes of each law an entry of [`LAWS`] and the two tests it must pass.
macro_rules! laws {
    ($($room:ident :: $law:ident,)*) => {
        const LAWS: &[(&str, Law)] = &[$((stringify!($law), $room::$law)),*];

        mod this_tree_obeys {
            $(#[test]
            fn $law() {
                super::obeys(stringify!($law), super::$room::$law);
            })*
        }

        mod each_breach_is_caught_of {
            $(#[test]
            fn $law() {
                super::catches(stringify!($law), super::$room::$law);
            })*
        }
    };
}

laws! {
    crates::the_workspace_resolves,
    crates::each_crate_has_its_layer,
    crates::arrows_point_down,
    crates::the_core_is_pure,
    manifests::crates_inherit,
    manifests::dependencies_are_declared_once,
    manifests::dependencies_say_why,
    manifests::nearer_thresholds_are_the_same,
    manifests::packages_come_from_one_registry,
    sources::files_say_what_they_are_for,
    sources::files_are_short,
    sources::no_module_hides_in_a_folder,
    sources::nothing_is_left_for_later,
    sources::tests_do_not_sleep,
    sources::there_are_no_drawers,
    sources::allowances_say_why,
    pages::errors_have_pages,
    pages::the_architecture_names_every_crate,
    pages::no_place_of_one_machine,
}

#[test]
fn every_breach_names_a_law() {
    for breach in BREACHES {
        assert!(
            LAWS.iter().any(|(name, _)| *name == breach.law),
            "tidy/breaches.rs breaks {}, which is no law",
            breach.law
        );
    }
}

#[test]
fn the_lawful_tree_is_lawful() {
    for (name, law) in LAWS {
        let found = law(&lawful());
        assert!(found.is_empty(), "{name} is wrong about a lawful tree:\n{}", found.join("\n"));
    }
}

fn obeys(name: &str, law: Law) {
    static TREE: OnceLock<Tree> = OnceLock::new();
    let found = law(TREE.get_or_init(collect::tree));
    let count = found.len();
    assert!(found.is_empty(), "{name}: breaches: {count}\n  {}", found.join("\n  "));
}

fn catches(name: &str, law: Law) {
    let breaches = || BREACHES.iter().filter(|breach| breach.law == name);
    assert!(breaches().count() > 0, "{name} was never broken: add a case to tidy/breaches.rs");
    for breach in breaches() {
        let mut tree = lawful();
        (breach.make)(&mut tree);
        let found = law(&tree);
        assert!(
            found.iter().any(|message| message.contains(breach.says)),
            "{name} does not say {:?}; it says:\n  {}",
            breach.says,
            found.join("\n  ")
        );
    }
}
