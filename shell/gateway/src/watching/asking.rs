//! Questions of the watch: each within its own limit, each answered whatever happens.

use super::Prober;
use crate::{Shared, forward};
use config::Provider;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use ir::evidence::{Evidence, Page};
use monitor::Due;
use policy::ProviderId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use transport::Sending;

/// Asks.
pub(super) struct Asker {
    prober: Arc<dyn Prober>,
    diagnoses: Arc<Semaphore>,
}

/// What is to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Job {
    /// What a watch says is due.
    Due(ProviderId, Due),
    /// A connection is to be opened ahead, to `next`, because of another.
    Warm { because: ProviderId, next: ProviderId },
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) id: ProviderId,
    pub(super) due: Due,
    pub(super) found: Found,
}

#[derive(Debug)]
pub(super) enum Found {
    Measured(Box<Evidence>),
    Read(Page, u32),
    /// Whether the provider answered, as far as that can be told.
    Knocked(Option<bool>),
    /// Because of this provider.
    Warmed(ProviderId),
    /// It could not be asked.
    Nothing,
}

/// What was not measured by then is not there: with what traffic says it is judged all the same.
const MEASURE_WITHIN: Duration = Duration::from_secs(6);
const PAGE_WITHIN: Duration = Duration::from_secs(8);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const REST_WITHIN: Duration = Duration::from_secs(2);
/// A list of models is read to this, so that its connection can be used again.
const LIST_MAX: usize = 1 << 20;

// === impl Asker ===

impl Asker {
    pub(super) fn new(prober: Arc<dyn Prober>, diagnoses_max: usize) -> Self {
        Self { prober, diagnoses: Arc::new(Semaphore::new(diagnoses_max)) }
    }

    /// Whether a provider has a status page that can be read.
    pub(super) fn has_page(&self, provider: &Provider) -> bool {
        provider.status_page.as_deref() != Some("") && self.prober.has_page(provider)
    }

    /// Asks. The question belongs to the configuration that it began under.
    pub(super) fn ask(
        &self,
        shared: &Arc<Shared>,
        job: Job,
    ) -> impl Future<Output = Done> + Send + use<> {
        let (prober, diagnoses) = (Arc::clone(&self.prober), Arc::clone(&self.diagnoses));
        let shared = Arc::clone(shared);
        async move {
            match job {
                Job::Due(id, due) => {
                    let found = match due {
                        Due::Diagnosis => measure(&shared, id, &*prober, &diagnoses).await,
                        Due::Page => read(&shared, id, &*prober).await,
                        Due::Cheap => knock(&shared, id).await,
                    };
                    Done { id, due, found: found.unwrap_or(Found::Nothing) }
                }
                Job::Warm { because, next } => {
                    warm(&shared, next).await;
                    Done { id: next, due: Due::Cheap, found: Found::Warmed(because) }
                }
            }
        }
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asker")
    }
}

/// Where a provider stands in its configuration.
fn place(shared: &Shared, id: ProviderId) -> Option<usize> {
    shared.served.iter().position(|served| served.id == id)
}

async fn measure(
    shared: &Shared,
    id: ProviderId,
    prober: &dyn Prober,
    diagnoses: &Semaphore,
) -> Option<Found> {
    let place = place(shared, id)?;
    let (provider, _) = shared.provider(id)?;
    let unmeasured = Evidence {
        provider: provider.name.clone(),
        host: provider.base_url.host.clone(),
        port: provider.base_url.port,
        at_unix_ms: shared.clock.unix_ms(),
        ..Evidence::default()
    };
    let _turn = diagnoses.acquire().await.ok()?;
    let measuring = prober.measure(Arc::clone(&shared.config), place);
    let measured = timeout(MEASURE_WITHIN, measuring).await.unwrap_or(unmeasured);
    Some(Found::Measured(Box::new(measured)))
}

async fn read(shared: &Shared, id: ProviderId, prober: &dyn Prober) -> Option<Found> {
    let reading = prober.page(Arc::clone(&shared.config), place(shared, id)?);
    let (page, requests) = timeout(PAGE_WITHIN, reading).await.ok()?;
    Some(Found::Read(page, requests))
}

/// To be refused is what is expected.
async fn knock(shared: &Shared, id: ProviderId) -> Option<Found> {
    let (provider, served) = shared.provider(id)?;
    let request = forward::open_request(provider).ok()?;
    let sending = served.upstream.send_within(provider.deadlines.connect, request);
    Some(Found::Knocked(answered(sending).await))
}

async fn warm(shared: &Shared, id: ProviderId) {
    let Some((provider, served)) = shared.provider(id) else { return };
    let Ok(request) = forward::open_request(provider) else { return };
    let sending = served.upstream.send_within(provider.deadlines.connect, request);
    let reached = answered(sending).await;
    tracing::debug!(provider = provider.name, ?reached, "made ready");
}

/// Whether an answer below 500 came. Every provider speaks JSON; anything else, as a page for browsers, may
/// be of a firewall in its place. Its head is enough; what follows is read, so that its connection can be
/// used again, but not waited for.
async fn answered(sending: Sending) -> Option<bool> {
    let Ok(Ok(answer)) = timeout(ANSWER_WITHIN, sending).await else {
        return Some(false);
    };
    let reached = reached(answer.status, &answer.headers);
    drop(timeout(REST_WITHIN, answer.read(LIST_MAX)).await);
    reached
}

fn reached(status: u16, headers: &HeaderMap) -> Option<bool> {
    let kind = headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let json = kind.to_ascii_lowercase().windows(4).any(|it| it == b"json");
    if status < 500 { json.then_some(true) } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::reached;
    use http::HeaderMap;
    use http::header::CONTENT_TYPE;

    #[test]
    fn a_page_for_browsers_is_no_answer_of_the_providers() {
        let check = |status, kind: Option<&'static str>, expect| {
            let mut headers = HeaderMap::new();
            headers.extend(kind.map(|kind| (CONTENT_TYPE, kind.parse().expect("a value"))));
            assert_eq!(reached(status, &headers), expect, "{status} {kind:?}");
        };
        check(200, Some("application/json"), Some(true));
        check(401, Some("application/JSON; charset=utf-8"), Some(true));
        check(404, Some("application/problem+json"), Some(true));
        check(403, Some("text/html; charset=utf-8"), None);
        check(200, Some("text/html"), None);
        check(403, None, None);
        check(503, Some("application/json"), Some(false));
        check(503, Some("text/html"), Some(false));
    }
}
