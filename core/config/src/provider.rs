//! Someone who serves models: where, how, with which credentials.

use crate::{BaseUrl, Way};
use ir::{Dialect, Quirks};
use policy::Deadlines;
use secrecy::{ExposeSecret, SecretString};

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The name of its section, as chains and headers use it.
    pub name: String,
    /// What sets it apart. Its `dialect`, `base_url` and `local` are only defaults: those that
    /// count stand beside it.
    pub quirks: &'static Quirks,
    /// What it speaks; see also [`Self::speaks`].
    pub dialect: Dialect,
    /// Where.
    pub base_url: BaseUrl,
    /// Its credentials, in the order of preference. Never empty: without any it is
    /// [`Credential::None`].
    pub credentials: Vec<Credential>,
    /// Runs here: tried when the network is down, with a load deadline.
    pub local: bool,
    /// The global deadlines with this provider's own over them.
    pub deadlines: Deadlines,
    /// How its address is reached.
    pub way: Way,
    /// Its status page, where the file names one; empty where it has none.
    pub status_page: Option<String>,
}

/// How a provider is told who pays.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A key of ours. Never empty, and fit for a header.
    Ours(SecretString),
    /// The caller's own, passed to this provider and to no other.
    Caller,
    /// None is needed.
    None,
}

// === impl Provider ===

impl Provider {
    /// Whether callers of a dialect can be passed on to it in their own words: it is what it is asked
    /// in, or it is Responses beside Chat.
    pub fn speaks(&self, dialect: Dialect) -> bool {
        let beside = match dialect {
            Dialect::Responses => self.quirks.responses && self.dialect == Dialect::Chat,
            Dialect::Chat | Dialect::Messages => false,
        };
        self.dialect == dialect || beside
    }

    /// Whether it is asked in the same way as another: what is known of one, and the connections to
    /// it, hold for the other. How long it is waited for is each request's, and its status page is
    /// somebody else's.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self {
            name,
            quirks,
            dialect,
            base_url,
            credentials,
            local,
            way,
            deadlines: _,
            status_page: _,
        } = self;
        let mut pairs = credentials.iter().zip(&other.credentials);
        *name == other.name
            && std::ptr::eq(*quirks, other.quirks)
            && *dialect == other.dialect
            && *base_url == other.base_url
            && *local == other.local
            && way.is_same(&other.way)
            && credentials.len() == other.credentials.len()
            && pairs.all(|(one, two)| one.is_same(two))
    }
}

// === impl Credential ===

impl Credential {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ours(one), Self::Ours(two)) => one.expose_secret() == two.expose_secret(),
            (Self::Caller, Self::Caller) | (Self::None, Self::None) => true,
            (Self::Ours(_) | Self::Caller | Self::None, _) => false,
        }
    }

    /// Whether it is a key of ours.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Ours(_) => true,
            Self::Caller | Self::None => false,
        }
    }
}
