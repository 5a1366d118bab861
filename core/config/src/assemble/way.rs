//! `ca`, `proxy` and `addresses`: of a provider, and of `[upstream]` for all of them.

use crate::problem::Findings;
use crate::proxy::Environment;
use crate::raw::Section;
use crate::url::usable;
use crate::{BaseUrl, Ca, Config, Proxy, Surroundings, Way, providers};
use ir::{Place, Reach};
use std::net::IpAddr;

/// A name has no more addresses than are tried.
const ADDRESSES_MAX: usize = 8;

/// What holds for every provider that says nothing else.
#[derive(Debug)]
pub(crate) struct Common {
    ca: Option<Ca>,
    proxy: Usual,
}

/// The proxy of those that name none.
#[derive(Debug)]
enum Usual {
    /// The environment says.
    Environment(Environment),
    /// The file says.
    Said(Said),
}

/// What a file says about a proxy.
#[derive(Clone, Debug)]
enum Said {
    Off,
    Through(Proxy),
}

/// A provider, as far as its way depends on it.
pub(super) struct Owner<'a> {
    pub(super) section: &'a Section,
    pub(super) url: &'a BaseUrl,
    pub(super) local: bool,
}

// === impl Common ===

impl Common {
    /// Where no file says anything.
    pub(crate) fn usual(around: &dyn Surroundings) -> Self {
        Self { ca: None, proxy: Usual::Environment(Environment::read(around)) }
    }

    /// `[upstream]`.
    pub(crate) fn read(
        section: &Section,
        around: &dyn Surroundings,
        findings: &mut Findings<'_>,
    ) -> Self {
        let ca = ca(section, around, findings);
        let said = proxy(section, around, findings).map(Usual::Said);
        let proxy = said.unwrap_or_else(|| Usual::Environment(Environment::read(around)));
        Self { ca, proxy }
    }

    /// The way to a provider that says nothing about it.
    pub(crate) fn way(&self, url: &BaseUrl, local: bool) -> Way {
        let proxy = match &self.proxy {
            _ if local => None,
            Usual::Environment(environment) => environment.proxy_for(url),
            Usual::Said(said) => said.clone().proxy(),
        };
        let ca = self.ca.iter().cloned().collect();
        Way { ca, proxy, addresses: Vec::new(), reach: reach(url, local) }
    }

    /// Warns of what the environment says and cannot mean, where it would have counted.
    pub(crate) fn warn(&self, config: &mut Config) {
        let Usual::Environment(environment) = &self.proxy else { return };
        if config.providers.iter().any(|it| !it.local && !it.base_url.is_loopback()) {
            config.warnings.extend(environment.faults.iter().cloned());
        }
    }
}

// === impl Said ===

impl Said {
    fn proxy(self) -> Option<Proxy> {
        match self {
            Self::Off => None,
            Self::Through(proxy) => Some(proxy),
        }
    }
}

/// The way to a provider.
pub(super) fn read(
    owner: &Owner<'_>,
    common: &Common,
    around: &dyn Surroundings,
    findings: &mut Findings<'_>,
) -> Way {
    let Owner { section, url, local } = *owner;
    let mut way = common.way(url, local);
    way.ca.extend(ca(section, around, findings));
    if let Some(said) = proxy(section, around, findings) {
        way.proxy = said.proxy();
    }
    way.addresses = addresses(owner, findings);
    if let Some(address) = url.address() {
        strange(section, "base_url", (section.at("base_url"), address), findings);
    }
    way
}

/// Where a provider's name may lead: the reasons are those of [`ir::reach`].
fn reach(url: &BaseUrl, local: bool) -> Reach {
    let vendor = |row: &&ir::Quirks| {
        !row.local && BaseUrl::parse(row.base_url).is_ok_and(|own| own.host == url.host)
    };
    let known = providers::ROWS.iter().any(|row| vendor(&row));
    Reach { loopback: local || url.is_loopback(), private: url.https || !known }
}

fn ca(section: &Section, around: &dyn Surroundings, findings: &mut Findings<'_>) -> Option<Ca> {
    let path = section.text("ca")?;
    let fault = match around.file(path) {
        Ok(text) => match Ca::parse(path, &text) {
            Ok(ca) => return Some(ca),
            Err((what, hint)) => (what, hint.to_owned()),
        },
        Err(why) => ("the file cannot be read", format!("{why}; it is to be a text file in PEM")),
    };
    findings.problem(section.at("ca"), section.key("ca"), fault.0, fault.1);
    None
}

/// What a section says about its proxy, if anything.
fn proxy(
    section: &Section,
    around: &dyn Surroundings,
    findings: &mut Findings<'_>,
) -> Option<Said> {
    let text = section.text("proxy")?;
    let (at, key) = (section.at("proxy"), section.key("proxy"));
    if text == "off" {
        return Some(Said::Off);
    }
    let (url, own) = match text.strip_prefix("env:").map(|name| around.env(name)) {
        Some(Some(value)) => (value, false),
        Some(None) => {
            let what = "the environment variable is not set";
            findings.problem(at, key, what, "set it where backstop is started");
            return None;
        }
        None => (text.to_owned(), true),
    };
    match Proxy::parse(url.trim()) {
        Ok(proxy) => {
            if proxy.credential.is_some() && own {
                let hint = "proxy = \"env:NAME\" keeps it out";
                findings.warn(at, key, "a password stands in the file itself", hint);
            }
            Some(Said::Through(proxy))
        }
        Err(fault) => {
            let hint = format!("{}; \"env:NAME\" and \"off\" are possible too", fault.hint);
            findings.problem(at, key, fault.what, hint);
            None
        }
    }
}

fn addresses(owner: &Owner<'_>, findings: &mut Findings<'_>) -> Vec<IpAddr> {
    let Owner { section, url, .. } = *owner;
    let Some(texts) = section.texts("addresses") else { return Vec::new() };
    let (at, key) = (section.at("addresses"), section.key("addresses"));
    if texts.is_empty() {
        findings.problem(at, key, "an empty list", "name one, or leave addresses out");
        return Vec::new();
    }
    if ADDRESSES_MAX < texts.len() {
        findings.problem(at, key, "more than 8 addresses", "more are never tried");
        return Vec::new();
    }
    if url.address().is_some() {
        let hint = "leave addresses out, or write the host's name there";
        findings.problem(at, key, "base_url has an address already", hint);
        return Vec::new();
    }
    let mut all = Vec::new();
    for (at, text) in texts {
        let fault = match text.parse::<IpAddr>().map(|address| usable(address.to_canonical())) {
            Ok(Ok(address)) => {
                strange(section, "addresses", (*at, address), findings);
                all.push(address);
                continue;
            }
            Ok(Err(fault)) => (fault.what, fault.hint),
            Err(_) => ("not an address", "write it in the usual form, without a port"),
        };
        findings.problem(*at, key.clone(), fault.0, fault.1);
    }
    all
}

/// Warns of an address that was named, and at which nobody serves models.
fn strange(
    section: &Section,
    key: &str,
    (at, address): (usize, IpAddr),
    findings: &mut Findings<'_>,
) {
    match Place::of(address) {
        place @ (Place::Metadata | Place::Reserved | Place::Example) => {
            let what = format!("{address} is {}", place.words());
            let hint = "no provider is known to be there; is it the right address?";
            findings.warn(at, section.key(key), what, hint);
        }
        Place::Public
        | Place::Private
        | Place::Loopback
        | Place::LinkLocal
        | Place::Unspecified
        | Place::Multicast => {}
    }
}
