//! Traces and metrics for OpenTelemetry: settled requests in, OTLP over HTTP out.
//!
//! ```text
//!   settler ── take ──▶ meter   counted at once                 ─ every interval ─▶ /v1/metrics
//!                  └──▶ queue   where the trace is kept, bounded ─ in batches ────▶ /v1/traces
//! ```
//!
//! **Invariants:** nothing waits for a collector: what does not fit into the queue is dropped, counted
//! and said. A thread of its own does the rest. Everything that grows has a bound: queue, batch,
//! tries, names of models, series. No content is exported; a [`ir::Record`] has none.
//!
//! Absent: logs, gRPC, compression, and any way to a collector but [`transport::Upstream`], so that
//! proxies, private certificates and judged addresses hold here too.

mod directory;
mod exporting;
mod meter;
mod names;
mod post;
mod sampling;
mod spans;
#[cfg(test)]
mod tests;
mod voice;
mod wire;

use config::{Config, Telemetry};
use directory::Directory;
use exporting::Exporting;
use ir::Record;
use meter::Meter;
use parking_lot::{Mutex, RwLock};
use sampling::Sampling;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use transport::{Clock, Upstream};

/// What an exporter is made of.
#[derive(Debug)]
pub struct Setup {
    /// What to export, and where to.
    pub telemetry: Telemetry,
    /// The way there.
    pub upstream: Upstream,
    /// The clock of the process.
    pub clock: Clock,
    /// How long things take.
    pub pace: Pace,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A trace waits so long for others to go with it.
    pub linger: Duration,
    /// Before the second try; each further wait is twice as long.
    pub backoff: Duration,
    /// The longest of these waits.
    pub backoff_max: Duration,
    /// How long a collector may take for its answer.
    pub answer: Duration,
    /// How long the last export may take, when the process stops.
    pub last: Duration,
}

/// A running exporter. Dropped, it exports what is left in the background.
#[derive(Debug)]
pub struct Exporter {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Queued>,
    _stop: oneshot::Sender<()>,
    ended: blocking::Receiver<()>,
    /// How long the last export may take.
    last: Duration,
}

/// An exporter at its end.
#[derive(Debug)]
pub struct Leaving {
    ended: blocking::Receiver<()>,
    last: Duration,
}

/// What both threads look at.
#[derive(Debug)]
struct Shared {
    telemetry: Telemetry,
    sampling: Sampling,
    directory: RwLock<Arc<Directory>>,
    meter: Mutex<Meter>,
    /// Requests whose trace did not fit into the queue, and that nobody was told of yet.
    dropped: AtomicU64,
    /// The thread is to come to its end.
    stop: Notify,
}

/// A request that waits to be exported, and the providers of its time.
type Queued = (Box<Record>, Arc<Directory>);

/// Requests that wait for their export at most.
const QUEUE_MAX: usize = 2048;
/// The thread answers a little later than its last export may take.
const MARGIN: Duration = Duration::from_millis(200);

// === impl Pace ===

impl Default for Pace {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(1),
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            // As in the SDKs (OTEL_EXPORTER_OTLP_TIMEOUT).
            answer: Duration::from_secs(10),
            last: Duration::from_millis(1_800),
        }
    }
}

// === impl Exporter ===

impl Exporter {
    /// Starts to export. It connects to nobody before there is something to export.
    pub fn start(setup: Setup) -> io::Result<Self> {
        let Setup { telemetry, upstream, clock, pace } = setup;
        let shared = Arc::new(Shared {
            sampling: Sampling::new(telemetry.sample),
            directory: RwLock::default(),
            meter: Mutex::new(Meter::new(clock.unix_ms())),
            dropped: AtomicU64::new(0),
            stop: Notify::new(),
            telemetry,
        });
        let (queue, queued) = mpsc::channel(QUEUE_MAX);
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = blocking::sync_channel(1);
        let exporting = Exporting::new(Arc::clone(&shared), queued, (upstream, clock, pace));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("telemetry".to_owned());
        thread.spawn(move || {
            runtime.block_on(exporting.run(stopped));
            // A look-up of a name that hangs is not waited for.
            runtime.shutdown_background();
            // Whoever waited may have left.
            end.send(()).unwrap_or_default();
        })?;
        Ok(Self { shared, queue, _stop: stop, ended, last: pace.last })
    }

    /// Who the providers are from now on.
    pub fn know(&self, config: &Config) {
        *self.shared.directory.write() = Arc::new(Directory::of(config));
    }

    /// Takes a settled request. It never waits.
    pub fn take(&self, record: &Record) {
        let shared = &self.shared;
        let directory = Arc::clone(&shared.directory.read());
        if shared.telemetry.metrics {
            shared.meter.lock().count(record, &directory);
        }
        if shared.telemetry.traces
            && shared.sampling.keeps(&record.trace)
            && self.queue.try_send((Box::new(record.clone()), directory)).is_err()
        {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether it does what a configuration asks for.
    pub fn serves(&self, telemetry: &Telemetry) -> bool {
        self.shared.telemetry.is_same(telemetry)
    }

    /// Takes nothing more, and exports what is left.
    pub fn leave(self) -> Leaving {
        let Self { shared: _, queue, _stop: stop, ended, last } = self;
        drop((queue, stop));
        Leaving { ended, last }
    }
}

// === impl Leaving ===

impl Leaving {
    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        !matches!(self.ended.try_recv(), Err(blocking::TryRecvError::Empty))
    }

    /// Waits for its end, for a moment.
    pub fn wait(self) {
        if let Err(blocking::RecvTimeoutError::Timeout) =
            self.ended.recv_timeout(self.last + MARGIN)
        {
            tracing::warn!("the last traces and metrics may be missing: the collector is too slow");
        }
    }
}
