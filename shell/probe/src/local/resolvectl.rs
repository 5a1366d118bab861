//! Whom `systemd-resolved` asks, by its own tool: where its file is not there.
//!
//! **Invariants:** it is run only where [`crate::Ground::programs`] allows it, for a second at most,
//! and no more is read of it than a page.

use super::address;
use std::io::Read as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(1);
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// The resolvers of all links. Blocks.
pub(super) fn upstreams() -> Vec<IpAddr> {
    let started = Command::new("resolvectl")
        .args(["--no-pager", "dns"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else { return Vec::new() };
    let Some(output) = child.stdout.take() else { return Vec::new() };
    let (tell, told) = mpsc::sync_channel(1);
    // The thread ends with the pipe, which ends with the child.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(OUTPUT_BYTES_MAX).read_to_string(&mut text);
        drop(tell.send(read.map(|_| text).unwrap_or_default()));
    });
    let text = told.recv_timeout(WITHIN).unwrap_or_default();
    drop((child.kill(), child.wait(), reader));
    read(&text)
}

/// Lines `Global: ADDRESS …` and `Link 2 (eth0): ADDRESS …`; addresses may carry a port, a link and a name.
fn read(text: &str) -> Vec<IpAddr> {
    let rest = text.lines().filter_map(|line| line.split_once(": ")).map(|(_, rest)| rest);
    let words = rest.flat_map(str::split_whitespace);
    let bare = words.filter_map(|word| address(word.split('#').next()?));
    bare.filter(|address| !address.is_loopback()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_what_it_prints() {
        let text = "Global: 9.9.9.9#dns.quad9.net 127.0.0.1\nLink 2 (eth0): 192.168.1.1 fe80::1%2\nLink 3 (wg0):\n";
        let expect = ["9.9.9.9", "192.168.1.1", "fe80::1"].map(crate::stage::ip);
        assert_eq!(super::read(text), expect);
    }
}
