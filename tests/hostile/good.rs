//! Good callers beside an attack: how many of their requests fail, and how long they take.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::LATENCY_FLOOR;
use crate::http1::{Http1, ask_as};
use crate::report::Report;

/// Good callers of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Good {
    pub(crate) addr: SocketAddr,
    pub(crate) aside: Handle,
    pub(crate) key: Option<String>,
}

/// What they met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    pub(crate) times: Vec<Duration>,
    /// What went wrong, one text for each.
    pub(crate) wrong: Vec<String>,
}

/// Without the attack and with it, in turns.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    pub(crate) calm: Vec<Met>,
    pub(crate) attacked: Vec<Met>,
}

/// How many they are; every second one connects anew for each request.
const CALLERS: usize = 8;
/// How often each asks.
const EVERY: Duration = Duration::from_millis(25);
/// None waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

// === impl Good ===

impl Good {
    pub(crate) fn of(addr: SocketAddr, aside: &Handle) -> Self {
        Self { addr, aside: aside.clone(), key: None }
    }

    /// Asks for this long, small questions at a steady pace.
    pub(crate) async fn watch(&self, during: Duration) -> Met {
        let mut callers = JoinSet::new();
        for nth in 0..CALLERS {
            callers.spawn_on(self.clone().caller(nth, during), &self.aside);
        }
        let mut all = Met::default();
        while let Some(done) = callers.join_next().await {
            match done {
                Ok(met) => all.add(met),
                Err(error) => all.wrong.push(error.to_string()),
            }
        }
        all
    }

    async fn caller(self, nth: usize, during: Duration) -> Met {
        let from = Ipv4Addr::LOCALHOST;
        let request = ask_as("ok", nth.is_multiple_of(3), self.key.as_deref());
        let began = Instant::now();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut kept: Option<Http1> = None;
        let mut met = Met::default();
        while began.elapsed() < during {
            ticks.tick().await;
            let asked = Instant::now();
            let calling = async {
                let mut open = match kept.take() {
                    Some(open) => open,
                    None => Http1::open(self.addr, from).await?,
                };
                let answer = open.call(&request).await?;
                anyhow::Ok((open, answer))
            };
            match timeout(PATIENCE, calling).await {
                Ok(Ok((open, answer))) if answer.is_good() => {
                    kept = nth.is_multiple_of(2).then_some(open);
                    met.times.push(asked.elapsed());
                }
                Ok(Ok((_, answer))) => met.wrong.push(answer.status.to_string()),
                Ok(Err(error)) => met.wrong.push(format!("{error:#}")),
                Err(_) => met.wrong.push("no answer".to_owned()),
            }
        }
        met
    }
}

// === impl Met ===

impl Met {
    pub(crate) fn add(&mut self, mut other: Self) {
        self.times.append(&mut other.times);
        self.wrong.append(&mut other.wrong);
    }

    /// The time within which this share of them was answered.
    pub(crate) fn quantile(&self, per_mille: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = (times.len() * per_mille / 1000).min(times.len().saturating_sub(1));
        times.get(at).copied().unwrap_or(Duration::MAX)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.quantile(990)
    }
}

// === impl Turns ===

impl Turns {
    /// A calm turn and a turn with the attack, twice. `attack` is begun anew for each, and dropped.
    pub(crate) async fn of<A, F>(good: &Good, during: Duration, mut attack: A) -> Result<Self>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<()>>,
    {
        let mut turns = Self::default();
        for _ in 0..2 {
            turns.calm.push(good.watch(during).await);
            tokio::select! {
                attacked = good.watch(during) => turns.attacked.push(attacked),
                // It goes on until it is dropped, or is wrong.
                ended = async { attack().await?; pending::<Result<Self>>().await } => return ended,
            }
        }
        Ok(turns)
    }

    /// Errors beside the attack, and the 99th percentile beside the calm one: the better of two turns
    /// each, since others on the machine only ever add to it. `allowed` makes of the calm one what it
    /// may be.
    pub(crate) fn judge(&self, report: &mut Report, allowed: impl Fn(Duration) -> Duration) {
        self.judge_failures(report);
        let best = |mets: &[Met]| mets.iter().map(Met::p99).min().unwrap_or(Duration::MAX);
        let (calm, attacked) = (best(&self.calm), best(&self.attacked));
        let allowed = allowed(calm).max(LATENCY_FLOOR);
        let figure = format!("their p99 {} beside {} calm", ms(attacked), ms(calm));
        report.check(attacked <= allowed, figure);
    }

    /// Errors beside the attack.
    pub(crate) fn judge_failures(&self, report: &mut Report) {
        let wrong: Vec<&String> = self.attacked.iter().flat_map(|met| &met.wrong).collect();
        let asked: usize = self.attacked.iter().map(|met| met.times.len() + met.wrong.len()).sum();
        let first = wrong.first().map(|first| format!(" ({first})")).unwrap_or_default();
        let failed = wrong.len();
        report.check(
            wrong.is_empty() && asked > 0,
            format!("good callers: {failed} of {asked} failed{first}"),
        );
    }
}

/// A time as a reader likes it.
pub(crate) fn ms(time: Duration) -> String {
    if time == Duration::MAX {
        return "none".to_owned();
    }
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
