//! The hosts file (hosts(5)).

use super::{address, text};
use ir::evidence::HostsEntry;
use std::path::Path;

/// Entries beyond these are not told of.
const ENTRIES_MAX: usize = 32;

/// The lines that name `host`, in any case, with or without a dot at its end.
pub(super) fn naming(path: &Path, host: &str) -> Vec<HostsEntry> {
    let Some(text) = text(path) else { return Vec::new() };
    let host = host.trim_end_matches('.');
    let entry = |(at, line): (usize, &str)| {
        let words = line.split('#').next().unwrap_or_default();
        let mut words = words.split_whitespace();
        let address = address(words.next()?)?;
        let name = words.find(|name| name.trim_end_matches('.').eq_ignore_ascii_case(host))?;
        Some(HostsEntry {
            path: path.display().to_string(),
            line: u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1),
            address,
            name: name.to_owned(),
        })
    };
    text.lines().enumerate().filter_map(entry).take(ENTRIES_MAX).collect()
}
