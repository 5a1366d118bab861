//! Why a page is unknown: every trap has a sentence.

use super::format::Format;

/// Why an answer says nothing. Whatever stems from the page itself was cleaned before.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Why {
    #[error("{0}")]
    Unreadable(String),
    #[error("no page is known")]
    Sourceless,
    #[error("it could not be asked: {0}")]
    Unreached(String),
    #[error("no whole answer within {0} s")]
    Late(u64),
    #[error("more than {0} redirects")]
    Redirects(usize),
    #[error("it redirects to what is not https")]
    Insecure,
    #[error("it answered HTTP {0}")]
    Status(u16),
    #[error("a challenge for browsers came in its place")]
    Challenge,
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body ended early")]
    Cut,
    #[error("the body is empty")]
    Blank,
    #[error("the text is not in the encoding it claims")]
    Encoding,
    #[error("it is a web page, and no {}", expected.map_or("status document", Format::word))]
    Html { expected: Option<Format> },
    #[error("it moved to {to}, where a web page came")]
    Moved { to: String },
    #[error("it is neither JSON nor a feed")]
    Neither,
    #[error("its JSON does not parse: {0}")]
    Json(String),
    #[error("its XML does not parse: {0}")]
    Xml(String),
    #[error("it is not in the format {}", .0.word())]
    Format(Format),
    #[error("it is in no format that is known")]
    Unsniffed,
    #[error("it lists no components")]
    Bare,
    #[error("it lists no entries, and so says nothing about now")]
    Entryless,
    #[error("it lists more than {0} entries")]
    Crowded(usize),
    #[error("component {0} is not on the page")]
    Missing(String),
    #[error("{what} is called {word:?}, a word that is not known")]
    Word { what: String, word: String },
    #[error("an entry that is open does not say what it is about: {0}")]
    Unattributed(String),
    #[error("an entry does not say for certain whether it is over: {0}")]
    Doubtful(String),
    #[error("only notices are open there, and no outage")]
    Notices,
    #[error("its newest change is {0} days old, which says nothing about now")]
    Stale(u64),
    #[error("it claims to have been changed in the future")]
    Future,
}
