//! The tree of this repository, read from the disk and from `cargo metadata`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::sources::LONG;
use super::tree::{Crate, Kind, Package, Tree};

/// Folders that hold no sources, for a walk without git's list of what is ignored.
const SKIPPED: [&str; 6] =
    ["target", "artifacts", "coverage", "corpus", "node_modules", "__pycache__"];

/// The repository as it is now. What cannot be read is for the laws to report.
pub(crate) fn tree() -> Tree {
    let root = root();
    let files = listed(&root)
        .into_iter()
        .filter_map(|path| Some((path.clone(), std::fs::read_to_string(root.join(path)).ok()?)))
        .collect();
    let mut tree = Tree { files, long: LONG.to_vec(), ..Tree::default() };
    match metadata(&root) {
        Ok(metadata) => {
            tree.packages = packages(&metadata);
            tree.crates = members(&metadata);
        }
        Err(trouble) => tree.trouble = Some(trouble),
    }
    tree
}

/// The folder above this package. Asked at run time: a build folder may be shared by clones.
fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR");
    let package = package.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&package).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Tracked files and those that could be; everything but build output where there is no git.
fn listed(root: &Path) -> Vec<String> {
    let git = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output();
    let names = git.ok().filter(|git| git.status.success()).map(|git| git.stdout);
    let names = names.and_then(|names| String::from_utf8(names).ok()).unwrap_or_default();
    let found: Vec<String> =
        names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    // An unpacked archive inside of another repository is one ignored folder to git.
    if found.iter().any(|name| name == "Cargo.toml") { found } else { walk(root, "") }
}

fn walk(root: &Path, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(below)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_file() {
            found.push(path);
        } else if kind.is_dir() && name != ".git" && !SKIPPED.contains(&name.as_str()) {
            found.extend(walk(root, &path));
        }
    }
    found
}

/// What cargo knows. For this machine only: packages of others need not have been downloaded.
fn metadata(root: &Path) -> Result<Value, String> {
    let host = run(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc -vV names no host")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let ask = |more: &[&str]| {
        let mut command = Command::new(&cargo);
        command.current_dir(root).args(["metadata", "--format-version=1", "--locked"]);
        run(command.args(["--filter-platform", host]).args(more))
    };
    let text = ask(&["--offline"]).or_else(|_| ask(&[]))?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// Every package of the build with what it links; only edges that are not for tests or scripts.
fn packages(metadata: &Value) -> BTreeMap<String, Package> {
    let mut found: BTreeMap<String, Package> = list(metadata, "packages")
        .map(|it| (text(it, "id"), Package { name: text(it, "name"), needs: Vec::new() }))
        .collect();
    for node in metadata.get("resolve").into_iter().flat_map(|it| list(it, "nodes")) {
        let normal = |dep: &&Value| list(dep, "dep_kinds").any(|it| text(it, "kind").is_empty());
        if let Some(package) = found.get_mut(&text(node, "id")) {
            package.needs = list(node, "deps").filter(normal).map(|dep| text(dep, "pkg")).collect();
        }
    }
    found
}

fn members(metadata: &Value) -> Vec<Crate> {
    let root = text(metadata, "workspace_root");
    let ids: Vec<&str> = list(metadata, "workspace_members").filter_map(Value::as_str).collect();
    list(metadata, "packages")
        .filter(|package| ids.contains(&text(package, "id").as_str()))
        .map(|package| Crate {
            name: text(package, "name"),
            id: text(package, "id"),
            folder: folder(&text(package, "manifest_path"), &root),
            imports: list(package, "dependencies").map(import).collect(),
        })
        .collect()
}

fn import(dependency: &Value) -> (Kind, String) {
    let kind = if text(dependency, "kind") == "dev" { Kind::Dev } else { Kind::Normal };
    (kind, text(dependency, "name"))
}

fn folder(manifest: &str, root: &str) -> String {
    let path = manifest.replace('\\', "/");
    let path = path.strip_prefix(&root.replace('\\', "/")).unwrap_or(&path);
    path.trim_start_matches('/').trim_end_matches("/Cargo.toml").to_owned()
}

/// The array under `key`; an absent one is empty.
fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The string under `key`; null and absent are empty.
fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
