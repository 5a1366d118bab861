//! Evidence as it may leave the house: for a ticket, with what tells of the house taken out.
//!
//! **Invariant:** addresses and names of the own network, of this machine, of people, of providers
//! that are not public knowledge and of tuned models are replaced, everywhere the same by the same, so
//! that what differs still differs, and what is inside of a network or beyond it stays so. What the
//! verdict rests on stays.

use ir::Evidence;
use ir::evidence::{Here, KeySeen, Page, Portal, Session, Trust, Witness};
use ir::{Place, evidence::Answer};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands where something was taken out.
const REDACTED: &str = "redacted";
/// Resolvers of the public, whose addresses tell nothing.
const PUBLIC: [[u8; 4]; 6] =
    [[1, 1, 1, 1], [1, 0, 0, 1], [8, 8, 8, 8], [8, 8, 4, 4], [9, 9, 9, 9], [149, 112, 112, 112]];
/// Networks for examples: what stands for addresses beyond the house.
const EXAMPLES: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
/// Before the host that a page led to, where it is told why nothing can be read there.
const MOVED: &str = "moved to ";
/// What interfaces are, by how their names begin.
const KINDS: [&str; 10] = ["eth", "en", "wlan", "wl", "tun", "tap", "wg", "docker", "br", "ppp"];

/// What is replaced by what.
struct Masks<'a> {
    /// Whether a host or a provider's name is public knowledge.
    is_known: &'a dyn Fn(&str) -> bool,
    addresses: BTreeMap<IpAddr, IpAddr>,
    /// This machine's, its router's and its resolvers'; and the host's and the neutral name's, but for
    /// those of which everybody is told.
    own: BTreeSet<IpAddr>,
    names: BTreeMap<String, String>,
}

/// The evidence without what tells of the house. `is_known` says of a host or of a provider's name
/// that everybody may know it.
pub fn redacted(evidence: &Evidence, is_known: &dyn Fn(&str) -> bool) -> Evidence {
    let mut evidence = evidence.clone();
    let own = own(&evidence.here);
    let mut masks = Masks { is_known, addresses: BTreeMap::new(), own, names: BTreeMap::new() };
    let (host, provider) = (evidence.host.clone(), evidence.provider.clone());
    let hidden = !masks.is_open(&host);
    let public = if hidden { BTreeSet::new() } else { in_public(&evidence.names) };
    masks.own.extend(of_host(&evidence).difference(&public));
    let asked = addresses(&evidence.control.names);
    masks.own.extend(asked.difference(&in_public(&evidence.control.names)));
    evidence.host = masks.host(&host);
    evidence.provider = masks.provider(&provider);
    masks.here(&mut evidence.here, &provider);
    evidence.names = masks.answers(evidence.names, hidden);
    let control = &mut evidence.control;
    control.names = masks.answers(std::mem::take(&mut control.names), false);
    control.portals.values_mut().for_each(portal);
    control.tls.iter_mut().for_each(session);
    let siblings = std::mem::take(&mut control.siblings);
    control.siblings = siblings.into_iter().map(|(name, it)| (masks.provider(&name), it)).collect();
    let regions = std::mem::take(&mut control.regions);
    control.regions = regions.into_iter().map(|(name, it)| (masks.host(&name), it)).collect();
    let neutral = std::mem::take(&mut control.neutral);
    control.neutral =
        neutral.into_iter().map(|(name, knock)| (masks.socket(&name), knock)).collect();
    let roads = std::mem::take(&mut evidence.roads);
    evidence.roads = roads
        .into_iter()
        .map(|(address, mut road)| {
            road.from = road.from.into_iter().map(|it| masks.witness(it)).collect();
            road.tls.iter_mut().chain(&mut road.small).for_each(session);
            (masks.address(address), road)
        })
        .collect();
    if let Some(page) = &mut evidence.page {
        masks.page(page);
    }
    if let Some(traffic) = &mut evidence.traffic {
        let models = std::mem::take(&mut traffic.models);
        traffic.models = models.into_iter().map(|(it, tally)| (masks.model(it), tally)).collect();
    }
    evidence
}

/// Addresses that are this machine's or its network's.
fn own(here: &Here) -> BTreeSet<IpAddr> {
    let interfaces = here.interfaces.iter().flatten().flat_map(|it| &it.addresses);
    let conf = here.resolv_conf.iter().flat_map(|it| it.servers.iter().chain(&it.upstreams));
    interfaces.chain(conf).chain(&here.gateway).copied().collect()
}

/// Addresses that somebody says are the host's.
fn of_host(evidence: &Evidence) -> BTreeSet<IpAddr> {
    let entries = evidence.here.hosts.iter().map(|it| it.address);
    addresses(&evidence.names)
        .into_iter()
        .chain(evidence.roads.keys().copied())
        .chain(entries)
        .collect()
}

