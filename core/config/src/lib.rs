//! What an operator wants: text → raw → [`Config`], or every problem with its line.
//!
//! **Invariant:** pure. The environment and the files that a configuration names come in through
//! [`Surroundings`]; nothing here reads a clock, a socket or a file. A secret is held as a
//! [`secrecy::SecretString`] and stands in no problem, no warning and no `Debug` output.

mod assemble;
mod ca;
mod changes;
mod console;
mod here;
mod key;
mod model;
mod near;
mod pattern;
mod problem;
#[cfg(any(test, fuzzing))]
pub mod proof;
mod provider;
pub mod providers;
mod proxy;
mod raw;
mod reference;
mod schema;
mod server;
mod syntax;
mod telemetry;
mod traits;
mod unit;
mod url;
mod watch;
mod way;
mod zero;

#[cfg(test)]
mod tests;

pub use ca::Ca;
pub use changes::changes;
pub use console::{Console, ConsoleListen};
pub use here::{Foreign, foreign};
pub use key::{KEY_HEADERS, Key, key_in, new_key};
pub use model::{Link, Midstream, Model, Name, OnEmpty, OnFilter, Overrides, Whole};
pub use pattern::Pattern;
pub use problem::Problem;
pub use provider::{Credential, Provider};
pub use proxy::Proxy;
pub use reference::reference;
pub use server::{Confine, RecordAs, RecordSink, Server, Tls};
pub use syntax::line_of;
pub use telemetry::Telemetry;
pub use traits::{prefills, traits};
pub use url::{BaseUrl, unescaped};
pub use watch::Watch;
pub use way::Way;
pub use zero::known;

use ir::{Dialect, Quirks};
use policy::{Breakers, Deadlines, Retries};

/// Everything that was configured, checked and with its secrets read.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where and how we listen.
    pub server: Server,
    /// TLS towards callers; plain HTTP where there is none.
    pub tls: Option<Tls>,
    /// Where those who watch may look.
    pub console: Console,
    /// Who may ask, in the order of the file; empty means everyone who can connect.
    pub keys: Vec<Key>,
    /// Who serves models, in the order of the file.
    pub providers: Vec<Provider>,
    /// What callers may ask for, in the order of the file.
    pub models: Vec<Model>,
    /// How often to try again.
    pub retries: Retries,
    /// When a target is known to be down.
    pub breakers: Breakers,
    /// Who watches providers, and how.
    pub watch: Watch,
    /// Where traces and metrics go; nowhere where no file says so.
    pub telemetry: Option<Telemetry>,
    /// What works but is worth a word at start-up.
    pub warnings: Vec<Problem>,
}

/// The outside, as far as a configuration may ask for it.
pub trait Surroundings {
    /// The value of an environment variable; `None` where it is not set or is not Unicode.
    fn env(&self, name: &str) -> Option<String>;
    /// The text of a file, or why it cannot be read.
    fn file(&self, path: &str) -> Result<String, String>;
    /// What other users of the machine may do with a file. Asked of files that hold a secret.
    fn access(&self, _path: &str) -> Access {
        Access::Closed
    }
}

/// What users other than its owner and its group may do with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Nothing that matters.
    Closed,
    /// They may read it.
    Read,
    /// They may write to it.
    Write,
}

/// A model server that was found listening on this machine.
#[derive(Clone, Debug)]
pub struct FoundLocal {
    /// Which kind of server it is.
    pub quirks: &'static Quirks,
    /// Where it listens, as in `base_url`.
    pub base_url: String,
    /// The models it offers, its own first choice first.
    pub models: Vec<String>,
}

/// Whether a request may leave its own vendor where no file says so.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Fallback {
    /// The model's own vendor, then this machine. Never another vendor.
    #[default]
    OwnVendor,
    /// Then also the other vendors we have a key of our own for.
    Any,
}

/// Reads a configuration file, or reports everything that is wrong with it, in the order of the file.
///
/// Without `[models]` every provider serves its own names, and without `[providers]` as well they
/// come from the environment, both as in [`zero`].
pub fn load(text: &str, around: &dyn Surroundings) -> Result<Config, Vec<Problem>> {
    load_beside(text, around, &[], Fallback::OwnVendor)
}

