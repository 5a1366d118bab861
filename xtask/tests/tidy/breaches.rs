//! A lawful tree, and for each law the ways to break it that must be caught.

use super::tree::{Crate, Kind, Package, Tree};

/// A lawful tree after one thing was spoilt.
pub(crate) struct Breach {
    /// The law that must notice.
    pub(crate) law: &'static str,
    pub(crate) make: fn(&mut Tree),
    /// A part of what the law must say.
    pub(crate) says: &'static str,
}

const IR: &str = "core/ir/src/lib.rs";
const TIME: &str = "core/ir/src/time.rs";
const GATEWAY: &str = "shell/gateway/src/lib.rs";

macro_rules! breaches {
    ($($law:ident: $says:expr => $make:expr;)*) => {
        /// Every breach; `tidy.rs` fails when a law has none.
        pub(crate) const BREACHES: &[Breach] =
            &[$(Breach { law: stringify!($law), make: $make, says: $says }),*];
    };
}

breaches! {
    the_workspace_resolves: "lock file" => |tree| tree.trouble = Some("lock file".into());
    the_workspace_resolves: "no member" => |tree| tree.crates.clear();

    the_workspace_resolves: "no package links another" =>
        |tree| tree.packages.values_mut().for_each(|package| package.needs.clear());

    each_crate_has_its_layer: "core/soul: backstop-soul has no layer" =>
        |tree| add_crate(tree, "backstop-soul", "core/soul");
    each_crate_has_its_layer: "backstop-store belongs into shell/store" =>
        |tree| add_crate(tree, "backstop-store", "core/store");
    each_crate_has_its_layer: "name the package backstop-probe, not probe" =>
        |tree| add_crate(tree, "probe", "shell/probe");

    arrows_point_down: "codec (layer 1) may not import policy (layer 1)" => |tree| {
        add_crate(tree, "backstop-codec", "core/codec");
        add_crate(tree, "backstop-policy", "core/policy");
        import(tree, "backstop-codec", Kind::Normal, "backstop-policy");
    };
    arrows_point_down: "ir (layer 0) may not import policy (layer 1)" => |tree| {
        add_crate(tree, "backstop-policy", "core/policy");
        import(tree, "backstop-ir", Kind::Dev, "backstop-policy");
    };
    arrows_point_down: "the core may not import transport" => |tree| {
        add_crate(tree, "backstop-config", "core/config");
        add_crate(tree, "backstop-transport", "shell/transport");
        import(tree, "backstop-config", Kind::Normal, "backstop-transport");
    };

    the_core_is_pure: "core/ir: backstop-ir → bytes → tokio: a runtime" =>
        |tree| link(tree, "bytes", "tokio");
    the_core_is_pure: "core/ir: backstop-ir → getrandom" =>
        |tree| link(tree, "backstop-ir", "getrandom");

    crates_inherit: "core/ir/Cargo.toml: add `[lints]`" =>
        |tree| replace(tree, "core/ir/Cargo.toml", "[lints]\nworkspace = true", "");
    crates_inherit: "say `edition.workspace = true`" =>
        |tree| replace(tree, "core/ir/Cargo.toml", "edition.workspace = true", "edition = \"2021\"");
    crates_inherit: "core/ir: it has no readable Cargo.toml" =>
        |tree| drop(tree.files.remove("core/ir/Cargo.toml"));

    dependencies_are_declared_once: "core/ir/Cargo.toml:9: `bytes = \"1\"`" =>
        |tree| replace(tree, "core/ir/Cargo.toml", "bytes.workspace = true", "bytes = \"1\"");
    dependencies_are_declared_once: "[dev-dependencies.insta]" =>
        |tree| append(tree, "core/ir/Cargo.toml", "[dev-dependencies.insta]\nversion = \"1\"\n");

    dependencies_say_why: "Cargo.toml:7: bytes" =>
        |tree| replace(tree, "Cargo.toml", "# Frames without copies.", "");
    dependencies_say_why: "smallvec" =>
        |tree| append(tree, "Cargo.toml", "\nsmallvec = \"1\"\n");
    dependencies_say_why: "insta" =>
        |tree| append(tree, "Cargo.toml", "# === proof ===\ninsta = \"1\"\n");

    nearer_thresholds_are_the_same: "core/clippy.toml: repeat `too-many-lines-threshold = 70`" =>
        |tree| replace(tree, "core/clippy.toml", "70", "700");
    nearer_thresholds_are_the_same: "it is missing" =>
        |tree| drop(tree.files.remove("core/clippy.toml"));

    packages_come_from_one_registry: "Cargo.lock:4: \"git+https://example.com/bytes\"" =>
        |tree| replace(
            tree, "Cargo.lock",
            "registry+https://github.com/rust-lang/crates.io-index",
            "git+https://example.com/bytes",
        );

    files_say_what_they_are_for: "core/ir/src/time.rs:1" => |tree| add(tree, TIME, "fn now() {}\n");
    files_say_what_they_are_for: "core/ir/src/time.rs:1" => |tree| add(tree, TIME, "//! \nfn f() {}\n");

    files_are_short: "core/ir/src/lib.rs: 501 lines before its tests" => |tree| {
        let padding = "//\n".repeat(500);
        add(tree, IR, &format!("//! Nouns.\n{padding}#[cfg(test)]\nmod tests {{\n}}\n"));
    };
    files_are_short: "core/ir/src/lib.rs: 501 lines before its tests" => |tree| {
        // Tests that stand in their own file do not end this one.
        let padding = "//\n".repeat(498);
        add(tree, IR, &format!("//! Nouns.\n#[cfg(test)]\nmod tests;\n{padding}"));
    };
    files_are_short: "take it off LONG" => |tree| tree.long.push((IR, "not a table at all"));
    files_are_short: "no such file" => |tree| tree.long.push(("core/ir/src/gone.rs", "a table"));

    no_module_hides_in_a_folder: "into core/ir/src/time.rs" =>
        |tree| add(tree, concat!("core/ir/src/time/mod", ".rs"), "//! Time.\n");

    nothing_is_left_for_later: "core/ir/src/lib.rs:4" =>
        |tree| append(tree, IR, concat!("// FIX", "ME: later\n"));
    nothing_is_left_for_later: "core/ir/src/lib.rs:4" =>
        |tree| append(tree, IR, concat!("// XX", "X\n"));
    nothing_is_left_for_later: "core/ir/src/lib.rs:4" =>
        |tree| append(tree, IR, concat!("fn f() { to", "do!() }\n"));
    nothing_is_left_for_later: "core/ir/src/lib.rs:4" =>
        |tree| append(tree, IR, concat!("fn f() { unimple", "mented!() }\n"));
    nothing_is_left_for_later: "tests/e2e/src/lib.rs:2" =>
        |tree| add(tree, "tests/e2e/src/lib.rs", concat!("//! T.\n#[ign", "ore = \"slow\"]\n"));
    nothing_is_left_for_later: "Cargo.toml" =>
        |tree| append(tree, "Cargo.toml", concat!("# FIX", "ME\n"));

    tests_do_not_sleep: "core/ir/src/lib.rs:6" => |tree| append(
        tree, IR,
        concat!("#[cfg(test)]\nmod tests {\n    std::thread::sl", "eep(second);\n}\n"),
    );
    tests_do_not_sleep: "tests/e2e/src/lib.rs:2" => |tree| add(
        tree, "tests/e2e/src/lib.rs", concat!("//! T.\n    tokio::time::sl", "eep(second).await;\n"),
    );
    tests_do_not_sleep: "core/ir/src/time/tests.rs:2" => |tree| add(
        tree, "core/ir/src/time/tests.rs", concat!("//! T.\n    sl", "eep(second).await;\n"),
    );
    tests_do_not_sleep: "tests/clients/stream.py:1" => |tree| add(
        tree, "tests/clients/stream.py", concat!("time.sl", "eep(1)\n"),
    );

    there_are_no_drawers: "core/ir/src/helpers.rs: \"helpers\"" =>
        |tree| add(tree, "core/ir/src/helpers.rs", "//! This and that.\n");
    there_are_no_drawers: "tests/e2e/common/server.rs: \"common\"" =>
        |tree| add(tree, "tests/e2e/common/server.rs", "//! A server.\n");
    there_are_no_drawers: "core/ir/src/time_util.rs: \"util\"" =>
        |tree| add(tree, "core/ir/src/time_util.rs", "//! More time.\n");
    there_are_no_drawers: "core/ir/src/lib.rs:4: \"types\"" =>
        |tree| append(tree, IR, "pub(crate) mod types {\n}\n");

    allowances_say_why: "core/ir/src/lib.rs:4" =>
        |tree| append(tree, IR, "#[allow(dead_code)]\nfn f() {}\n");
    allowances_say_why: "core/ir/src/lib.rs:4" =>
        |tree| append(tree, IR, "#![expect(\n    clippy::panic\n)]\n");
    allowances_say_why: "core/ir/src/lib.rs:4" =>
        |tree| append(tree, IR, "#[cfg_attr(test, expect(clippy::panic))]\n");

    errors_have_pages: "shell/gateway/src/lib.rs:4: BS0002 has no page" =>
        |tree| append(tree, GATEWAY, "const FULL: &str = \"BS0002\";\n");
    errors_have_pages: "docs/errors/BS0009.md: nothing raises BS0009" =>
        |tree| add(tree, "docs/errors/BS0009.md", "# BS0009\n");
    errors_have_pages: "BS0001 has no page" =>
        |tree| drop(tree.files.remove("docs/errors/BS0001.md"));

    the_architecture_names_every_crate: "say what core/ir is for" =>
        |tree| add(tree, "ARCHITECTURE.md", "shell/gateway carries requests.\n");
    the_architecture_names_every_crate: "it is missing" =>
        |tree| drop(tree.files.remove("ARCHITECTURE.md"));

    no_place_of_one_machine: "README.md:1: " =>
        |tree| add(tree, "README.md", concat!("Look into /ho", "me/ada/backstop.\n"));
    no_place_of_one_machine: "deploy/run:1: " =>
        |tree| add(tree, "deploy/run", concat!("cd \"/wo", "rk/main\"\n"));
    no_place_of_one_machine: "tests/clients/requirements.txt:1: " => |tree| add(
        tree, "tests/clients/requirements.txt", concat!("--index-url https://pypi", ".org/simple\n"),
    );
}

