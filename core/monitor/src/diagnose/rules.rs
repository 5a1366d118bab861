//! The rules: what may be seen, and how much likelier it makes each cause.
//!
//! One table per layer. A rule fires at most once, and its text is one sentence of evidence that a
//! reader can check.

mod control;
mod http;
mod names;
mod network;
mod page;
mod roads;
mod traffic;

use super::seen::Seen;
use crate::{Cause, Layer};

/// One rule.
pub(super) struct Rule {
    /// Where it looks.
    pub(super) layer: Layer,
    /// It tells of trouble, which speaks against all being well.
    pub(super) trouble: bool,
    /// What was seen, where it holds.
    pub(super) when: fn(&Seen<'_>) -> Option<String>,
    /// How much likelier it makes each cause, in decibans; less likely where it is negative.
    pub(super) says: &'static [(&'static [Cause], i32)],
}

/// Every rule, by layer.
pub(super) const RULES: &[&[Rule]] = &[
    network::RULES,
    names::RULES,
    roads::RULES,
    http::RULES,
    traffic::RULES,
    page::RULES,
    control::RULES,
];

/// Everything that is theirs.
const THEM: &[Cause] = &[
    Cause::TheirDns,
    Cause::TheirTls,
    Cause::Down,
    Cause::Overloaded,
    Cause::Degraded,
    Cause::Stalled,
    Cause::Model,
    Cause::Region,
];

/// What keeps everything from getting out.
const SHUT_IN: &[Cause] = &[Cause::Link, Cause::CaptivePortal];

/// What lies between us and whoever answers with HTTP.
const BEFORE_HTTP: &[Cause] = &[
    Cause::Link,
    Cause::CaptivePortal,
    Cause::Resolver,
    Cause::HostsOverride,
    Cause::StaleCache,
    Cause::Clock,
    Cause::Proxy,
    Cause::TlsInspection,
    Cause::Middlebox,
    Cause::Route,
    Cause::TheirDns,
    Cause::TheirTls,
    Cause::Interception,
];

/// A rule that tells of trouble.
const fn bad(
    layer: Layer,
    when: fn(&Seen<'_>) -> Option<String>,
    says: &'static [(&'static [Cause], i32)],
) -> Rule {
    Rule { layer, trouble: true, when, says }
}

/// A rule that tells of something in order, or of nothing by itself.
const fn good(
    layer: Layer,
    when: fn(&Seen<'_>) -> Option<String>,
    says: &'static [(&'static [Cause], i32)],
) -> Rule {
    Rule { layer, trouble: false, when, says }
}

/// A sentence, where something holds.
fn says(holds: bool, text: impl Into<String>) -> Option<String> {
    holds.then(|| text.into())
}
