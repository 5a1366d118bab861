//! Whether what is wrong here is wrong for every provider, and not on the way to one.

use crate::Cause;
use ir::evidence::{Answer, Evidence, Portal, Reached, Session, Trust, Witness};

/// Whether a cause on our side concerns every provider, by what was measured beside this one: no other
/// provider is reached, and what has nothing to do with any of them is not well either. Only then may
/// anything be done that concerns them all. Whether all go through the same proxy is not measured.
pub fn is_shared(cause: Cause, evidence: &Evidence) -> bool {
    let control = &evidence.control;
    if control.siblings.values().any(|it| it.reached == Some(true)) {
        return false;
    }
    let well = match cause {
        Cause::Link => control.neutral.values().any(|it| it.reached == Reached::Connected),
        Cause::Resolver => control.names.get(&Witness::System).is_some_and(Answer::found),
        Cause::CaptivePortal => control.portals.values().any(|it| *it == Portal::Expected),
        Cause::Clock => control.tls.as_ref().is_some_and(Session::is_the_host),
        Cause::TlsInspection => {
            control.tls.as_ref().is_some_and(|it| it.is_the_host() && it.trust == Trust::Public)
        }
        Cause::Proxy => false,
        // These concern the one, or are not on our side.
        Cause::Fine
        | Cause::HostsOverride
        | Cause::StaleCache
        | Cause::Key
        | Cause::Quota
        | Cause::Config
        | Cause::Ipv6
        | Cause::Middlebox
        | Cause::Route
        | Cause::TheirDns
        | Cause::TheirTls
        | Cause::Down
        | Cause::Overloaded
        | Cause::Degraded
        | Cause::Stalled
        | Cause::Model
        | Cause::Region
        | Cause::Interception
        | Cause::Unknown => true,
    };
    !well
}

#[cfg(test)]
mod tests;