/// The smallest tree that obeys every law, with the borders of each: what is just allowed.
pub(crate) fn lawful() -> Tree {
    let mut tree = Tree::default();
    for (path, text) in FILES {
        add(&mut tree, path, text);
    }
    add_crate(&mut tree, "backstop-ir", "core/ir");
    add_crate(&mut tree, "backstop-gateway", "shell/gateway");
    add_crate(&mut tree, "backstop-drill", "shell/drill");
    import(&mut tree, "backstop-gateway", Kind::Normal, "backstop-ir");
    import(&mut tree, "backstop-ir", Kind::Dev, "backstop-drill");
    link(&mut tree, "backstop-ir", "bytes");
    link(&mut tree, "backstop-gateway", "backstop-ir");
    link(&mut tree, "backstop-gateway", "tokio");
    let table = "    row,\n".repeat(600);
    add(&mut tree, "core/ir/src/quirks.rs", &format!("//! A table.\n{table}"));
    tree.long.push(("core/ir/src/quirks.rs", "a table of data"));
    let full = format!("//! Full.\n{}", "//\n".repeat(499));
    add(&mut tree, "core/ir/src/full.rs", &format!("{full}#[cfg(test)]\nmod tests {{\n}}\n"));
    tree
}

const FILES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"core/*\"]\n\n[workspace.dependencies]\n\
         ir = { package = \"backstop-ir\", path = \"core/ir\" }\n\
         # Frames without copies.\nbytes = \"1\"\n",
    ),
    (
        "Cargo.lock",
        "[[package]]\nname = \"bytes\"\nversion = \"1.12.0\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
    ),
    ("clippy.toml", "too-many-lines-threshold = 70\ndisallowed-types = [\n]\n"),
    ("core/clippy.toml", "too-many-lines-threshold = 70\ndisallowed-methods = [\n]\n"),
    (IR, "//! Nouns.\n\n#[expect(dead_code, reason = \"a row of a table\")]\n"),
    (GATEWAY, "//! Requests.\n\nconst DOWN: &str = \"BS0001\";\n"),
    (
        "shell/gateway/src/pause.rs",
        concat!("//! Waits.\n    tokio::time::sl", "eep(pause).await;\n"),
    ),
    ("shell/gateway/tests/paused.rs", "//! Virtual time.\n    world.sleep(second);\n"),
    ("docs/errors/BS0001.md", "# BS0001\n"),
    ("docs/errors/README.md", "Every error has a page.\n"),
    ("ARCHITECTURE.md", "core/ir holds nouns, shell/gateway requests, shell/drill a provider.\n"),
    ("README.md", "It reads ~/.config and writes https://example.com/home/ and docs/root/x.\n"),
];

