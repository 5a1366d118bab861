//! A world for a prober: what a [`Plan`] says, with its servers running.
//!
//! Addresses in it are such as they are outside, and lead to servers on this machine; an address that
//! is in no plan leads nowhere, so that nothing leaves this machine.

mod net;
mod network;
mod plan;

pub use network::{Network, Wish};
pub use plan::{Issuer, KEY, Lead, Names, Plan};

use anyhow::{Result, anyhow};
use drill::provider::Provider;
use http::{HeaderName, HeaderValue};
use ir::evidence::{KeySeen, Level, Os};
use ir::{Dialect, TokenField};
use net::{Grid, Place, SERVER};
use probe::{Base, Completion, Files, Ground, Header, Limits, Named, Subject, Trusted};
use rustls::RootCertStore;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::mem::take;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use transport::Clock;

use super::dns::{NameServer, signed::SignedRoot};
use super::files::{Folder, resolv_conf};
use super::server::{ANY, Server};
use super::tls::Authority;

/// Long enough for a busy machine where an answer comes, and short where none does.
const LIMITS: Limits = Limits {
    all: Duration::from_secs(4),
    dns: Duration::from_millis(500),
    tcp: Duration::from_millis(500),
    tls: Duration::from_millis(700),
    http: Duration::from_secs(1),
    dnssec: Duration::from_millis(500),
};

/// A situation as a prober meets it. Dropped, its servers stop and its files are gone.
#[derive(Debug)]
pub struct Stage {
    /// From where is measured.
    pub ground: Ground,
    /// Who is measured.
    pub subject: Subject,
    /// What the provider's status page says meanwhile.
    pub page: Option<Level>,
    /// Its servers and files: they end with it.
    _held: Held,
}

/// What runs while a stage stands.
#[derive(Debug)]
struct Held {
    _folder: Folder,
    _servers: Vec<Server>,
    _names: Vec<NameServer>,
    _signed: Option<SignedRoot>,
}

/// Who signs.
#[derive(Debug)]
struct Authorities {
    public: Authority,
    inspector: Authority,
    nobody: Authority,
}

// === impl Stage ===

impl Stage {
    /// Starts everything that a plan says.
    pub async fn raise(mut plan: Plan) -> Result<Self> {
        // Where nothing else answers, a fake provider does: it knows every dialect's answers.
        let behind = Provider::named("lab").apart(ANY, unix_s);
        let site = Arc::new(take(&mut plan.site).before(behind));
        let authorities = Authorities::new()?;
        let folder = Folder::new()?;
        let asked = if plan.stub.is_some() { [127, 0, 0, 53] } else { SERVER };
        folder.machine(plan.link, &plan.hosts, &[IpAddr::from(asked)])?;
        if plan.stub.is_some() {
            let upstream = resolv_conf(&[IpAddr::from(SERVER)]);
            folder.write("run/systemd/resolve/resolv.conf", upstream)?;
        }
        let mut grid = Grid::new(&plan, &authorities, Place::Loopback);
        let proxy = grid.all(&site).await?;
        let (ways, servers, names, signed) = grid.done();
        let anchors = match &signed {
            Some(root) => Some(folder.write("anchors", root.anchor_line())?),
            None => None,
        };
        let ground = Ground {
            files: Files::below(folder.path()),
            env: BTreeMap::new(),
            resolver: plan.scripted(),
            ways,
            roots: authorities.trusted()?,
            anchors,
            limits: LIMITS,
            clock: plan.clock_unix_ms.map_or_else(Clock::start, Clock::start_at),
            os: Os::Linux,
            ..Ground::default()
        };
        let mut subject = plan.subject()?;
        subject.proxy = proxy;
        let held = Held { _folder: folder, _servers: servers, _names: names, _signed: signed };
        Ok(Self { ground, subject, page: plan.page, _held: held })
    }
}

// === impl Authorities ===

impl Authorities {
    fn new() -> Result<Self> {
        Ok(Self {
            public: Authority::new("Lab Public Trust")?,
            inspector: Authority::new("Corp Inspection")?,
            nobody: Authority::new("Somebody Else")?,
        })
    }

    fn of(&self, issuer: Issuer) -> &Authority {
        match issuer {
            Issuer::Public => &self.public,
            Issuer::Inspector => &self.inspector,
            Issuer::Nobody => &self.nobody,
        }
    }

    /// What browsers ship here, and this machine: the first authority alone.
    fn trusted(&self) -> Result<Trusted> {
        let mut roots = RootCertStore::empty();
        roots.add(self.public.der())?;
        let roots = Arc::new(roots);
        Ok(Trusted { public: Arc::clone(&roots), machine: roots })
    }
}

// === impl Plan ===

impl Plan {
    /// Who is measured, without the proxy on the way.
    fn subject(&self) -> Result<Subject> {
        let mut subject = Subject::new("anthropic", &self.base, Dialect::Messages)?;
        let from = "ANTHROPIC_API_KEY".to_owned();
        subject.key = Some(match self.key {
            Some(_) => KeySeen::Present { from },
            None => KeySeen::Missing { from },
        });
        subject.header = self.key.map(|key| Header {
            name: HeaderName::from_static("x-api-key"),
            value: SecretString::from(key),
        });
        let version = HeaderName::from_static("anthropic-version");
        subject.headers = vec![(version, HeaderValue::from_static("2023-06-01"))];
        let usual: Base = plan::BASE.parse().map_err(|it| anyhow!("{it}"))?;
        subject.vendors = usual.host == subject.base.host;
        if usual != subject.base {
            let named = Named { from: "ANTHROPIC_BASE_URL".to_owned(), ..Named::default() };
            subject.usual = Some((usual, named));
        }
        subject.completion = self.model.map(|model| Completion {
            model: model.to_owned(),
            field: TokenField::MaxTokens,
            tokens: 16,
        });
        Ok(subject)
    }
}

/// Seconds since the Unix epoch.
fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
