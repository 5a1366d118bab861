//! Names: everybody who can be asked is asked, each over a fresh socket and without a cache.
//!
//! **Invariant:** an answer counts only where its id and its question are ours, and only records on
//! the way from the name that was asked for to its addresses are taken from it.

mod doh;
mod message;
mod plain;
mod proof;

pub(crate) use proof::validate;

use crate::{Doh, Ground, wire};
use hickory_proto::rr::{Name, RecordType};
use ir::Dns;
use ir::evidence::{Answer, HostsEntry, Rcode, Witness};
use message::Question;
use std::net::{IpAddr, SocketAddr};
use tokio::time::{Instant, timeout};

/// Addresses of one answer beyond these are not told of.
const ADDRESSES_MAX: usize = 32;

/// Whom to ask.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// The system's resolver.
    System,
    /// A resolver, over UDP, and over TCP where its answer did not fit.
    Udp(IpAddr),
    /// The resolver on this machine, in the same way.
    Stub(IpAddr),
    /// A resolver, over TCP.
    Tcp(IpAddr),
    /// A public one, over HTTPS.
    Doh(Doh),
}

/// Why one question has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Unreachable,
    Garbled,
}

// === impl Ask ===

impl Ask {
    /// What it is called in evidence.
    pub(crate) fn witness(&self) -> Witness {
        match self {
            Self::System => Witness::System,
            Self::Udp(server) => Witness::Udp(*server),
            Self::Stub(_) => Witness::Stub,
            Self::Tcp(server) => Witness::Tcp(*server),
            Self::Doh(doh) => Witness::Doh(doh.name.clone()),
        }
    }

    /// What it says of a name. A name that is an address is nobody's to resolve.
    pub(crate) async fn about(&self, ground: &Ground, host: &str) -> Answer {
        let began = Instant::now();
        let mut answer = match self {
            Self::System => system(ground, host).await,
            Self::Udp(_) | Self::Stub(_) | Self::Tcp(_) | Self::Doh(_) => {
                self.both(ground, host).await
            }
        };
        answer.took_ms = wire::ms(began.elapsed());
        answer.addresses.truncate(ADDRESSES_MAX);
        answer
    }

    /// A and AAAA at once.
    async fn both(&self, ground: &Ground, host: &str) -> Answer {
        let Ok(name) = Name::from_ascii(format!("{}.", host.trim_end_matches('.'))) else {
            return Answer { rcode: Rcode::Garbled, ..Answer::default() };
        };
        let (v4, v6) =
            (Question::new(&name, RecordType::A), Question::new(&name, RecordType::AAAA));
        let (v4, v6) = tokio::join!(self.one(ground, &v4), self.one(ground, &v6));
        message::merge(v4, v6)
    }

    async fn one(&self, ground: &Ground, question: &Question) -> Answer {
        let asked = async {
            match self {
                Self::System => Err(Fault::Unreachable),
                Self::Udp(server) | Self::Stub(server) => {
                    let to = SocketAddr::new(*server, ground.dns_port);
                    plain::datagrams(ground, to, question).await
                }
                Self::Tcp(server) => {
                    let to = SocketAddr::new(*server, ground.dns_port);
                    plain::stream(ground, to, question).await
                }
                Self::Doh(doh) => doh::ask(ground, doh, question).await,
            }
        };
        let rcode = match timeout(ground.limits.dns, asked).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(Fault::Unreachable)) => Rcode::Unreachable,
            Ok(Err(Fault::Garbled)) => Rcode::Garbled,
            Err(_) => Rcode::Timeout,
        };
        Answer { rcode, ..Answer::default() }
    }
}

/// Endings of names that hold within one network (RFC 6761, RFC 6762 and its appendix G, RFC 8375).
const INSIDE: &[&str] =
    &["localhost", "local", "internal", "home.arpa", "test", "lan", "home", "corp", "intranet"];

/// Whether a name is one of this network alone: public resolvers do not know it, and need not hear it.
pub(crate) fn is_inside(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let below = |end: &&str| host.strip_suffix(*end).is_some_and(|rest| rest.ends_with('.'));
    !host.contains('.') || INSIDE.iter().any(below)
}

/// What programs get. The system tells "there is nothing" from "nobody could say" and no more: the
/// first is told as `nxdomain`, the second as `servfail`.
async fn system(ground: &Ground, host: &str) -> Answer {
    let mut answer = Answer::default();
    match timeout(ground.limits.dns, ground.resolver.find(host, 443)).await {
        Ok(Ok(found)) => {
            for address in found {
                if !answer.addresses.contains(&address.ip()) {
                    answer.addresses.push(address.ip());
                }
            }
        }
        Ok(Err(Dns::NotFound | Dns::Forbidden(..))) => answer.rcode = Rcode::NxDomain,
        Ok(Err(Dns::Failed)) => answer.rcode = Rcode::ServFail,
        Err(_) => answer.rcode = Rcode::Timeout,
    }
    answer
}

/// What the hosts file says, where it says something.
pub(crate) fn of_hosts(entries: &[HostsEntry]) -> Option<Answer> {
    let addresses = entries.iter().map(|entry| entry.address).take(ADDRESSES_MAX);
    (!entries.is_empty()).then(|| Answer { addresses: addresses.collect(), ..Answer::default() })
}

#[cfg(test)]
mod tests;