/// As [`load`], for callers that have also looked for local servers: a file that names neither
/// providers nor models then gets what [`zero`] would give.
pub fn load_beside(
    text: &str,
    around: &dyn Surroundings,
    local: &[FoundLocal],
    fallback: Fallback,
) -> Result<Config, Vec<Problem>> {
    let mut findings = problem::Findings::new(text);
    let mended = syntax::mend(text, &mut findings);
    let raw = syntax::parse(&mended).map(|document| raw::read(&document, &mut findings));
    let raw = raw.unwrap_or_default();
    let common = assemble::Common::read(&raw.upstream, around, &mut findings);
    let mut config = assemble::config(&raw, &common, around, &mut findings);
    if findings.is_clean() && config.models.is_empty() {
        let (deadlines, common) = (assemble::base_deadlines(&raw), &common);
        zero::fill(&mut config, &zero::Offer { around, found: local, fallback, deadlines, common });
    }
    common.warn(&mut config);
    findings.finish(config)
}

/// The configuration where there is no file: vendors whose usual environment variables are set,
/// Anthropic and `OpenAI` always (with the caller's own key where we have none), and the local
/// servers that were found.
///
/// A model is served by its own vendor, then by this machine.
pub fn zero(around: &dyn Surroundings, local: &[FoundLocal], fallback: Fallback) -> Config {
    let mut config = Config::default();
    let (deadlines, common) = (Deadlines::default(), &assemble::Common::usual(around));
    zero::fill(&mut config, &zero::Offer { around, found: local, fallback, deadlines, common });
    common.warn(&mut config);
    config
}

// === impl Config ===

impl Default for Config {
    /// No providers and no models; every number at its default.
    fn default() -> Self {
        Self {
            server: Server::default(),
            tls: None,
            console: Console::default(),
            keys: Vec::new(),
            providers: Vec::new(),
            models: Vec::new(),
            retries: Retries::default(),
            breakers: Breakers::default(),
            watch: Watch::default(),
            telemetry: None,
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// The model section for a name that a caller asks for: a pattern without `*` wins, then the
    /// one with the most literal characters, then the first.
    pub fn find(&self, model: &str) -> Option<&Model> {
        let mut best: Option<&Model> = None;
        for candidate in self.models.iter().filter(|candidate| candidate.pattern.matches(model)) {
            if best.is_none_or(|best| candidate.pattern.beats(&best.pattern)) {
                best = Some(candidate);
            }
        }
        best
    }

    /// The deadlines of one link: the global ones, then the provider's, then the model's.
    pub fn deadlines(&self, model: &Model, provider: usize) -> Deadlines {
        let base = self.providers.get(provider).map_or_else(Deadlines::default, |p| p.deadlines);
        model.deadlines.over(base)
    }

    /// Up to three patterns close to a name that none of them matches, the closest first.
    pub fn near(&self, model: &str) -> Vec<String> {
        near::patterns(model, self.models.iter().map(|model| &model.pattern))
    }

    /// The key that a caller presented, where it is one of ours. Takes the same time for every
    /// key, whether it fits or not.
    pub fn key_for(&self, presented: &str) -> Option<&Key> {
        key::find(&self.keys, presented)
    }

    /// The provider of a link.
    pub fn provider(&self, link: &Link) -> Option<&Provider> {
        self.providers.get(link.provider)
    }

    /// The links of a chain that serve callers of a dialect, in order: those that speak it, and, of
    /// dialects that cross, those that are asked in their own. Left out are targets with the caller's own key, which is its own
    /// vendor's, and a server that stands in the chain in the caller's dialect as well.
    pub fn links<'a>(&'a self, model: &'a Model, dialect: Dialect) -> Vec<&'a Link> {
        let speaks = |link: &Link| self.provider(link).is_some_and(|it| it.speaks(dialect));
        let crosses =
            |link: &Link| self.provider(link).is_some_and(|it| it.dialect.crosses(dialect));
        let here = |link: &Link| self.provider(link).map(|it| &it.base_url);
        let own = |link: &Link| {
            let credentials = self.provider(link).map(|it| it.credentials.as_slice());
            credentials.unwrap_or_default().iter().any(|it| matches!(it, Credential::Caller))
        };
        let twin = |link: &Link| {
            let same = |other: &Link| other.name == link.name && here(other) == here(link);
            model.chain.iter().any(|other| speaks(other) && same(other))
        };
        let serves = |link: &Link| speaks(link) || (crosses(link) && !(own(link) || twin(link)));
        model.chain.iter().filter(|link| serves(link)).collect()
    }

    /// `provider/model`, as headers, records and metrics name the target of a link when a caller
    /// asks for `asked`.
    pub fn target(&self, model: &Model, link: &Link, asked: &str) -> String {
        let provider = self.provider(link).map_or("", |provider| provider.name.as_str());
        format!("{provider}/{}", link.name.resolve(&model.pattern, asked))
    }
}
