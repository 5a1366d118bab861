//! Classes of failures by what they tell: the groups that rules ask for.

use ir::evidence::Tally;

/// A group of classes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Capacity,
    Server,
    Page,
    Reset,
    Stall,
    Auth,
    Account,
    Limit,
    Reach,
    Proxy,
    Name,
}

/// Classes of failures by what they tell.
const CAPACITY: &[&str] = &["overloaded", "saturated"];
const SERVER: &[&str] = &[
    "server_error",
    "unavailable",
    "request_timeout",
    "not_implemented",
    "bad_http",
    "malformed",
    "empty",
    "wrong_content",
    "unprocessed",
    "conflict",
];
/// A page for browsers instead of an answer, from somebody in front of them: of theirs, ours or between.
const PAGE: &[&str] = &["firewall"];
/// A connection that ends before the answer does: theirs, or of something in between.
const RESET: &[&str] = &["reset", "cut", "stale"];
const STALL: &[&str] = &["silent", "stalled"];
const AUTH: &[&str] = &["unauthorized", "forbidden"];
const ACCOUNT: &[&str] = &["quota", "no_credit"];
const REACH: &[&str] = &[
    "unreachable",
    "dns_not_found",
    "dns_failed",
    "dns_forbidden",
    "certificate",
    "tls_handshake",
];
/// What a model is refused with that is not there, or not for this.
const NAME: &[&str] = &["not_found", "invalid_request", "unsupported", "opaque"];

/// Whether nobody was reached, where an attempt failed by this class.
pub(crate) fn is_unreached(class: &str) -> bool {
    [Kind::Reach, Kind::Proxy].into_iter().any(|kind| classes(kind).contains(&class))
}

fn classes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Capacity => CAPACITY,
        Kind::Server => SERVER,
        Kind::Page => PAGE,
        Kind::Reset => RESET,
        Kind::Stall => STALL,
        Kind::Auth => AUTH,
        Kind::Account => ACCOUNT,
        Kind::Limit => &["rate_limited"],
        Kind::Reach => REACH,
        Kind::Proxy => &["proxy"],
        Kind::Name => NAME,
    }
}

/// How many of a tally's attempts failed in one way.
pub(super) fn count(tally: &Tally, kind: Kind) -> u64 {
    classes(kind).iter().map(|class| tally.failed(class)).sum()
}

/// The share of a tally's attempts that failed in one way.
pub(super) fn portion(tally: &Tally, kind: Kind) -> f64 {
    let n = if kind == Kind::Name { tally.all() } else { tally.n };
    #[expect(clippy::cast_precision_loss, reason = "counts of a window are small")]
    let share = if n == 0 { 0.0 } else { count(tally, kind) as f64 / n as f64 };
    share
}
