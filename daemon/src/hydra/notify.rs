//! What systemd is told: ready, a status line, that we live, that we stop.
//!
//! Without systemd (no `NOTIFY_SOCKET`) nothing is sent.

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

pub fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

/// The belly is being read; a large one takes longer than systemd waits by itself.
pub fn loading(records: u64, expected: u64) {
    const MORE: Duration = Duration::from_secs(60);
    let text = format!("reading the belly: {records} of about {expected} records");
    tracing::info!("{text}");
    send(&[NotifyState::ExtendTimeoutUsec(MORE.as_micros() as u32), NotifyState::Status(&text)]);
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
