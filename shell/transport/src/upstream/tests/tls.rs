//! What goes wrong with TLS, and what goes right.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ir::{Dns, Failure, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::peer::{Step, peer};
use super::{Roots, plain, send, trusting, upstream, whole};

const URI: &str = "https://localhost/v1/messages";

/// A certificate authority and a server that it vouches for.
pub(super) struct Authority {
    pub(super) root: Vec<u8>,
    pub(super) acceptor: TlsAcceptor,
}

impl Authority {
    pub(super) fn new(
        name: &str,
        alpn: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut leaf);
        let key = KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &root).unwrap();
        Self::of(root.der().to_vec(), leaf.der().clone(), (&key, alpn))
    }

    /// One that holds.
    pub(super) fn good() -> Self {
        Self::new("localhost", &[], |_| {})
    }

    /// A server that vouches for itself.
    fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let leaf = leaf.self_signed(&key).unwrap();
        Self::of(leaf.der().to_vec(), leaf.der().clone(), (&key, &[]))
    }

    fn of(root: Vec<u8>, leaf: CertificateDer<'static>, (key, alpn): (&KeyPair, &[&str])) -> Self {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { root, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

/// Answers every request on every connection with "ok", over TLS and HTTP/1.1.
pub(super) async fn serve(acceptor: TlsAcceptor) -> SocketAddr {
    hear(acceptor).await.0
}

/// The same, with how many bytes of requests came.
async fn hear(acceptor: TlsAcceptor) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                while let Ok(read @ 1..) = stream.read(&mut [0; 4096]).await {
                    count.fetch_add(read, Ordering::Relaxed);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    (address, heard)
}

#[tokio::test]
async fn a_trusted_peer_is_spoken_to() {
    for alpn in [&[][..], &["http/1.1"]] {
        let authority = Authority::new("localhost", alpn, |_| {});
        let upstream = trusting(serve(authority.acceptor).await, &authority.root);
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), false)));
        assert_eq!(whole(&upstream, URI).await, Ok(("ok".to_owned(), true)));
    }
}

/// Promise: certificates are checked. Refused every time, and nothing of the request was sent.
#[tokio::test]
async fn a_certificate_that_does_not_hold() {
    let check = async |authority: Authority, trusted: bool, expect: &str| {
        let (address, heard) = hear(authority.acceptor).await;
        let upstream = if trusted { trusting(address, &authority.root) } else { plain(address) };
        for _ in 0..3 {
            let failure = send(&upstream, URI).await.unwrap_err();
            let Failure::Tls(Tls::Certificate(why)) = &failure else {
                panic!("{failure:?} instead of {expect}");
            };
            assert!(why.contains(expect), "{why}");
        }
        assert_eq!(heard.load(Ordering::Relaxed), 0, "{expect}");
    };
    check(Authority::new("localhost", &[], |_| {}), false, "UnknownIssuer").await;
    check(Authority::new("elsewhere", &[], |_| {}), true, "not valid for name").await;
    let expired = |leaf: &mut CertificateParams| leaf.not_after = date_time_ymd(2020, 1, 1);
    check(Authority::new("localhost", &[], expired), true, "expired").await;
    let early = |leaf: &mut CertificateParams| leaf.not_before = date_time_ymd(2100, 1, 1);
    check(Authority::new("localhost", &[], early), true, "not valid yet").await;
    check(Authority::self_signed("localhost"), false, "UnknownIssuer").await;
    // Another authority of the same name, in place of the one that signed.
    let other = Authority { root: Authority::new("x", &[], |_| {}).root, ..Authority::good() };
    check(other, true, "BadSignature").await;
}

/// A pin is an address and no identity.
#[tokio::test]
async fn a_pinned_address_still_has_to_prove_the_name() {
    for (name, holds) in [("localhost", true), ("elsewhere", false)] {
        let authority = Authority::new(name, &[], |_| {});
        let (address, heard) = hear(authority.acceptor).await;
        let upstream = upstream(Err(Dns::NotFound), |settings| {
            settings.addresses = vec![address.ip()];
            settings.roots = Roots::native().with_der(authority.root.clone());
        });
        let uri = format!("https://localhost:{}/v1", address.port());
        let request = http::Request::get(uri).body(crate::Payload::empty()).unwrap();
        let answer = upstream.send(request).await;
        assert_eq!((answer.is_ok(), 0 < heard.load(Ordering::Relaxed)), (holds, holds), "{name}");
    }
}

#[tokio::test]
async fn a_handshake_that_fails() {
    let check = async |script: Vec<Step>| {
        let (address, _) = peer(vec![script.clone()]).await;
        let hasty = upstream(Ok(vec![address]), |settings| {
            settings.connect = Duration::from_millis(300);
        });
        let failure = send(&hasty, URI).await.unwrap_err();
        assert_eq!(failure, Failure::Tls(Tls::Handshake), "{script:?}");
    };
    check(vec![]).await;
    check(vec![Step::Reset]).await;
    check(vec![Step::Say("HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    // handshake_failure
    check(vec![Step::SayBytes(vec![21, 3, 3, 0, 2, 2, 40])]).await;
    // Silence until the deadline.
    check(vec![Step::Hang]).await;
}
