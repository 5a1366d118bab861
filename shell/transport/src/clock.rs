//! The clock: monotonic time since the process began, and the wall clock for dates.
//!
//! **Invariant:** it follows tokio's clock, so that a paused test runtime pauses it too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ir::Time;
use tokio::time::Instant;

/// Further away than any deadline, near enough for every timer.
const FAR: Duration = Duration::from_hours(30 * 365 * 24);

/// Tells the time. Copies tell the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: Wall,
}

/// What tells the date.
#[derive(Clone, Copy, Debug)]
enum Wall {
    /// The machine, whose clock is set now and then.
    Machine,
    /// The monotonic time, counted from there in milliseconds since 1970-01-01 UTC.
    From(u64),
}

// === impl Clock ===

impl Clock {
    /// A clock that begins now. A process has one.
    pub fn start() -> Self {
        Self { start: Instant::now(), wall: Wall::Machine }
    }

    /// A clock that begins now, when its wall clock shows this; both go on with tokio's. For worlds
    /// with a time of their own.
    pub fn start_at(unix_ms: u64) -> Self {
        Self { start: Instant::now(), wall: Wall::From(unix_ms) }
    }

    /// The time since the start.
    pub fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    /// Milliseconds since 1970-01-01 UTC; 0 where the wall clock stands before that.
    pub fn unix_ms(&self) -> u64 {
        let ms = |since: Duration| u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        match self.wall {
            Wall::Machine => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms),
            Wall::From(unix_ms) => unix_ms.saturating_add(ms(self.start.elapsed())),
        }
    }

    /// The same moment for a timer. [`Time::MAX`] is far away.
    pub fn instant(&self, time: Time) -> Instant {
        self.start + time.since(Time::ZERO).min(FAR)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Duration, Time};

    #[tokio::test(start_paused = true)]
    async fn tells_virtual_time_and_its_instants_come_true() {
        let clock = Clock::start();
        let due = clock.now() + Duration::from_hours(1);
        tokio::time::sleep_until(clock.instant(due)).await;
        assert!(clock.now() >= due);
        assert!(clock.now().since(due) < Duration::from_millis(5));
        assert!(clock.instant(Time::MAX) > clock.instant(due));
        assert!(clock.unix_ms() > 1_700_000_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_can_go_with_virtual_time() {
        let clock = Clock::start_at(1_800_000_000_000);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(clock.unix_ms(), 1_800_003_600_000);
    }
}
