//! TLS listeners, seen by a rustls client that trusts the provider's root and nothing else.

use crate::provider::{Provider, TlsFault};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

async fn ask(provider: &Provider, model: &str) -> Result<String> {
    let mut roots = RootCertStore::empty();
    let root = provider.root().unwrap();
    roots.add(CertificateDer::from(root)).map_err(Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(Error::other)?
    .with_root_certificates(roots)
    .with_no_client_auth();
    let stream = TcpStream::connect(provider.addr()).await?;
    let name = ServerName::from(provider.addr().ip());
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = timeout(Duration::from_millis(500), connector.connect(name, stream)).await??;
    let body = format!(r#"{{"model":"{model}"}}"#);
    let length = body.len();
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn certificates_are_right_or_wrong_in_one_way() {
    for fault in TlsFault::ALL {
        let provider = Provider::start_tls(fault).await.unwrap();
        assert!(provider.base_url().starts_with("https://127.0.0.1:"));
        let answer = ask(&provider, "ok").await;
        let check = |why: &str| {
            let said = answer.as_ref().unwrap_err().to_string();
            assert!(said.contains(why), "{fault:?}: {said}");
            assert!(provider.log().is_empty());
        };
        match fault {
            TlsFault::Valid => assert!(answer.unwrap().starts_with("HTTP/1.1 200 OK")),
            TlsFault::Expired => check("expired"),
            TlsFault::Early => check("not valid yet"),
            TlsFault::WrongHost => check("not valid for name"),
            TlsFault::Untrusted | TlsFault::SelfSigned => check("UnknownIssuer"),
            TlsFault::Stall => {
                assert_eq!(answer.unwrap_err().kind(), ErrorKind::TimedOut);
                assert_eq!(provider.connections(), 1);
            }
        }
    }
}

#[tokio::test]
async fn a_reset_behind_tls_is_a_reset() {
    let provider = Provider::start_tls(TlsFault::Valid).await.unwrap();
    let error = ask(&provider, "reset-body").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
