//! Which address leads to which server of this machine.

use anyhow::Result;
use probe::{Doh, Neutral, Proxy, Way, Ways};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::{Authorities, Issuer, Lead, Plan};
use crate::lab::dns::signed::SignedRoot;
use crate::lab::dns::{NameServer, Reply, Zone};
use crate::lab::http::{Page, Site};
use crate::lab::pages;
use crate::lab::proxy::{self, Policy};
use crate::lab::server::{ANY, Server};
use crate::lab::tls::{Manner, Shown};

/// The provider's status page; nobody answers there where a plan has none.
pub(super) const PAGE: (&str, [u8; 4]) = ("status.claude.com", [143, 204, 98, 20]);
/// The configured resolver: the router of the house.
pub(super) const SERVER: [u8; 4] = [192, 168, 1, 1];
/// Where the proxy is.
pub(super) const PROXY: ([u8; 4], u16) = ([192, 168, 1, 3], 3128);
/// The resolver on this machine.
const STUB: [u8; 4] = [127, 0, 0, 53];
/// Where the pages are whose answer is known.
pub(super) const PORTAL: [u8; 4] = [142, 250, 74, 67];
/// Their hosts.
pub(super) const PORTALS: &[&str] =
    &["connectivitycheck.gstatic.com", "captive.apple.com", "detectportal.firefox.com"];
/// Neutral names and where they are.
pub(super) const WELL_KNOWN: &[(&str, [u8; 4])] =
    &[("one.one.one.one", [1, 1, 1, 1]), ("example.com", [93, 184, 215, 14])];
/// Other providers, who are as well as the neutral hosts are.
pub(super) const SIBLINGS: &[(&str, [u8; 4])] =
    &[("api.openai.com", [162, 159, 140, 245]), ("api.groq.com", [104, 18, 41, 1])];

/// Where servers listen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// At ports of this machine that the kernel chose; the prober is led there.
    Loopback,
    /// At the addresses themselves, in a network where they are this machine's.
    There,
}

/// Everything that stands behind the addresses of a plan.
#[derive(Debug)]
pub(super) struct Grid<'a> {
    plan: &'a Plan,
    authorities: &'a Authorities,
    place: Place,
    ways: Ways,
    servers: Vec<Server>,
    names: Vec<NameServer>,
    signed: Option<SignedRoot>,
}

// === impl Grid ===

impl<'a> Grid<'a> {
    /// One where no address leads anywhere.
    pub(super) fn new(plan: &'a Plan, authorities: &'a Authorities, place: Place) -> Self {
        let ways = Ways { otherwise: Way::Unreachable, ..Ways::default() };
        let (servers, names) = (Vec::new(), Vec::new());
        Self { plan, authorities, place, ways, servers, names, signed: None }
    }

    /// Starts everything, and tells of the proxy on the way.
    pub(super) async fn all(&mut self, site: &Arc<Site>) -> Result<Option<Proxy>> {
        if self.plan.link {
            self.resolvers().await?;
            self.neutral().await?;
            self.portals().await?;
            self.provider(site).await?;
            self.siblings().await?;
            self.page().await?;
        }
        self.proxy().await
    }

    /// The configured resolver, and the one on this machine.
    async fn resolvers(&mut self) -> Result<()> {
        let host = self.plan.host();
        let at = SocketAddr::new(IpAddr::from(SERVER), 53);
        let neutral = self.plan.resolver.neutral.as_ref();
        if self.plan.signed {
            let both = [Plan::V4, Plan::V6];
            let names = [(&*host, &both[..]), ("example.com", &[Plan::FOREIGN])];
            let tampered = self.plan.tampered.map(|address| (&*host, address));
            let root = SignedRoot::serve(self.bind(at), &names, tampered).await?;
            self.both(at, root.addr());
            self.signed = Some(root);
        } else {
            let zone = zone(&host, &self.plan.resolver.host, neutral);
            let server = zone.serve(self.bind(at)).await?;
            self.both(at, server.addr());
            self.names.push(server);
        }
        if let Some(reply) = &self.plan.stub {
            let at = SocketAddr::new(IpAddr::from(STUB), 53);
            let server = zone(&host, reply, neutral).serve(self.bind(at)).await?;
            self.both(at, server.addr());
            self.names.push(server);
        }
        Ok(())
    }

