//! The hosts file (hosts(5)).

use super::address;
use ir::evidence::HostsEntry;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

/// The file is read to this, a line at a time.
const BYTES_MAX: u64 = 256 << 20;
/// A line longer than this is several.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Entries beyond these are not told of.
const ENTRIES_MAX: usize = 32;

/// The lines that name `host`, in any case, with or without a dot at its end.
pub(super) fn naming(path: &Path, host: &str) -> Vec<HostsEntry> {
    // Opening a pipe would wait for its other end.
    if !path.metadata().is_ok_and(|it| it.is_file()) {
        return Vec::new();
    }
    let Ok(file) = File::open(path) else { return Vec::new() };
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
    let mut lines = BufReader::new(file.take(BYTES_MAX));
    let mut entries = Vec::new();
    let (mut line, mut at) = (Vec::new(), 0);
    while entries.len() < ENTRIES_MAX {
        line.clear();
        let read = lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if !read.is_ok_and(|count| count != 0) {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        entries.extend(entry((at, text.trim_start_matches('\u{feff}'))));
        at += usize::from(line.ends_with(b"\n"));
    }
    entries
}
