//! What a request can be refused for before any target is asked, each with its stable code.

use ir::Dialect;

/// A request that is not served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    /// The dialect to say it in.
    pub(crate) dialect: Dialect,
    pub(crate) reason: Reason,
    /// What happened, why, and what to do.
    pub(crate) message: String,
    /// The field of the body that is to blame, where one is.
    pub(crate) field: Option<&'static str>,
}

/// Why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    /// The body is not JSON.
    BadJson,
    /// A field is missing or of the wrong type.
    BadField,
    /// The body is not UTF-8.
    BadUtf8,
    /// No section serves this model.
    UnknownModel,
    /// Another method is meant: one of these.
    WrongMethod(&'static str),
    /// Nothing is served at this path.
    UnknownPath,
    /// The body is longer than `server.body_max`.
    BodyTooLarge,
    /// The body is not declared as JSON.
    NotJson,
    /// A web page or a foreign name asks an open gateway.
    Foreign,
    /// A key is required.
    NoKey,
    /// The key is not one of ours.
    WrongKey,
    /// The body did not come in time, or not to its end.
    BodyTooSlow,
    /// No target of the chain speaks the caller's dialect.
    OtherDialect,
    /// The body is compressed.
    Encoded,
    /// The provider has no such endpoint.
    NoCounter,
    /// No key is configured, and the caller brings none.
    Unconfigured,
    /// Whoever keeps what the request speaks of may not be asked.
    OutOfReach,
    /// There is no such answer, as far as this caller may know: it is told in the dialect's own words.
    NoAnswer,
    /// The same of the answer that a request goes on from.
    NoPrevious,
    /// The request has no one meaning, or asks for what the port does not do.
    OddRequest,
    /// As many requests as may be are under way, and as many as may wait do.
    Busy,
    /// The gateway stops.
    Stopping,
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn new(dialect: Dialect, reason: Reason, message: impl Into<String>) -> Self {
        Self { dialect, reason, message: message.into(), field: None }
    }
}

// === impl Reason ===

impl Reason {
    /// Whether the same request may be served a moment later.
    pub(crate) fn may_pass(self) -> bool {
        match self {
            Self::BodyTooSlow | Self::Busy | Self::Stopping => true,
            Self::BadJson
            | Self::BadField
            | Self::BadUtf8
            | Self::UnknownModel
            | Self::WrongMethod(_)
            | Self::UnknownPath
            | Self::BodyTooLarge
            | Self::NotJson
            | Self::Foreign
            | Self::NoKey
            | Self::WrongKey
            | Self::OtherDialect
            | Self::Encoded
            | Self::NoCounter
            | Self::Unconfigured
            | Self::OutOfReach
            | Self::NoAnswer
            | Self::NoPrevious
            | Self::OddRequest => false,
        }
    }

    /// The code of its page in `docs/errors`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::BadJson => "BS0101",
            Self::BadField => "BS0102",
            Self::BadUtf8 => "BS0103",
            Self::UnknownModel => "BS0104",
            Self::WrongMethod(_) => "BS0105",
            Self::UnknownPath => "BS0106",
            Self::BodyTooLarge => "BS0107",
            Self::NotJson => "BS0108",
            Self::Foreign => "BS0109",
            Self::NoKey => "BS0110",
            Self::WrongKey => "BS0111",
            Self::BodyTooSlow => "BS0112",
            Self::OtherDialect => "BS0113",
            Self::Encoded => "BS0114",
            Self::NoCounter => "BS0115",
            Self::OddRequest => "BS0116",
            Self::OutOfReach | Self::NoAnswer | Self::NoPrevious => "BS0118",
            Self::Unconfigured => "BS0201",
            Self::Busy => "BS0202",
            Self::Stopping => "BS0204",
        }
    }
}
