//! What a recorded chain of certificates says: whose it is, from when to when, and who vouches for it.

use crate::{Ground, wire};
use ir::evidence::{Session, Trust};
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Certificates hold what their makers want.
const ISSUER_CHARS_MAX: usize = 128;

/// Who is judged, and by whom.
pub(super) struct Judge<'a> {
    pub(super) ground: &'a Ground,
    pub(super) extra: &'a [CertificateDer<'static>],
    pub(super) name: &'a ServerName<'static>,
}

// === impl Judge ===

impl Judge<'_> {
    /// Writes down what the chain says; nothing where there is none.
    pub(super) fn fill(&self, chain: &[CertificateDer<'static>], session: &mut Session) {
        let Some((first, rest)) = chain.split_first() else { return };
        session.chain = hash(chain);
        if let Ok(parsed) = ParsedCertificate::try_from(first) {
            session.names_host = verify_server_name(&parsed, self.name).is_ok();
        }
        let Ok((_, read)) = X509Certificate::from_der(first) else { return };
        session.issuer = issuer(&read);
        let validity = read.validity();
        let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let now = i64::try_from(self.ground.clock.unix_ms() / 1000).unwrap_or(i64::MAX);
        session.not_before_unix = Some(from);
        session.not_after_unix = Some(to);
        session.in_date = (from..=to).contains(&now);
        let times = times(chain, now);
        let vouched = |roots: &RootCertStore| vouches(roots, (first, rest), &times);
        session.trust = if vouched(&self.ground.roots.public) {
            Trust::Public
        } else if vouched(&wire::trusted(&self.ground.roots, self.extra)) {
            Trust::Machine
        } else if read.issuer().as_raw() == read.subject().as_raw() {
            Trust::SelfSigned
        } else {
            Trust::Nobody
        };
    }
}

/// The organisation that signed it, or else its common name.
fn issuer(read: &X509Certificate<'_>) -> String {
    let issuer = read.issuer();
    let mut named = issuer.iter_organization().chain(issuer.iter_common_name());
    let name = named.find_map(|it| it.as_str().ok()).unwrap_or_default();
    name.chars().filter(|c| !c.is_control()).take(ISSUER_CHARS_MAX).collect()
}

/// Moments at which the chain may hold: whoever vouches for it does so whatever its dates are. Now,
/// the middle of the time that all of it shares, and both ends of the first one's.
fn times(chain: &[CertificateDer<'static>], now: i64) -> Vec<UnixTime> {
    let spans: Vec<(i64, i64)> = chain
        .iter()
        .filter_map(|der| {
            let (_, read) = X509Certificate::from_der(der).ok()?;
            let validity = read.validity();
            Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
        })
        .collect();
    let from = spans.iter().map(|(from, _)| *from).max().unwrap_or(now);
    let to = spans.iter().map(|(_, to)| *to).min().unwrap_or(now);
    let ends = spans.first().map(|(from, to)| [from.saturating_add(1), to.saturating_sub(1)]);
    let middle = from.midpoint(to);
    let seconds = [now, middle].into_iter().chain(ends.into_iter().flatten());
    let moment = |second| UnixTime::since_unix_epoch(Duration::from_secs(second));
    seconds.filter_map(|second| u64::try_from(second).ok()).map(moment).collect()
}

fn vouches(
    roots: &RootCertStore,
    (first, rest): (&CertificateDer<'_>, &[CertificateDer<'_>]),
    times: &[UnixTime],
) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(first) else { return false };
    let algorithms = wire::cryptography().signature_verification_algorithms.all;
    times.iter().any(|time| {
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, rest, *time, algorithms).is_ok()
    })
}

/// SHA-256 over all of it, in hex.
fn hash(chain: &[CertificateDer<'_>]) -> String {
    let mut digest = Sha256::new();
    for certificate in chain {
        digest.update(certificate);
    }
    let digits = digest.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
