//! What only its issuer can read, carried through a client that speaks another dialect.
//!
//! A provider signs or encrypts its reasoning and wants it back unchanged; anybody else refuses it.
//! Where an answer crosses, such a text travels in a field that clients of the other dialect send
//! back, wrapped with its origin: `backstop1.<origin>.<text>`. On its way back it is unwrapped for
//! its origin and left out for everybody else. Nothing is kept here: the client carries it all.
//!
//! **Invariant:** the wrapping adds no byte that JSON would escape, and the text inside is never
//! touched.

/// What every seal begins with.
pub const MARK: &str = "backstop1.";

/// Who can read a seal: a target, as sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin(u64);

// === impl Origin ===

impl Origin {
    /// Of a target, `provider/model`. It keeps apart and guards nothing; a forged seal is refused by
    /// whom it is shown to.
    pub fn of(target: &str) -> Self {
        Self(hash(target))
    }
}

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>): the same on every replica and after every
/// restart.
pub(crate) fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Wraps a text. It may be JSON's spelling of a string's inside; the result is one too.
pub fn wrap(origin: Origin, text: &str) -> String {
    format!("{MARK}{:016x}.{text}", origin.0)
}

/// A seal that nobody opens, around nothing: of reasoning that was cut before it was signed.
pub fn nobodys() -> String {
    wrap(Origin::of(""), "")
}

/// The origin and the text of a seal; `None` where it is none of ours.
pub fn unwrap(sealed: &str) -> Option<(Origin, &str)> {
    let rest = sealed.strip_prefix(MARK)?;
    let (origin, text) = rest.split_once('.')?;
    let origin = u64::from_str_radix(origin, 16).ok().filter(|_| origin.len() == 16)?;
    Some((Origin(origin), text))
}

#[cfg(test)]
mod tests {
    use super::{Origin, unwrap, wrap};

    #[test]
    fn a_seal_is_opened_by_its_origin() {
        let origin = Origin::of("anthropic/claude-sonnet-4-6");
        let sealed = wrap(origin, "ErUB.a/b+c=");
        assert_eq!(unwrap(&sealed), Some((origin, "ErUB.a/b+c=")));
        assert_ne!(origin, Origin::of("anthropic/claude-opus-4-6"));
        for foreign in ["", "ErUB", "backstop1.", "backstop1.12.x", "backstop1.zzzzzzzzzzzzzzzz.x"]
        {
            assert_eq!(unwrap(foreign), None, "{foreign}");
        }
        assert_eq!(unwrap(&wrap(origin, "")), Some((origin, "")));
    }
}
