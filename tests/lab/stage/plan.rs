//! What a situation is made of. The default is a day on which all is well.

use ir::Dns;
use ir::evidence::Level;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use transport::Resolver;

use super::net::{PAGE, PORTAL, PORTALS, SIBLINGS, WELL_KNOWN};
use crate::lab::dns::Reply;
use crate::lab::files::HOSTS;
use crate::lab::http::{Page, Site};
use crate::lab::proxy::Policy;

/// Where the provider is usually asked.
pub(super) const BASE: &str = "https://api.anthropic.com/v1";
/// Our key, as good as any here.
pub const KEY: &str = "sk-ant-lab-0123456789";
/// A list of models, as the provider gives it.
const MODELS: &str =
    "{\"data\":[{\"type\":\"model\",\"id\":\"claude-sonnet-4-6\"}],\"has_more\":false}";
/// What it says to those who bring no key, or a wrong one.
const UNAUTHORIZED: &str = "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\
                            \"message\":\"invalid x-api-key\"}}";

/// What a situation is made of.
#[derive(Debug)]
pub struct Plan {
    /// There is a network at all.
    pub link: bool,
    /// The hosts file.
    pub hosts: String,
    /// What the system's resolver says of the host.
    pub system: Result<Vec<IpAddr>, Dns>,
    /// What it says of all others: whether they are found.
    pub system_neutral: Result<(), Dns>,
    /// What the configured resolver says.
    pub resolver: Names,
    /// What the resolver on this machine says of the host, where there is one.
    pub stub: Option<Reply>,
    /// What the three public resolvers say of the host.
    pub doh: [Reply; 3],
    /// Only what the public resolvers say tells it from another situation.
    pub needs_doh: bool,
    /// The configured resolver serves a signed root with the host in it.
    pub signed: bool,
    /// And the host has this address there instead of the one that was signed.
    pub tampered: Option<Ipv4Addr>,
    /// Where the addresses lead, and how TLS is spoken there.
    pub roads: Vec<(IpAddr, Lead)>,
    /// The same for the public resolvers and the neutral hosts.
    pub neutral: Lead,
    /// Where it is another thing over IPv6.
    pub neutral_v6: Option<Lead>,
    /// What stands in the place of every page that is known; absent for the pages themselves.
    pub portal: Option<Page>,
    /// The provider.
    pub site: Site,
    /// The proxy on the way; one that nobody runs where there is no policy.
    pub proxy: Option<Option<Policy>>,
    /// Our key.
    pub key: Option<&'static str>,
    /// The model that one answer is asked of.
    pub model: Option<&'static str>,
    /// What our clock shows; absent for the right time.
    pub clock_unix_ms: Option<u64>,
    /// Where the provider is asked.
    pub base: String,
    /// What its status page says.
    pub page: Option<Level>,
}

/// What a resolver says.
#[derive(Clone, Debug)]
pub struct Names {
    /// Of the host.
    pub host: Reply,
    /// Of neutral names; absent for where they are.
    pub neutral: Option<Reply>,
}

/// Where an address leads, and how TLS is spoken there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lead {
    /// To a server that shows a certificate of this issuer.
    Shows(Issuer, crate::lab::tls::Shown),
    /// To a good server, by a way that loses large first messages.
    LosesLarge,
    /// To one that never answers the first message.
    Stalls,
    /// To one that answers it with the end.
    Cuts,
    /// To one that speaks no TLS.
    Plain,
    /// To a host where nobody listens.
    Refused,
    /// Into a hole.
    Silent,
    /// Nowhere.
    Unreachable,
}

/// Who issued a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Issuer {
    /// An authority that browsers ship.
    Public,
    /// A company's proxy, which nobody here knows.
    Inspector,
    /// Nobody who is known here.
    Nobody,
}

// === impl Plan ===

