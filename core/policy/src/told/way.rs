//! How an answer that was cut is gone on with.

/// How an answer is gone on with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Way {
    /// The request as it was: nothing that has to be joined was shown.
    Fresh,
    /// The request as it was: the answer is to say once more what was shown.
    Restart,
    /// What was shown, and the wish to repeat its end and go on.
    Anchor,
    /// What was shown as a turn that the target goes on with by itself.
    Prefill,
    /// Calls were shown last: whether there are more of them.
    Calls,
}

// === impl Way ===

impl Way {
    /// Every way.
    pub const ALL: [Self; 5] =
        [Self::Fresh, Self::Restart, Self::Anchor, Self::Prefill, Self::Calls];

    /// Whether what is said has to be joined to what was shown.
    pub(crate) fn joins(self) -> bool {
        match self {
            Self::Fresh => false,
            Self::Restart | Self::Anchor | Self::Prefill | Self::Calls => true,
        }
    }

    /// Its word in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Restart => "restart",
            Self::Anchor => "anchor",
            Self::Prefill => "prefill",
            Self::Calls => "calls",
        }
    }
}
