//! What is wrong here: on this machine, in its network, with its owner.

use ir::Dns;

use crate::lab::dns::Reply;
use crate::lab::http::Page;
use crate::lab::proxy::Policy;
use crate::lab::stage::{Issuer, Lead, Plan};
use crate::lab::tls::Shown;

/// A page that wants a name and a room number.
const LOGIN: &str = "<html><head><title>Guest network</title></head><body><form method=\"post\" \
                     action=\"/login\"><input name=\"room\"></form></body></html>";
/// 2015-01-01, five years before the lab's certificates begin.
const BEFORE_MS: u64 = 1_420_070_400_000;
/// 2105-01-01, five years behind their end.
const BEHIND_MS: u64 = 4_260_211_200_000;

pub(super) fn link_down() -> Plan {
    let failed = Err(Dns::Failed);
    let plan = Plan { link: false, system: Err(Dns::Failed), ..Plan::default() };
    Plan { system_neutral: failed, ..plan }.leading(Lead::Unreachable)
}

pub(super) fn link_deaf() -> Plan {
    let mut plan = resolver_silent().leading(Lead::Silent);
    plan.neutral = Lead::Silent;
    plan.portal = Some(Page::silent());
    plan
}

pub(super) fn portal_redirects() -> Plan {
    held(Page::redirect(302, "http://login.hotel.example/?from=here"))
}

pub(super) fn portal_speaks() -> Plan {
    held(Page::html(200, LOGIN))
}

/// A login page lets plain HTTP through to itself, names through, and nothing else.
fn held(page: Page) -> Plan {
    let plan = Plan { portal: Some(page), neutral: Lead::Silent, ..Plan::default() };
    plan.leading(Lead::Silent)
}

pub(super) fn resolver_silent() -> Plan {
    resolver(Dns::Failed, &Reply::silent())
}

pub(super) fn resolver_fails() -> Plan {
    resolver(Dns::Failed, &Reply::failure().because(23, "network error"))
}

/// The resolver says this of every name.
fn resolver(why: Dns, reply: &Reply) -> Plan {
    let mut plan = Plan { system: Err(why), system_neutral: Err(why), ..Plan::default() };
    plan.resolver.host = reply.clone();
    plan.resolver.neutral = Some(reply.clone());
    plan
}

pub(super) fn resolver_denies() -> Plan {
    let mut plan = Plan { system: Err(Dns::NotFound), needs_doh: true, ..Plan::default() };
    plan.resolver.host = Reply::no_such_name();
    plan
}

pub(super) fn resolver_sinks() -> Plan {
    let nowhere = [[0, 0, 0, 0].into()];
    let mut plan = Plan { system: Ok(nowhere.to_vec()), ..Plan::default() };
    plan.resolver.host = Reply::addresses(&nowhere).because(17, "filtered by the household");
    plan
}

pub(super) fn resolver_censors() -> Plan {
    let mut plan = Plan { system: Err(Dns::NotFound), needs_doh: true, ..Plan::default() };
    plan.resolver.host = Reply::no_such_name().because(16, "censored by order");
    plan
}

pub(super) fn hosts_loopback() -> Plan {
    Plan::default().overridden("127.0.0.1 api.anthropic.com\n", [127, 0, 0, 1].into())
}

pub(super) fn hosts_foreign() -> Plan {
    let foreign = Lead::Shows(Issuer::Public, Shown::WrongHost);
    let mut plan = Plan::default().overridden("93.184.215.14 api.anthropic.com\n", Plan::FOREIGN);
    plan.roads.push((Plan::FOREIGN, foreign));
    plan
}

pub(super) fn hosts_second() -> Plan {
    let lines = "\n# written last year\n10.0.0.7\tprinter printer.lan\n\
                 127.0.0.1\tdev.lan  api.anthropic.com\t# for a test\n";
    Plan::default().overridden(lines, [127, 0, 0, 1].into())
}

pub(super) fn hosts_capitals() -> Plan {
    Plan::default().overridden("127.0.0.1 API.Anthropic.COM\n", [127, 0, 0, 1].into())
}

pub(super) fn hosts_ipv6() -> Plan {
    let loopback = std::net::IpAddr::from(std::net::Ipv6Addr::LOCALHOST);
    Plan::default().overridden("::1 api.anthropic.com\n", loopback)
}

pub(super) fn stub_stale() -> Plan {
    let old = Reply::addresses(&[Plan::OTHER_V4]).ttl(86_000);
    let mut plan = Plan { stub: Some(old), system: Ok(vec![Plan::OTHER_V4]), ..Plan::default() };
    plan.roads.push((Plan::OTHER_V4, Lead::Silent));
    plan
}

pub(super) fn clock_behind() -> Plan {
    Plan { clock_unix_ms: Some(BEFORE_MS), ..Plan::default() }
}

pub(super) fn clock_ahead() -> Plan {
    Plan { clock_unix_ms: Some(BEHIND_MS), ..Plan::default() }
}

pub(super) fn proxy_wants_password() -> Plan {
    behind(Some(Policy::Refuse(407)))
}

pub(super) fn proxy_forbids() -> Plan {
    behind(Some(Policy::Refuse(403)))
}

pub(super) fn proxy_dead() -> Plan {
    behind(None)
}

pub(super) fn proxy_silent() -> Plan {
    behind(Some(Policy::Silent))
}

/// A network that nothing leaves but through its proxy.
fn behind(policy: Option<Policy>) -> Plan {
    let plan = Plan { proxy: Some(policy), neutral: Lead::Silent, ..Plan::default() };
    plan.leading(Lead::Silent)
}

pub(super) fn inspected() -> Plan {
    let inspected = Lead::Shows(Issuer::Inspector, Shown::Good);
    Plan { neutral: inspected, ..Plan::default() }.leading(inspected)
}

pub(super) fn key_missing() -> Plan {
    Plan { key: None, ..Plan::default() }
}

pub(super) fn key_refused() -> Plan {
    Plan { key: Some("sk-ant-lab-revoked"), ..Plan::default() }
}

pub(super) fn quota() -> Plan {
    let says = "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\
                \"Your credit balance is too low to access the Anthropic API. Please go to Plans & \
                Billing to upgrade or purchase credits.\"}}";
    Plan::default().telling_us(Page::json(400, says))
}

pub(super) fn rate_limited() -> Plan {
    let says = "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"This \
                request would exceed your organization's rate limit of 50 requests per minute.\"}}";
    let page = Page::json(429, says)
        .with("retry-after", "23")
        .with("anthropic-ratelimit-requests-limit", "50")
        .with("anthropic-ratelimit-requests-remaining", "0")
        .with("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:00Z");
    Plan::default().telling_us(page)
}

pub(super) fn base_elsewhere() -> Plan {
    let base = "https://llm-gateway.corp.example/v1".to_owned();
    Plan { base, ..Plan::default() }.unnamed(Dns::NotFound, &Reply::no_such_name())
}
