//! The periodic work of the hydra.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use crate::hydra::{Hydra, notify};
use crate::routing::table::Member;
use crate::state::PeerRow;
use crate::telemetry::Level;

const SECOND: Duration = Duration::from_secs(1);

/// Conditions are looked at, and systemd is told, every so many seconds.
const CONDITIONS: u64 = 2;
const STATUS: u64 = 10;
const TRIM: u64 = 10;

/// The table is saved every so many seconds.
const SAVE: u64 = 300;

/// A saved peer older than this is not tried again.
const STALE: Duration = Duration::from_secs(7 * 24 * 3600);

impl Hydra {
    /// Does the periodic work until the process ends.
    pub async fn rounds(self: Arc<Self>) {
        tokio::spawn(Arc::clone(&self).measure_presence());
        tokio::spawn(Arc::clone(&self).measure_coverage());
        tokio::spawn(Arc::clone(&self).mend_heads());
        let mut tick = interval(SECOND);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut second: u64 = 0;
        loop {
            tick.tick().await;
            second += 1;
            self.sample();
            self.watch_warming(second);
            self.roster.serve_where(self.may_serve());
            if second.is_multiple_of(CONDITIONS) {
                // what is not read yet is no miss
                let warming = self.warming().map(|warming| format!("the belly is {}", warming.text()));
                self.prefetch.pause_for_load(warming);
                self.watch_conditions();
            }
            if second.is_multiple_of(TRIM) {
                self.trim();
            }
            if second.is_multiple_of(STATUS) {
                notify::status(&self.summary());
            }
            let hour_ended = self.contacts.unique.turn(SystemTime::now());
            if second.is_multiple_of(SAVE) {
                self.save_table().await;
            }
            if hour_ended || second.is_multiple_of(SAVE) {
                self.save_unique().await;
            }
        }
    }

    /// One line for `systemctl status`.
    #[must_use]
    pub fn summary(&self) -> String {
        let reading = self.warming().map(|warming| format!(", {}", warming.text())).unwrap_or_default();
        format!(
            "{}: {}/{} heads serve, {} servers known, {} peers connected, {} records{reading}",
            self.daemon_state().word(),
            self.heads_serving(),
            self.heads_total(),
            self.table.others(),
            self.contacts.connected(),
            self.belly.counts().records,
        )
    }

    #[must_use]
    pub fn heads_serving(&self) -> usize {
        self.roster.serving()
    }

    #[must_use]
    pub fn heads_total(&self) -> usize {
        self.roster.len()
    }

    /// Writes the table into the state.
    pub(super) async fn save_table(&self) {
        let rows: Vec<PeerRow> = self.table.members().iter().map(Member::row).collect();
        if let Err(error) = self.state.save_table(rows).await {
            self.events.tell(Level::Warn, "state", "STATE_UNWRITABLE", format!("save the table: {error}"));
        }
    }

    /// Has the peers of the saved table checked; they enter it again as they answer.
    pub async fn restore_table(&self) {
        let rows = match self.state.load_table().await {
            Ok(rows) => rows,
            Err(error) => {
                self.events.tell(
                    Level::Warn,
                    "state",
                    "STATE_UNREADABLE",
                    format!("read the saved table: {error}"),
                );
                return;
            }
        };
        let fresh =
            |row: &PeerRow| SystemTime::now().duration_since(row.last_seen).is_ok_and(|age| age < STALE);
        let known: Vec<_> = rows.into_iter().filter(fresh).collect();
        if !known.is_empty() {
            self.events
                .good("scout", format!("{} servers kept from the last run are asked again", known.len()));
        }
        self.scout.restore(known).await;
    }
}