/// Addresses in answers.
fn addresses<'a>(answers: impl IntoIterator<Item = (&'a Witness, &'a Answer)>) -> BTreeSet<IpAddr> {
    answers.into_iter().flat_map(|(_, answer)| &answer.addresses).copied().collect()
}

/// Addresses that everybody is told. Without a public witness none is known to be: an inner resolver
/// can lead a public name to an address of the house that looks like any other.
fn in_public(answers: &BTreeMap<Witness, Answer>) -> BTreeSet<IpAddr> {
    addresses(answers.iter().filter(|(witness, _)| matches!(witness, Witness::Doh(_))))
}

/// Who vouches for a chain tells of a company, unless everybody knows it.
fn session(session: &mut Session) {
    if session.trust != Trust::Public {
        REDACTED.clone_into(&mut session.issuer);
    }
}

/// Portals put names, addresses of machines and sessions into where they send.
fn portal(portal: &mut Portal) {
    if let Portal::Altered { to: Some(to), .. } = portal {
        *to = format!("http://{REDACTED}/");
    }
}

/// A file of the system as it is; of any other only its name, where that is a usual one.
fn file_of(path: &str) -> String {
    const SYSTEM: [&str; 4] = ["/etc/", "/run/systemd/", "/private/etc/", "C:\\Windows\\"];
    const USUAL: [&str; 4] = ["hosts", "resolv.conf", "stub-resolv.conf", "nsswitch.conf"];
    if SYSTEM.iter().any(|folder| path.starts_with(folder)) {
        return path.to_owned();
    }
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = USUAL.into_iter().find(|usual| *usual == name).unwrap_or(REDACTED);
    format!("…/{name}")
}

/// What kind of interface it is; its whole name may hold an address of the hardware.
fn kind_of(name: &str) -> &'static str {
    KINDS.into_iter().find(|kind| name.starts_with(kind)).unwrap_or("other")
}

// === impl Masks ===

