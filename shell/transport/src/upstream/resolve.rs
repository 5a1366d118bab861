//! Names to addresses, as a step of its own, so that DNS trouble is told apart from the rest, and so
//! that every address is judged before anybody is sent there.
//!
//! **Invariants:** what is returned was written down by the operator, or may be where a name leads;
//! one provider never has more than [`LOOKUPS_MAX`] lookups in the system's resolver, whose threads
//! all providers share and which a cancelled request cannot interrupt.

use super::origin::bare;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use ir::{Dns, Place, Reach};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const LOOKUPS_MAX: usize = 8;

/// Lookups of all measurements that are under way.
const MEASURING_MAX: usize = 32;

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
    /// Where a name may lead.
    reach: Reach,
    /// Where every name leads, if there are any.
    pinned: Vec<IpAddr>,
    /// It was said that some of a name's addresses are not used.
    told: AtomicBool,
    running: Arc<Semaphore>,
}

// === impl Lookup ===

impl Lookup {
    pub(super) fn new(resolver: Resolver, reach: Reach, pinned: Vec<IpAddr>) -> Self {
        let running = Arc::new(Semaphore::new(LOOKUPS_MAX));
        Self { resolver, reach, pinned, told: AtomicBool::new(false), running }
    }

    /// The addresses of `host`, in the order to try them; never empty.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Dns> {
        if let Ok(ip) = bare(host).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        if !self.pinned.is_empty() {
            let pinned = self.pinned.iter().map(|ip| SocketAddr::new(*ip, port));
            return Ok(interleave(pinned.collect()));
        }
        let permit = match &self.resolver {
            Resolver::System => {
                Some(Arc::clone(&self.running).acquire_owned().await.map_err(|_| Dns::Failed)?)
            }
            Resolver::Scripted(_) => None,
        };
        let found = self.resolver.ask(host, port, permit).await?;
        self.admitted(host, found)
    }

    /// Those of a name's addresses where its provider may be.
    fn admitted(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Dns> {
        let (kept, refused) = judged(found, self.reach);
        match (kept.is_empty(), refused) {
            (true, Some((address, place))) => return Err(Dns::Forbidden(address, place)),
            (true, None) => return Err(Dns::NotFound),
            (false, Some((address, place))) if !self.told.swap(true, Ordering::Relaxed) => {
                let what = place.words();
                tracing::warn!(host, %address, what, "not connected to: one of several addresses");
            }
            (false, Some(_) | None) => {}
        }
        Ok(kept)
    }
}

// === impl Resolver ===

