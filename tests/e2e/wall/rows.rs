//! The thirty-six faults that a gateway of this kind has to meet, and what stands for each of them here.
//!
//! **Invariant:** by full matches every fault of the drill's menu belongs to a row, so that a new one
//! does not build without it; a row that nothing stands for fails.

use crate::table::{self, Signal, Way};
use drill::provider::{
    Break, ErrorPlace, Fault, Flaw, Hint, InBand, Pace, Place, Plain, Refusal, Stage, TlsFault,
};
use ir::{Connect, Dialect, Dns, Shape};

/// What goes wrong with a target.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// As the table has it.
    Known(table::Trouble),
    /// Its name leads to an address where nobody listens any more.
    Moved,
    /// It speaks HTTP/2, and does this.
    Http2(Http2),
}

/// What goes wrong with HTTP/2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Http2 {
    /// GOAWAY, by which no request was looked at.
    GoAway,
    /// `RST_STREAM` with `REFUSED_STREAM`.
    Refused,
    /// The window never opens, and the request cannot be sent.
    Window,
}

/// What was delivered when an answer was cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    /// Text, to which what follows has to be joined.
    Text,
    /// Tool calls, or what becomes of them.
    Calls,
    /// Nothing that has to be joined.
    Nothing,
    /// It is not cut, or is not to be gone on with.
    Enough,
}

/// The rows, by their numbers from 1.
pub(super) const ROWS: [&str; 36] = [
    "connection refused",
    "connection never accepted",
    "no such host",
    "name server fails",
    "name leads to a dead address",
    "certificate of no worth",
    "TLS stalls",
    "reset after accept",
    "accepted, then silence",
    "kept connection closed under us",
    "429 with seconds to wait",
    "429 with a date or an absurd wait",
    "500",
    "502 with a page",
    "503",
    "529 overloaded",
    "401, 403: the key is refused",
    "400: the request is refused",
    "404: the model is gone",
    "3xx elsewhere",
    "no HTTP, or a head of 1 MiB",
    "200 with an error",
    "body shorter than announced",
    "stall after content",
    "reset after content",
    "clean end without an end marker",
    "error inside the stream",
    "frames or letters broken",
    "slow in the middle",
    "a line without end",
    "compressed, or enormous",
    "end twice, or in no order",
    "HTTP/2: GOAWAY",
    "HTTP/2: REFUSED_STREAM",
    "HTTP/2: window never opens",
    "another content type",
];

/// Words before a cut at the first token, and in the middle.
pub(super) const FIRST: usize = 1;
pub(super) const MIDDLE: usize = 30;

// === impl Http2 ===

impl Http2 {
    const ALL: [Self; 3] = [Self::GoAway, Self::Refused, Self::Window];
}

// === impl Trouble ===

