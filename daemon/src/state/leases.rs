//! Ids that other hydras hold on lease: their indices are nobody else's meanwhile. And the keys
//! that this hydra holds on lease itself.

use std::time::SystemTime;

use libp2p::PeerId;
use rusqlite::{Connection, TransactionBehavior, params};

use super::rows::{LeaseRow, seconds, time};
use super::{Failure, MAX_LEASES, StateError};

/// Leases that have not run out at `now`, by index.
pub(super) fn all(db: &Connection, now: SystemTime) -> Result<Vec<LeaseRow>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT idx, peer_id, client, leased_at, expires_at FROM leases WHERE expires_at > ?1 ORDER BY idx",
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
            client: row.get(2)?,
            leased_at: time(row.get(3)?),
            expires_at: time(row.get(4)?),
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
        "INSERT INTO leases (idx, peer_id, client, leased_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            row.index,
            row.peer_id.to_string(),
            row.client,
            seconds(row.leased_at),
            seconds(row.expires_at)
        ],
    )?;
    change.commit()?;
    Ok(())
}

/// Those of the peers that had a lease at `now` have it until `expires`; answers who.
pub(super) fn renew(
    db: &mut Connection,
    peers: &[PeerId],
    now: SystemTime,
    expires: SystemTime,
) -> Result<Vec<PeerId>, Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut renewed = Vec::new();
    for peer in peers {
        let changed = change.execute(
            "UPDATE leases SET expires_at = ?1 WHERE peer_id = ?2 AND expires_at > ?3",
            params![seconds(expires), peer.to_string(), seconds(now)],
        )?;
        if changed > 0 {
            renewed.push(*peer);
        }
    }
    change.commit()?;
    Ok(renewed)
}

/// Gives a lease back; says whether there was one.
pub(super) fn remove(db: &Connection, peer: &PeerId) -> Result<bool, Failure> {
    Ok(db.execute("DELETE FROM leases WHERE peer_id = ?1", [peer.to_string()])? > 0)
}

/// Keys on lease from another hydra, by our own index.
pub(super) fn borrowed(db: &Connection) -> Result<Vec<(u32, Vec<u8>)>, Failure> {
    let mut select = db.prepare_cached("SELECT idx, key FROM borrowed ORDER BY idx")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Keeps a key, or with `None` forgets it.
pub(super) fn set_borrowed(db: &Connection, index: u32, key: Option<&[u8]>) -> Result<(), Failure> {
    match key {
        Some(key) => {
            db.execute("INSERT OR REPLACE INTO borrowed (idx, key) VALUES (?1, ?2)", params![index, key])?
        }
        None => db.execute("DELETE FROM borrowed WHERE idx = ?1", [index])?,
    };
    Ok(())
}
