//! The grammar of refusals: which words of a message may name a field, and whether what stands
//! around one says that it is refused.

/// A word of a message that may name a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mention<'a> {
    /// The word, or a path such as `messages.1.role`.
    pub(super) path: &'a str,
    /// It stands in quotes.
    pub(super) quoted: bool,
    before: &'a str,
    after: &'a str,
}

/// What is said behind a field that is refused.
const AFTER: &[&str] = &[
    "is not supported",
    "are not supported",
    "not supported",
    "is unsupported",
    "is deprecated",
    "is not permitted",
    "is not allowed",
    "is not recognized",
    "is not available",
    "is only allowed",
    "may only be",
    "can only be",
    "does not support",
    "cannot be used",
    "cannot be specified",
    "cannot both be",
    "parameter is not supported",
    "parameter does not support",
    "parameter is deprecated",
    "field is not supported",
];

/// The same behind a colon: `temperature: Extra inputs are not permitted`.
const AFTER_COLON: &[&str] =
    &["extra inputs are not permitted", "extra fields not permitted", "unknown field"];

/// What is said before a field that is refused.
const BEFORE: &[&str] = &[
    "unsupported parameter:",
    "unsupported parameter",
    "unsupported value:",
    "unsupported field:",
    "unknown parameter:",
    "unknown parameter",
    "unknown field:",
    "unknown field",
    "unknown name",
    "unrecognized parameter:",
    "unrecognized request argument supplied:",
    "unrecognized request arguments supplied:",
    "unexpected keyword argument",
    "not supported on this model:",
    "does not support parameter",
    "does not support the parameter",
    "does not support the",
    "does not support",
];

const QUOTES: [char; 3] = ['\'', '"', '`'];

/// Every word of a message, in lower case, that may name a field.
pub(super) fn mentions(message: &str) -> impl Iterator<Item = Mention<'_>> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']');
    message.split(move |c| !inside(c)).filter_map(move |word| {
        let path = word.trim_matches('.');
        if path.is_empty() {
            return None;
        }
        // `path` borrows from `message`, so the distance of the two is its place.
        let start = path.as_ptr().addr().saturating_sub(message.as_ptr().addr());
        let before = message.get(..start)?;
        let after = message.get(start.saturating_add(path.len())..)?;
        let quoted = before.ends_with(QUOTES) && after.starts_with(QUOTES);
        let before = before.trim_end_matches(QUOTES).trim_end();
        Some(Mention { path, quoted, before, after: after.trim_start_matches(QUOTES) })
    })
}

/// Whether the message says of its subject, whatever that is, that it is one too many.
pub(super) fn says_extra(message: &str) -> bool {
    AFTER_COLON.iter().any(|words| message.starts_with(words))
}

// === impl Mention ===

impl Mention<'_> {
    /// Whether it is what is refused.
    pub(super) fn is_refused(&self) -> bool {
        let after = self.after.trim_start();
        let colon = self.after.strip_prefix(':').map(str::trim_start);
        AFTER.iter().any(|words| after.starts_with(words))
            || colon.is_some_and(says_extra)
            || self.is_object() && BEFORE.iter().any(|words| self.before.ends_with(words))
    }

    /// Whether it is a name by itself, and not the beginning of something: "does not support user
    /// messages with images" says nothing about `user`.
    fn is_object(&self) -> bool {
        const NEXT: &[&str] =
            &["parameter", "field", "with this model", "on this model", "for this model"];
        let after = self.after.trim_start();
        self.quoted
            || after.is_empty()
            || after.starts_with(['.', ',', ';', ':'])
            || NEXT.iter().any(|words| after.starts_with(words))
    }
}