    /// The public resolvers, which are the neutral hosts as well.
    async fn neutral(&mut self) -> Result<()> {
        let known: Vec<IpAddr> = Neutral::usual().addresses.iter().map(SocketAddr::ip).collect();
        for (nth, (doh, reply)) in Doh::usual().into_iter().zip(&self.plan.doh).enumerate() {
            // Neutral addresses of IPv6 follow those of IPv4 in the same order.
            let v6 = known.iter().filter(|it| it.is_ipv6()).nth(nth);
            let zone = zone(&self.plan.host(), reply, None);
            let names = [&*doh.host, "one.one.one.one"];
            for ip in doh.addresses.iter().chain(v6) {
                let at = SocketAddr::new(*ip, 443);
                let other = self.plan.neutral_v6.filter(|_| ip.is_ipv6());
                let lead = other.unwrap_or(self.plan.neutral);
                let Lead::Shows(issuer, shown) = lead else {
                    self.answering(at, lead, Arc::default(), &names).await?;
                    continue;
                };
                let authority = self.authorities.of(issuer);
                let acceptor = authority.acceptor(shown, &names, &["h2", "http/1.1"])?;
                let server = zone.clone().serve_https(self.bind(at), acceptor).await?;
                self.ways.tcp.insert(at, Way::To(server.addr()));
                self.servers.push(server);
            }
        }
        Ok(())
    }

    /// The pages whose answer is known, or what stands in their place.
    async fn portals(&mut self) -> Result<()> {
        let site = match &self.plan.portal {
            Some(page) => Site::new().otherwise(page.clone()),
            None => Site::new()
                .page("/generate_204", Page::empty(204))
                .page("/hotspot-detect.html", Page::html(200, "<HTML><BODY>Success</BODY></HTML>"))
                .page("/success.txt", Page::text("success\n")),
        };
        let at = SocketAddr::new(IpAddr::from(PORTAL), 80);
        let server = Arc::new(site).serve(self.bind(at)).await?;
        self.ways.tcp.insert(at, Way::To(server.addr()));
        self.servers.push(server);
        Ok(())
    }

    /// The provider, at each of its addresses.
    async fn provider(&mut self, site: &Arc<Site>) -> Result<()> {
        let host = self.plan.host();
        for &(ip, lead) in &self.plan.roads {
            let at = SocketAddr::new(ip, 443);
            self.answering(at, lead, Arc::clone(site), &[&host]).await?;
        }
        Ok(())
    }

    /// Other providers, who want a key.
    async fn siblings(&mut self) -> Result<()> {
        let says = "{\"error\":{\"message\":\"no key\",\"code\":\"invalid_api_key\"}}";
        let site = Arc::new(Site::new().otherwise(Page::json(401, says)));
        for (name, ip) in SIBLINGS {
            let at = SocketAddr::new(IpAddr::from(*ip), 443);
            self.answering(at, self.plan.neutral, Arc::clone(&site), &[name]).await?;
        }
        Ok(())
    }

    /// The status page, which is as well as the neutral hosts are.
    async fn page(&mut self) -> Result<()> {
        let Some(level) = self.plan.page else { return Ok(()) };
        let summary = Page::json(200, &pages::summary(level));
        let site = Site::new().page("/api/v2/summary.json", summary);
        let at = SocketAddr::new(IpAddr::from(PAGE.1), 443);
        self.answering(at, self.plan.neutral, Arc::new(site), &[PAGE.0]).await
    }

