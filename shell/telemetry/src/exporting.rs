//! The exporter's own thread: batches, tries, waits.
//!
//! ```text
//!            a trace                full, or old enough           taken, or given up
//!   Empty ───────────▶ Gathering ─────────────────────▶ Sending ─────────────────────▶ Empty
//!                                                        │   ▲
//!                                       to be sent again └───┘ after a wait
//! ```
//!
//! **Invariant:** while a batch is not taken nothing more is gathered; the queue before it is bounded.

use crate::post::{Outcome, Post};
use crate::spans::spans;
use crate::voice::Voice;
use crate::wire::{KeyValue, Metrics, Resource, Traces};
use crate::{Pace, Queued, Shared};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout, timeout_at};
use transport::{Clock, Upstream, entropy};

/// Requests of one batch.
const BATCH_MAX: usize = 128;
/// How often a batch is sent.
const TRIES_MAX: u32 = 5;

/// Everything that the thread has.
#[derive(Debug)]
pub(crate) struct Exporting {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Queued>,
    clock: Clock,
    pace: Pace,
    resource: Resource,
    batch: Batch,
    traces: Signal,
    metrics: Signal,
    /// The collector wants no metrics before.
    metrics_from: Option<Instant>,
}

/// What is exported to one path.
#[derive(Debug)]
struct Signal {
    post: Post,
    voice: Voice,
}

/// Traces that are exported together.
#[derive(Debug, Default)]
struct Batch {
    requests: Vec<Queued>,
    /// As it is sent, once it was sent.
    body: Option<Bytes>,
    tries: u32,
    /// When it is sent, or sent again.
    due: Option<Instant>,
}

// === impl Exporting ===

impl Exporting {
    pub(crate) fn new(
        shared: Arc<Shared>,
        queue: mpsc::Receiver<Queued>,
        (upstream, clock, pace): (Upstream, Clock, Pace),
    ) -> Self {
        let telemetry = &shared.telemetry;
        let signal = |name: &'static str| Signal {
            post: Post::new(telemetry, name, (&upstream, clock, pace)),
            voice: Voice::new(name, format!("{}/{name}", telemetry.otlp)),
        };
        let (traces, metrics) = (signal("traces"), signal("metrics"));
        let resource = resource(&telemetry.service, &telemetry.resource);
        let batch = Batch::default();
        Self { shared, queue, clock, pace, resource, batch, traces, metrics, metrics_from: None }
    }

    /// Exports until it is stopped, and then what is left.
    pub(crate) async fn run(mut self, stopped: oneshot::Receiver<()>) {
        let (last, shared) = (self.pace.last, Arc::clone(&self.shared));
        let mut work = Box::pin(self.work());
        let deadline = tokio::select! {
            // Its sender is dropped.
            _ = stopped => {
                shared.stop.notify_one();
                let deadline = Instant::now() + last;
                // What is on its way may arrive, and is sent once more where it does not: twice is
                // better than not at all.
                timeout(last / 2, &mut work).await.unwrap_or_default();
                deadline
            }
            () = &mut work => Instant::now() + last,
        };
        drop(work);
        if timeout_at(deadline, self.rest()).await.is_err() {
            self.give_up();
        }
        self.traces.voice.miss(self.shared.dropped.swap(0, Ordering::Relaxed));
        self.traces.voice.miss(u64::try_from(self.queue.len()).unwrap_or(u64::MAX));
        say(self.traces.voice.ends());
    }

    async fn work(&mut self) {
        let every = self.shared.telemetry.interval;
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.batch.due;
            let wait = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.shared.stop.notified() => return,
                () = wait => self.send_traces().await,
                _ = ticks.tick() => self.send_metrics().await,
                queued = self.queue.recv(), if self.batch.has_room() => match queued {
                    Some(queued) => self.batch.push(queued, self.pace.linger),
                    // Everybody who could hand something in is gone.
                    None => return,
                },
            }
        }
    }

    /// What is left at the end: each once.
    async fn rest(&mut self) {
        loop {
            while self.batch.has_room() {
                let Ok(queued) = self.queue.try_recv() else { break };
                self.batch.push(queued, Duration::ZERO);
            }
            if self.batch.requests.is_empty() {
                break;
            }
            self.batch.tries = TRIES_MAX - 1;
            self.send_traces().await;
        }
        self.metrics_from = None;
        self.send_metrics().await;
    }

    async fn send_traces(&mut self) {
        let body = self.batch.body(&self.resource);
        let outcome = self.traces.post.send(body).await;
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        self.traces.voice.miss(dropped);
        let now = Instant::now();
        match outcome {
            Outcome::Taken(partial) => {
                say(self.traces.voice.works(now, partial.as_deref()));
                self.batch = Batch::default();
            }
            Outcome::Again(why, after) => {
                say(self.traces.voice.fails(now, &why));
                self.batch.tries += 1;
                let wait = after.unwrap_or_else(|| backoff(self.pace, self.batch.tries, entropy()));
                self.batch.due = Some(now + wait);
                if TRIES_MAX <= self.batch.tries {
                    self.give_up();
                }
            }
            Outcome::Refused(why) => {
                say(self.traces.voice.fails(now, &why));
                self.give_up();
            }
        }
    }

    fn give_up(&mut self) {
        let Batch { requests, .. } = std::mem::take(&mut self.batch);
        self.traces.voice.miss(u64::try_from(requests.len()).unwrap_or(u64::MAX));
    }

    /// They are cumulative: what fails is in the next ones.
    async fn send_metrics(&mut self) {
        let early = self.metrics_from.is_some_and(|from| Instant::now() < from);
        if early || !self.shared.telemetry.metrics {
            return;
        }
        let metrics = self.shared.meter.lock().told(self.clock.unix_ms());
        if metrics.is_empty() {
            return;
        }
        // What is made here can be written.
        let body = serde_json::to_vec(&Metrics::new(&self.resource, metrics)).unwrap_or_default();
        let outcome = self.metrics.post.send(body.into()).await;
        let now = Instant::now();
        let Signal { voice, .. } = &mut self.metrics;
        match outcome {
            Outcome::Taken(partial) => say(voice.works(now, partial.as_deref())),
            Outcome::Again(why, after) => {
                say(voice.fails(now, &why));
                self.metrics_from = after.map(|after| now + after);
            }
            Outcome::Refused(why) => say(voice.fails(now, &why)),
        }
    }
}

