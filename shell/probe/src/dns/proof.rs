//! Whether a name's records are signed, and rightly: the chain from the root's keys is followed by us,
//! whatever a resolver says of it.

use crate::{Ground, Way};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof as Theirs, TrustAnchors};
use hickory_resolver::proto::rr::RecordType;
use ir::evidence::Proof;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::time::timeout;

/// Asks through `server`, which has answered before. Absent where it was not done in time.
///
/// That a chain does not hold is a grave word, and whoever follows it says so of a lost datagram too,
/// and of a resolver that drops signatures, as many do. So it is said only where it is found twice,
/// and the root's own signatures come through.
pub(crate) async fn validate(ground: &Ground, server: IpAddr, host: &str) -> Option<Proof> {
    let name = format!("{}.", host.trim_end_matches('.'));
    let proving = async {
        let first = proof(&resolver(ground, server)?, &name, RecordType::A).await;
        match first {
            Proof::Secure | Proof::Insecure | Proof::Indeterminate => return Some(first),
            Proof::Bogus => {}
        }
        // Another one, which remembers nothing of the first.
        let resolver = resolver(ground, server)?;
        if proof(&resolver, ".", RecordType::NS).await != Proof::Secure {
            return Some(Proof::Indeterminate);
        }
        Some(proof(&resolver, &name, RecordType::A).await)
    };
    timeout(ground.limits.dnssec, proving).await.ok().flatten()
}

async fn proof(resolver: &TokioResolver, name: &str, kind: RecordType) -> Proof {
    match resolver.lookup(name, kind).await {
        Ok(lookup) => of_records(&lookup, kind),
        Err(NetError::Dns(DnsError::DnssecBogus)) => Proof::Bogus,
        Err(NetError::Dns(DnsError::Nsec { proof, .. })) => ours(proof),
        Err(_) => Proof::Indeterminate,
    }
}

/// The weakest of what was found.
fn of_records(lookup: &Lookup, asked: RecordType) -> Proof {
    let wanted = |kind| kind == asked || kind == RecordType::CNAME;
    let found = lookup.answers().iter().filter(|record| wanted(record.record_type()));
    found.map(|record| record.proof).min().map_or(Proof::Indeterminate, ours)
}

fn ours(proof: Theirs) -> Proof {
    match proof {
        Theirs::Secure => Proof::Secure,
        Theirs::Insecure => Proof::Insecure,
        Theirs::Bogus => Proof::Bogus,
        Theirs::Indeterminate => Proof::Indeterminate,
    }
}

/// A resolver of its own, without a cache, that asks nobody else.
fn resolver(ground: &Ground, server: IpAddr) -> Option<TokioResolver> {
    let to = SocketAddr::new(server, ground.dns_port);
    let connections = [
        (ground.ways.of_udp(to), ProtocolConfig::Udp),
        (ground.ways.of_tcp(to), ProtocolConfig::Tcp),
    ];
    let mut at = None;
    let mut ways = Vec::new();
    for (way, protocol) in connections {
        let to = match way {
            Way::Straight => to,
            Way::To(other) => other,
            Way::Refused | Way::Unreachable | Way::Silent => continue,
        };
        // One server has one address: a way that leads elsewhere than the first is left out.
        if *at.get_or_insert_with(|| to.ip()) == to.ip() {
            let mut way = ConnectionConfig::new(protocol);
            way.port = to.port();
            ways.push(way);
        }
    }
    let server = NameServerConfig::new(at?, true, ways);
    let config = ResolverConfig::from_name_servers(vec![server]);
    let mut options = ResolverOpts::default();
    options.validate = true;
    options.cache_size = 0;
    options.attempts = 1;
    options.timeout = ground.limits.dns;
    options.try_tcp_on_error = true;
    options.use_hosts_file = ResolveHosts::Never;
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let mut builder = builder.with_options(options);
    if let Some(path) = &ground.anchors {
        builder = builder.with_trust_anchor(Arc::new(TrustAnchors::from_file(path).ok()?));
    }
    builder.build().ok()
}
