//! Ids that other hydras hold on lease: their indices are nobody else's meanwhile. And the keys
//! that this hydra holds on lease itself.

use std::time::SystemTime;

use libp2p::PeerId;
use rusqlite::{Connection, TransactionBehavior, params};

use super::rows::{BorrowedRow, LeaseRow, seconds, time};
use super::{Failure, MAX_LEASES, StateError};

/// Leases that have not run out at `now`, by index.
pub(super) fn all(db: &Connection, now: SystemTime) -> Result<Vec<LeaseRow>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT idx, peer_id, lease, client, leased_at, expires_at FROM leases WHERE expires_at > ?1 ORDER BY idx",
    )?;
    let mut rows = select.query([seconds(now)])?;
    let mut leases = Vec::new();
    while let Some(row) = rows.next()? {
        let peer_id: String = row.get(1)?;
        // one that does not decode cannot be renewed: it runs out
        let Ok(peer_id) = peer_id.parse::<PeerId>() else { continue };
        leases.push(LeaseRow {
            index: row.get(0)?,
            peer_id,
            lease: row.get(2)?,
            client: row.get(3)?,
            leased_at: time(row.get(4)?),
            expires_at: time(row.get(5)?),
        });
    }
    Ok(leases)
}

pub(super) fn add(db: &mut Connection, row: &LeaseRow) -> Result<(), Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change.execute("DELETE FROM leases WHERE expires_at <= ?1", [seconds(row.leased_at)])?;
    let count: i64 = change.query_row("SELECT count(*) FROM leases", [], |row| row.get(0))?;
    if count >= MAX_LEASES as i64 {
        return Err(StateError::TooManyLeases.into());
    }
    change.execute(
        "INSERT INTO leases (idx, peer_id, lease, client, leased_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            row.index,
            row.peer_id.to_string(),
            row.lease,
            row.client,
            seconds(row.leased_at),
            seconds(row.expires_at)
        ],
    )?;
    change.commit()?;
    Ok(())
}

/// Those that had the lease they name at `now` have it until `expires`; answers who.
pub(super) fn renew(
    db: &mut Connection,
    leases: &[(PeerId, String)],
    now: SystemTime,
    expires: SystemTime,
) -> Result<Vec<PeerId>, Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut renewed = Vec::new();
    for (peer, lease) in leases {
        let changed = change.execute(
            "UPDATE leases SET expires_at = ?1 WHERE peer_id = ?2 AND expires_at > ?3 AND lease = ?4",
            params![seconds(expires), peer.to_string(), seconds(now), lease],
        )?;
        if changed > 0 {
            renewed.push(*peer);
        }
    }
    change.commit()?;
    Ok(renewed)
}

/// Gives a lease back, only this one when it is named; says whether there was one.
pub(super) fn remove(db: &Connection, peer: &PeerId, lease: Option<&str>) -> Result<bool, Failure> {
    let delete = "DELETE FROM leases WHERE peer_id = ?1 AND (?2 IS NULL OR lease = ?2)";
    Ok(db.execute(delete, params![peer.to_string(), lease])? > 0)
}

/// Keys on lease from another hydra, by our own index.
pub(super) fn borrowed(db: &Connection) -> Result<Vec<BorrowedRow>, Failure> {
    let mut select = db.prepare_cached("SELECT idx, key, lease FROM borrowed ORDER BY idx")?;
    let rows = select
        .query_map([], |row| Ok(BorrowedRow { index: row.get(0)?, key: row.get(1)?, lease: row.get(2)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Keeps a key.
pub(super) fn borrow(db: &Connection, row: &BorrowedRow) -> Result<(), Failure> {
    let insert = "INSERT OR REPLACE INTO borrowed (idx, key, lease) VALUES (?1, ?2, ?3)";
    db.execute(insert, params![row.index, row.key, row.lease])?;
    Ok(())
}

/// Forgets a key, and answers it.
pub(super) fn give_back(db: &Connection, index: u32) -> Result<Option<BorrowedRow>, Failure> {
    let row = borrowed(db)?.into_iter().find(|row| row.index == index);
    db.execute("DELETE FROM borrowed WHERE idx = ?1", [index])?;
    Ok(row)
}
