//! What each class of failure means: one row of data per class, four separate verdicts.
//!
//! A row answers: may the same target be tried again, may the next one, whose health does it
//! touch, and what does the caller see if it is the last word. Which class a failure is in is
//! decided by [`classify`](crate::classify::classify); what is done about it by the exchange.

use ir::Blame;

/// A class of failure. The numbers in the comments are rows of the classification table
/// (`docs/failures.md`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// 1: the request is wrong and stays wrong.
    InvalidRequest,
    /// 2: this target does not know a parameter; another may.
    Unsupported,
    /// 3: a thinking signature, or what it is bound to, is refused.
    BadSignature,
    /// 4: the account has no credit.
    NoCredit,
    /// 5: longer than the model's context.
    ContextExceeded,
    /// 6: more bytes than the provider takes.
    TooLarge,
    /// 7: a content filter spoke.
    ContentFilter,
    /// 8: a 400 without a word.
    Opaque,
    /// 9: the credential is refused.
    Unauthorized,
    /// 10: the credential may not do this.
    Forbidden,
    /// 10: a firewall's page instead of an answer.
    Firewall,
    /// 11: no such model or path.
    NotFound,
    /// 12: the provider timed out on us.
    RequestTimeout,
    /// 13: a conflict.
    Conflict,
    /// 14: a rate limit.
    RateLimited,
    /// 15: a quota that time alone does not refill.
    Quota,
    /// 16: a limit of ours.
    OwnLimit,
    /// 17: an internal error.
    ServerError,
    /// 18: not implemented.
    NotImplemented,
    /// 19: a gateway in front of the provider failed, or it is unavailable.
    Unavailable,
    /// 20: a local server loads its model.
    Loading,
    /// 21: a local server's queue is full.
    Saturated,
    /// 22: over capacity.
    Overloaded,
    /// 26, 28: the answer ended before it was complete.
    Cut,
    /// 29: an answer without content.
    Empty,
    /// 30: bytes that are not what the dialect says, where nothing followed.
    Malformed,
    /// 31: another content type.
    WrongContent,
    /// 31: sent elsewhere; never followed.
    Redirected,
    /// 33: nothing by a deadline.
    Silent,
    /// 34: content stopped coming.
    Stalled,
    /// It does not go on with the answer that was cut.
    Unjoined,
    /// 35: no TCP connection.
    Unreachable,
    /// 36: no such host.
    DnsNotFound,
    /// 37: the resolver failed.
    DnsFailed,
    /// The name leads to where its provider cannot be.
    DnsForbidden,
    /// The proxy on the way did not let us through.
    Proxy,
    /// 38: a certificate that is not valid for the host.
    Certificate,
    /// 39: the TLS handshake failed.
    Handshake,
    /// 40: refused unprocessed.
    Unprocessed,
    /// 41: a reused connection was gone.
    Stale,
    /// 42: reset before the answer's head.
    Reset,
    /// 42: bytes that are not HTTP.
    BadHttp,
    /// 43: the caller left.
    CallerGone,
    /// 44: a guardrail said no.
    GuardrailBlock,
    /// 45: a guardrail could not be asked.
    GuardrailDown,
    /// More than we are willing to hold.
    Overlong,
    /// The request means something else in the target's dialect.
    Uncarried,
    /// The gateway stops before the answer is complete.
    Stopping,
    /// 46: a fault of ours.
    GatewayFault,
}

/// May the same target be tried again?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Same {
    /// No.
    No,
    /// Once, after a jittered pause.
    Once,
    /// Once, where the failure itself came fast.
    OnceIfFast,
    /// Once, where it runs on this machine and nothing else is left: it may be starting.
    IfLocal,
    /// Up to twice, with backoff.
    Twice,
    /// After the wait it asks for where that is short; once with backoff where nothing else is left.
    AfterWait,
    /// Until its load deadline.
    WhileLoading,
    /// At once, on a new connection, without counting: it was provably not processed.
    Free,
}

/// May the next target be tried?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// No: it would fail the same way, or must not be evaded.
    No,
    /// Yes, at once.
    Yes,
    /// Only where the credential is ours: a caller's own is never replaced.
    IfOurs,
    /// Only a target with another model.
    OtherModel,
    /// Only another provider.
    OtherProvider,
    /// Only where the operator said `content_filter = "next"`.
    IfFilterAllowed,
    /// Only where the operator said `empty = "next"`.
    IfEmptyAllowed,
}

