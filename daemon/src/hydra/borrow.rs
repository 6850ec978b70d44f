//! Ids on lease from another hydra: got when heads are added, kept in the state, renewed while
//! the daemon runs, given back when an index is given up.

use std::time::{Duration, SystemTime};

use super::roster::RosterError;
use crate::hydra::Hydra;
use crate::net::idgen::IdgenError;
use crate::telemetry::Level;

/// Leases are renewed at least this often, and at most.
const RENEW: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(3600));

/// A renewal that failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);

impl Hydra {
    /// Gets ids for indices that have none; what was got is kept, also when the next fails.
    pub(super) async fn borrow_ids(&self, indexes: &[u32]) -> Result<(), RosterError> {
        let Some(idgen) = &self.idgen else { return Ok(()) };
        for index in indexes {
            if self.roster.sequence.lock().identity(*index).is_ok() {
                continue;
            }
            let key = idgen.add().await?;
            let bytes = key.to_protobuf_encoding().map_err(|error| RosterError::Start(error.to_string()))?;
            self.state.set_borrowed(*index, Some(bytes)).await?;
            self.roster.sequence.lock().lend(*index, key);
        }
        Ok(())
    }

    /// Gives the id of an index back. A server that does not hear of it waits for the lease to
    /// run out.
    pub(super) async fn give_back_id(&self, index: u32) -> Result<(), RosterError> {
        let Some(idgen) = &self.idgen else { return Ok(()) };
        let key = self.roster.sequence.lock().give_back(index);
        self.state.set_borrowed(index, None).await?;
        if let Some(key) = key
            && let Err(error) = idgen.remove(&key).await
        {
            tracing::warn!(%error, index, "an id was not given back; its lease runs out");
        }
        Ok(())
    }

    /// Renews the leases of all borrowed ids for as long as the daemon runs.
    pub async fn keep_borrowed_ids(&self) {
        let Some(idgen) = &self.idgen else { return };
        let mut lost = Vec::new();
        loop {
            let borrowed = self.roster.sequence.lock().borrowed();
            let peers: Vec<_> = borrowed.into_iter().map(|(_, peer)| peer).collect();
            let wait = match idgen.renew(&peers).await {
                Ok(renewal) => {
                    let new: Vec<_> =
                        renewal.unknown.iter().filter(|id| !lost.contains(*id)).cloned().collect();
                    if !new.is_empty() {
                        let text = format!(
                            "{} no longer leases {}: others may get these ids; remove and purge their heads, \
                             and add new ones",
                            idgen.address(),
                            new.join(", ")
                        );
                        self.events.tell(Level::Fail, "hydrad", "LEASE_LOST", text);
                    }
                    lost = renewal.unknown;
                    let left = renewal.expires.and_then(|at| at.duration_since(SystemTime::now()).ok());
                    left.map_or(RENEW.1, |left| left / 3)
                }
                // the predecessor's server knows no leases
                Err(IdgenError::Refused { status: 404 | 405, .. }) => RENEW.1,
                Err(error) => {
                    tracing::warn!(%error, "the ids on lease were not renewed; tried again in {} s", AGAIN.as_secs());
                    AGAIN
                }
            };
            tokio::time::sleep(wait.clamp(RENEW.0, RENEW.1)).await;
        }
    }
}
