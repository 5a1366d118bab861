//! Free probes: is a provider that is known to be down back? Connect, TLS, `GET /models`; no token is
//! ever spent here.

use crate::memory::Pressure;
use crate::watch::Watch;
use crate::{Gateway, Shared, forward};
use policy::{Probed, ProviderId};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often the board is asked whom to probe; how often one is probed is the board's to say.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A probe that takes longer than this says no.
const WITHIN: Duration = Duration::from_secs(5);
/// Probes under way at once.
const PROBES_MAX: usize = 16;

/// Probes for ever.
pub(crate) async fn run(gateway: Gateway) {
    let period = gateway.live.now().config.breakers.probe.max(Duration::from_millis(1));
    let mut look = interval(LOOK_EVERY.min(period));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut probes = JoinSet::new();
    let mut watch = Watch::default();
    loop {
        look.tick().await;
        gateway.forget();
        let shared = gateway.live.now();
        let pressure = shared.state.memory.look(shared.config.server.memory_max);
        if Pressure::Tight <= pressure {
            shared.served.iter().for_each(|served| served.upstream.close_idle());
        }
        watch.look(&shared, pressure);
        while probes.try_join_next().is_some() {}
        let due = shared.health.lock().probes_due(shared.clock.now());
        for provider in due {
            if probes.len() < PROBES_MAX {
                probes.spawn(probe(Arc::clone(&shared), provider));
            }
        }
    }
}

async fn probe(shared: Arc<Shared>, id: ProviderId) {
    let Some((provider, served)) = shared.provider(id) else { return };
    let Ok(request) = forward::list_request(provider, None) else { return };
    // Any answer below 500 proves that somebody is there: 401 and 404 do.
    let sending = served.upstream.send_within(provider.deadlines.connect, request);
    let probed = match timeout(WITHIN, sending).await {
        Ok(Ok(answer)) if answer.status < 500 => Probed::Well,
        Ok(Ok(_)) => Probed::Unwell,
        Ok(Err(_)) | Err(_) => Probed::Unanswered,
    };
    tracing::debug!(provider = provider.name, ?probed, "probe");
    shared.health.lock().probed(shared.clock.now(), id, probed);
}