/// Whose health it touches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Nobody's.
    None,
    /// The target's breaker.
    Target,
    /// The target's success rate, and the credential is parked until its reset.
    Park,
    /// The credential is out of service for a while.
    Credential,
    /// The target is misconfigured: no trial traffic, only time or a reload heals it.
    Misconfigured,
    /// The host's breaker, and the local network's where every host fails.
    Host,
}

/// What the caller sees where this is the last word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Surface {
    /// The provider's own status and body, unmodified.
    AsReceived,
    /// As received where the credential is the caller's; else an error of ours with this status.
    OwnIfOurs(u16),
    /// An error of ours with this status.
    Own(u16),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The class the row is for.
    pub class: Class,
    /// Its word in trails, records and metrics.
    pub word: &'static str,
    /// Who is to blame.
    pub blame: Blame,
    /// The same target?
    pub same: Same,
    /// The next target?
    pub next: Next,
    /// Whose health?
    pub scope: Scope,
    /// What the caller sees.
    pub surface: Surface,
    /// Whether waiting may help.
    pub transient: bool,
    /// The stable code of our own error for it.
    pub code: &'static str,
}

macro_rules! rows {
    ($($class:ident $word:literal $blame:ident | $same:ident | $next:ident | $scope:ident | $surface:expr, $transient:literal, $code:literal;)*) => {
        /// The whole table, in the order of [`Class`].
        pub const ROWS: &[Row] = &[$(*Class::$class.row()),*];

        impl Class {
            /// Its row.
            pub const fn row(self) -> &'static Row {
                match self { $(Self::$class => &Row {
                    class: Class::$class,
                    word: $word,
                    blame: Blame::$blame,
                    same: Same::$same,
                    next: Next::$next,
                    scope: Scope::$scope,
                    surface: $surface,
                    transient: $transient,
                    code: $code,
                }),* }
            }
        }
    };
}

use Surface::{AsReceived, Own, OwnIfOurs};

