//! What the process measures of itself, as far as the system tells: Linux does, in `/proc`
//! (<https://man7.org/linux/man-pages/man5/proc.5.html>).

use monitor::Process;
use std::fs;

/// Measures now.
pub(crate) fn measure(started_unix_ms: u64) -> Process {
    Process {
        resident_bytes: fs::read_to_string("/proc/self/status").ok().and_then(|it| resident(&it)),
        open_fds: open_fds(),
        started_unix_ms: Some(started_unix_ms),
    }
}

/// `VmRSS:     12345 kB`, where a kB is 1024 bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The one that reads the folder is not counted.
fn open_fds() -> Option<u64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(count.saturating_sub(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::resident;

    #[test]
    fn resident_memory_is_read() {
        let check = |status: &str, expect| assert_eq!(resident(status), expect, "{status:?}");
        check("Name:\tbackstop\nVmRSS:\t   12345 kB\nRssAnon:\t 1 kB\n", Some(12345 * 1024));
        check("VmRSS:\t12345\n", None);
        check("VmRSS:\t-1 kB\n", None);
        check("Name:\tbackstop\n", None);
    }
}
