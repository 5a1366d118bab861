//! Evidence as it may leave the house: for a ticket, with what tells of the house taken out.

use ir::Evidence;
use std::net::{IpAddr, Ipv6Addr};

/// What stands where something was taken out.
const REDACTED: &str = "redacted";

/// The evidence without names of the own network, of people and of tuned models, and with addresses
/// of the own machine cut to their network. What the verdict rests on stays.
pub fn redacted(evidence: &Evidence) -> Evidence {
    let mut evidence = evidence.clone();
    let here = &mut evidence.here;
    for interface in here.interfaces.iter_mut().flatten() {
        interface.name = kind_of(&interface.name).to_owned();
        for address in &mut interface.addresses {
            *address = network_of(*address);
        }
    }
    here.gateway = here.gateway.map(network_of);
    if let Some(proxy) = &mut here.proxy {
        let port = proxy.authority.rsplit_once(':').map(|(_, port)| port.to_owned());
        proxy.authority = format!("{REDACTED}:{}", port.unwrap_or_default());
    }
    for ca in &mut here.ca {
        ca.path = file_of(&ca.path);
    }
    if let Some(conf) = &mut here.resolv_conf {
        conf.search.iter_mut().for_each(|it| REDACTED.clone_into(it));
    }
    if let Some(elsewhere) = &mut here.elsewhere {
        elsewhere.path = elsewhere.path.as_deref().map(file_of);
    }
    for portal in evidence.control.portals.values_mut() {
        if let ir::evidence::Portal::Altered { to: Some(to), .. } = portal {
            // Portals put addresses of machines and sessions behind the question mark.
            *to = to.split(['?', '#']).next().unwrap_or_default().to_owned();
        }
    }
    if let Some(traffic) = &mut evidence.traffic {
        let models = std::mem::take(&mut traffic.models);
        let mut tuned = 0;
        traffic.models = models
            .into_iter()
            .map(|(model, tally)| {
                if !is_tuned(&model) {
                    return (model, tally);
                }
                tuned += 1;
                (format!("{REDACTED}-{tuned}"), tally)
            })
            .collect();
    }
    evidence
}

/// `eth`, `wlan`, `tun`: what kind it is, without which.
fn kind_of(name: &str) -> &str {
    name.trim_end_matches(|it: char| !it.is_ascii_alphabetic())
}

/// An address without the part that tells machines apart: /16 and /48.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [one, two, _, _] = v4.octets();
            IpAddr::from([one, two, 0, 0])
        }
        IpAddr::V6(v6) => {
            let [one, two, three, ..] = v6.segments();
            IpAddr::from(Ipv6Addr::new(one, two, three, 0, 0, 0, 0, 0))
        }
    }
}

/// A file without its folders, which hold names of people.
fn file_of(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    format!("…/{name}")
}

/// Whether a model's name tells of whoever tuned it.
fn is_tuned(model: &str) -> bool {
    model.contains("ft:") || model.contains("ft-") || model.contains('/')
}
