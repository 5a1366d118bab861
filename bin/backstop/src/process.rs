//! What the process measures of itself, as far as the system tells: Linux does, in `/proc`
//! (<https://man7.org/linux/man-pages/man5/proc.5.html>).

use monitor::Process;
use std::fs;

/// Measures now.
pub(crate) fn measure(started_unix_ms: u64) -> Process {
    Process {
        resident_bytes: gateway::resident_bytes(),
        open_fds: open_fds(),
        started_unix_ms: Some(started_unix_ms),
    }
}

/// The one that reads the folder is not counted.
fn open_fds() -> Option<u64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(count.saturating_sub(1)).ok()
}