fn add(tree: &mut Tree, path: &str, text: &str) {
    tree.files.insert(path.to_owned(), text.to_owned());
}

fn append(tree: &mut Tree, path: &str, text: &str) {
    tree.files.entry(path.to_owned()).or_default().push_str(text);
}

fn replace(tree: &mut Tree, path: &str, old: &str, new: &str) {
    if let Some(text) = tree.files.get_mut(path) {
        *text = text.replace(old, new);
    }
}

fn add_crate(tree: &mut Tree, name: &str, folder: &str) {
    let (name, folder) = (name.to_owned(), folder.to_owned());
    tree.packages.insert(name.clone(), Package { name: name.clone(), needs: Vec::new() });
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion.workspace = true\nedition.workspace = true\n\
         rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
         [dependencies]\nbytes.workspace = true\n\n[lints]\nworkspace = true\n"
    );
    tree.files.insert(format!("{folder}/Cargo.toml"), manifest);
    tree.crates.push(Crate { id: name.clone(), name, folder, imports: Vec::new() });
}

fn import(tree: &mut Tree, from: &str, kind: Kind, to: &str) {
    for member in tree.crates.iter_mut().filter(|member| member.name == from) {
        member.imports.push((kind, to.to_owned()));
    }
}

fn link(tree: &mut Tree, from: &str, to: &str) {
    for name in [from, to] {
        let package = Package { name: name.to_owned(), needs: Vec::new() };
        tree.packages.entry(name.to_owned()).or_insert(package);
    }
    if let Some(package) = tree.packages.get_mut(from) {
        package.needs.push(to.to_owned());
    }
}
