//! What goes wrong with TLS, and what goes right.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ir::{Failure, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::peer::{Step, peer};
use super::{plain, send, trusting, upstream, whole};

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
        let chain = vec![leaf.signed_by(&key, &root).unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { root: root.der().to_vec(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

/// Answers every request on every connection with "ok", over TLS and HTTP/1.1.
async fn serve(acceptor: TlsAcceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            tokio::spawn(async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    address
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

#[tokio::test]
async fn a_certificate_that_does_not_hold() {
    let check = async |authority: Authority, trusted: bool, expect: &str| {
        let address = serve(authority.acceptor).await;
        let upstream = if trusted { trusting(address, &authority.root) } else { plain(address) };
        let failure = send(&upstream, URI).await.unwrap_err();
        let Failure::Tls(Tls::Certificate(why)) = &failure else {
            panic!("{failure:?} instead of {expect}");
        };
        assert!(why.contains(expect), "{why}");
    };
    check(Authority::new("localhost", &[], |_| {}), false, "UnknownIssuer").await;
    check(Authority::new("elsewhere", &[], |_| {}), true, "not valid for name").await;
    let expired = |leaf: &mut CertificateParams| leaf.not_after = date_time_ymd(2020, 1, 1);
    check(Authority::new("localhost", &[], expired), true, "expired").await;
    let early = |leaf: &mut CertificateParams| leaf.not_before = date_time_ymd(2100, 1, 1);
    check(Authority::new("localhost", &[], early), true, "not valid yet").await;
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
