//! What is wrong in between.

use crate::lab::dns::Reply;
use crate::lab::stage::{Issuer, Lead, Plan};
use crate::lab::tls::Shown;

pub(super) fn ipv6_silent() -> Plan {
    over_ipv6(Lead::Silent)
}

pub(super) fn ipv6_unreachable() -> Plan {
    over_ipv6(Lead::Unreachable)
}

fn over_ipv6(lead: Lead) -> Plan {
    let mut plan = Plan { neutral_v6: Some(lead), ..Plan::default() };
    for (ip, it) in &mut plan.roads {
        if ip.is_ipv6() {
            *it = lead;
        }
    }
    plan
}

pub(super) fn large_lost() -> Plan {
    Plan::default().leading(Lead::LosesLarge)
}

pub(super) fn hello_cut() -> Plan {
    Plan::default().leading(Lead::Cuts)
}

pub(super) fn route_silent() -> Plan {
    Plan::default().leading(Lead::Silent)
}

pub(super) fn spoofed() -> Plan {
    let mut plan = Plan { system: Ok(vec![Plan::FOREIGN]), ..Plan::default() };
    plan.resolver.host = Reply::addresses(&[Plan::FOREIGN]).ttl(3600);
    plan.roads.push((Plan::FOREIGN, Lead::Shows(Issuer::Nobody, Shown::Good)));
    plan
}

pub(super) fn tampered() -> Plan {
    let plan = Plan { signed: true, tampered: Some(Plan::FOREIGN_V4), ..spoofed() };
    Plan { system: Ok(vec![Plan::FOREIGN, Plan::V6]), ..plan }
}

pub(super) fn self_signed() -> Plan {
    Plan::default().leading(Lead::Shows(Issuer::Nobody, Shown::SelfSigned))
}
