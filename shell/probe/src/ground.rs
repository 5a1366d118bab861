//! From where is measured: this machine by default, and whatever a test or an operator puts in the
//! place of a part of it.

mod files;
mod ways;

pub use files::Files;
pub use ways::{Way, Ways};

use ir::evidence::Os;
use rustls::RootCertStore;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use transport::{Clock, Net, Resolver, Roots};

/// The variables that are read, and no others: some of the others are secrets.
const VARIABLES: &[&str] = &[
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "KUBERNETES_SERVICE_HOST",
    "container",
];

/// The authorities of browsers, made once for the whole process: there are hundreds.
static PUBLIC: OnceLock<Arc<RootCertStore>> = OnceLock::new();

/// From where is measured. The default is this machine and the public internet; every part can be
/// another one.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Which system it is.
    pub os: Os,
    /// The files that are read.
    pub files: Files,
    /// Variables of the environment: those that name certificates, and those that tell of a container.
    pub env: BTreeMap<String, String>,
    /// The system's own resolver, the witness `system`. Of scripted answers only the addresses count;
    /// their ports do not.
    pub resolver: Resolver,
    /// Where TCP connections are opened. Datagrams are always the kernel's.
    pub net: Net,
    /// Where an address leads, in front of `net` and of UDP.
    pub ways: Ways,
    /// Where resolvers listen.
    pub dns_port: u16,
    /// Public resolvers over HTTPS; none where it is not wanted. Names that only hold within a network
    /// are not told to them.
    pub doh: Vec<Doh>,
    /// What has nothing to do with any provider; empty where it is not wanted (air-gapped sites).
    pub neutral: Neutral,
    /// Whether the same provider is asked in another region where it fails in this one.
    pub regions: bool,
    /// Whom to trust.
    pub roots: Trusted,
    /// A file of the keys that signatures of names begin with; absent for those of the root zone.
    pub anchors: Option<PathBuf>,
    /// How long everything may take.
    pub limits: Limits,
    /// What time it is.
    pub clock: Clock,
    /// Whether `resolvectl` may be run. Never in a process that serves.
    pub programs: bool,
}

/// A public resolver over HTTPS (RFC 8484).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Doh {
    /// What it is called in evidence: `cloudflare`.
    pub name: String,
    /// The host that its certificate is for.
    pub host: String,
    /// Where it listens, so that no name is needed. The first that is reached is asked.
    pub addresses: Vec<IpAddr>,
    /// Its port.
    pub port: u16,
    /// The path that takes questions.
    pub path: String,
}

/// What has nothing to do with any provider.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Neutral {
    /// Who is known to accept TCP, of both families.
    pub addresses: Vec<SocketAddr>,
    /// Pages whose answer is known.
    pub portals: Vec<PortalPage>,
    /// A host that speaks TLS, by name and port.
    pub tls: Option<(String, u16)>,
    /// A name that is known to exist.
    pub name: Option<String>,
}

/// A page over plain HTTP whose answer is known: what a login page in between cannot know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PortalPage {
    /// Its URL, of `http`.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// What its body holds; empty where there is none.
    pub body: String,
}

/// Whom to trust.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The authorities that browsers ship.
    pub public: Arc<RootCertStore>,
    /// This machine's own store; those of browsers where it has none.
    pub machine: Arc<RootCertStore>,
}

/// How long everything may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// All of it. What is not done by then is absent, or has timed out.
    pub all: Duration,
    /// One question to one resolver.
    pub dns: Duration,
    /// One TCP connection.
    pub tcp: Duration,
    /// One TLS session.
    pub tls: Duration,
    /// From a request until its answer is complete; for answers of models, until [`Limits::all`].
    pub http: Duration,
    /// The validation of signatures of names.
    pub dnssec: Duration,
}

// === impl Ground ===

impl Default for Ground {
    fn default() -> Self {
        let read = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
        Self {
            os: if cfg!(target_os = "linux") {
                Os::Linux
            } else if cfg!(target_os = "macos") {
                Os::Macos
            } else if cfg!(windows) {
                Os::Windows
            } else {
                Os::Other
            },
            files: Files::default(),
            env: VARIABLES.iter().filter_map(read).collect(),
            resolver: Resolver::System,
            net: Net::Kernel,
            ways: Ways::default(),
            dns_port: 53,
            doh: Doh::usual(),
            neutral: Neutral::usual(),
            regions: true,
            roots: Trusted::default(),
            anchors: None,
            limits: Limits::default(),
            clock: Clock::start(),
            programs: false,
        }
    }
}

// === impl Doh ===

impl Doh {
    /// Three that belong to different owners.
    ///
    /// <https://developers.cloudflare.com/1.1.1.1/encryption/dns-over-https/>,
    /// <https://developers.google.com/speed/public-dns/docs/doh>, <https://quad9.net/service/service-addresses-and-features/>;
    /// checked 2026-11-20.
    pub fn usual() -> Vec<Self> {
        let row = |name: &str, host: &str, addresses: [[u8; 4]; 2]| Self {
            name: name.to_owned(),
            host: host.to_owned(),
            addresses: addresses.map(IpAddr::from).to_vec(),
            port: 443,
            path: "/dns-query".to_owned(),
        };
        vec![
            row("cloudflare", "cloudflare-dns.com", [[1, 1, 1, 1], [1, 0, 0, 1]]),
            row("google", "dns.google", [[8, 8, 8, 8], [8, 8, 4, 4]]),
            row("quad9", "dns.quad9.net", [[9, 9, 9, 9], [149, 112, 112, 112]]),
        ]
    }
}

// === impl Neutral ===

impl Neutral {
    /// Well-known hosts of different owners; checked 2026-11-20.
    pub fn usual() -> Self {
        let v4 = [[1, 1, 1, 1], [8, 8, 8, 8], [9, 9, 9, 9]].map(IpAddr::from);
        let v6 = [
            [0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111],
            [0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888],
            [0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe],
        ];
        let v6 = v6.map(|it: [u16; 8]| IpAddr::from(it));
        let page = |url: &str, status, body: &str| PortalPage {
            url: url.to_owned(),
            status,
            body: body.to_owned(),
        };
        Self {
            addresses: v4.into_iter().chain(v6).map(|ip| SocketAddr::new(ip, 443)).collect(),
            portals: vec![
                page("http://connectivitycheck.gstatic.com/generate_204", 204, ""),
                page("http://captive.apple.com/hotspot-detect.html", 200, "Success"),
                page("http://detectportal.firefox.com/success.txt", 200, "success"),
            ],
            tls: Some(("one.one.one.one".to_owned(), 443)),
            name: Some("example.com".to_owned()),
        }
    }
}

// === impl Trusted ===

impl Default for Trusted {
    fn default() -> Self {
        let public = || {
            let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<RootCertStore>();
            Arc::new(roots)
        };
        Self { public: Arc::clone(PUBLIC.get_or_init(public)), machine: Roots::machine() }
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            all: Duration::from_secs(8),
            dns: Duration::from_millis(2_500),
            tcp: Duration::from_secs(2),
            tls: Duration::from_secs(2),
            http: Duration::from_secs(4),
            dnssec: Duration::from_secs(5),
        }
    }
}