rows! {
    InvalidRequest  "invalid_request"  Caller   | No           | No              | None          | AsReceived,     false, "BS0320";
    Unsupported     "unsupported"      Caller   | No           | Yes             | None          | AsReceived,     false, "BS0320";
    BadSignature    "bad_signature"    Caller   | No           | No              | None          | AsReceived,     false, "BS0320";
    NoCredit        "no_credit"        Gateway  | No           | IfOurs          | Credential    | AsReceived,     false, "BS0311";
    ContextExceeded "context_exceeded" Caller   | No           | OtherModel      | None          | AsReceived,     false, "BS0320";
    TooLarge        "too_large"        Caller   | No           | OtherProvider   | None          | AsReceived,     false, "BS0320";
    ContentFilter   "content_filter"   Caller   | No           | IfFilterAllowed | None          | AsReceived,     false, "BS0320";
    Opaque          "opaque"           Caller   | No           | No              | None          | AsReceived,     false, "BS0320";
    Unauthorized    "unauthorized"     Gateway  | No           | IfOurs          | Credential    | OwnIfOurs(502), false, "BS0303";
    Forbidden       "forbidden"        Gateway  | No           | IfOurs          | Credential    | OwnIfOurs(502), false, "BS0303";
    Firewall        "firewall"         Network  | No           | Yes             | Host          | Own(502),       true,  "BS0306";
    NotFound        "not_found"        Gateway  | No           | Yes             | Misconfigured | AsReceived,     false, "BS0320";
    RequestTimeout  "request_timeout"  Provider | Once         | Yes             | Target        | Own(504),       true,  "BS0302";
    Conflict        "conflict"         Provider | Once         | Yes             | None          | AsReceived,     true,  "BS0301";
    RateLimited     "rate_limited"     Provider | AfterWait    | Yes             | Park          | AsReceived,     true,  "BS0307";
    Quota           "quota"            Gateway  | No           | IfOurs          | Credential    | AsReceived,     false, "BS0311";
    OwnLimit        "own_limit"        Gateway  | No           | No              | None          | Own(429),       true,  "BS0202";
    ServerError     "server_error"     Provider | Once         | Yes             | Target        | AsReceived,     true,  "BS0301";
    NotImplemented  "not_implemented"  Provider | No           | Yes             | Misconfigured | Own(502),       false, "BS0301";
    Unavailable     "unavailable"      Provider | OnceIfFast   | Yes             | Target        | AsReceived,     true,  "BS0301";
    Loading         "loading"          Provider | WhileLoading | Yes             | None          | AsReceived,     true,  "BS0308";
    Saturated       "saturated"        Provider | Twice        | Yes             | None          | AsReceived,     true,  "BS0308";
    Overloaded      "overloaded"       Provider | Twice        | OtherProvider   | Target        | AsReceived,     true,  "BS0308";
    Cut             "cut"              Provider | Once         | Yes             | Target        | Own(502),       true,  "BS0304";
    Empty           "empty"            Provider | Once         | IfEmptyAllowed  | None          | AsReceived,     false, "BS0306";
    Malformed       "malformed"        Provider | Once         | Yes             | Target        | Own(502),       true,  "BS0306";
    WrongContent    "wrong_content"    Network  | No           | Yes             | Host          | Own(502),       true,  "BS0306";
    Redirected      "redirected"       Gateway  | No           | Yes             | Misconfigured | Own(502),       false, "BS0306";
    Silent          "silent"           Provider | No           | Yes             | Target        | Own(504),       true,  "BS0302";
    Stalled         "stalled"          Provider | No           | Yes             | Target        | Own(504),       true,  "BS0305";
    Unjoined        "unjoined"         Provider | No           | Yes             | None          | Own(502),       true,  "BS0304";
    Unreachable     "unreachable"      Network  | IfLocal      | Yes             | Host          | Own(502),       true,  "BS0301";
    DnsNotFound     "dns_not_found"    Network  | No           | Yes             | Host          | Own(502),       false, "BS0310";
    DnsFailed       "dns_failed"       Network  | Once         | Yes             | Host          | Own(502),       true,  "BS0310";
    DnsForbidden    "dns_forbidden"    Network  | No           | Yes             | Host          | Own(502),       false, "BS0314";
    Proxy           "proxy"            Network  | No           | Yes             | Host          | Own(502),       true,  "BS0315";
    Certificate     "certificate"      Network  | No           | Yes             | Host          | Own(502),       false, "BS0309";
    Handshake       "tls_handshake"    Network  | Once         | Yes             | Host          | Own(502),       true,  "BS0309";
    Unprocessed     "unprocessed"      Provider | Free         | Yes             | None          | Own(502),       true,  "BS0301";
    Stale           "stale"            Provider | Once         | Yes             | None          | Own(502),       true,  "BS0301";
    Reset           "reset"            Provider | Once         | Yes             | Target        | Own(502),       true,  "BS0301";
    BadHttp         "bad_http"         Provider | No           | Yes             | Target        | Own(502),       true,  "BS0306";
    CallerGone      "caller_gone"      Caller   | No           | No              | None          | Own(499),       false, "BS0203";
    GuardrailBlock  "guardrail_block"  Caller   | No           | No              | None          | Own(400),       false, "BS0203";
    GuardrailDown   "guardrail_down"   Gateway  | No           | No              | None          | Own(503),       true,  "BS0203";
    Overlong        "overlong"         Gateway  | No           | No              | None          | Own(502),       false, "BS0312";
    Uncarried       "uncarried"        Caller   | No           | Yes             | None          | Own(400),       false, "BS0313";
    Stopping        "stopping"         Gateway  | No           | No              | None          | Own(503),       true,  "BS0204";
    GatewayFault    "gateway_fault"    Gateway  | No           | No              | None          | Own(500),       true,  "BS0203";
}

// === impl Class ===

impl Class {
    /// Whether a failure of this class is an answer: somebody spoke to us there, just now. A reset, a
    /// silence, or the cut of what began long ago is none.
    pub(crate) fn has_spoken(self) -> bool {
        !matches!(
            self,
            Self::Silent
                | Self::Stalled
                | Self::Cut
                | Self::Malformed
                | Self::Stale
                | Self::Reset
                | Self::OwnLimit
                | Self::CallerGone
                | Self::GuardrailBlock
                | Self::GuardrailDown
                | Self::Overlong
                | Self::Uncarried
                | Self::Stopping
                | Self::GatewayFault
        )
    }

    /// The class of a word, as rows of quirks spell it.
    pub fn from_word(word: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.word == word).map(|row| row.class)
    }

    /// Its word in trails, records and metrics.
    pub fn word(self) -> &'static str {
        self.row().word
    }
}
