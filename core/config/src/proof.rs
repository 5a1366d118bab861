//! What holds for every text that is offered as an address: for the fuzz target `address`, and for the
//! replay of its seeds. Not in the product.

use crate::{BaseUrl, Proxy};
use ir::Place;
use std::net::IpAddr;

/// Whatever is accepted has one reading: it stays what it is when it is written down and read again,
/// and its host is an address in its usual form, or a name that nobody takes for one.
pub fn check_address(text: &str) {
    if let Ok(url) = BaseUrl::parse(text) {
        let shown = url.to_string();
        assert_eq!(BaseUrl::parse(&shown).as_ref(), Ok(&url), "{text:?} as {shown:?}");
        check_host(text, &url.host, url.address());
        assert!(url.port != 0, "{text:?}: port 0");
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\\\"<>".contains(&byte);
        assert!(url.path.starts_with('/') && url.path.bytes().all(plain), "{text:?}: {}", url.path);
        // A dialect's path goes behind it, and stays in it.
        let steps = |it: &str| matches!(it, "." | "..");
        assert!(!url.path.split('/').any(steps), "{text:?}: {}", url.path);
    }
    if let Ok(proxy) = Proxy::parse(text) {
        check_host(text, &proxy.host, proxy.host.parse().ok());
        assert!(proxy.port != 0, "{text:?}: port 0");
        assert!(!proxy.authority().contains('@'), "{text:?}: a password is shown");
    }
}

fn check_host(text: &str, host: &str, address: Option<IpAddr>) {
    let Some(address) = address else {
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        assert!(!host.is_empty() && host.bytes().all(plain), "{text:?}: host {host:?}");
        // What ends in a number is an address to some resolver
        // (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
        let last = host.rsplit('.').next().unwrap_or_default();
        let hex =
            last.strip_prefix("0x").is_some_and(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
        let decimal = !last.is_empty() && last.bytes().all(|it| it.is_ascii_digit());
        assert!(!hex && !decimal, "{text:?}: host {host:?} may be read as an address");
        return;
    };
    assert_eq!(host, address.to_string(), "{text:?}: another spelling of an address");
    let canonical = address.to_canonical();
    assert_eq!(Place::of(address), Place::of(canonical), "{text:?}: one address, two places");
    let loopback = Place::of(canonical) == Place::Loopback;
    assert_eq!(loopback, canonical.is_loopback(), "{text:?}: {canonical}");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests read the seeds of fuzz targets")]

    use super::check_address;
    use crate::load;
    use crate::tests::outside;
    use std::path::Path;

    fn seeds(target: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let entries = std::fs::read_dir(folder).expect("a folder of seeds");
        let read = |path| std::fs::read_to_string(path).expect("a readable seed");
        let seeds: Vec<_> = entries.map(|entry| read(entry.expect("a seed").path())).collect();
        assert!(seeds.len() > 3, "{target} has seeds");
        seeds
    }

    /// Promise: an address has one reading, or is refused.
    #[test]
    fn seeds_of_addresses_replay() {
        for seed in seeds("address") {
            check_address(&seed);
        }
    }

    /// Promise: every text is a configuration, or a list of what is wrong with it.
    #[test]
    fn seeds_of_files_replay() {
        for seed in seeds("config") {
            let problems = load(&seed, &outside()).err();
            assert!(problems.is_none_or(|problems| !problems.is_empty()), "{seed}");
        }
    }
}
