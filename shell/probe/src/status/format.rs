//! The formats that are read.

/// How a page is written.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// Atlassian Statuspage, its second version.
    Statuspage,
    /// incident.io, as far as it speaks like Statuspage.
    IncidentIo,
    /// incident.io: what its widgets ask for.
    IncidentIoWidget,
    /// incident.io: what its own pages ask for.
    IncidentIoProxy,
    /// Better Stack (JSON:API).
    BetterStack,
    /// Instatus: the summary.
    Instatus,
    /// Instatus: the components.
    InstatusComponents,
    /// Rootly.
    Rootly,
    /// Datadog: one static file.
    Datadog,
    /// Cloudflare's own, its third version.
    Cloudflare,
    /// xAI's feed: one entry per incident and surface.
    Xai,
    /// Google Cloud's log of incidents.
    Google,
    /// The current events of AWS, in UTF-16.
    Aws,
    /// Azure's feed: what is there is going on.
    Azure,
    /// Any RSS or Atom.
    Feed,
}

// === impl Format ===

impl Format {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Statuspage,
        Self::IncidentIo,
        Self::IncidentIoWidget,
        Self::IncidentIoProxy,
        Self::BetterStack,
        Self::Instatus,
        Self::InstatusComponents,
        Self::Rootly,
        Self::Datadog,
        Self::Cloudflare,
        Self::Xai,
        Self::Google,
        Self::Aws,
        Self::Azure,
        Self::Feed,
    ];

    /// Its name, as the registry of pages and the evidence write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Statuspage => "statuspage",
            Self::IncidentIo => "incident.io",
            Self::IncidentIoWidget => "incident.io-widget",
            Self::IncidentIoProxy => "incident.io-proxy",
            Self::BetterStack => "better-stack",
            Self::Instatus => "instatus",
            Self::InstatusComponents => "instatus-components",
            Self::Rootly => "rootly",
            Self::Datadog => "datadog",
            Self::Cloudflare => "cloudflare",
            Self::Xai => "xai-rss",
            Self::Google => "google-cloud",
            Self::Aws => "aws",
            Self::Azure => "azure-rss",
            Self::Feed => "feed",
        }
    }

    /// The format of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}
