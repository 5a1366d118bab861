//! One zone that is signed: the root of a tree of names, with every name in it.
//!
//! `hickory-server` signs and serves it, so that proofs of a name's absence are there as well. Whoever
//! trusts [`SignedRoot::anchor_line`] finds its records secure, and everybody else bogus.

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::DNSKEY;
use hickory_proto::dnssec::{Algorithm, DnssecSigner, PublicKey as _, PublicKeyBuf, SigningKey};
use hickory_proto::rr::rdata::{A, AAAA, NS, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType, RrKey};
use hickory_server::Server;
use hickory_server::dnssec::NxProofKind;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long its records and signatures hold.
const HOLDS: Duration = Duration::from_hours(24);
/// The same in seconds.
const HOLDS_S: u32 = 24 * 3600;
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(5);
/// Answers that wait for a slow reader.
const WAITING: usize = 16;

/// A server of the zone. Dropped, it stops.
pub struct SignedRoot {
    addr: SocketAddr,
    anchor: PublicKeyBuf,
    /// Its tasks end with it.
    _server: Server<Catalog>,
}

// === impl SignedRoot ===

impl SignedRoot {
    /// Signs a zone with these names and serves it over UDP and TCP. A name that was tampered with has
    /// this address there instead of those that were signed.
    pub async fn serve(
        at: SocketAddr,
        names: &[(&str, &[IpAddr])],
        tampered: Option<(&str, Ipv4Addr)>,
    ) -> Result<Self> {
        let root = Name::root();
        let key = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256)?;
        let key = EcdsaSigningKey::from_pkcs8(&key, Algorithm::ECDSAP256SHA256)?;
        let anchor = key.to_public_key()?;
        let shown = DNSKEY::from_key(&anchor);
        let signer = DnssecSigner::new(shown, Box::new(key), root.clone(), HOLDS);
        let proof = Some(NxProofKind::Nsec);
        let mut zone: InMemoryZoneHandler =
            InMemoryZoneHandler::empty(root.clone(), ZoneType::Primary, AxfrPolicy::Deny, proof);
        for record in records(names)? {
            let kept = zone.upsert_mut(record, 0);
            kept.then_some(()).context("a record that the zone does not take")?;
        }
        zone.add_zone_signing_key_mut(signer).map_err(|it| anyhow!("the key: {it}"))?;
        zone.secure_zone_mut().map_err(|it| anyhow!("signing: {it}"))?;
        if let Some((host, address)) = tampered {
            tamper(&mut zone, host, address)?;
        }
        let mut catalog = Catalog::new();
        catalog.upsert(LowerName::new(&root), vec![Arc::new(zone)]);
        let mut server = Server::new(catalog);
        let (udp, tcp) = super::pair(at).await?;
        let addr = udp.local_addr()?;
        server.register_socket(udp);
        server.register_listener(tcp, IDLE, WAITING);
        Ok(Self { addr, anchor, _server: server })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The line of a file of anchors that trusts its key.
    pub fn anchor_line(&self) -> String {
        format!(". 3600 IN DNSKEY 257 3 13 {}\n", STANDARD.encode(self.anchor.public_bytes()))
    }
}

impl std::fmt::Debug for SignedRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedRoot").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Gives a name another address under the signature of its own.
fn tamper(zone: &mut InMemoryZoneHandler, host: &str, address: Ipv4Addr) -> Result<()> {
    let name = Name::from_ascii(format!("{host}."))?;
    let key = RrKey::new(LowerName::new(&name), RecordType::A);
    let kept = zone.records_get_mut().get_mut(&key).context("a name of the zone")?;
    let mut set = RecordSet::clone(kept);
    let other = RData::A(A(address));
    set.set_records(vec![Record::from_rdata(name, set.ttl(), other)]);
    *kept = Arc::new(set);
    Ok(())
}

fn records(names: &[(&str, &[IpAddr])]) -> Result<Vec<Record>> {
    let name = |text: &str| Name::from_ascii(format!("{text}."));
    let own = SOA::new(name("ns1")?, name("hostmaster")?, 1, 7200, 3600, 86_400, 300);
    let mut records = vec![Record::from_rdata(Name::root(), HOLDS_S, RData::SOA(own))];
    let server = RData::NS(NS(name("ns1")?));
    records.push(Record::from_rdata(Name::root(), HOLDS_S, server));
    for (host, addresses) in names {
        for address in *addresses {
            let data = match address {
                IpAddr::V4(it) => RData::A(A(*it)),
                IpAddr::V6(it) => RData::AAAA(AAAA(*it)),
            };
            records.push(Record::from_rdata(name(host)?, 300, data));
        }
    }
    Ok(records)
}
