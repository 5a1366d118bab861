//! What was measured about one provider at one time: facts with their source, and no opinion.
//!
//! Everything is optional: what was not measured is absent, which is not the same as what was
//! measured and failed. What it means is `monitor::diagnose`'s to say; who measures it, `shell/probe`.
//!
//! **Invariant:** no secret and no content: keys are said to be there or not, addresses of proxies
//! come without their credentials, and of what callers ask only numbers are kept.

mod asked;
mod here;
mod names;
mod page;
mod roads;
mod traffic;

pub use asked::{Asked, Form, Heard, Question};
pub use here::{
    CaFile, Elsewhere, Here, HostsEntry, Interface, KeySeen, Nsswitch, Os, ProxySeen, ResolvConf,
    ResolverKind,
};
pub use names::{Answer, Proof, Rcode, Witness};
pub use page::{Incident, Level, Page};
pub use roads::{Knock, Reached, Road, Session, Shake, Trust};
pub use traffic::{Tally, Traffic};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Everything that was measured about one provider, and beside it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// The provider's name.
    pub provider: String,
    /// The host that is asked, without its port.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When the measuring began, milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// How long it took, in ms.
    pub took_ms: u64,
    /// This machine, and what is configured on it.
    pub here: Here,
    /// What has nothing to do with the provider: neutral hosts, and other providers.
    pub control: Control,
    /// Who says what of the host's name.
    pub names: BTreeMap<Witness, Answer>,
    /// Whether the host's records are signed, and rightly.
    pub dnssec: Option<Proof>,
    /// Every distinct address that anybody named, and how it is reached.
    pub roads: BTreeMap<IpAddr, Road>,
    /// What was asked of the provider over HTTP, and what came.
    pub asked: BTreeMap<Question, Asked>,
    /// What its status page says.
    pub page: Option<Page>,
    /// What our own requests met there.
    pub traffic: Option<Traffic>,
}

/// What has nothing to do with the provider, measured beside it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// TCP to addresses that need no name (`1.1.1.1:443`).
    pub neutral: BTreeMap<String, Knock>,
    /// Plain HTTP to pages whose answer is known, by URL.
    pub portals: BTreeMap<String, Portal>,
    /// Who says what of a neutral name.
    pub names: BTreeMap<Witness, Answer>,
    /// TLS to a neutral host.
    pub tls: Option<Session>,
    /// Other providers, by name: whether anything of HTTP came back, and how our requests fare there.
    pub siblings: BTreeMap<String, Sibling>,
    /// Other regions of the same provider, by host.
    pub regions: BTreeMap<String, Asked>,
}

/// What came from a page whose answer is known.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "came", deny_unknown_fields)]
pub enum Portal {
    /// The answer that is known.
    Expected,
    /// Another one: somebody between us and the page spoke.
    Altered {
        /// Its status.
        status: u16,
        /// Where it sends browsers, where it does.
        to: Option<String>,
    },
    /// Nothing.
    Nothing,
}

/// Another provider.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sibling {
    /// Whether any answer below 500 came from there just now; absent where nobody looked.
    pub reached: Option<bool>,
    /// What our own requests met there.
    pub traffic: Option<Tally>,
    /// What its status page says.
    pub page: Option<Level>,
}