fn say(line: Option<String>) {
    if let Some(line) = line {
        tracing::warn!("{line}");
    }
}

/// The wait before a try, the first of which is the second: twice as long each time, and between half
/// and all of that, so that not everybody comes back at once.
fn backoff(pace: Pace, tries: u32, random: u64) -> Duration {
    let doubled = pace.backoff.saturating_mul(1 << tries.saturating_sub(1).min(16));
    let half = doubled.min(pace.backoff_max) / 2;
    let steps = u32::try_from(random % 1_000).unwrap_or(0);
    half + half * steps / 1_000
}

/// Who tells: this process, apart from others of the same name.
fn resource(service: &str, more: &[(String, String)]) -> Resource {
    let version = env!("CARGO_PKG_VERSION");
    let mut attributes = vec![
        KeyValue::new("service.name", service),
        KeyValue::new("service.version", version),
        KeyValue::new("service.instance.id", instance().as_str()),
        KeyValue::new("telemetry.sdk.name", "backstop"),
        KeyValue::new("telemetry.sdk.language", "rust"),
        KeyValue::new("telemetry.sdk.version", version),
    ];
    attributes.extend(more.iter().map(|(key, value)| KeyValue::new(key.clone(), value.as_str())));
    Resource { attributes }
}

/// A random UUID (RFC 9562, version 4).
fn instance() -> String {
    let bits = (u128::from(entropy()) << 64) | u128::from(entropy());
    let version = bits & !(0xf << 76) | (4 << 76);
    let digits = format!("{:032x}", version & !(3 << 62) | (2 << 62));
    let group = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let groups = [group(0, 8), group(8, 12), group(12, 16), group(16, 20), group(20, 32)];
    groups.join("-")
}

// === impl Batch ===

impl Batch {
    fn has_room(&self) -> bool {
        self.body.is_none() && self.requests.len() < BATCH_MAX
    }

    fn push(&mut self, queued: Queued, linger: Duration) {
        self.requests.push(queued);
        let now = Instant::now();
        let due = self.due.unwrap_or(now + linger);
        self.due = Some(if self.requests.len() < BATCH_MAX { due } else { now });
    }

    fn body(&mut self, resource: &Resource) -> Bytes {
        let requests = &self.requests;
        let made = || {
            let of_one = |(record, directory): &Queued| spans(record, directory);
            let spans = requests.iter().flat_map(of_one).collect();
            // What is made here can be written.
            Bytes::from(serde_json::to_vec(&Traces::new(resource, spans)).unwrap_or_default())
        };
        self.body.get_or_insert_with(made).clone()
    }
}
