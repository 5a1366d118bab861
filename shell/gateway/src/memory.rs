//! How much memory is left, and what is given up for it: better some callers who come back than a
//! process that is killed with all of them.
//!
//! ```text
//!   below 85 %   Easy
//!   from 85 %    Tight    idle connections to providers are closed
//!   from 92 %    Scarce   large bodies are refused
//!   from 97 %    Out      no request begins
//! ```
//!
//! Measured is what this process holds, against `server.memory_max` or the limit of its control group.
//! **Absent:** a limit where neither says one: the machine's memory is others' too.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

/// How it stands.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Pressure {
    #[default]
    Easy,
    Tight,
    Scarce,
    Out,
}

/// How it stood when it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU8);

/// Limits beyond this are none: so version 1 of control groups writes that there is none.
const LIMIT_MAX: u64 = 1 << 60;

const ALL: [Pressure; 4] = [Pressure::Easy, Pressure::Tight, Pressure::Scarce, Pressure::Out];

// === impl Pressure ===

impl Pressure {
    /// `used` of `limit` bytes.
    fn of(used: u64, limit: u64) -> Self {
        let percent = u128::from(used) * 100 / u128::from(limit.max(1));
        match percent {
            0..85 => Self::Easy,
            85..92 => Self::Tight,
            92..97 => Self::Scarce,
            97.. => Self::Out,
        }
    }
}

// === impl Gauge ===

impl Gauge {
    /// Looks again. `max`: what was configured.
    pub(crate) fn look(&self, max: Option<u64>) -> Pressure {
        let limit = max.or_else(|| group_limit(Path::new("/")));
        let seen = limit.and_then(|limit| Some(Pressure::of(resident_bytes()?, limit)));
        let now = seen.unwrap_or_default();
        self.0.store(now as u8, Ordering::Relaxed);
        now
    }

    pub(crate) fn pressure(&self) -> Pressure {
        ALL.get(usize::from(self.0.load(Ordering::Relaxed))).copied().unwrap_or_default()
    }
}

/// The bytes of memory that this process holds, where the system tells: Linux does, in `/proc`
/// (<https://man7.org/linux/man-pages/man5/proc.5.html>).
pub fn resident_bytes() -> Option<u64> {
    resident(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmRSS:     12345 kB`, where a kB is 1024 bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The smallest limit on the way from this process's control group up to the root of the system.
fn group_limit(root: &Path) -> Option<u64> {
    let groups = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (kinds, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or("/"));
        let (base, file) = if kinds.is_empty() {
            ("sys/fs/cgroup", "memory.max")
        } else if kinds.split(',').any(|kind| kind == "memory") {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            return Vec::new();
        };
        let base = root.join(base);
        let below = Path::new(path.trim_start_matches('/')).ancestors();
        // In a container the path may be that of the host, and only the root is here.
        below.map(|path| base.join(path).join(file)).collect()
    });
    let read = |file: std::path::PathBuf| std::fs::read_to_string(file).ok()?.trim().parse().ok();
    limits.filter_map(read).filter(|limit| *limit < LIMIT_MAX).min()
}

#[cfg(test)]
mod tests {
    use super::{Gauge, Pressure, group_limit, resident, resident_bytes};

    #[test]
    fn pressure_rises_by_steps() {
        use Pressure::{Easy, Out, Scarce, Tight};
        let expect = [(0, Easy), (849, Easy), (850, Tight), (920, Scarce), (970, Out), (2000, Out)];
        for (used, pressure) in expect {
            assert_eq!(Pressure::of(used, 1000), pressure, "{used}");
        }
        let gauge = Gauge::default();
        assert_eq!(gauge.pressure(), Easy);
        assert_eq!(gauge.look(Some(resident_bytes().unwrap_or(1) / 2)), Out);
        assert_eq!(gauge.pressure(), Out);
        assert_eq!(gauge.look(Some(1 << 50)), Easy);
    }

    #[test]
    fn resident_memory_is_read() {
        let check = |status: &str, expect| assert_eq!(resident(status), expect, "{status:?}");
        check("Name:\tbackstop\nVmRSS:\t   12345 kB\nRssAnon:\t 1 kB\n", Some(12345 * 1024));
        check("VmRSS:\t12345\n", None);
        check("VmRSS:\t-1 kB\n", None);
        check("Name:\tbackstop\n", None);
    }

    #[test]
    fn the_smallest_limit_above_counts() {
        let name = format!("backstop-groups-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(group_limit(&root), None);
        write("proc/self/cgroup", "0::/system.slice/backstop.service\n");
        write("sys/fs/cgroup/system.slice/backstop.service/memory.max", "max\n");
        assert_eq!(group_limit(&root), None);
        write("sys/fs/cgroup/system.slice/memory.max", "1000000\n");
        write("sys/fs/cgroup/memory.max", "2000000\n");
        assert_eq!(group_limit(&root), Some(1_000_000));
        write("proc/self/cgroup", "5:cpu,cpuacct:/a\n3:memory:/docker/abc\n");
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(group_limit(&root), None);
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "3000000\n");
        assert_eq!(group_limit(&root), Some(3_000_000));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