impl Trouble {
    /// Everything that goes wrong.
    pub(super) fn all() -> Vec<Self> {
        let dns = [Dns::NotFound, Dns::Failed].map(Way::Dns);
        let tcp = [Connect::Refused, Connect::Timeout, Connect::Unreachable].map(Way::Connect);
        let tls = TlsFault::ALL.into_iter().filter(|it| *it != TlsFault::Valid).map(Way::Tls);
        let ways = dns.into_iter().chain(tcp).chain(tls).map(table::Trouble::Way);
        let faults = Fault::menu().into_iter().flat_map(cut_points).map(table::Trouble::Fault);
        let known = faults.chain(ways).map(Self::Known);
        known.chain([Self::Moved]).chain(Http2::ALL.map(Self::Http2)).collect()
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Known(trouble) => trouble.name(),
            Self::Moved => "dns: moved".to_owned(),
            Self::Http2(one) => format!("http2: {one:?}").to_lowercase(),
        }
    }

    /// The fault that a target of the drill is asked for.
    pub(super) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Known(table::Trouble::Fault(fault)) => Some(fault),
            Self::Known(table::Trouble::Way(_)) | Self::Moved | Self::Http2(_) => None,
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.fault().map_or(Stage::BeforeContent, Fault::stage)
    }

    pub(super) fn applies_to(&self, dialect: Dialect, shape: Shape) -> bool {
        match self {
            Self::Known(trouble) => trouble.applies_to(dialect, shape),
            Self::Moved | Self::Http2(_) => true,
        }
    }

    /// The deadline by which it is noticed.
    pub(super) fn signal(&self) -> Signal {
        match self {
            Self::Known(trouble) => trouble.signal(),
            Self::Http2(Http2::Window) => Signal::Patience,
            Self::Moved | Self::Http2(Http2::GoAway | Http2::Refused) => Signal::Heard,
        }
    }

    /// What was delivered when it strikes, where it strikes after content.
    pub(super) fn told(&self) -> Told {
        let of = |place: Place| match place {
            Place::After(_)
            | Place::Letter(_)
            | Place::Pair(_)
            | Place::Last
            | Place::TextThenTool => Told::Text,
            Place::Call(_) | Place::InCall(_) => Told::Calls,
            Place::BeforeContent | Place::Tool | Place::Thinking => Told::Nothing,
        };
        match self.fault() {
            Some(Fault::Break(_, place)) => of(*place),
            Some(Fault::Error(InBand::Overloaded | InBand::RateLimit | InBand::Api, place)) => {
                match place {
                    ErrorPlace::After(_) | ErrorPlace::Last => Told::Text,
                    ErrorPlace::Call(_) => Told::Calls,
                    ErrorPlace::First | ErrorPlace::Start | ErrorPlace::Thinking => Told::Nothing,
                }
            }
            Some(Fault::GarbleAfter(_) | Fault::Flaw(Flaw::NoFinish | Flaw::DoneWithoutFinish)) => {
                Told::Text
            }
            Some(
                Fault::Error(InBand::Invalid, _)
                | Fault::Flaw(
                    Flaw::PingsOnly
                    | Flaw::EndlessLine
                    | Flaw::NoEnd
                    | Flaw::NoEndOpen
                    | Flaw::DoubleEnd
                    | Flaw::ShortBody
                    | Flaw::ResetBody
                    | Flaw::StallBody
                    | Flaw::TornBody,
                )
                | Fault::Plain(_)
                | Fault::Status(..)
                | Fault::Html(_)
                | Fault::Refusal(_)
                | Fault::Slow(..)
                | Fault::BigAnswer(_)
                | Fault::NeedsKey(_),
            )
            | None => Told::Enough,
        }
    }

    /// The rows that it stands for: their numbers.
    pub(super) fn rows(&self) -> &'static [usize] {
        match self {
            Self::Known(table::Trouble::Fault(fault)) => of_fault(fault),
            Self::Known(table::Trouble::Way(way)) => of_way(*way),
            Self::Moved => &[5],
            Self::Http2(Http2::GoAway) => &[33],
            Self::Http2(Http2::Refused) => &[34],
            Self::Http2(Http2::Window) => &[35],
        }
    }
}

/// A fault of the menu at every point where the wall has it.
fn cut_points(fault: Fault) -> Vec<Fault> {
    let (words, last) = ([FIRST, MIDDLE], super::WORDS - 1);
    match fault {
        Fault::Break(how, Place::After(_)) => {
            words.map(|count| Fault::Break(how, Place::After(count))).to_vec()
        }
        Fault::Break(how, Place::Letter(_)) => vec![Fault::Break(how, Place::Letter(MIDDLE))],
        Fault::Break(how, Place::Pair(_)) => vec![Fault::Break(how, Place::Pair(MIDDLE))],
        Fault::Error(kind, ErrorPlace::After(_)) => {
            words.map(|count| Fault::Error(kind, ErrorPlace::After(count))).to_vec()
        }
        Fault::GarbleAfter(words) if 0 < words => {
            [FIRST, MIDDLE, last].map(Fault::GarbleAfter).to_vec()
        }
        Fault::Break(
            _,
            Place::BeforeContent
            | Place::Tool
            | Place::TextThenTool
            | Place::Thinking
            | Place::Last
            | Place::Call(_)
            | Place::InCall(_),
        )
        | Fault::Error(
            _,
            ErrorPlace::First
            | ErrorPlace::Start
            | ErrorPlace::Thinking
            | ErrorPlace::Last
            | ErrorPlace::Call(_),
        )
        | Fault::Plain(_)
        | Fault::Flaw(_)
        | Fault::Status(..)
        | Fault::Html(_)
        | Fault::Refusal(_)
        | Fault::GarbleAfter(_)
        | Fault::Slow(..)
        | Fault::BigAnswer(_)
        | Fault::NeedsKey(_) => vec![fault],
    }
}

fn of_way(way: Way) -> &'static [usize] {
    match way {
        Way::Dns(Dns::NotFound) => &[3],
        Way::Dns(Dns::Failed) => &[4],
        Way::Dns(Dns::Forbidden(..)) => &[5],
        Way::Connect(Connect::Refused) | Way::Proxy(_) => &[1],
        Way::Connect(Connect::Timeout | Connect::Unreachable) => &[2],
        Way::Tls(TlsFault::Stall) => &[7],
        Way::Tls(
            TlsFault::Valid
            | TlsFault::Expired
            | TlsFault::Early
            | TlsFault::WrongHost
            | TlsFault::Untrusted
            | TlsFault::SelfSigned,
        ) => &[6],
    }
}

