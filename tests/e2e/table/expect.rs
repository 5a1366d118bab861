//! What each trouble of the first target must come to, by full matches: a new variant does not
//! compile until somebody has said what it means.

use crate::world::Pairing;
use drill::provider::{
    Break, ErrorPlace, Fault, Flaw, Hint, InBand, Pace, Place, Plain, Refusal, TlsFault,
};
use ir::{Connect, Dialect, Dns, Proxy, Shape};

/// What goes wrong with the first target.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// It is there, and does this.
    Fault(Fault),
    /// It cannot be reached.
    Way(Way),
}

/// Why a target cannot be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Dns(Dns),
    Connect(Connect),
    Proxy(Proxy),
    Tls(TlsFault),
}

/// How an answer is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// As a stream.
    Stream,
    /// As a document, which is asked of the target as a stream: as it is shipped.
    Watched,
    /// As a document, of everybody.
    Plain,
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expect {
    /// How the first attempt is recorded.
    pub(super) word: &'static str,
    /// Attempts on the first target, where the first of them failed fast.
    pub(super) tries: usize,
    /// What the caller gets.
    pub(super) served: Served,
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Served {
    /// A complete answer of the first target.
    First,
    /// A complete answer of the second, as if nothing had happened.
    Second,
    /// The first target's refusal with this status, in its own bytes, be they none.
    Refused(u16),
    /// What the first target had said, and one error.
    Broken,
}

/// The deadline that brings the decision about, where nothing is heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    /// The failure itself.
    Heard,
    /// The connect deadline.
    Connect,
    /// Patience.
    Patience,
    /// The idle limit.
    Idle,
}

// === impl Asked ===

impl Asked {
    pub(super) const ALL: [Self; 3] = [Self::Stream, Self::Watched, Self::Plain];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Watched => "watched",
            Self::Plain => "plain",
        }
    }

    /// What the caller wants.
    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Stream => Shape::Stream,
            Self::Watched | Self::Plain => Shape::Whole,
        }
    }

    /// What the target is asked for.
    pub(super) fn upstream(self) -> Shape {
        match self {
            Self::Stream | Self::Watched => Shape::Stream,
            Self::Plain => Shape::Whole,
        }
    }
}

// === impl Trouble ===

impl Trouble {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Fault(fault) => fault.name(),
            Self::Way(Way::Dns(Dns::NotFound)) => "dns: no such host".to_owned(),
            Self::Way(Way::Dns(Dns::Failed)) => "dns: resolver failed".to_owned(),
            Self::Way(Way::Dns(Dns::Forbidden(address, _))) => format!("dns: {address}"),
            Self::Way(Way::Connect(Connect::Refused)) => "tcp: refused".to_owned(),
            Self::Way(Way::Connect(Connect::Timeout)) => "tcp: black hole".to_owned(),
            Self::Way(Way::Connect(Connect::Unreachable)) => "tcp: no route".to_owned(),
            Self::Way(Way::Proxy(proxy)) => format!("proxy: {proxy:?}").to_lowercase(),
            Self::Way(Way::Tls(tls)) => format!("tls: {tls:?}").to_lowercase(),
        }
    }

    pub(crate) fn applies_to(&self, dialect: Dialect, shape: Shape) -> bool {
        match self {
            Self::Fault(fault) => fault.applies_to(dialect, shape),
            Self::Way(_) => true,
        }
    }

    /// Which deadline must be short for a test to end soon.
    pub(crate) fn signal(&self) -> Signal {
        match self {
            Self::Fault(
                Fault::Plain(Plain::HangBeforeHead | Plain::Silent200)
                | Fault::Flaw(Flaw::PingsOnly | Flaw::StallBody)
                | Fault::Break(Break::Stall, Place::BeforeContent),
            ) => Signal::Patience,
            Self::Fault(Fault::Flaw(Flaw::NoEndOpen) | Fault::Break(Break::Stall, _)) => {
                Signal::Idle
            }
            Self::Way(
                Way::Connect(Connect::Timeout)
                | Way::Proxy(Proxy::Silent)
                | Way::Tls(TlsFault::Stall),
            ) => Signal::Connect,
            Self::Fault(_) | Self::Way(_) => Signal::Heard,
        }
    }

    /// How many tool calls were complete when an answer broke off.
    pub(super) fn calls(&self) -> usize {
        match self {
            Self::Fault(Fault::Break(_, place)) => complete(*place),
            Self::Fault(Fault::Error(_, ErrorPlace::Call(count))) => *count,
            Self::Fault(_) | Self::Way(_) => 0,
        }
    }

    pub(super) fn expect(&self, dialect: Dialect, pairing: Pairing, asked: Asked) -> Expect {
        let expect = match self {
            Self::Fault(fault) => of_fault(fault, dialect, asked),
            Self::Way(way) => of_way(*way),
        };
        // What is refused there is what the gateway wrote, and the second target has its own words.
        match (pairing, expect.served) {
            (Pairing::Crossed, Served::Refused(_)) if expect.word != "content_filter" => {
                second(expect.word, expect.tries)
            }
            (Pairing::Same | Pairing::Crossed, _) => expect,
        }
    }
}

