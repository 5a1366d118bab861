//! The cache under interruption, breakage and races.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::{Cache, fingerprint, place};

#[test]
fn the_place_follows_the_environment() {
    let with = |pairs: &'static [(&str, &str)]| {
        place(&|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    };
    assert_eq!(with(&[("BACKSTOP_CACHE", "/a"), ("HOME", "/h")]), Some(PathBuf::from("/a")));
    assert_eq!(with(&[("XDG_CACHE_HOME", "/x")]), Some(PathBuf::from("/x/backstop")));
    assert_eq!(with(&[("XDG_CACHE_HOME", ""), ("HOME", "/h")]), Some("/h/.cache/backstop".into()));
    assert_eq!(with(&[]), None);
}

#[test]
fn fingerprints_are_the_published_ones() {
    assert_eq!(fingerprint(""), "cbf29ce484222325");
    assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
}

#[test]
fn a_thing_is_made_once_and_again_when_it_broke() {
    let cache = scratch("once");
    let whole = |folder: &Path| folder.join("whole").exists();
    let make = |folder: &Path| Ok(fs::write(folder.join("whole"), "")?);
    let thing = cache.thing("thing", whole, make).unwrap();
    cache.thing("thing", whole, |_| bail!("made twice")).unwrap();
    fs::remove_file(thing.join("whole")).unwrap();
    cache.thing("thing", whole, make).unwrap();
    assert!(whole(&thing));
    assert_eq!(fs::read_dir(&cache.root).unwrap().count(), 1, "nothing else is left behind");
    fs::remove_dir_all(&cache.root).unwrap();
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    let cache = scratch("interrupted");
    let error = cache.thing("thing", |_| true, |_| bail!("no network")).unwrap_err();
    assert!(format!("{error:#}").ends_with("no network"), "{error:#}");
    assert_eq!(fs::read_dir(&cache.root).unwrap().count(), 0);
    fs::remove_dir_all(&cache.root).unwrap();
}

fn scratch(name: &str) -> Cache {
    let root = std::env::temp_dir().join(format!("backstop-{name}-{}", std::process::id()));
    fs::create_dir_all(&root).unwrap();
    Cache { root }
}
