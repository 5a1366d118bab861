//! The exporter of traces and metrics, where the configuration names a collector: started, exchanged
//! when its section changes, stopped.

use anyhow::Context;
use config::Config;
use gateway::Sink;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use telemetry::{Exporter, Leaving, Pace, Setup};
use transport::{Clock, Resolver, Roots, Upstream};

/// A collector is near, or there is no hurry.
const CONNECT: Duration = Duration::from_secs(3);

/// Whoever exports now, if anybody. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    exporter: Arc<Mutex<Option<Exporter>>>,
    /// Those before, which still export what they had.
    leaving: Arc<Mutex<Vec<Leaving>>>,
    clock: Clock,
}

/// What becomes of the exporter.
#[derive(Debug)]
pub(crate) enum Next {
    /// It goes on as it is.
    Same,
    /// Another takes its place, or nobody does.
    Other(Option<Exporter>),
}

// === impl Telemetry ===

impl Telemetry {
    pub(crate) fn start(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let telemetry = Self { exporter: Arc::default(), leaving: Arc::default(), clock };
        telemetry.take_up(telemetry.prepare(config)?, config);
        Ok(telemetry)
    }

    /// A sink that exports each record before it writes it.
    pub(crate) fn beside(&self, sink: Sink) -> Sink {
        let exporter = Arc::clone(&self.exporter);
        sink.after(move |record| {
            if let Some(exporter) = &*exporter.lock() {
                exporter.take(record);
            }
        })
    }

    /// What a configuration asks for. Nothing changes yet.
    pub(crate) fn prepare(&self, config: &Config) -> anyhow::Result<Next> {
        let Some(telemetry) = &config.telemetry else { return Ok(Next::Other(None)) };
        if self.exporter.lock().as_ref().is_some_and(|exporter| exporter.serves(telemetry)) {
            return Ok(Next::Same);
        }
        let settings = gateway::over(&telemetry.way, CONNECT, &Resolver::System, &Roots::native());
        let setup = Setup {
            telemetry: telemetry.clone(),
            upstream: Upstream::new(settings).context("telemetry.otlp")?,
            clock: self.clock,
            pace: Pace::default(),
        };
        let exporter = Exporter::start(setup).context("no thread for telemetry")?;
        Ok(Next::Other(Some(exporter)))
    }

    /// From now on it is done so. Whoever exported before exports what it has, in the background.
    pub(crate) fn take_up(&self, next: Next, config: &Config) {
        let mut now = self.exporter.lock();
        let before = match next {
            Next::Same => None,
            Next::Other(other) => std::mem::replace(&mut *now, other),
        };
        if let Some(exporter) = &*now {
            exporter.know(config);
        }
        drop(now);
        let mut leaving = self.leaving.lock();
        leaving.retain(|it| !it.is_over());
        leaving.extend(before.map(Exporter::leave));
    }

    /// Exports what is left, within two seconds.
    pub(crate) fn stop(&self) {
        let last = self.exporter.lock().take().map(Exporter::leave);
        let mut leaving = std::mem::take(&mut *self.leaving.lock());
        leaving.extend(last);
        leaving.into_iter().for_each(Leaving::wait);
    }
}
