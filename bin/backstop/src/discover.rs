//! Local model servers that are listening, by their usual ports: asked for their models on loopback,
//! all at once, briefly.

use config::FoundLocal;
use config::providers;
use std::time::Duration;
use transport::{Payload, Upstream, UpstreamSettings};

/// They are on this machine: whoever does not answer at once is not there.
const WITHIN: Duration = Duration::from_millis(500);
const LIST_MAX: usize = 1 << 20;

/// The local servers that answer, in the order of the table.
pub(crate) async fn local() -> Vec<FoundLocal> {
    let settings = UpstreamSettings { connect: WITHIN, ..UpstreamSettings::default() };
    let Ok(upstream) = Upstream::new(settings) else { return Vec::new() };
    let mut asking = tokio::task::JoinSet::new();
    for (place, quirks) in providers::local().enumerate() {
        let upstream = upstream.clone();
        asking.spawn(async move {
            let base_url = quirks.base_url.to_owned();
            let models =
                tokio::time::timeout(WITHIN, models(&upstream, &base_url)).await.ok().flatten()?;
            Some((place, FoundLocal { quirks, base_url, models }))
        });
    }
    let mut found = Vec::new();
    while let Some(answer) = asking.join_next().await {
        found.extend(answer.ok().flatten());
    }
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, local)| local).collect()
}

/// The models of one server; `None` where nothing answers, or not like a model server.
async fn models(upstream: &Upstream, base_url: &str) -> Option<Vec<String>> {
    let request = http::Request::get(format!("{base_url}/models")).body(Payload::empty()).ok()?;
    let answer = upstream.send(request).await.ok()?;
    if answer.status != 200 {
        return None;
    }
    let models = codec::read_models(&answer.read(LIST_MAX).await?);
    (!models.is_empty()).then_some(models)
}
