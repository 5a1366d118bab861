//! A peer that speaks HTTP/2 behind TLS, and goes wrong in the ways that only HTTP/2 has.
//!
//! Its frames are written by hand (RFC 9113 §4.1), so that they can be wrong.

use super::rows::Http2;
use crate::world::LIMIT;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// The peer. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Peer {
    addr: SocketAddr,
    root: Vec<u8>,
    serving: JoinHandle<()>,
}

/// Kinds of frames (RFC 9113 §6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// RFC 9113 §7.
const REFUSED_STREAM: u32 = 7;

/// "PRI * HTTP/2.0 …", with which a client begins.
const PREFACE_BYTES: usize = 24;

// === impl Peer ===

impl Peer {
    pub(super) async fn start(trouble: Http2) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate with its key");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("its port");
        let serving = tokio::spawn(accept(listener, acceptor, trouble));
        Self { addr, root: cert.der().to_vec(), serving }
    }

    pub(super) fn base_url(&self) -> String {
        format!("https://{}/v1", self.addr)
    }

    /// The DER of the root to trust.
    pub(super) fn root(&self) -> Vec<u8> {
        self.root.clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, trouble: Http2) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let talk = talk(stream, acceptor.clone(), trouble);
        connections.spawn(async move { drop(timeout(LIMIT, talk).await) });
    }
}

/// Says hello and meets every request, until the other side leaves.
async fn talk(stream: TcpStream, acceptor: TlsAcceptor, trouble: Http2) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut preface = [0; PREFACE_BYTES];
    stream.read_exact(&mut preface).await?;
    // SETTINGS_INITIAL_WINDOW_SIZE is 4.
    let window: u32 = if trouble == Http2::Window { 0 } else { 65_535 };
    let settings = [&4_u16.to_be_bytes()[..], &window.to_be_bytes()].concat();
    stream.write_all(&frame(SETTINGS, 0, 0, &settings)).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes(id);
        match (kind, trouble) {
            (SETTINGS, _) if flags == 0 => stream.write_all(&frame(SETTINGS, 1, 0, &[])).await?,
            (HEADERS, Http2::GoAway) => {
                stream.write_all(&frame(GOAWAY, 0, 0, &[0; 8])).await?;
                return stream.shutdown().await;
            }
            (HEADERS, Http2::Refused) => {
                let refused = REFUSED_STREAM.to_be_bytes();
                stream.write_all(&frame(RST_STREAM, 0, id, &refused)).await?;
            }
            (_, Http2::GoAway | Http2::Refused | Http2::Window) => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
