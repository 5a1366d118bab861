//! Every key there is: the one table that the parser, the reference and the tests read.
//!
//! **Invariant:** a key that is not in [`KEYS`] is unknown to the parser, and a key that is has a
//! row in the reference.

mod keys;

/// Every key, in the order of the reference.
pub(crate) const KEYS: &[Spec] = keys::KEYS;

/// A section of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// `[server]`.
    Server,
    /// `[console]`.
    Console,
    /// `[keys.NAME]`.
    Key,
    /// `[providers.NAME]`.
    Provider,
    /// `[models."PATTERN"]`.
    Model,
    /// `[deadlines]`, and below a provider or a model.
    Deadlines,
    /// `[retry]`.
    Retry,
    /// `[breaker]`.
    Breaker,
    /// `[upstream]`.
    Upstream,
    /// `[watch]`.
    Watch,
    /// `[telemetry]`.
    Telemetry,
}

/// What a key holds. Bounds are inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A string; `what` describes it in the reference.
    Text(&'static str),
    /// A string, or several.
    Texts(&'static str),
    /// `true` or `false`.
    Flag,
    /// A duration, from and to so many milliseconds.
    Time(u64, u64),
    /// A size, from and to so many bytes.
    Size(u64, u64),
    /// A whole number.
    Count(u32, u32),
    /// Any number.
    Number(f64, f64),
    /// One of these words.
    Word {
        /// Those that this version knows.
        now: &'static [&'static str],
        /// Those that are documented for later, and what to do until then.
        later: &'static [(&'static str, &'static str)],
    },
    /// A table of `[deadlines]`.
    Deadlines,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// Where it stands.
    pub(crate) scope: Scope,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// Its default: as TOML where it is a fixed value, else in words.
    pub(crate) default: &'static str,
    /// Another value, as TOML.
    pub(crate) example: &'static str,
    /// What it does.
    pub(crate) doc: &'static str,
}

// === impl Scope ===

impl Scope {
    /// Every section, in the order of the reference.
    pub(crate) const ALL: [Self; 11] = [
        Self::Server,
        Self::Console,
        Self::Key,
        Self::Provider,
        Self::Model,
        Self::Deadlines,
        Self::Retry,
        Self::Breaker,
        Self::Upstream,
        Self::Watch,
        Self::Telemetry,
    ];

    /// Its name at the top of the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Console => "console",
            Self::Key => "keys",
            Self::Provider => "providers",
            Self::Model => "models",
            Self::Deadlines => "deadlines",
            Self::Retry => "retry",
            Self::Breaker => "breaker",
            Self::Upstream => "upstream",
            Self::Watch => "watch",
            Self::Telemetry => "telemetry",
        }
    }

    /// What is below its name where there are several of it: `NAME`, `"PATTERN"`.
    pub(crate) fn placeholder(self) -> Option<&'static str> {
        match self {
            Self::Key | Self::Provider => Some("NAME"),
            Self::Model => Some("\"PATTERN\""),
            Self::Server
            | Self::Console
            | Self::Deadlines
            | Self::Retry
            | Self::Breaker
            | Self::Upstream
            | Self::Watch
            | Self::Telemetry => None,
        }
    }

    /// How it is written at the top of the file.
    pub(crate) fn header(self) -> String {
        self.placeholder().map_or_else(
            || format!("[{}]", self.name()),
            |below| format!("[{}.{below}]", self.name()),
        )
    }

    /// Its keys.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'static Spec> {
        KEYS.iter().filter(move |spec| spec.scope == self)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYS, Scope};

    #[test]
    fn every_key_stands_once_and_every_section_has_some() {
        for (index, spec) in KEYS.iter().enumerate() {
            let same = |other: &&super::Spec| other.scope == spec.scope && other.name == spec.name;
            assert_eq!(KEYS.iter().position(|other| same(&other)), Some(index), "{}", spec.name);
            assert!(spec.doc.ends_with('.'), "{}", spec.name);
        }
        for scope in Scope::ALL {
            assert!(scope.keys().count() > 0, "{scope:?}");
        }
    }
}
