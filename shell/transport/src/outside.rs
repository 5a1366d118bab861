//! What a process has around it.

use crate::{Entropy, Net};

/// The network and chance: the machine's, or those of a simulator.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Where connections are opened.
    pub net: Net,
    /// Where ids and jitter come from.
    pub entropy: Entropy,
}
