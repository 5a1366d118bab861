//! A home folder for a client program, so that it reads and leaves nothing in that of the user.

use std::path::{Path, PathBuf};

/// A folder of its own, removed at the end.
pub(super) struct Home(PathBuf);

// === impl Home ===

impl Home {
    pub(super) fn new(name: &str) -> Self {
        let name = format!("backstop-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder of its own");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What is left is in the system's folder for such things.
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}