fn of_fault(fault: &Fault) -> &'static [usize] {
    match fault {
        Fault::Plain(plain) => of_plain(*plain),
        Fault::Flaw(flaw) => of_flaw(*flaw),
        Fault::Status(status, hint) => of_status(*status, *hint),
        Fault::Html(_) => &[14],
        Fault::Refusal(refusal) => of_refusal(*refusal),
        Fault::Break(how, place) => of_break(*how, *place),
        Fault::Error(kind, place) => of_error(*kind, *place),
        Fault::GarbleAfter(_) => &[28],
        Fault::Slow(Pace::Head | Pace::First | Pace::Tool | Pace::Drip, _) => &[29],
        Fault::BigAnswer(_) => &[31],
        Fault::NeedsKey(_) => &[17],
    }
}

fn of_plain(plain: Plain) -> &'static [usize] {
    match plain {
        Plain::ResetBeforeHead | Plain::FinBeforeHead => &[8],
        Plain::HangBeforeHead | Plain::Silent200 => &[9],
        Plain::GarbageHttp | Plain::HugeHead => &[21],
        Plain::Redirect => &[20],
        Plain::Empty200 | Plain::EmptyAnswer => &[26],
        Plain::WrongType | Plain::WholeToStream => &[36],
        Plain::Gzip => &[31],
        Plain::Stale => &[10],
        Plain::Overloaded => &[16],
        Plain::Loading => &[15],
        Plain::RefusesPrefill => &[18],
    }
}

fn of_flaw(flaw: Flaw) -> &'static [usize] {
    match flaw {
        Flaw::PingsOnly => &[9],
        Flaw::EndlessLine => &[30],
        Flaw::NoEnd | Flaw::NoEndOpen | Flaw::NoFinish => &[26],
        Flaw::DoneWithoutFinish | Flaw::DoubleEnd => &[32],
        Flaw::ShortBody | Flaw::TornBody => &[23],
        Flaw::ResetBody => &[25],
        Flaw::StallBody => &[24],
    }
}

fn of_status(status: u16, hint: Option<Hint>) -> &'static [usize] {
    match (status, hint) {
        (429, None | Some(Hint::After(_) | Hint::AfterMs(_) | Hint::Reset(_))) => &[11],
        (429, Some(Hint::AfterDate | Hint::Absurd | Hint::ShouldRetry(_))) => &[12],
        (502 | 504, _) => &[14],
        (503, _) => &[15],
        (529, _) => &[16],
        _ => &[13],
    }
}

fn of_refusal(refusal: Refusal) -> &'static [usize] {
    match refusal {
        Refusal::Invalid
        | Refusal::UnsupportedParam
        | Refusal::Context
        | Refusal::ContentFilter
        | Refusal::Bare
        | Refusal::TooLarge
        | Refusal::Unprocessable => &[18],
        Refusal::Credit
        | Refusal::Unauthorized
        | Refusal::Payment
        | Refusal::Forbidden
        | Refusal::Firewall => &[17],
        Refusal::Model => &[19],
        Refusal::Quota => &[11],
        Refusal::Timeout | Refusal::Conflict | Refusal::Unimplemented => &[13],
    }
}

fn of_break(how: Break, place: Place) -> &'static [usize] {
    let broken_letter = match place {
        Place::Letter(_) | Place::Pair(_) => true,
        Place::BeforeContent
        | Place::After(_)
        | Place::Tool
        | Place::TextThenTool
        | Place::Thinking
        | Place::Last
        | Place::Call(_)
        | Place::InCall(_) => false,
    };
    match (how, broken_letter) {
        (Break::Stall, false) => &[24],
        (Break::Stall, true) => &[24, 28],
        (Break::Reset, false) => &[25],
        (Break::Reset, true) => &[25, 28],
        (Break::Cut, false) => &[23],
        (Break::Cut, true) => &[23, 28],
        (Break::Fin, false) => &[26],
        (Break::Fin, true) => &[26, 28],
    }
}

fn of_error(kind: InBand, place: ErrorPlace) -> &'static [usize] {
    let (InBand::Overloaded | InBand::RateLimit | InBand::Api | InBand::Invalid) = kind;
    match place {
        ErrorPlace::First => &[22],
        ErrorPlace::Start
        | ErrorPlace::After(_)
        | ErrorPlace::Thinking
        | ErrorPlace::Last
        | ErrorPlace::Call(_) => &[27],
    }
}
