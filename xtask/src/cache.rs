//! The folder that outlives a build: Python environments, tools, fuzzing corpora.
//!
//! **Invariant:** a name in the cache is complete. Things are built under another name and renamed:
//! an interrupted run leaves nothing that looks finished, and two runs do not disturb each other.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The cache folder of this user.
pub(crate) struct Cache {
    root: PathBuf,
}

// === impl Cache ===

impl Cache {
    /// `$BACKSTOP_CACHE`, else `$XDG_CACHE_HOME/backstop`, else `~/.cache/backstop`.
    pub(crate) fn open() -> Result<Self> {
        let root = place(&|name| std::env::var_os(name))
            .context("there is no home folder: set BACKSTOP_CACHE to a folder to keep things in")?;
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        Ok(Self { root })
    }

    /// A folder that grows from run to run; created when missing.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }

    /// The thing under `name`: as it is when it `works`, else made anew by `make`.
    pub(crate) fn thing(
        &self,
        name: &str,
        works: impl Fn(&Path) -> bool,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let place = self.root.join(name);
        if place.exists() && works(&place) {
            return Ok(place);
        }
        let building = self.root.join(format!("{name}.building-{}", std::process::id()));
        remove(&building)?;
        fs::create_dir_all(&building)
            .with_context(|| format!("cannot create {}", building.display()))?;
        let made = make(&building).and_then(|()| self.install(&building, &place, &works));
        remove(&building)?;
        made.with_context(|| format!("cannot prepare {}", place.display()))?;
        Ok(place)
    }

    /// Another run may have finished first; its work is as good as ours.
    fn install(&self, from: &Path, to: &Path, works: impl Fn(&Path) -> bool) -> Result<()> {
        if fs::rename(from, to).is_ok() {
            return Ok(());
        }
        if works(to) {
            return Ok(());
        }
        let broken = self.root.join(format!("broken-{}", std::process::id()));
        fs::rename(to, &broken).with_context(|| format!("cannot replace {}", to.display()))?;
        remove(&broken)?;
        fs::rename(from, to).with_context(|| format!("cannot create {}", to.display()))
    }
}

/// A name for `text` that is the same on every machine: FNV-1a, 64 bits
/// (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>).
pub(crate) fn fingerprint(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

const PRIME: u64 = 0x0100_0000_01b3;

fn place(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("BACKSTOP_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("backstop")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/backstop")))
        // A relative folder would mean another place for each command that changes its folder.
        .and_then(|place| std::path::absolute(place).ok())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
