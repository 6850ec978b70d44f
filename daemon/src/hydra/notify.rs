//! What systemd is told: ready, a status line, that we live, that we stop.
//!
//! Without systemd (no `NOTIFY_SOCKET`) nothing is sent. *Ready* is told when the control
//! sockets answer and the heads' ports are open: a large belly may still be read then, which
//! the status line says, as it says how many heads serve.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::hydra::Hydra;

/// Time for the store and the roster to answer a watchdog round.
const ROUND_TRIP: Duration = Duration::from_secs(5);

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// The daemon is up.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The settings are read again; [`ready`] ends that.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "systemd was not told"),
    }
}

pub fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

/// Does what comes before [`ready`] and may take longer than systemd waits by itself: it is
/// told to wait on, but not for ever.
pub async fn while_starting<T>(what: &str, work: impl Future<Output = T>) -> T {
    const MORE: Duration = Duration::from_secs(60);
    const AGAIN: Duration = Duration::from_secs(20);
    const AT_MOST: u32 = 90;
    let mut tick = tokio::time::interval(AGAIN);
    let mut told = 0;
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            _ = tick.tick(), if told < AT_MOST => {
                told += 1;
                let more = NotifyState::ExtendTimeoutUsec(MORE.as_micros() as u32);
                send(&[more, NotifyState::Status(what)]);
            }
            done = &mut work => return done,
        }
    }
}

pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// Says that we live, at half the interval systemd asks for, and only while the store answers
/// and the roster can be read: a wedged daemon falls silent and is restarted.
pub async fn watchdog(hydra: Arc<Hydra>) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let mut tick = tokio::time::interval(interval / 2);
    loop {
        tick.tick().await;
        let store = tokio::time::timeout(ROUND_TRIP, hydra.belly.value(b"/watchdog/"));
        // a store that answers with an error lives; one that does not answer does not
        let answers = store.await.is_ok();
        // reading the roster waits for ever when it is wedged, and so the watchdog starves
        tracing::trace!(heads = hydra.heads_total(), answers, "watchdog round");
        if answers {
            send(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(
                "the store has not answered for {} s: the watchdog is not fed",
                ROUND_TRIP.as_secs()
            );
        }
    }
}
