//! Name servers that tell the truth, and that lie: over UDP, TCP and HTTPS.
//!
//! A [`Zone`] says what is answered for which name; every server has its own, so that each resolver
//! may say something else. The messages are made here rather than by a server's crate, because most
//! of them are wrong on purpose. The zone that is signed stands in [`signed`].

mod answer;
mod https;
pub mod signed;

pub use answer::{Fault, Reply};

use anyhow::{Context, Result};
use hickory_proto::op::{Message, Query};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

use super::server::{Log, Server};

/// How many ports are tried until one is free for UDP and for TCP.
const PORTS_MAX: usize = 16;
/// The largest question.
const QUESTION_MAX: usize = 4096;

/// How a question came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Udp,
    Tcp,
    Https,
}

/// What a server answers, by name.
#[derive(Clone, Debug)]
pub struct Zone {
    names: BTreeMap<String, Reply>,
    otherwise: Reply,
}

/// A name server over UDP and TCP at one address.
#[derive(Debug)]
pub struct NameServer {
    udp: Server,
    /// It stops with the server.
    _tcp: Option<Server>,
}

// === impl Zone ===

impl Zone {
    /// One that answers every name in this way.
    pub fn of(otherwise: Reply) -> Self {
        Self { names: BTreeMap::new(), otherwise }
    }

    /// With an answer for a name.
    #[must_use]
    pub fn name(mut self, name: &str, reply: Reply) -> Self {
        self.names.insert(name.to_ascii_lowercase(), reply);
        self
    }

    /// Starts a server over UDP and TCP.
    pub async fn serve(self, at: SocketAddr) -> Result<NameServer> {
        let log = Log::default();
        let (udp, tcp) = pair(at).await?;
        let addr = udp.local_addr()?;
        let zone = Arc::new(self);
        let task = tokio::spawn(over_udp(udp, Arc::clone(&zone), log.clone()));
        let udp = Server::of(addr, log.clone(), vec![task]);
        let tcp = {
            let log = log.clone();
            Server::accepting(tcp, log.clone(), move |stream| {
                let (zone, log) = (Arc::clone(&zone), log.clone());
                async move {
                    // A caller that leaves in between is no concern of a server.
                    drop(over_tcp(stream, &zone, &log).await);
                }
            })?
        };
        Ok(NameServer { udp, _tcp: Some(tcp) })
    }

    /// Starts a server over UDP alone: TCP is refused there.
    pub async fn serve_udp(self, at: SocketAddr) -> Result<NameServer> {
        let log = Log::default();
        let udp = UdpSocket::bind(at).await.with_context(|| format!("binding {at}"))?;
        let addr = udp.local_addr()?;
        let task = tokio::spawn(over_udp(udp, Arc::new(self), log.clone()));
        Ok(NameServer { udp: Server::of(addr, log, vec![task]), _tcp: None })
    }

    /// Starts a server over HTTPS (HTTP/2, RFC 8484) at `/dns-query`.
    pub async fn serve_https(self, at: SocketAddr, acceptor: TlsAcceptor) -> Result<Server> {
        https::serve(self, at, acceptor).await
    }

    /// The bytes of the answer to a question; none for silence.
    fn answer(&self, question: &[u8], way: Way, log: &Log) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?;
        let name = bare(query);
        log.note(format!("{name} {} {way:?}", query.query_type()).to_ascii_lowercase());
        let reply = self.names.get(&name).unwrap_or(&self.otherwise);
        reply.bytes(&question, query, way)
    }
}

// === impl NameServer ===

impl NameServer {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.udp.addr()
    }

    /// What it was asked so far: `name type way`, in lower case.
    pub fn asked(&self) -> Vec<String> {
        self.udp.asked()
    }
}

/// The name that is asked for, in lower case and without the last dot.
fn bare(query: &Query) -> String {
    query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// A port that is free for both.
async fn pair(at: SocketAddr) -> Result<(UdpSocket, TcpListener)> {
    let mut tried = 0;
    loop {
        let udp = UdpSocket::bind(at).await.with_context(|| format!("binding {at}"))?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if at.port() == 0 && tried < PORTS_MAX => tried += 1,
            Err(error) => return Err(error).with_context(|| format!("binding {at}")),
        }
    }
}

async fn over_udp(socket: UdpSocket, zone: Arc<Zone>, log: Log) {
    let mut question = [0; QUESTION_MAX];
    loop {
        // An error here tells of an earlier answer that somebody did not wait for.
        let Ok((length, from)) = socket.recv_from(&mut question).await else { continue };
        let question = question.get(..length).unwrap_or_default();
        if let Some(answer) = zone.answer(question, Way::Udp, &log) {
            socket.send_to(&answer, from).await.ok();
        }
    }
}

async fn over_tcp(mut stream: TcpStream, zone: &Zone, log: &Log) -> std::io::Result<()> {
    loop {
        let length = usize::from(stream.read_u16().await?);
        if QUESTION_MAX < length {
            return Ok(());
        }
        let mut question = vec![0; length];
        stream.read_exact(&mut question).await?;
        if let Some(answer) = zone.answer(&question, Way::Tcp, log) {
            let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
            stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await?;
        }
    }
}
