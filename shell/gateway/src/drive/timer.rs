//! One timer per request, moved only where it must ring earlier.

use ir::Time;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep_until};
use transport::Clock;

/// The timer of a drive.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    due: Option<Time>,
}

/// A deadline that has passed without consequence rings again after this: never a spin.
const REST: Duration = Duration::from_millis(1);

// === impl Timer ===

impl Timer {
    /// Ready when `deadline` has come, or an earlier one that was set before: then whoever asks looks
    /// again. Pending without a deadline.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        deadline: Option<Time>,
    ) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        let deadline = deadline.max(clock.now() + REST);
        match &mut self.sleep {
            Some(_) if self.due.is_some_and(|due| due <= deadline) => {}
            Some(sleep) => {
                sleep.as_mut().reset(clock.instant(deadline));
                self.due = Some(deadline);
            }
            None => {
                self.sleep = Some(Box::pin(sleep_until(clock.instant(deadline))));
                self.due = Some(deadline);
            }
        }
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        std::task::ready!(sleep.as_mut().poll(cx));
        // It has rung; the next deadline sets it anew.
        self.due = None;
        Poll::Ready(())
    }
}
