//! What the daemon told: status, heads, history, events. Snapshots and deltas are joined here.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hydra_protocol::v1::{DaemonState, Event, Finding, Head, HeadState, Rates, Status, WatchStatusResponse};

use super::feed::Feeds;
use super::history::History;
use super::{Page, neutral};

/// Events that are kept.
const EVENTS_KEPT: usize = 200;

/// How good something is; the meaning behind a symbol and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// In progress.
    Busy,
    /// Off, not known, not tried.
    Off,
    /// Look at it.
    Look,
    /// Broken, for the operator to mend.
    Broken,
}

impl From<Finding> for Level {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::Ok => Self::Good,
            Finding::Warn => Self::Look,
            Finding::Fail => Self::Broken,
            Finding::InProgress => Self::Busy,
            Finding::Unspecified | Finding::Unknown => Self::Off,
        }
    }
}

/// What the daemon told last.
#[derive(Clone, Debug, Default)]
pub struct Hydra {
    /// The newest status, without its warnings' control characters.
    pub status: Status,
    /// Seconds of the last ten minutes.
    pub history: History,
    /// The newest events, oldest first.
    pub events: VecDeque<Event>,
    /// When it was told, since the start of `top`.
    pub received: Duration,
    /// Updates that the daemon left out because this reader was slow, since it subscribed.
    pub dropped: u64,
    /// What the pages asked for.
    pub feeds: Feeds,
    heads: BTreeMap<u32, Head>,
}

impl Hydra {
    /// Joins an update to what is known.
    pub(super) fn take(&mut self, update: WatchStatusResponse, now: Duration) {
        let WatchStatusResponse { snapshot, dropped, status, heads, removed_heads, samples, events, .. } =
            update;
        self.received = now;
        self.dropped = dropped;
        if let Some(mut status) = status {
            neutral::clean_status(&mut status);
            if self.status.name != status.name {
                // Another hydra answers on this socket: its past is not the one we know.
                self.history = History::default();
            }
            self.status = status;
        }
        if snapshot {
            self.heads.clear();
            self.events.clear();
        }
        for mut head in heads {
            neutral::clean_head(&mut head);
            self.heads.insert(head.index, head);
        }
        self.heads.retain(|_, head| !removed_heads.contains(&head.name));
        samples.iter().for_each(|sample| self.history.push(sample));
        for mut event in events {
            neutral::clean_event(&mut event);
            self.events.push_back(event);
            if self.events.len() > EVENTS_KEPT {
                self.events.pop_front();
            }
        }
    }

    /// The heads by index.
    pub fn heads(&self) -> impl Iterator<Item = &Head> {
        self.heads.values()
    }

    /// A head by its name.
    #[must_use]
    pub fn head(&self, name: &str) -> Option<&Head> {
        self.heads.values().find(|head| head.name == name)
    }

    /// A page shows what it is made for: in place of the Overview stands how far the start is, or
    /// why there are no peers.
    #[must_use]
    pub fn has_all(&self, page: &Page) -> bool {
        let other = matches!(
            self.status.state(),
            DaemonState::Starting | DaemonState::Warming | DaemonState::NoPeers
        );
        *page != Page::Overview || !other
    }

    /// The daemon's clock at the status, in Unix seconds.
    #[must_use]
    pub fn clock(&self) -> i64 {
        self.status.at.map_or(0, |at| at.seconds)
    }

    /// Connections over all heads, both ways.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.status.connections_in.saturating_add(self.status.connections_out)
    }

    /// Requests a second over all heads, average of a minute; `None` when not measured.
    #[must_use]
    pub fn requests(&self) -> Option<f64> {
        self.status.rates_1m.as_ref().map(requests)
    }
}

/// Connections of a head, both ways.
#[must_use]
pub fn connections(head: &Head) -> u64 {
    head.connections_in.saturating_add(head.connections_out)
}

/// Requests a second of a head, average of a minute; `None` when not measured.
#[must_use]
pub fn requests_of(head: &Head) -> Option<f64> {
    head.rates_1m.as_ref().map(requests)
}

/// All requests of these rates, a second.
#[must_use]
pub fn requests(rates: &Rates) -> f64 {
    rates.add_provider + rates.get_providers + rates.find_node + others(rates)
}

/// Requests that have no column of their own, a second.
#[must_use]
pub fn others(rates: &Rates) -> f64 {
    rates.get_value + rates.put_value + rates.ping
}

/// The word for a head's state, and how good it is.
#[must_use]
pub fn state_word(state: HeadState) -> (Level, &'static str) {
    match state {
        HeadState::Unspecified => (Level::Off, "unknown"),
        HeadState::Starting => (Level::Busy, "starting"),
        HeadState::Warming => (Level::Busy, "warming"),
        HeadState::Serving => (Level::Good, "serving"),
        HeadState::Withdrawn => (Level::Busy, "withdrawn"),
        HeadState::Stopped => (Level::Off, "stopped"),
        HeadState::Failed => (Level::Broken, "failed"),
    }
}
