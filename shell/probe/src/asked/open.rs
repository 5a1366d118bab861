//! The way to the provider, as a client goes it: name, connection, certificate.

use super::tunnel;
use crate::measure::Scene;
use crate::wire;
use ir::evidence::Asked;
use ir::{Connect, Dns, Failure, Proxy, Reach, Tls};
use rustls::Error as Fault;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;
use transport::{Tcp, interleave, judged};

/// How long one address may be silent before the next is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// A connection that can be asked over.
pub(super) enum Wire {
    Plain(Tcp),
    Tls(Box<TlsStream<Tcp>>),
}

// === impl Wire ===

impl Wire {
    pub(super) fn speaks_h2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

/// Opens one, and notes how long each step took.
pub(super) async fn open(scene: &Arc<Scene>, asked: &mut Asked) -> Result<Wire, Failure> {
    let (subject, limits) = (&scene.subject, &scene.ground.limits);
    let base = &subject.base;
    let stream = if let Some(proxy) = &subject.proxy {
        let began = Instant::now();
        let stream = tunnel::open(scene, proxy).await.map_err(Failure::Proxy)?;
        asked.connect_ms = Some(wire::ms(began.elapsed()));
        stream
    } else {
        let began = Instant::now();
        let named = base.literal().is_none() && subject.addresses.is_empty();
        let found = addresses(scene).await.map_err(Failure::Dns)?;
        asked.dns_ms = named.then(|| wire::ms(began.elapsed()));
        let began = Instant::now();
        let stream = dial(scene, found).await.map_err(Failure::Connect)?;
        asked.connect_ms = Some(wire::ms(began.elapsed()));
        stream
    };
    if !base.tls {
        return Ok(Wire::Plain(stream));
    }
    let began = Instant::now();
    let config = scene.strict.clone().ok_or(Failure::Tls(Tls::Handshake))?;
    match timeout(limits.tls, wire::secure(config, &base.host, stream)).await {
        Ok(Ok(stream)) => {
            asked.tls_ms = Some(wire::ms(began.elapsed()));
            Ok(Wire::Tls(Box::new(stream)))
        }
        Ok(Err(error)) => Err(Failure::Tls(refusal(&error))),
        Err(_) => Err(Failure::Tls(Tls::Handshake)),
    }
}

/// What it means that the time was over on the way.
pub(super) fn late(asked: &Asked) -> Failure {
    if asked.connect_ms.is_some() {
        Failure::Tls(Tls::Handshake)
    } else if asked.proxied {
        Failure::Proxy(Proxy::Silent)
    } else if asked.dns_ms.is_some() {
        Failure::Connect(Connect::Timeout)
    } else {
        Failure::Dns(Dns::Failed)
    }
}

fn refusal(error: &io::Error) -> Tls {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>());
    match inner {
        Some(Fault::InvalidCertificate(_) | Fault::NoCertificatesPresented) => {
            Tls::Certificate(String::new())
        }
        Some(_) | None => Tls::Handshake,
    }
}

/// Where the provider is: written down, or told by the system's resolver and then judged.
async fn addresses(scene: &Scene) -> Result<Vec<SocketAddr>, Dns> {
    let base = &scene.subject.base;
    if let Some(address) = base.literal() {
        return Ok(vec![SocketAddr::new(address, base.port)]);
    }
    if !scene.subject.addresses.is_empty() {
        let pinned = scene.subject.addresses.iter().map(|it| SocketAddr::new(*it, base.port));
        return Ok(interleave(pinned.collect()));
    }
    lookup(scene, &base.host, base.port, scene.subject.reach).await
}

/// The addresses of a name, as far as it may lead there.
pub(super) async fn lookup(
    scene: &Scene,
    host: &str,
    port: u16,
    reach: Reach,
) -> Result<Vec<SocketAddr>, Dns> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let asked = timeout(scene.ground.limits.dns, scene.ground.resolver.find(host, port));
    let found = asked.await.map_err(|_| Dns::Failed)??;
    let found = found.into_iter().map(|it| SocketAddr::new(it.ip(), port));
    let (kept, refused) = judged(found.collect(), reach);
    if kept.is_empty() {
        let why = refused.map_or(Dns::NotFound, |(address, place)| Dns::Forbidden(address, place));
        return Err(why);
    }
    Ok(kept)
}

/// The first address that answers, each with a head start on the next.
pub(super) async fn dial(scene: &Arc<Scene>, to: Vec<SocketAddr>) -> Result<Tcp, Connect> {
    let mut queue = to.into_iter();
    let mut racing = JoinSet::new();
    let mut worst = Connect::Unreachable;
    let race = async {
        loop {
            if let Some(address) = queue.next() {
                let scene = Arc::clone(scene);
                drop(racing.spawn(async move { wire::connect(&scene.ground, address).await }));
            } else if racing.is_empty() {
                return Err(worst);
            }
            let wait = if queue.len() == 0 { Duration::MAX } else { STAGGER };
            match timeout(wait, racing.join_next()).await {
                Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
                Ok(Some(Ok(Err(error)))) => worst = telling(worst, &error),
                Ok(Some(Err(_)) | None) | Err(_) => {}
            }
        }
    };
    timeout(scene.ground.limits.tcp, race).await.unwrap_or(Err(Connect::Timeout))
}

/// That the host answered says most, then that it was silent.
fn telling(worst: Connect, error: &io::Error) -> Connect {
    use ir::evidence::Reached;
    match wire::reached(error) {
        Reached::Refused => Connect::Refused,
        Reached::Timeout if worst == Connect::Unreachable => Connect::Timeout,
        Reached::Timeout | Reached::Unreachable | Reached::Connected => worst,
    }
}
