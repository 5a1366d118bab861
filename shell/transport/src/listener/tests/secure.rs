//! TLS towards callers: what is agreed on, who must show a certificate, and new certificates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::{ServerTls, TlsError};
use super::{Bytes, ListenerSettings, Running, SOON, echo, settings, timeout};

/// An authority of our own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `localhost` and its key, in PEM.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// How a client trusts it, and shows a certificate of `own`.
    fn client(&self, own: Option<&Self>, alpn: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            Some(own) => {
                let (certificate, key) = own.issue();
                builder.with_client_auth_cert(vec![der(&certificate)], private(&key)).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    fn serves(&self, clients: Option<&Self>) -> ListenerSettings {
        let (certificate, key) = self.issue();
        let clients = clients.map(|it| it.0.pem());
        let clients = clients.as_ref().map(String::as_bytes);
        let tls = ServerTls::new(certificate.as_bytes(), key.as_bytes(), clients).unwrap();
        ListenerSettings { tls: Some(tls), ..settings() }
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap()
}

fn private(pem: &str) -> PrivateKeyDer<'static> {
    rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap()
}

async fn shake(running: &Running, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(running.address).await?;
    timeout(SOON, client.connect(name, stream)).await.unwrap()
}

/// Asks once and tells the status; an error where TLS or HTTP is refused.
async fn ask(running: &Running, client: &TlsConnector) -> Result<u16, Box<dyn std::error::Error>> {
    let stream = shake(running, client).await?;
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let request = Request::get(if h2 { "https://localhost/" } else { "/" });
    let request = request.header("host", "localhost").body(Empty::<Bytes>::new())?;
    let io = TokioIo::new(stream);
    let answer = if h2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    } else {
        let (mut sender, connection) = http1::handshake(io).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    };
    let status = answer.status().as_u16();
    answer.into_body().collect().await?;
    Ok(status)
}

#[tokio::test]
async fn both_kinds_of_http_over_tls() {
    let authority = Authority::new();
    let running = Running::start(authority.serves(None), echo).await;
    for alpn in [&[b"h2".as_slice()][..], &[b"http/1.1"], &[b"h2", b"http/1.1"], &[]] {
        assert_eq!(ask(&running, &authority.client(None, alpn)).await.unwrap(), 200, "{alpn:?}");
    }
    assert!(ask(&running, &Authority::new().client(None, &[])).await.is_err(), "another root");
    // Without TLS there is nothing to be had.
    let mut plain = running.connect().await;
    plain.write_all(super::GET).await.unwrap();
    let mut heard = Vec::new();
    timeout(SOON, plain.read_to_end(&mut heard)).await.unwrap().ok();
    assert!(!heard.starts_with(b"HTTP"));
}

