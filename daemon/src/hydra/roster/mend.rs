//! Heads that failed are tried again by themselves: after five seconds, then after twice the
//! time of the try before, up to five minutes.
//!
//! What is wrong is told once, and when it is over; a head that is tried again stays failed in
//! the eyes of an operator until its ports are open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{HeadState, Member, Roster};
use crate::head;
use crate::hydra::capacity::free_port;
use crate::hydra::{Hydra, Phase};
use crate::limits::Backoff;
use crate::net::ports::{self, PortError};
use crate::state::HeadRow;
use crate::telemetry::{Events, Level};

/// How often it is looked whether a head is due.
const LOOK: Duration = Duration::from_secs(1);

/// A head that does not come up.
#[derive(Debug)]
pub(super) struct Trouble {
    /// Why, as it was told.
    reason: String,
    /// Tries that failed.
    tries: u32,
    backoff: Backoff,
    again_at: Instant,
}

impl Trouble {
    fn new(reason: String, now: Instant) -> Self {
        let backoff = Backoff::default();
        Self { reason, tries: 1, backoff, again_at: now + backoff.wait() }
    }

    fn failed_again(&mut self, now: Instant) {
        self.tries += 1;
        self.backoff.failed();
        self.again_at = now + self.backoff.wait();
    }

    /// "port 30002 on 203.0.113.7 is taken by pid 811 (nginx) …; tried 3 times, again within 20 s".
    pub(super) fn text(&self) -> String {
        let tried = match self.tries {
            1 => "tried once".to_owned(),
            tries => format!("tried {tries} times"),
        };
        format!("{}; {tried}, again within {} s", self.reason, self.backoff.wait().as_secs())
    }
}

impl Member {
    /// Notes that it failed, or no longer does, and tells it when that is new.
    pub(super) fn watch_trouble(&mut self, events: &Events, now: Instant) {
        let name = head::name(self.row.index);
        match self.own_state() {
            HeadState::Failed => {
                let reason = self.failure();
                match &mut self.trouble {
                    Some(trouble) if trouble.reason == reason => return,
                    Some(trouble) => trouble.reason.clone_from(&reason),
                    none => *none = Some(Trouble::new(reason.clone(), now)),
                }
                events.tell(Level::Fail, name, "HEAD_FAILED", reason);
            }
            HeadState::Warming | HeadState::Serving => {
                if let Some(trouble) = self.trouble.take() {
                    let tries = trouble.tries;
                    events.good(name, format!("its ports are open, after {tries} tries that failed"));
                }
            }
            HeadState::Stopped | HeadState::Withdrawn => self.trouble = None,
            HeadState::Starting => {}
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let due = self.trouble.as_ref().is_some_and(|trouble| trouble.again_at <= now);
        due && self.own_state() == HeadState::Failed
    }
}

impl Roster {
    fn due(&self, now: Instant) -> Vec<u32> {
        let members = self.members.read();
        members.iter().filter(|(_, member)| member.is_due(now)).map(|(index, _)| *index).collect()
    }
}

impl Hydra {
    /// Tries failed heads again for as long as the daemon runs.
    pub(in crate::hydra) async fn mend_heads(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let due = self.roster.due(Instant::now());
            if due.is_empty() || self.phase() != Phase::Running {
                continue;
            }
            // an operator's change comes first
            let Ok(_change) = self.roster.changing.try_lock() else { continue };
            self.try_again(&due).await;
        }
    }

    async fn try_again(&self, due: &[u32]) {
        for index in due {
            let identity = self.roster.identity(*index).await;
            // removed or stopped meanwhile
            let still = self.roster.members.read().get(index).is_some_and(|m| m.is_due(Instant::now()));
            if let (Ok(identity), true) = (identity, still) {
                self.withdraw(*index).await;
                self.launch(identity).await;
            }
        }
        self.settled(due).await;
        let now = Instant::now();
        let mut members = self.roster.members.write();
        for index in due {
            let Some(member) = members.get_mut(index) else { continue };
            member.watch_trouble(&self.events, now);
            if member.own_state() == HeadState::Failed
                && let Some(trouble) = &mut member.trouble
            {
                trouble.failed_again(now);
            }
        }
    }

    /// Whether a head's port can be opened. Where ports are chosen freely and somebody took the
    /// head's, it gets another one, and keeps that; answers which.
    pub(super) async fn own_port(&self, row: &HeadRow) -> Result<u16, String> {
        let error = match row.listen.iter().try_for_each(|ip| ports::check(*ip, row.port)) {
            Ok(()) => return Ok(row.port),
            Err(error) => error,
        };
        let PortError::Taken { ip, port: taken, by } = &error else { return Err(error.to_string()) };
        if self.config.port_begin > 0 {
            return Err(error.to_string());
        }
        let rows = self.state.heads().await.map_err(|e| e.to_string())?;
        let others = rows.iter().map(|row| row.port).collect();
        let port = free_port(&row.listen, &others)?;
        let kept = self.state.set_endpoint(row.index, row.listen.clone(), port).await;
        kept.map_err(|e| format!("{error}; another port could not be kept: {e}"))?;
        let text = format!(
            "port {taken} on {ip} is taken{by}: it listens on port {port} instead, and keeps that one"
        );
        self.events.tell(Level::Warn, head::name(row.index), "HEAD_PORT_CHANGED", text);
        Ok(port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_tried_after_twice_the_time_up_to_five_minutes() {
        let now = Instant::now();
        let mut trouble = Trouble::new("port 1 is taken".to_owned(), now);
        assert_eq!(trouble.text(), "port 1 is taken; tried once, again within 5 s");
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(trouble.again_at.duration_since(now).as_secs());
            trouble.failed_again(now);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(trouble.text(), "port 1 is taken; tried 9 times, again within 300 s");
    }
}