fn first() -> Expect {
    Expect { word: "ok", tries: 1, served: Served::First }
}

fn second(word: &'static str, tries: usize) -> Expect {
    Expect { word, tries, served: Served::Second }
}

fn refused(word: &'static str, status: u16) -> Expect {
    Expect { word, tries: 1, served: Served::Refused(status) }
}

/// What fails after its first content: in a stream that is seen, in a watched answer nothing has left
/// yet, and it is as if it had failed before. `tries` is what such a failure is tried again.
fn late(word: &'static str, tries: usize, asked: Asked) -> Expect {
    match asked {
        Asked::Stream | Asked::Plain => Expect { word, tries: 1, served: Served::Broken },
        Asked::Watched => second(word, tries),
    }
}

/// One that loses to the second because it says nothing is asked once, and never again.
fn silent() -> Expect {
    second("lost", 1)
}

fn of_way(way: Way) -> Expect {
    match way {
        Way::Dns(Dns::NotFound) => second("dns_not_found", 1),
        Way::Dns(Dns::Failed) => second("dns_failed", 2),
        Way::Dns(Dns::Forbidden(..)) => second("dns_forbidden", 1),
        Way::Proxy(Proxy::Unreachable | Proxy::Silent | Proxy::Denied(_) | Proxy::Garbled) => {
            second("proxy", 1)
        }
        Way::Connect(Connect::Refused | Connect::Timeout | Connect::Unreachable) => {
            second("unreachable", 1)
        }
        Way::Tls(
            TlsFault::Expired
            | TlsFault::Early
            | TlsFault::WrongHost
            | TlsFault::Untrusted
            | TlsFault::SelfSigned,
        ) => second("certificate", 1),
        Way::Tls(TlsFault::Stall) => second("tls_handshake", 2),
        Way::Tls(TlsFault::Valid) => first(),
    }
}

fn of_fault(fault: &Fault, dialect: Dialect, asked: Asked) -> Expect {
    match fault {
        Fault::Plain(plain) => of_plain(*plain, asked),
        Fault::Flaw(flaw) => of_flaw(*flaw, asked),
        Fault::Status(status, hint) => of_status(*status, *hint, dialect),
        Fault::Html(_) => second("unavailable", 2),
        Fault::Refusal(refusal) => of_refusal(*refusal),
        Fault::Break(how, place) => of_break(*how, *place, dialect, asked),
        Fault::Error(kind, place) => of_error(*kind, *place, dialect, asked),
        // Nothing has left yet, and another can be asked.
        Fault::GarbleAfter(0) => second("malformed", 2),
        Fault::GarbleAfter(_) => late("malformed", 2, asked),
        Fault::BigAnswer(_)
        | Fault::Slow(Pace::Head | Pace::First | Pace::Tool | Pace::Drip, _) => first(),
        Fault::NeedsKey(_) => second("unauthorized", 1),
    }
}

fn of_plain(plain: Plain, asked: Asked) -> Expect {
    match plain {
        Plain::ResetBeforeHead | Plain::FinBeforeHead => second("reset", 2),
        Plain::HangBeforeHead | Plain::Silent200 => silent(),
        Plain::GarbageHttp | Plain::HugeHead => second("bad_http", 1),
        Plain::Redirect => second("redirected", 1),
        Plain::Empty200 if asked == Asked::Plain => second("malformed", 2),
        Plain::Empty200 => second("cut", 2),
        Plain::WrongType | Plain::Gzip => second("wrong_content", 1),
        // The test asks twice; the second request meets a connection that was closed.
        Plain::Stale => Expect { word: "stale", tries: 2, served: Served::First },
        Plain::Overloaded => second("overloaded", 2),
        Plain::Loading => second("loading", 1),
        Plain::EmptyAnswer | Plain::WholeToStream | Plain::RefusesPrefill => first(),
    }
}

fn of_flaw(flaw: Flaw, asked: Asked) -> Expect {
    match flaw {
        Flaw::PingsOnly | Flaw::StallBody => silent(),
        Flaw::ShortBody | Flaw::ResetBody => second("cut", 2),
        Flaw::EndlessLine | Flaw::TornBody => second("malformed", 2),
        Flaw::NoEnd | Flaw::NoEndOpen | Flaw::DoubleEnd => first(),
        Flaw::NoFinish | Flaw::DoneWithoutFinish => late("cut", 2, asked),
    }
}