#[tokio::test]
async fn callers_show_a_certificate_where_they_must() {
    let (ours, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let running = Running::start(ours.serves(Some(&clients)), echo).await;
    let alpn: &[&[u8]] = &[b"http/1.1"];
    assert_eq!(ask(&running, &ours.client(Some(&clients), alpn)).await.unwrap(), 200);
    assert!(ask(&running, &ours.client(None, alpn)).await.is_err());
    assert!(ask(&running, &ours.client(Some(&others), alpn)).await.is_err());
}

/// Whoever was let in by an authority that counts no more is asked to connect again.
#[tokio::test]
async fn another_authority_ends_the_connections_of_the_last() {
    let (ours, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let (change, settings) = watch::channel(ours.serves(Some(&clients)));
    let running = Running::serve(settings, |request, _| echo(request), || {}).await;
    let alpn: &[&[u8]] = &[b"http/1.1"];
    let mut stream = shake(&running, &ours.client(Some(&clients), alpn)).await.unwrap();
    let answered = async |stream: &mut TlsStream<TcpStream>| {
        stream.write_all(super::GET).await.unwrap();
        let mut heard = [0; 1024];
        timeout(SOON, stream.read(&mut heard)).await.unwrap().unwrap()
    };
    assert!(0 < answered(&mut stream).await);
    // A certificate of our own, renewed, is nobody's concern.
    change.send(ours.serves(Some(&clients))).unwrap();
    assert_eq!(ask(&running, &ours.client(Some(&clients), alpn)).await.unwrap(), 200);
    assert!(0 < answered(&mut stream).await);
    change.send(ours.serves(Some(&others))).unwrap();
    let mut heard = Vec::new();
    let closed = timeout(SOON, stream.read_to_end(&mut heard)).await.expect("an end in time");
    assert_eq!((closed.ok(), heard.len()), (Some(0), 0));
    assert!(ask(&running, &ours.client(Some(&clients), alpn)).await.is_err());
    assert_eq!(ask(&running, &ours.client(Some(&others), alpn)).await.unwrap(), 200);
}

#[tokio::test]
async fn new_certificates_hold_for_new_connections() {
    let (old, new) = (Authority::new(), Authority::new());
    let (change, settings) = watch::channel(old.serves(None));
    let running = Running::serve(settings, |request, _| echo(request), || {}).await;
    let (old_client, new_client) = (old.client(None, &[]), new.client(None, &[]));
    let kept = shake(&running, &old_client).await.unwrap();
    change.send_replace(new.serves(None));
    assert!(ask(&running, &old_client).await.is_err());
    assert_eq!(ask(&running, &new_client).await.unwrap(), 200);
    let (mut sender, connection) = http1::handshake(TokioIo::new(kept)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/").header("host", "x").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_handshake_is_not_waited_for() {
    let head_timeout = Duration::from_millis(60);
    let serves = Authority::new().serves(None);
    let running = Running::start(ListenerSettings { head_timeout, ..serves }, echo).await;
    // Nothing, and the beginning of a record that never ends.
    for sent in [&b""[..], &[0x16, 3, 1, 2, 0, 1, 0]] {
        let mut stream = running.connect().await;
        let began = Instant::now();
        stream.write_all(sent).await.unwrap();
        let mut heard = Vec::new();
        timeout(SOON, stream.read_to_end(&mut heard)).await.expect("an end in time").ok();
        assert!(Duration::from_millis(55) <= began.elapsed());
    }
}

#[test]
fn what_cannot_be_served_is_said() {
    let authority = Authority::new();
    let ((certificate, key), (_, other)) = (authority.issue(), authority.issue());
    let (certificate, key) = (certificate.as_bytes(), key.as_bytes());
    let check = |certificate: &[u8], key: &[u8], clients: Option<&[u8]>| {
        ServerTls::new(certificate, key, clients).map(|_| ()).unwrap_err()
    };
    assert!(matches!(check(b"", key, None), TlsError::Certificate(_)));
    assert!(matches!(check(key, key, None), TlsError::Certificate(_)));
    assert!(matches!(check(certificate, b"x", None), TlsError::Key(_)));
    assert!(matches!(check(certificate, other.as_bytes(), None), TlsError::Unfit(_)));
    assert!(matches!(check(certificate, key, Some(b"x")), TlsError::ClientAuthority(_)));
    let text = format!("{:?}", ServerTls::new(certificate, key, None).unwrap());
    assert_eq!(text, "ServerTls");
}

/// A caller that speaks HTTP/2 by hand, and answers no ping.
struct Deaf {
    stream: TcpStream,
    asked: u32,
}

impl Deaf {
    async fn connect(running: &Running) -> Self {
        let mut stream = running.connect().await;
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings].concat();
        stream.write_all(&hello).await.unwrap();
        Self { stream, asked: 0 }
    }

    /// Asks once more, and waits for nothing.
    async fn send(&mut self) -> u32 {
        let stream = self.asked * 2 + 1;
        self.asked += 1;
        // GET / of localhost (RFC 7541 §6.1, §6.2.1), with the end of headers and of the stream.
        let block = [&[0x82, 0x86, 0x84, 0x41, 9], b"localhost".as_slice()].concat();
        let head = [&[0, 0, 14, 1, 5], stream.to_be_bytes().as_slice()].concat();
        self.stream.write_all(&[head, block].concat()).await.unwrap();
        stream
    }

    /// Asks once more; whether that was answered, and not reset.
    async fn ask(&mut self) -> bool {
        let stream = self.send().await;
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.unwrap();
            let [a, b, c, kind, flags, id @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.stream.read_exact(&mut payload).await.unwrap();
            let (reset, ended) = (kind == 3, kind < 2 && flags & 1 != 0);
            if u32::from_be_bytes(id) == stream && (reset || ended) {
                return ended;
            }
        }
    }
}

/// Promise: over HTTP/2, too, whoever does not hear that his connection ends is not served for ever.
#[tokio::test]
async fn a_deaf_http2_connection_ends_with_its_terms() {
    let (change, settings) = watch::channel(settings());
    let first = Arc::new(AtomicBool::new(true));
    let handler = move |request, _| {
        let first = first.swap(false, Ordering::Relaxed);
        async move { if first { std::future::pending().await } else { echo(request).await } }
    };
    let running = Running::serve(settings, handler, || {}).await;
    let mut deaf = Deaf::connect(&running).await;
    // One is under way all the time.
    deaf.send().await;
    assert!(deaf.ask().await);
    // From now on others would be let in: over TLS.
    change.send(Authority::new().serves(None)).unwrap();
    timeout(SOON, async { while deaf.ask().await {} }).await.expect("a stream that is reset");
}

#[tokio::test]
async fn a_deaf_http2_connection_does_not_hold_up_a_stop() {
    let settings = ListenerSettings { grace: SOON * 6, ..settings() };
    let running = Running::start(settings, echo).await;
    let mut deaf = Deaf::connect(&running).await;
    assert!(deaf.ask().await);
    running.stop().await;
}
