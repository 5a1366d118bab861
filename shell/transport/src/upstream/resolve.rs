//! Names to addresses, as a step of its own, so that DNS trouble is told apart from the rest.
//!
//! **Invariant:** one provider never has more than [`LOOKUPS_MAX`] lookups in the system's resolver,
//! whose threads all providers share and which a cancelled request cannot interrupt.

use super::origin::bare;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use ir::Dns;
use tokio::sync::Semaphore;

const LOOKUPS_MAX: usize = 8;

/// More addresses than this are not tried.
const ADDRESSES_MAX: usize = 8;

/// Who knows the addresses.
#[derive(Clone, Debug, Default)]
pub enum Resolver {
    /// The machine's resolver.
    #[default]
    System,
    /// Fixed answers by host name, for tests and drills. A name that is not in it does not exist.
    /// Addresses are used with the port that stands here.
    Scripted(Arc<BTreeMap<String, Result<Vec<SocketAddr>, Dns>>>),
}

/// A resolver with its bound.
#[derive(Debug)]
pub(super) struct Lookup {
    resolver: Resolver,
    running: Arc<Semaphore>,
}

// === impl Lookup ===

impl Lookup {
    pub(super) fn new(resolver: Resolver) -> Self {
        Self { resolver, running: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }

    /// The addresses of `host`, in the order to try them; never empty.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Dns> {
        if let Ok(ip) = bare(host).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let found = match &self.resolver {
            Resolver::System => self.system(host.to_owned(), port).await?,
            Resolver::Scripted(script) => {
                script.get(host).cloned().unwrap_or(Err(Dns::NotFound))?
            }
        };
        if found.is_empty() { Err(Dns::NotFound) } else { Ok(interleave(found)) }
    }

    /// The thread holds the permit, not the request: a lookup goes on when its request is dropped.
    async fn system(&self, host: String, port: u16) -> Result<Vec<SocketAddr>, Dns> {
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Dns::Failed)?;
        let lookup = tokio::task::spawn_blocking(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            drop(permit);
            found
        });
        match lookup.await {
            Ok(Ok(found)) => Ok(found.collect()),
            Ok(Err(error)) => Err(observe(&error)),
            Err(_) => Err(Dns::Failed),
        }
    }
}

/// The standard library keeps only the text of `getaddrinfo`'s error (`gai_strerror`, in the C
/// locale, since we never set another): `EAI_NONAME` and `EAI_NODATA` mean that there is nothing,
/// everything else that nobody answered.
fn observe(error: &io::Error) -> Dns {
    const NOTHING: [&str; 5] = [
        "Name or service not known",           // glibc, EAI_NONAME
        "No address associated with hostname", // glibc, EAI_NODATA
        "Name does not resolve",               // musl, EAI_NONAME
        "Name has no usable address",          // musl, EAI_NODATA
        "nodename nor servname provided",      // macOS, EAI_NONAME
    ];
    let text = error.to_string();
    let invalid = error.kind() == io::ErrorKind::InvalidInput;
    if invalid || NOTHING.iter().any(|nothing| text.contains(nothing)) {
        Dns::NotFound
    } else {
        Dns::Failed
    }
}

/// Alternates the families, the resolver's first choice in front (RFC 8305 §4).
fn interleave(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let v6_first = found.first().is_some_and(SocketAddr::is_ipv6);
    let (front, back): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| address.is_ipv6() == v6_first);
    let mut back = back.into_iter();
    let mut order = Vec::new();
    for address in front {
        order.push(address);
        order.extend(back.next());
    }
    order.extend(back);
    order.truncate(ADDRESSES_MAX);
    order
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use ir::Dns;

    use super::{Lookup, Resolver, interleave, observe};

    #[test]
    fn tells_nothing_from_nobody() {
        let check = |text: &str, expect: Dns| {
            let text = format!("failed to lookup address information: {text}");
            assert_eq!(observe(&io::Error::other(text)), expect);
        };
        check("Name or service not known", Dns::NotFound);
        check("No address associated with hostname", Dns::NotFound);
        check("Name does not resolve", Dns::NotFound);
        check("Name has no usable address", Dns::NotFound);
        check("nodename nor servname provided, or not known", Dns::NotFound);
        check("Temporary failure in name resolution", Dns::Failed);
        check("Non-recoverable failure in name resolution", Dns::Failed);
        check("Try again", Dns::Failed);
        check("System error", Dns::Failed);
    }

    #[test]
    fn alternates_families() {
        let parse = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|ip| SocketAddr::new(ip.parse().unwrap(), 1)).collect()
        };
        let check = |found: &str, expect: &str| assert_eq!(interleave(parse(found)), parse(expect));
        check("::1 ::2 1.1.1.1 2.2.2.2", "::1 1.1.1.1 ::2 2.2.2.2");
        check("1.1.1.1 2.2.2.2 ::1", "1.1.1.1 ::1 2.2.2.2");
        check("1.1.1.1 ::1 ::2 ::3", "1.1.1.1 ::1 ::2 ::3");
        check("1.1.1.1", "1.1.1.1");
    }

    #[tokio::test]
    async fn literals_and_localhost_need_no_dns() {
        let lookup = Lookup::new(Resolver::System);
        assert_eq!(
            lookup.addresses("127.0.0.1", 7).await,
            Ok(vec!["127.0.0.1:7".parse().unwrap()])
        );
        assert_eq!(lookup.addresses("[::1]", 7).await, Ok(vec!["[::1]:7".parse().unwrap()]));
        let local = lookup.addresses("localhost", 7).await.unwrap();
        assert!(local.iter().all(|address| address.ip().is_loopback()));
    }
}
