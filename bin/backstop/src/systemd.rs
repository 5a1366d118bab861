//! What the service manager is told, where one started us and asked for it (`NOTIFY_SOCKET`,
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>): so a start is done when
//! it listens, and not when it was tried.

/// How far the service is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// It listens.
    Serving,
    /// It was asked to stop; open answers finish.
    Stopping,
}

/// Tells it. A manager that cannot be told costs nobody an answer.
pub(crate) fn tell(state: State) {
    #[cfg(target_os = "linux")]
    {
        use sd_notify::NotifyState;
        let state = match state {
            State::Serving => NotifyState::Ready,
            State::Stopping => NotifyState::Stopping,
        };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = state;
}
