//! A folder with the files that tell a program about its machine, written for a situation.

use anyhow::{Context, Result};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// A usual `hosts:` line, on line 3.
pub const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
/// A usual hosts file.
pub const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n";

/// A folder of files. Dropped, it is removed.
#[derive(Debug)]
pub struct Folder(PathBuf);

// === impl Folder ===

impl Folder {
    /// A new one that nobody else has.
    pub fn new() -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("backstop-lab-{}-{nth}", process::id()));
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the file of this name stands or would stand.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, and the folders that it stands in.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.at(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// A usual machine with one interface, below this folder as below `/`.
    pub fn machine(&self, up: bool, hosts: &str, servers: &[IpAddr]) -> Result<()> {
        self.write("etc/hosts", hosts)?;
        self.write("etc/resolv.conf", resolv_conf(servers))?;
        self.write("etc/nsswitch.conf", NSSWITCH)?;
        self.write("proc/net/route", route(up))?;
        self.write("proc/net/ipv6_route", ipv6_route(up))?;
        self.write("proc/1/cgroup", "0::/init.scope\n")?;
        // Flags, type, state and carrier of each: IFF_UP is 1, IFF_LOOPBACK 8; 772 is a loopback.
        let eth0 = if up { ["0x1003", "1", "up", "1"] } else { ["0x1002", "1", "down", "0"] };
        for (name, values) in [("eth0", eth0), ("lo", ["0x9", "772", "unknown", "1"])] {
            for (file, value) in ["flags", "type", "operstate", "carrier"].iter().zip(values) {
                self.write(&format!("sys/class/net/{name}/{file}"), format!("{value}\n"))?;
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays where temporary files stand.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// `resolv.conf` with these servers.
pub fn resolv_conf(servers: &[IpAddr]) -> String {
    let lines: Vec<String> = servers.iter().map(|it| format!("nameserver {it}\n")).collect();
    format!("# of the lab\n{}options edns0 trust-ad\n", lines.concat())
}

/// `/proc/net/route` with a default route, or with none.
pub fn route(default: bool) -> String {
    let head =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    // 192.168.1.1 and 192.168.1.0 in the byte order of this machine, as the kernel writes them.
    let gateway = u32::from_ne_bytes([192, 168, 1, 1]);
    let net = u32::from_ne_bytes([192, 168, 1, 0]);
    let mask = u32::from_ne_bytes([255, 255, 255, 0]);
    let out = format!("eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n");
    let out = if default { out } else { String::new() };
    head.to_owned()
        + &out
        + &format!("eth0\t{net:08X}\t00000000\t0001\t0\t0\t100\t{mask:08X}\t0\t0\t0\n")
}

/// `/proc/net/ipv6_route` with a default route, or with none.
pub fn ipv6_route(default: bool) -> String {
    let none = "0".repeat(32);
    let lo = format!("{none} 00 {none} 00 {none} ffffffff 00000001 00000000 00200200       lo\n");
    let gateway = "fe800000000000000000000000000001";
    let eth =
        format!("{none} 00 {none} 00 {gateway} 00000400 00000001 00000000 00000003     eth0\n");
    if default { eth + &lo } else { lo }
}
