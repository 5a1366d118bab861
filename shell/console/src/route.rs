//! Paths.

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// `/`: somebody looks what is here.
    Root,
    /// `/metrics`: counters and gauges for a scraper.
    Metrics,
    /// `/status`: how every provider stands, and whose fault it is.
    Status,
    /// `/health`: alive.
    Health,
    /// `/ready`: serving.
    Ready,
}

/// Every route.
pub(crate) const ALL: [Route; 5] =
    [Route::Root, Route::Metrics, Route::Status, Route::Health, Route::Ready];

/// Those that are answered without a key where one is required: they tell nothing of what is served.
pub(crate) const OPEN: [Route; 2] = [Route::Health, Route::Ready];

/// The route of a path.
pub(crate) fn find(path: &str) -> Option<Route> {
    ALL.into_iter().find(|route| route.path() == path)
}

// === impl Route ===

impl Route {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::Metrics => "/metrics",
            Self::Status => "/status",
            Self::Health => "/health",
            Self::Ready => "/ready",
        }
    }
}
