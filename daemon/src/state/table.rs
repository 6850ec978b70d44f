//! The routing table as it was last saved.

use std::path::Path;
use std::time::Duration;

use libp2p::PeerId;
use rusqlite::{Connection, TransactionBehavior, params};

use super::rows::{MAX_AGENT, MAX_PROTOCOLS, PeerRow, seconds, time};
use super::{Failure, MAX_TABLE_PEERS, StateError};
use crate::wire::AddrList;

pub(super) fn save(db: &mut Connection, _: &Path, rows: &[PeerRow]) -> Result<(), Failure> {
    if rows.len() > MAX_TABLE_PEERS {
        return Err(StateError::TooManyPeers { count: rows.len() }.into());
    }
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change.execute("DELETE FROM peers", [])?;
    {
        let mut insert = change.prepare_cached(
            "INSERT OR REPLACE INTO peers (peer_id, addrs, agent, protocols, last_seen, latency_ms, walked) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for row in rows {
            insert.execute(params![
                row.peer_id.to_bytes(),
                row.addrs.as_fields(),
                &row.agent[..row.agent.floor_char_boundary(MAX_AGENT)],
                &row.protocols[..row.protocols.floor_char_boundary(MAX_PROTOCOLS)],
                seconds(row.last_seen),
                row.latency.and_then(|latency| i64::try_from(latency.as_millis()).ok()),
                row.walked.map(seconds),
            ])?;
        }
    }
    change.commit()?;
    Ok(())
}

pub(super) fn load(db: &Connection, _: &Path) -> Result<Vec<PeerRow>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT peer_id, addrs, agent, protocols, last_seen, latency_ms, walked FROM peers",
    )?;
    let mut rows = select.query([])?;
    let mut peers = Vec::new();
    while let Some(row) = rows.next()? {
        let peer_id = PeerId::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default());
        let addrs = AddrList::from_fields(row.get_ref(1)?.as_blob().unwrap_or_default());
        // A snapshot is a hint: what does not decode is learned again from the network.
        if let (Ok(peer_id), Some(addrs)) = (peer_id, addrs) {
            let latency = row.get::<_, Option<u32>>(5)?.map(|ms| Duration::from_millis(ms.into()));
            peers.push(PeerRow {
                peer_id,
                addrs,
                agent: row.get(2)?,
                protocols: row.get(3)?,
                last_seen: time(row.get(4)?),
                latency,
                walked: row.get::<_, Option<i64>>(6)?.map(time),
            });
        }
    }
    Ok(peers)
}
