//! The same situation in a network of its own: servers at the addresses themselves, for a program that
//! runs beside them in another namespace.
//!
//! The way in which namespaces are made is `cargo xtask lab`'s matter; here stands what it needs to know
//! ([`Wish`]), and what runs in the namespace that plays the world.

use anyhow::{Context, Result};
use drill::provider::Provider;
use probe::{Doh, Neutral};
use std::fmt;
use std::mem::take;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use super::net::{Grid, PAGE, PORTAL, PROXY, Place, SERVER, SIBLINGS};
use super::{Authorities, Lead, Plan, unix_s};
use crate::lab::dns::NameServer;
use crate::lab::files::{NSSWITCH, resolv_conf};
use crate::lab::server::{ANY, Server};

/// A line about what a network must be for a plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Whether the program's namespace has a network at all.
    Link(bool),
    /// An address that the world has.
    Address(IpAddr),
    /// One that the program's namespace has no way to.
    Unreachable(IpAddr),
    /// A variable of the program.
    Variable(&'static str, String),
}

/// A world that runs. Dropped, it stops.
#[derive(Debug)]
pub struct Network {
    _servers: Vec<Server>,
    _names: Vec<NameServer>,
}

// === impl Plan ===

impl Plan {
    /// Whether it can be played in a network: with the clock, the trust and the base URL that programs
    /// have by themselves, without a resolver on the program's side, and without answers that cost.
    ///
    /// Public resolvers are believed only where authorities that browsers ship vouch for them, and those
    /// vouch for nobody in a lab. A key that is missing is no trouble where nothing is configured.
    pub fn fits_a_network(&self) -> bool {
        self.clock_unix_ms.is_none()
            && self.stub.is_none()
            && !self.signed
            && !self.needs_doh
            && self.key.is_some()
            && self.model.is_none()
            && self.base == super::plan::BASE
    }

    /// What a network must be for it.
    pub fn wishes(&self) -> Vec<Wish> {
        let mut wishes = vec![Wish::Link(self.link), Wish::Address(IpAddr::from(PORTAL))];
        wishes.push(Wish::Address(IpAddr::from(SERVER)));
        wishes.push(Wish::Address(IpAddr::from(PROXY.0)));
        let neutral = Neutral::usual().addresses.into_iter().map(|it| it.ip());
        let doh = Doh::usual().into_iter().flat_map(|it| it.addresses);
        let mut known: Vec<IpAddr> = neutral.chain(doh).collect();
        known.sort_unstable();
        known.dedup();
        let known = known.into_iter().map(|ip| {
            let other = self.neutral_v6.filter(|_| ip.is_ipv6());
            (ip, other.unwrap_or(self.neutral))
        });
        let page = self.page.map(|_| (IpAddr::from(PAGE.1), self.neutral));
        let others = SIBLINGS.iter().map(|(_, ip)| (IpAddr::from(*ip), self.neutral));
        for (ip, lead) in known.chain(others).chain(page).chain(self.roads.iter().copied()) {
            match lead {
                Lead::Silent => {}
                Lead::Unreachable => wishes.push(Wish::Unreachable(ip)),
                Lead::Shows(..)
                | Lead::LosesLarge
                | Lead::Stalls
                | Lead::Cuts
                | Lead::Plain
                | Lead::Refused => wishes.push(Wish::Address(ip)),
            }
        }
        if let Some(key) = self.key {
            wishes.push(Wish::Variable("ANTHROPIC_API_KEY", key.to_owned()));
        }
        if self.proxy.is_some() {
            let (host, port) = PROXY;
            let url = format!("http://{}", SocketAddr::new(IpAddr::from(host), port));
            wishes.push(Wish::Variable("HTTPS_PROXY", url));
        }
        wishes
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(true) => f.write_str("link up"),
            Self::Link(false) => f.write_str("link down"),
            Self::Address(ip) => write!(f, "address {ip}"),
            Self::Unreachable(ip) => write!(f, "unreachable {ip}"),
            Self::Variable(name, value) => write!(f, "variable {name}={value}"),
        }
    }
}

// === impl Network ===

impl Network {
    /// Starts the servers of a plan at their addresses, which this machine must have. Writes the files
    /// that the program's namespace shall have into a folder: `hosts`, `resolv.conf`, `nsswitch.conf`,
    /// and `ca.pem`, whom to trust.
    pub async fn raise(mut plan: Plan, files: &Path) -> Result<Self> {
        let behind = Provider::named("lab").apart(ANY, unix_s);
        let site = Arc::new(take(&mut plan.site).before(behind));
        let authorities = Authorities::new()?;
        let resolvers = resolv_conf(&[IpAddr::from(SERVER)]);
        let write = |name: &str, text: &str| {
            let path = files.join(name);
            std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        write("hosts", &plan.hosts)?;
        write("resolv.conf", &resolvers)?;
        write("nsswitch.conf", NSSWITCH)?;
        write("ca.pem", authorities.public.pem())?;
        let mut grid = Grid::new(&plan, &authorities, Place::There);
        grid.all(&site).await?;
        let (_, servers, names, _) = grid.done();
        Ok(Self { _servers: servers, _names: names })
    }
}