impl Masks<'_> {
    fn here(&mut self, here: &mut Here, provider: &str) {
        for interface in here.interfaces.iter_mut().flatten() {
            kind_of(&interface.name).clone_into(&mut interface.name);
            interface.addresses.iter_mut().for_each(|it| *it = self.address(*it));
        }
        here.gateway = here.gateway.map(|it| self.address(it));
        let said = |from: &str| from.replace(&format!(".{provider}."), ".PROVIDER.");
        if let Some(proxy) = &mut here.proxy {
            let port = proxy.authority.rsplit_once(':').map(|(_, port)| port.to_owned());
            proxy.authority = format!("{REDACTED}:{}", port.unwrap_or_default());
            proxy.from = said(&proxy.from);
        }
        for ca in &mut here.ca {
            ca.path = file_of(&ca.path);
            ca.from = said(&ca.from);
        }
        for entry in &mut here.hosts {
            entry.path = file_of(&entry.path);
            entry.address = self.address(entry.address);
            entry.name = self.host(&entry.name.to_ascii_lowercase());
        }
        if let Some(conf) = &mut here.resolv_conf {
            conf.path = file_of(&conf.path);
            conf.leads_to = conf.leads_to.as_deref().map(file_of);
            let servers = conf.servers.iter_mut().chain(&mut conf.upstreams);
            servers.for_each(|it| *it = self.address(*it));
            conf.search.iter_mut().for_each(|it| REDACTED.clone_into(it));
        }
        if let Some(elsewhere) = &mut here.elsewhere {
            elsewhere.from = said(&elsewhere.from);
            elsewhere.path = elsewhere.path.as_deref().map(file_of);
            elsewhere.url = self.origin(&elsewhere.url);
        }
        match &mut here.key {
            Some(KeySeen::Present { from } | KeySeen::Missing { from }) => *from = said(from),
            Some(KeySeen::NotNeeded | KeySeen::Callers) | None => {}
        }
    }

    fn answers(
        &mut self,
        answers: BTreeMap<Witness, Answer>,
        hidden: bool,
    ) -> BTreeMap<Witness, Answer> {
        let public = answers.iter().filter(|(it, _)| matches!(it, Witness::Doh(_)) && !hidden);
        let public: BTreeSet<String> =
            public.flat_map(|(_, answer)| answer.cnames.iter().cloned()).collect();
        let mask = |(witness, mut answer): (Witness, Answer)| {
            answer.addresses.iter_mut().for_each(|it| *it = self.address(*it));
            // What only resolvers of the house say on the way is the house's.
            let own = answer.cnames.iter_mut().filter(|it| !public.contains(*it));
            own.for_each(|it| *it = self.host(it));
            // A resolver's own words tell whose it is.
            answer.ede_text = answer.ede_text.map(|_| REDACTED.to_owned());
            (self.witness(witness), answer)
        };
        answers.into_iter().map(mask).collect()
    }

    fn page(&mut self, page: &mut Page) {
        if self.is_open(host_of(&page.url)) {
            page.unknown = page.unknown.take().map(|why| self.why(&why));
            return;
        }
        page.url = self.origin(&page.url);
        REDACTED.clone_into(&mut page.says);
        page.unknown.iter_mut().chain(&mut page.affected).for_each(|it| REDACTED.clone_into(it));
        for incident in &mut page.incidents {
            REDACTED.clone_into(&mut incident.id);
            REDACTED.clone_into(&mut incident.title);
        }
    }

    /// Why a page cannot be read, without the host that it led to: that may be a gate of the house.
    fn why(&mut self, why: &str) -> String {
        let Some((before, rest)) = why.split_once(MOVED) else { return why.to_owned() };
        let (host, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
        format!("{before}{MOVED}{}{after}", self.host(host))
    }

    fn witness(&mut self, witness: Witness) -> Witness {
        match witness {
            Witness::Udp(server) => Witness::Udp(self.address(server)),
            Witness::Tcp(server) => Witness::Tcp(self.address(server)),
            Witness::Authority(name) => Witness::Authority(self.host(&name)),
            Witness::System | Witness::Hosts | Witness::Stub | Witness::Doh(_) => witness,
        }
    }

    /// An address of the house as one that is nobody's, within or beyond as it was; loopback, and what
    /// leads nowhere, as it is.
    fn address(&mut self, address: IpAddr) -> IpAddr {
        let (inside, own) = match Place::of(address) {
            Place::Loopback | Place::Unspecified | Place::Metadata => return address,
            Place::Private | Place::LinkLocal => (true, true),
            Place::Reserved => (true, self.own.contains(&address)),
            Place::Public | Place::Multicast | Place::Example => {
                (false, self.own.contains(&address))
            }
        };
        if !own || PUBLIC.iter().any(|it| address == IpAddr::from(*it)) {
            return address;
        }
        let number = u16::try_from(self.addresses.len() + 1).unwrap_or(u16::MAX);
        let [high, low] = number.to_be_bytes();
        *self.addresses.entry(address).or_insert_with(|| match (address, inside) {
            (IpAddr::V4(_), true) => Ipv4Addr::new(10, 0, high, low).into(),
            (IpAddr::V6(_), true) => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into(),
            (IpAddr::V4(_), false) => {
                let [a, b, c] = EXAMPLES.get(usize::from(high)).copied().unwrap_or([203, 0, 113]);
                Ipv4Addr::new(a, b, c, low).into()
            }
            (IpAddr::V6(_), false) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number).into(),
        })
    }

    /// `address:port`.
    fn socket(&mut self, name: &str) -> String {
        match name.parse::<std::net::SocketAddr>() {
            Ok(socket) => {
                std::net::SocketAddr::new(self.address(socket.ip()), socket.port()).to_string()
            }
            Err(_) => self.host(name),
        }
    }

    fn host(&mut self, host: &str) -> String {
        if let Ok(address) = host.parse() {
            self.own.insert(address);
            return self.address(address).to_string();
        }
        self.name(host, "host", ".example")
    }

    fn provider(&mut self, name: &str) -> String {
        self.name(name, "provider", "")
    }

    fn model(&mut self, model: String) -> String {
        let tuned = model.contains("ft:") || model.contains("ft-") || model.contains('/');
        if tuned { self.name(&model, "model", "") } else { model }
    }

    fn name(&mut self, name: &str, kind: &str, end: &str) -> String {
        if self.is_open(name) {
            return name.to_owned();
        }
        let number = self.names.len() + 1;
        let mask = || format!("{kind}-{number}{end}");
        self.names.entry(name.to_owned()).or_insert_with(mask).clone()
    }

    /// Whether a name tells nothing of the house.
    fn is_open(&self, name: &str) -> bool {
        name.is_empty() || name == "localhost" || (self.is_known)(name)
    }

    /// A URL without its path, in which accounts stand even where everybody knows the host.
    fn origin(&mut self, url: &str) -> String {
        let Some((scheme, _)) = url.split_once("://") else {
            return if url.is_empty() { String::new() } else { REDACTED.to_owned() };
        };
        format!("{scheme}://{}", self.host(host_of(url)))
    }
}

/// The host of a URL; of what is none, all of it.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    port.map_or(host, |(host, _)| host).trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests;