impl Plan {
    /// The provider's own addresses.
    pub const V4: IpAddr = v4([160, 79, 104, 10]);
    /// And over IPv6.
    pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2607, 0x6bc0, 0, 0, 0, 0, 0, 0x10));
    /// Another address of it.
    pub const OTHER_V4: IpAddr = v4([160, 79, 104, 11]);
    /// A third one.
    pub const THIRD_V4: IpAddr = v4([160, 79, 104, 12]);
    /// Somebody else's.
    pub const FOREIGN: IpAddr = IpAddr::V4(Self::FOREIGN_V4);
    /// The same.
    pub const FOREIGN_V4: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 14);

    /// The same, where every answer to a question of the provider is this page.
    #[must_use]
    pub fn answering(mut self, page: Page) -> Self {
        self.site = Site::new().otherwise(page);
        self
    }

    /// The same, where these are all answers to our key.
    #[must_use]
    pub fn telling_us(mut self, page: Page) -> Self {
        let all = Site::new().keyed("*", KEY, page);
        self.site = all.otherwise(Page::json(401, UNAUTHORIZED));
        self
    }

    /// The same, where everybody names these for the host.
    #[must_use]
    pub fn named(mut self, addresses: &[IpAddr]) -> Self {
        let reply = Reply::addresses(addresses);
        self.system = Ok(addresses.to_vec());
        self.resolver.host = reply.clone();
        self.doh = [reply.clone(), reply.clone(), reply];
        self
    }

    /// The same, where everybody says this of the host, and the system finds nothing.
    #[must_use]
    pub fn unnamed(mut self, why: Dns, reply: &Reply) -> Self {
        self.system = Err(why);
        self.resolver.host = reply.clone();
        self.doh = [reply.clone(), reply.clone(), reply.clone()];
        self
    }

    /// The same, where the hosts file says this, so that the system finds that address.
    #[must_use]
    pub fn overridden(mut self, lines: &str, address: IpAddr) -> Self {
        self.hosts = format!("{HOSTS}{lines}");
        self.system = Ok(vec![address]);
        self
    }

    /// The same, where every address of the host leads there.
    #[must_use]
    pub fn leading(mut self, lead: Lead) -> Self {
        for (_, it) in &mut self.roads {
            *it = lead;
        }
        self
    }

    /// The system's resolver.
    pub(super) fn scripted(&self) -> Resolver {
        let at = |ip: IpAddr| SocketAddr::new(ip, 0);
        let mut names = BTreeMap::new();
        let well = |ip: IpAddr| self.system_neutral.map(|()| vec![at(ip)]);
        for (name, ip) in WELL_KNOWN.iter().chain(SIBLINGS).chain([&PAGE]) {
            names.insert((*name).to_owned(), well(IpAddr::from(*ip)));
        }
        for name in PORTALS {
            names.insert((*name).to_owned(), well(IpAddr::from(PORTAL)));
        }
        let system = self.system.as_ref();
        let host = system.map(|all| all.iter().copied().map(at).collect()).map_err(|&it| it);
        names.insert(self.host(), host);
        Resolver::Scripted(Arc::new(names))
    }

    /// The host that is asked.
    pub(super) fn host(&self) -> String {
        let rest = self.base.split_once("://").map_or(&*self.base, |(_, rest)| rest);
        rest.split(['/', ':']).next().unwrap_or_default().to_owned()
    }
}

impl Default for Plan {
    fn default() -> Self {
        let good = Lead::Shows(Issuer::Public, crate::lab::tls::Shown::Good);
        let both = [Self::V4, Self::V6];
        let reply = Reply::addresses(&both);
        Self {
            link: true,
            hosts: HOSTS.to_owned(),
            system: Ok(both.to_vec()),
            system_neutral: Ok(()),
            resolver: Names { host: reply.clone(), neutral: None },
            stub: None,
            doh: [reply.clone(), reply.clone(), reply],
            needs_doh: false,
            signed: false,
            tampered: None,
            roads: both.map(|it| (it, good)).to_vec(),
            neutral: good,
            neutral_v6: None,
            portal: None,
            site: well(),
            proxy: None,
            key: Some(KEY),
            model: None,
            clock_unix_ms: None,
            base: BASE.to_owned(),
            page: None,
        }
    }
}

/// The provider on a good day.
fn well() -> Site {
    Site::new()
        .keyed("/v1/models", KEY, Page::json(200, MODELS).with("request-id", "req_lab"))
        .page("/v1/models", Page::json(401, UNAUTHORIZED).with("request-id", "req_lab"))
}

const fn v4([a, b, c, d]: [u8; 4]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}