    /// The proxy, where the plan has one.
    async fn proxy(&mut self) -> Result<Option<Proxy>> {
        let at = SocketAddr::new(IpAddr::from(PROXY.0), PROXY.1);
        let Some(policy) = &self.plan.proxy else { return Ok(None) };
        let way = match policy {
            None => Way::Refused,
            Some(policy) => {
                let policy = match policy {
                    Policy::Open(_) => Policy::Open(self.tunnels()),
                    Policy::Refuse(_) | Policy::Silent => policy.clone(),
                };
                let server = proxy::start(self.bind(at), policy).await?;
                let way = Way::To(server.addr());
                self.servers.push(server);
                way
            }
        };
        self.ways.tcp.insert(at, way);
        Ok(Some(Proxy {
            from: "HTTPS_PROXY".to_owned(),
            host: at.ip().to_string(),
            port: at.port(),
            authorization: None,
        }))
    }

    /// Everything, to be held while it is needed.
    pub(super) fn done(self) -> (Ways, Vec<Server>, Vec<NameServer>, Option<SignedRoot>) {
        (self.ways, self.servers, self.names, self.signed)
    }

    /// Where an open proxy's tunnels lead.
    fn tunnels(&self) -> BTreeMap<String, SocketAddr> {
        let to = |ip: IpAddr| match self.ways.of_tcp(SocketAddr::new(ip, 443)) {
            Way::To(addr) => Some(addr),
            Way::Straight | Way::Refused | Way::Unreachable | Way::Silent => None,
        };
        let host = (format!("{}:443", self.plan.host()), Plan::V4);
        let known = WELL_KNOWN.iter().chain(SIBLINGS);
        let known = known.map(|(name, ip)| (format!("{name}:443"), IpAddr::from(*ip)));
        known.chain([host]).filter_map(|(name, ip)| Some((name, to(ip)?))).collect()
    }

    /// Makes an address lead there, with a server at its end where there is one.
    async fn answering(
        &mut self,
        at: SocketAddr,
        lead: Lead,
        site: Arc<Site>,
        names: &[&str],
    ) -> Result<()> {
        let good = |issuer: Issuer, shown: Shown| {
            self.authorities.of(issuer).acceptor(shown, names, &["http/1.1"])
        };
        let manner = match lead {
            Lead::Shows(issuer, shown) => Ok(Manner::Shake(good(issuer, shown)?)),
            Lead::LosesLarge => Ok(Manner::LosesLarge(good(Issuer::Public, Shown::Good)?)),
            Lead::Stalls => Ok(Manner::Stall),
            Lead::Cuts => Ok(Manner::Cut),
            Lead::Plain => Ok(Manner::Plain),
            Lead::Refused => Err(Way::Refused),
            Lead::Silent => Err(Way::Silent),
            Lead::Unreachable => Err(Way::Unreachable),
        };
        let way = match manner {
            Err(nobody) => nobody,
            Ok(manner) => {
                let server = site.serve_tls(self.bind(at), manner).await?;
                let way = Way::To(server.addr());
                self.servers.push(server);
                way
            }
        };
        self.ways.tcp.insert(at, way);
        Ok(())
    }

    /// Where the server for an address listens.
    fn bind(&self, at: SocketAddr) -> SocketAddr {
        match self.place {
            Place::Loopback => ANY,
            Place::There => at,
        }
    }

    fn both(&mut self, at: SocketAddr, to: SocketAddr) {
        self.ways.udp.insert(at, Way::To(to));
        self.ways.tcp.insert(at, Way::To(to));
    }
}

/// A resolver that says this of the host, and that of neutral names: where they are, if nothing else.
fn zone(host: &str, reply: &Reply, neutral: Option<&Reply>) -> Zone {
    let zone = Zone::of(Reply::no_such_name()).name(host, reply.clone());
    let known = WELL_KNOWN.iter().chain(SIBLINGS).chain([&PAGE]).copied();
    known.chain(PORTALS.iter().map(|name| (*name, PORTAL))).fold(zone, |zone, (name, ip)| {
        let there = Reply::addresses(&[IpAddr::from(ip)]);
        zone.name(name, neutral.cloned().unwrap_or(there))
    })
}
