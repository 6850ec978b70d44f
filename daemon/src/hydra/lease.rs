//! Ids of our sequence for other hydras: the next free index, on lease.
//!
//! A fleet whose members get their ids here is balanced as one. A lease that is not renewed
//! runs out, and its index is free again.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use libp2p::PeerId;

use super::roster::RosterError;
use crate::hydra::Hydra;
use crate::identity::Identity;
use crate::state::{LeaseRow, StateError};

/// Why no id was handed out.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error("no index is left of the set {0} (identity.indexes); widen it, or give ids back")]
    NoIndex(String),
    #[error("this hydra has its own ids on lease (identity.idgen): ask that server")]
    Borrower,
    #[error(transparent)]
    Roster(#[from] RosterError),
    #[error(transparent)]
    State(#[from] StateError),
}

/// An id that was handed out.
#[derive(Debug, Clone)]
pub struct Lease {
    pub identity: Identity,
    pub expires_at: SystemTime,
}

impl Hydra {
    /// How long a lease is.
    #[must_use]
    pub fn lease_time(&self) -> Duration {
        self.config.lease
    }

    /// Indices that others hold.
    pub(super) async fn leased(&self) -> Result<HashSet<u32>, StateError> {
        Ok(self.state.leases().await?.into_iter().map(|lease| lease.index).collect())
    }

    /// Hands out the id of the next index that is neither a head's nor anybody's.
    ///
    /// # Errors
    /// When no index is left, or the state cannot be written: then none is handed out.
    pub async fn lease(&self, client: String) -> Result<Lease, LeaseError> {
        if self.idgen.is_some() {
            return Err(LeaseError::Borrower);
        }
        // heads take their indices under the same lock
        let _change = self.roster.changing.lock().await;
        let heads = self.state.heads().await?.into_iter().map(|row| row.index);
        let taken: HashSet<u32> = heads.chain(self.leased().await?).collect();
        let free = self.config.indexes.free(1, |index| taken.contains(&index));
        let Some(index) = free.first().copied() else {
            return Err(LeaseError::NoIndex(self.config.indexes.to_string()));
        };
        let identity = self.roster.identity(index).await?;
        let leased_at = SystemTime::now();
        let expires_at = leased_at + self.config.lease;
        let peer_id = identity.peer_id;
        self.state.add_lease(LeaseRow { index, peer_id, client, leased_at, expires_at }).await?;
        Ok(Lease { identity, expires_at })
    }

    /// Renews leases that have not run out; answers whose, and until when.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn renew_leases(&self, peers: Vec<PeerId>) -> Result<(Vec<PeerId>, SystemTime), StateError> {
        let expires_at = SystemTime::now() + self.config.lease;
        Ok((self.state.renew_leases(peers, expires_at).await?, expires_at))
    }
}
