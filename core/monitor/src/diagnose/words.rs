//! What would change a verdict, in words.

use crate::Cause;

/// What would speak against a cause, and what it would then be.
pub(super) fn would_change(cause: Cause, next: Option<Cause>) -> String {
    let next = match next {
        Some(next) => format!("; next likeliest: {next}"),
        None => String::new(),
    };
    format!("{}{next}", against(cause))
}

fn against(cause: Cause) -> &'static str {
    match cause {
        Cause::Fine => {
            "a request of your own that fails: then the provider answers some and not others"
        }
        Cause::Link => {
            "an answer from any host outside: then the network is there, and it is something else"
        }
        Cause::CaptivePortal => "the known pages answering as they should after a login",
        Cause::Resolver => "the configured resolver finding the name, or public ones losing it too",
        Cause::HostsOverride => "the line being meant, and the host answering at its address",
        Cause::StaleCache => {
            "programs getting the resolver's answer after a flush and failing still"
        }
        Cause::Clock => "certificates that stay out of date with the clock set right",
        Cause::Proxy => {
            "the proxy opening a tunnel to another host, or the host being reached without it"
        }
        Cause::TlsInspection => {
            "a neutral host showing a public certificate: then it is about this host alone"
        }
        Cause::Key => "the same key being good elsewhere, or many good keys being refused at once",
        Cause::Quota => "rate limit headers that show room, or another account meeting the same",
        Cause::Config => {
            "the same failing at the provider's usual address, or with a model that is known"
        }
        Cause::Ipv6 => "the same failing over IPv4",
        Cause::Middlebox => "the same from another network, by another exit address",
        Cause::Route => {
            "the host not being reached from another network either: then they are down"
        }
        Cause::TheirDns => "any resolver giving an address that leads to the host",
        Cause::TheirTls => "a good certificate at any of its addresses, or our clock being wrong",
        Cause::Down => "an answer of theirs from another network, or from another account",
        Cause::Overloaded => {
            "rate limit headers that say nothing remains: then it is the account's limit"
        }
        Cause::Degraded => "nearly all requests failing, or one model alone",
        Cause::Stalled => "the first content of a new request within its usual time",
        Cause::Model => "another of their models failing too, or this one never having been good",
        Cause::Region => "the other region failing too",
        Cause::Interception => "the same certificate at neutral hosts: then TLS is inspected here",
        Cause::Unknown => "more requests of your own, or a run from another network",
    }
}
