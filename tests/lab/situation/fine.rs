//! Days on which all is well, though not everything looks alike.

use std::collections::BTreeMap;

use crate::lab::dns::{Fault, Reply};
use crate::lab::proxy::Policy;
use crate::lab::stage::{Issuer, Lead, Plan};
use crate::lab::tls::Shown;

pub(super) fn healthy() -> Plan {
    Plan::default()
}

pub(super) fn healthy_answering() -> Plan {
    Plan { model: Some("ok"), ..Plan::default() }
}

pub(super) fn geo_dns() -> Plan {
    let good = Lead::Shows(Issuer::Public, Shown::Good);
    let mut plan = Plan::default().named(&[Plan::V4]);
    let far = Reply::addresses(&[Plan::THIRD_V4]).through(&["far.cdn.example.net"]).ttl(30);
    plan.doh = [Reply::addresses(&[Plan::OTHER_V4]), far.clone(), far];
    plan.roads = [Plan::V4, Plan::OTHER_V4, Plan::THIRD_V4].map(|it| (it, good)).to_vec();
    plan
}

pub(super) fn truncated() -> Plan {
    let mut plan = Plan::default();
    plan.resolver.host = plan.resolver.host.fault(Fault::Truncated);
    plan
}

pub(super) fn signed() -> Plan {
    Plan { signed: true, ..Plan::default() }
}

pub(super) fn proxy_open() -> Plan {
    // Where its tunnels lead, the stage knows.
    Plan { proxy: Some(Some(Policy::Open(BTreeMap::new()))), ..Plan::default() }
}
