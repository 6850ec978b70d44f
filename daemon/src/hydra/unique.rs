//! Keeping the counts of distinct peers over a restart, in the state.

use std::collections::HashSet;
use std::time::SystemTime;

use hydra_protocol::sketch::Sketch;

use crate::hydra::Hydra;
use crate::state::StateError;
use crate::telemetry::Level;
use crate::telemetry::unique::{Counted, HOURS, SeenBy};

/// The setting in the state that says which hours are kept, beside the totals.
const KEPT: &str = "unique.hours";

impl Hydra {
    /// Takes in what the last run counted.
    pub async fn restore_unique(&self) {
        self.contacts.unique.turn(SystemTime::now());
        if let Err(error) = self.read_unique().await {
            let text = format!("read the counts of peers: {error}; they begin anew");
            self.events.tell(Level::Warn, "state", "STATE_UNREADABLE", text);
        }
    }

    async fn read_unique(&self) -> Result<(), StateError> {
        let hours = self.kept_hours().await?.into_iter().map(Some);
        for hour in hours.chain([None]) {
            for by in SeenBy::ALL {
                let Some(bytes) = self.state.setting(&name(by, hour)).await? else { continue };
                // of another form: a newer or older program's; it is counted anew
                let Ok(sketch) = Sketch::from_bytes(&bytes) else { continue };
                self.contacts.unique.restore(&Counted { by, hour, sketch });
            }
        }
        Ok(())
    }

    /// Writes the counts into the state: the totals, this hour and the one before, and what
    /// was not written yet; hours that are too old are forgotten.
    pub(super) async fn save_unique(&self) {
        if let Err(error) = self.write_unique().await {
            let text = format!("save the counts of peers: {error}");
            self.events.tell(Level::Warn, "state", "STATE_UNWRITABLE", text);
        }
    }

    async fn write_unique(&self) -> Result<(), StateError> {
        let before: HashSet<u64> = self.kept_hours().await?.into_iter().collect();
        let counts = self.contacts.unique.counts();
        let mut hours: Vec<u64> = counts.iter().filter_map(|counted| counted.hour).collect();
        hours.sort_unstable();
        hours.dedup();
        let changing = hours.iter().rev().nth(1).copied().unwrap_or(0);
        for Counted { by, hour, sketch } in counts {
            if hour.is_none_or(|hour| hour >= changing || !before.contains(&hour)) {
                self.state.set_setting(&name(by, hour), Some(sketch.to_bytes())).await?;
            }
        }
        let kept = hours.iter().flat_map(|hour| hour.to_be_bytes()).collect();
        self.state.set_setting(KEPT, Some(kept)).await?;
        for old in before.into_iter().filter(|hour| !hours.contains(hour)) {
            for by in SeenBy::ALL {
                self.state.set_setting(&name(by, Some(old)), None).await?;
            }
        }
        Ok(())
    }

    async fn kept_hours(&self) -> Result<Vec<u64>, StateError> {
        let bytes = self.state.setting(KEPT).await?.unwrap_or_default();
        let (hours, _) = bytes.as_chunks::<8>();
        Ok(hours.iter().map(|hour| u64::from_be_bytes(*hour)).take(HOURS + 2).collect())
    }
}

fn name(by: SeenBy, hour: Option<u64>) -> String {
    let hour = hour.map_or_else(|| "total".to_owned(), |hour| hour.to_string());
    format!("unique.{}.{hour}", by.name())
}