impl Resolver {
    /// Every address it has for `host`, none of them judged: what a measurement wants to know. The
    /// thread of a lookup goes on when whoever asked is gone, so there are no more than 32
    /// of them in the process; whoever finds none free waits.
    pub async fn find(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Dns> {
        static MEASURING: LazyLock<Arc<Semaphore>> =
            LazyLock::new(|| Arc::new(Semaphore::new(MEASURING_MAX)));
        let permit = match self {
            Self::System => {
                Some(Arc::clone(&MEASURING).acquire_owned().await.map_err(|_| Dns::Failed)?)
            }
            Self::Scripted(_) => None,
        };
        self.ask(host, port, permit).await
    }

    /// The thread holds the permit, not the request: a lookup goes on when its request is dropped.
    async fn ask(
        &self,
        host: &str,
        port: u16,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Vec<SocketAddr>, Dns> {
        let host = match self {
            Self::System => host.to_owned(),
            Self::Scripted(script) => {
                return script.get(host).cloned().unwrap_or(Err(Dns::NotFound));
            }
        };
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

/// Those of a name's addresses where its provider may be, in the order to try them; and the first of the
/// others, and what it is.
pub fn judged(found: Vec<SocketAddr>, reach: Reach) -> (Vec<SocketAddr>, Option<(IpAddr, Place)>) {
    let mut refused = None;
    let mut kept = Vec::new();
    for address in found {
        let ip = address.ip();
        match reach.admits(ip) {
            Ok(()) => kept.push(address),
            Err(place) if refused.is_none() => refused = Some((ip, place)),
            Err(_) => {}
        }
    }
    (interleave(kept), refused)
}

/// Alternates the families, the resolver's first choice in front (RFC 8305 §4); no more than are tried.
pub fn interleave(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
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
    use std::collections::BTreeMap;
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Arc;

    use ir::{Dns, Place, Reach};

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
        let here = Reach { loopback: true, private: true };
        let lookup = Lookup::new(Resolver::System, here, Vec::new());
        assert_eq!(
            lookup.addresses("127.0.0.1", 7).await,
            Ok(vec!["127.0.0.1:7".parse().unwrap()])
        );
        assert_eq!(lookup.addresses("[::1]", 7).await, Ok(vec!["[::1]:7".parse().unwrap()]));
        let local = lookup.addresses("localhost", 7).await.unwrap();
        assert!(local.iter().all(|address| address.ip().is_loopback()));
    }

    /// Promise: a name leads only to where its provider can be.
    #[tokio::test]
    async fn a_name_leads_only_where_its_provider_may_be() {
        let check = async |reach: Reach, found: &str, expect: Result<&str, Dns>| {
            let parse = |text: &str| -> Vec<SocketAddr> {
                let ips = text.split(' ').filter(|ip| !ip.is_empty());
                ips.map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect()
            };
            let script = BTreeMap::from([("x.example".to_owned(), Ok(parse(found)))]);
            let lookup = Lookup::new(Resolver::Scripted(Arc::new(script)), reach, Vec::new());
            let answer = lookup.addresses("x.example", 443).await;
            assert_eq!(answer, expect.map(parse), "{found}");
        };
        let name = Reach::default();
        let forbidden = |text: &str| {
            let address = text.parse().unwrap();
            Err(Dns::Forbidden(address, Place::of(address)))
        };
        for inside in [
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "::ffff:a9fe:a9fe",
            "169.254.170.2",
            "fd00:ec2::254",
            "100.100.100.200",
            "192.0.0.192",
            "fe80::1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            check(name, inside, forbidden(inside)).await;
            // One is dropped, the other is used, in any order.
            check(name, &format!("{inside} 1.1.1.1"), Ok("1.1.1.1")).await;
            check(name, &format!("1.1.1.1 2606:4700::1 {inside}"), Ok("1.1.1.1 2606:4700::1"))
                .await;
        }
        check(name, "127.0.0.1 169.254.169.254", forbidden("127.0.0.1")).await;
        check(name, "", Err(Dns::NotFound)).await;
        for near in ["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fd12::1"] {
            check(name, near, Ok(near)).await;
            check(Reach { private: false, ..name }, near, forbidden(near)).await;
        }
        let here = Reach { loopback: true, ..name };
        check(here, "127.0.0.1", Ok("127.0.0.1")).await;
        check(here, "169.254.169.254", forbidden("169.254.169.254")).await;
    }

    /// Hosts that slipped through the configuration: the machine's resolver takes them for addresses.
    #[tokio::test]
    async fn what_only_the_resolver_takes_for_an_address_is_judged() {
        let lookup = Lookup::new(Resolver::System, Reach::default(), Vec::new());
        for host in ["127.1", "0x7f000001", "2130706433", "017700000001", "0", "localhost"] {
            let found = lookup.addresses(host, 80).await;
            assert!(matches!(found, Err(Dns::Forbidden(..) | Dns::NotFound)), "{host}: {found:?}");
        }
    }

    #[tokio::test]
    async fn pins_need_no_resolver_and_are_not_judged() {
        let nobody = Resolver::Scripted(Arc::default());
        let pins = vec!["127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        let lookup = Lookup::new(nobody, Reach { loopback: false, private: false }, pins);
        let expect = ["127.0.0.1:7", "10.0.0.1:7"].map(|it| it.parse().unwrap()).to_vec();
        assert_eq!(lookup.addresses("x.example", 7).await, Ok(expect));
    }
}
