//! What is wrong with the provider.

use ir::Dns;
use ir::evidence::Level;

use crate::lab::dns::Reply;
use crate::lab::http::Page;
use crate::lab::stage::{Issuer, Lead, Plan};
use crate::lab::tls::Shown;

/// What a front says where nobody answers behind it.
const ORIGIN_DOWN: &str = "<!DOCTYPE html><html><head><title>api.anthropic.com | 521: Web server is \
                           down</title></head><body><div id=\"cf-wrapper\">Error code 521<br>Performance \
                           &amp; security by Cloudflare</div></body></html>";

pub(super) fn their_dns_unreachable() -> Plan {
    let reply = Reply::failure().because(22, "no reachable authority at delegation anthropic.com");
    unnamed(Dns::Failed, &reply)
}

pub(super) fn their_dns_bogus() -> Plan {
    unnamed(Dns::Failed, &Reply::failure().because(6, "signature expired"))
}

pub(super) fn their_dns_empty() -> Plan {
    unnamed(Dns::NotFound, &Reply::empty())
}

pub(super) fn their_dns_gone() -> Plan {
    unnamed(Dns::NotFound, &Reply::no_such_name())
}

/// Only that the public resolvers say the same tells it from trouble of the configured one.
fn unnamed(why: Dns, reply: &Reply) -> Plan {
    Plan { needs_doh: true, ..Plan::default() }.unnamed(why, reply)
}

pub(super) fn cert_expired() -> Plan {
    Plan::default().leading(Lead::Shows(Issuer::Public, Shown::Expired))
}

pub(super) fn cert_wrong_host() -> Plan {
    Plan::default().leading(Lead::Shows(Issuer::Public, Shown::WrongHost))
}

pub(super) fn refusing() -> Plan {
    Plan { page: Some(Level::Major), ..Plan::default() }.leading(Lead::Refused)
}

pub(super) fn origin_down() -> Plan {
    let page = Page::html(521, ORIGIN_DOWN).with("server", "cloudflare").with("cf-ray", "8f-FRA");
    Plan::default().answering(page)
}

pub(super) fn failing() -> Plan {
    let says = "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Internal server \
                error\"}}";
    Plan { page: Some(Level::Operational), ..Plan::default() }.answering(Page::json(500, says))
}

pub(super) fn overloaded() -> Plan {
    let says = "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\
                \"Overloaded\"}}";
    Plan::default().answering(Page::json(529, says))
}

pub(super) fn shedding() -> Plan {
    let page = Page::new(503, "text/plain", "upstream is shedding load").with("retry-after", "30");
    Plan::default().answering(page)
}

pub(super) fn capacity() -> Plan {
    let says = "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"Number of \
                concurrent connections has exceeded the capacity of this model.\"}}";
    let page = Page::json(429, says)
        .with("anthropic-ratelimit-requests-limit", "50")
        .with("anthropic-ratelimit-requests-remaining", "49");
    Plan::default().telling_us(page)
}

pub(super) fn stalled() -> Plan {
    Plan { model: Some("stall-before-content"), ..Plan::default() }
}

pub(super) fn model_gone() -> Plan {
    Plan { model: Some("404-model"), ..Plan::default() }
}