fn of_status(status: u16, hint: Option<Hint>, dialect: Dialect) -> Expect {
    let word = match (status, dialect) {
        (429, _) => "rate_limited",
        (504, Dialect::Messages) => "request_timeout",
        (502..=504, _) => "unavailable",
        (529, _) => "overloaded",
        _ => "server_error",
    };
    let again = match hint {
        // Short enough to be waited out: the table's limit is 200 ms.
        Some(Hint::AfterMs(_)) => true,
        Some(
            Hint::After(_) | Hint::AfterDate | Hint::ShouldRetry(_) | Hint::Reset(_) | Hint::Absurd,
        ) => false,
        None => status != 429,
    };
    second(word, if again { 2 } else { 1 })
}

fn of_refusal(refusal: Refusal) -> Expect {
    match refusal {
        Refusal::Invalid => refused("invalid_request", 400),
        Refusal::Unprocessable => refused("invalid_request", 422),
        Refusal::ContentFilter => refused("content_filter", 400),
        Refusal::Bare => refused("opaque", 400),
        // Another target may know the parameter, have a larger window, or take more bytes.
        Refusal::UnsupportedParam => second("unsupported", 1),
        Refusal::Context => second("context_exceeded", 1),
        Refusal::TooLarge => second("too_large", 1),
        Refusal::Credit | Refusal::Payment => second("no_credit", 1),
        Refusal::Unauthorized => second("unauthorized", 1),
        Refusal::Forbidden => second("forbidden", 1),
        Refusal::Firewall => second("firewall", 1),
        Refusal::Model => second("not_found", 1),
        Refusal::Timeout => second("request_timeout", 2),
        Refusal::Conflict => second("conflict", 2),
        Refusal::Quota => second("quota", 1),
        Refusal::Unimplemented => second("not_implemented", 1),
    }
}

fn of_break(how: Break, place: Place, dialect: Dialect, asked: Asked) -> Expect {
    let (word, tries) = match how {
        Break::Stall => ("stalled", 1),
        Break::Reset | Break::Cut | Break::Fin => ("cut", 2),
    };
    match place {
        Place::BeforeContent | Place::After(0) | Place::Letter(0) if how == Break::Stall => {
            silent()
        }
        // Half a tool call never left, so that nobody has seen anything yet.
        Place::BeforeContent | Place::After(0) | Place::Letter(0) | Place::Tool => {
            second(word, tries)
        }
        Place::Call(_) | Place::InCall(_) if !has_left(complete(place), dialect) => {
            second(word, tries)
        }
        Place::After(_)
        | Place::TextThenTool
        | Place::Letter(_)
        | Place::Pair(_)
        | Place::Thinking
        | Place::Last
        | Place::Call(_)
        | Place::InCall(_) => late(word, tries, asked),
    }
}

/// How many tool calls are complete at a place.
fn complete(place: Place) -> usize {
    match place {
        Place::Call(count) => count,
        Place::InCall(nth) => nth.saturating_sub(1),
        Place::BeforeContent
        | Place::After(_)
        | Place::Tool
        | Place::TextThenTool
        | Place::Letter(_)
        | Place::Pair(_)
        | Place::Thinking
        | Place::Last => 0,
    }
}

/// Whether any of so many complete calls has left: in Chat their pieces may take turns, and only the
/// finish tells that they are complete.
fn has_left(calls: usize, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Chat => false,
        Dialect::Messages | Dialect::Responses => calls > 0,
    }
}

fn of_error(kind: InBand, place: ErrorPlace, dialect: Dialect, asked: Asked) -> Expect {
    let (word, tries) = match kind {
        InBand::Overloaded => ("overloaded", 2),
        InBand::RateLimit => ("rate_limited", 1),
        InBand::Api => ("server_error", 2),
        InBand::Invalid => ("invalid_request", 1),
    };
    let seen = match place {
        ErrorPlace::First | ErrorPlace::Start | ErrorPlace::After(0) => false,
        ErrorPlace::After(_) | ErrorPlace::Thinking | ErrorPlace::Last => true,
        ErrorPlace::Call(count) => has_left(count, dialect),
    };
    match (seen, kind) {
        (true, _) if asked != Asked::Watched => late(word, tries, asked),
        (_, InBand::Invalid) => refused(word, 400),
        (_, InBand::Overloaded | InBand::RateLimit | InBand::Api) => second(word, tries),
    }
}
