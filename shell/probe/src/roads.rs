//! Every address of the host: TCP to it, and TLS with the host's name over that.
//!
//! **Invariants:** nothing but a TLS handshake is sent on these connections, because nobody's
//! certificate is believed on them: it is recorded and judged ([`chain`]).

mod chain;
mod recorder;

use crate::Ground;
use crate::measure::Scene;
use crate::wire;
use chain::Judge;
use ir::evidence::{Road, Session, Shake};
use recorder::Recorder;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, SupportedProtocolVersion};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use transport::Tcp;

/// Addresses of each family beyond these are not tried.
pub(crate) const ADDRESSES_MAX: usize = 8;

/// How much is said in the first message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hello {
    /// As much as browsers and current SDKs say: with its post-quantum share it is longer than one packet.
    Usual,
    /// Little: TLS 1.2 and no such share.
    Small,
}

/// One address of the provider; none where there is no time left to try it.
pub(crate) async fn road(scene: &Scene, address: IpAddr) -> Option<Road> {
    let Scene { ground, subject, .. } = scene;
    let to = SocketAddr::new(address, subject.base.port);
    let (tcp, stream) = wire::tcp(ground, to, scene.left()?).await;
    let mut road = Road { tcp, ..Road::default() };
    let (Some(stream), true, Some(left)) = (stream, subject.base.tls, scene.left()) else {
        return Some(road);
    };
    let whom = (subject.base.host.as_str(), subject.extra_roots.as_slice());
    let session = session(ground, whom, (stream, left), Hello::Usual).await;
    let stalled = session.shake == Shake::Stalled;
    road.tls = Some(session);
    if stalled
        && let Some(left) = scene.left()
        && let (_, Some(stream)) = wire::tcp(ground, to, left).await
        && let Some(left) = scene.left()
    {
        road.small = Some(self::session(ground, whom, (stream, left), Hello::Small).await);
    }
    Some(road)
}

/// TLS to a host that has nothing to do with the provider, at the first of its addresses.
pub(crate) async fn neutral(scene: &Scene, host: &str, to: SocketAddr) -> Option<Session> {
    let (_, stream) = wire::tcp(&scene.ground, to, scene.left()?).await;
    let within = (stream?, scene.left()?);
    Some(session(&scene.ground, (host, &[]), within, Hello::Usual).await)
}

async fn session(
    ground: &Ground,
    (host, extra): (&str, &[CertificateDer<'static>]),
    (stream, left): (Tcp, Duration),
    hello: Hello,
) -> Session {
    let began = Instant::now();
    let recorder = Arc::new(Recorder::new(wire::cryptography()));
    let (Some(config), Ok(name)) =
        (config(&recorder, hello), ServerName::try_from(host.to_owned()))
    else {
        return Session { shake: Shake::Refused, ..Session::default() };
    };
    let connecting = TlsConnector::from(config).connect(name.clone(), stream);
    let shaken = timeout(ground.limits.tls.min(left), connecting).await;
    let took_ms = wire::ms(began.elapsed());
    let seen = recorder.seen();
    let mut session = Session { took_ms, ..Session::default() };
    session.shake = match &shaken {
        Ok(Ok(stream)) => {
            let version = stream.get_ref().1.protocol_version();
            session.version = version.map(word).unwrap_or_default();
            Shake::Complete
        }
        // What comes behind the certificates, a wish for ours perhaps, is not this session's matter.
        Ok(Err(_)) | Err(_) if seen.signed => Shake::Complete,
        Ok(Err(error)) => shake(error),
        Err(_) => Shake::Stalled,
    };
    let judge = Judge { ground, extra, name: &name };
    judge.fill(&seen.chain, &mut session);
    session
}

/// `TLS1.3`.
fn word(version: rustls::ProtocolVersion) -> String {
    version.as_str().unwrap_or_default().replace("TLSv1_", "TLS1.")
}

/// No later version.
static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

fn config(recorder: &Arc<Recorder>, hello: Hello) -> Option<Arc<ClientConfig>> {
    let mut provider = CryptoProvider::clone(&wire::cryptography());
    let (versions, names): (_, &[&[u8]]) = match hello {
        Hello::Usual => {
            // The share of the first group is sent unasked; ours are without it.
            provider.kx_groups.retain(|it| it.name() != kx_group::X25519MLKEM768.name());
            provider.kx_groups.insert(0, kx_group::X25519MLKEM768);
            (rustls::DEFAULT_VERSIONS, &[b"h2", b"http/1.1"])
        }
        Hello::Small => {
            provider.kx_groups = vec![kx_group::X25519, kx_group::SECP256R1];
            (TLS12, &[])
        }
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(recorder) as Arc<_>)
        .with_no_client_auth();
    config.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::disabled();
    Some(Arc::new(config))
}

fn shake(error: &io::Error) -> Shake {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        None => Shake::Cut,
        Some(rustls::Error::InvalidMessage(_)) => Shake::NotTls,
        Some(_) => Shake::Refused,
    }
}

#[cfg(test)]
mod tests;
