//! For tests: a ground that leads nowhere, and servers on loopback that say what they are told to.

use crate::{Files, Ground, Limits, Neutral, Trusted, Way, Ways};
use hickory_proto::op::{Message, MessageType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinEncodable as _};
use ir::Dns;
use ir::evidence::Os;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use transport::{Clock, Net, Resolver};

/// A folder that is gone with its test.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "backstop-probe-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        for (path, text) in files {
            let path = folder.0.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    /// The path of a file in it, as text.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A ground without files, names, roots and ways; whatever is not mapped is unreachable.
pub(crate) fn ground() -> Ground {
    let long = Duration::from_secs(2);
    let none = Arc::new(RootCertStore::empty());
    Ground {
        os: Os::Linux,
        files: Files::below(Path::new("/nowhere")),
        env: BTreeMap::new(),
        resolver: Resolver::Scripted(Arc::default()),
        net: Net::Kernel,
        ways: Ways { otherwise: Way::Unreachable, ..Ways::default() },
        dns_port: 53,
        doh: Vec::new(),
        neutral: Neutral::default(),
        regions: true,
        roots: Trusted { public: Arc::clone(&none), machine: none },
        anchors: None,
        limits: Limits {
            all: Duration::from_secs(8),
            dns: long,
            tcp: long,
            tls: long,
            http: long,
            dnssec: long,
        },
        clock: Clock::start(),
        programs: false,
    }
}

/// The same for where nothing is expected to come: it is soon over.
pub(crate) fn hasty(ground: Ground) -> Ground {
    let short = Duration::from_millis(250);
    let all = Duration::from_secs(8);
    let limits = Limits { all, dns: short, tcp: short, tls: short, http: short, dnssec: short };
    Ground { limits, ..ground }
}

/// A resolver that knows these.
pub(crate) fn names(known: &[(&str, &str)]) -> Resolver {
    let parse = |list: &str| -> Result<Vec<SocketAddr>, Dns> {
        if list.is_empty() {
            return Err(Dns::Failed);
        }
        Ok(list.split(' ').map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect())
    };
    let known = known.iter().map(|(name, list)| ((*name).to_owned(), parse(list)));
    Resolver::Scripted(Arc::new(known.collect()))
}

/// `ip:port` → a server.
pub(crate) fn lead(ground: &mut Ground, from: &str, to: SocketAddr) {
    ground.ways.tcp.insert(from.parse().unwrap(), Way::To(to));
    ground.ways.udp.insert(from.parse().unwrap(), Way::To(to));
}

/// A resolver over UDP and TCP, on one port: what it is asked, and over what, to its answers.
pub(crate) async fn resolver(
    says: impl Fn(Message, bool) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(at).await.unwrap();
    let says = Arc::new(says);
    let on_udp = Arc::clone(&says);
    tokio::spawn(async move {
        let mut room = [0; 2048];
        loop {
            let (length, from) = socket.recv_from(&mut room).await.unwrap();
            for answer in on_udp(Message::from_bytes(&room[..length]).unwrap(), true) {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let says = Arc::clone(&says);
            tokio::spawn(async move {
                let length = stream.read_u16().await.unwrap();
                let mut room = vec![0; length.into()];
                stream.read_exact(&mut room).await.unwrap();
                for answer in says(Message::from_bytes(&room).unwrap(), false) {
                    stream.write_u16(answer.len().try_into().unwrap()).await.unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            });
        }
    });
    at
}

/// The answer to a question, as its server sends it.
pub(crate) fn reply(asked: &Message, change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut answer = asked.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.authentic_data = false;
    change(&mut answer);
    answer.to_bytes().unwrap()
}

/// Who vouches for the servers of a test.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(organisation: &str) -> Self {
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(rcgen::DnType::OrganizationName, organisation);
        Self { issuer: CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its own certificate.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A store with it alone.
    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add(self.der()).unwrap();
        Arc::new(store)
    }

    /// A server with a certificate of it.
    pub(crate) fn server(
        &self,
        name: &str,
        alpn: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> TlsAcceptor {
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut leaf);
        let key = KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap();
        acceptor(leaf.der(), &key, alpn)
    }
}

/// A server that vouches for itself.
pub(crate) fn self_signed(name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    acceptor(leaf.der(), &key, &[])
}

fn acceptor(leaf: &CertificateDer<'static>, key: &KeyPair, alpn: &[&str]) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(crate::wire::cryptography())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// What stands behind a port.
#[derive(Clone)]
pub(crate) enum Play {
    /// It accepts and closes.
    Close,
    /// It accepts and says nothing.
    Silence,
    /// It says this, whatever it hears, and closes.
    Say(Vec<u8>),
    /// It says this, and then no more.
    SayAndHold(Vec<u8>),
    /// The same over TLS.
    Tls(TlsAcceptor, Box<Play>),
}

/// Plays it on every connection; whatever was heard on them, joined, can be asked for.
pub(crate) async fn play(play: Play) -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let heard = Heard::default();
    let ours = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(perform(Box::new(stream), play.clone(), Arc::clone(&ours)));
        }
    });
    (at, heard)
}

/// What servers heard, one entry per connection that said something.
pub(crate) type Heard = Arc<parking_lot::Mutex<Vec<String>>>;

/// Bytes in both directions, over TLS or not.
trait Both: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Both for S {}

async fn perform(mut stream: Box<dyn Both>, play: Play, heard: Heard) {
    let (bytes, hold) = match play {
        Play::Close => return,
        Play::Silence => (Vec::new(), true),
        Play::Say(bytes) => (bytes, false),
        Play::SayAndHold(bytes) => (bytes, true),
        Play::Tls(acceptor, inner) => {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            return Box::pin(perform(Box::new(stream), *inner, heard)).await;
        }
    };
    let mut room = vec![0; 16 << 10];
    let length = stream.read(&mut room).await.unwrap_or(0);
    heard.lock().push(String::from_utf8_lossy(&room[..length]).into_owned());
    drop(stream.write_all(&bytes).await);
    drop(stream.flush().await);
    if hold {
        // Until the other side is gone.
        while 0 < stream.read(&mut room).await.unwrap_or(0) {}
    }
    drop(stream.shutdown().await);
}

/// An answer over HTTP/1.1.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// An address.
pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
