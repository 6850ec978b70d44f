//! The heads and their reserved indices.

use std::net::IpAddr;
use std::path::Path;

use libp2p::PeerId;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::rows::{HeadRow, HeadStatus, seconds, time};
use super::{Failure, MAX_HEADS, StateError};

pub(super) fn all(db: &Connection, path: &Path) -> Result<Vec<HeadRow>, Failure> {
    select(db, path, 0, u32::MAX)
}

/// Heads whose index lies between two, by index.
fn select(db: &Connection, path: &Path, first: u32, last: u32) -> Result<Vec<HeadRow>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT idx, peer_id, listen, port, status, added_at FROM heads WHERE idx BETWEEN ?1 AND ?2 ORDER BY idx",
    )?;
    let mut rows = select.query([first, last])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push(decode(row)?.ok_or_else(|| damaged(row, path))?);
    }
    Ok(heads)
}

/// `None` when a text in the row does not mean what it should.
fn decode(row: &Row<'_>) -> rusqlite::Result<Option<HeadRow>> {
    let peer_id: String = row.get(1)?;
    let listen: String = row.get(2)?;
    let status: String = row.get(4)?;
    let listen: Result<Vec<IpAddr>, _> = listen.split(',').map(str::parse).collect();
    let (Ok(peer_id), Ok(listen), Some(status)) =
        (peer_id.parse::<PeerId>(), listen, HeadStatus::parse(&status))
    else {
        return Ok(None);
    };
    Ok(Some(HeadRow {
        index: row.get(0)?,
        peer_id,
        listen,
        port: row.get(3)?,
        status,
        added_at: time(row.get(5)?),
    }))
}

fn damaged(row: &Row<'_>, path: &Path) -> StateError {
    let index: i64 = row.get(0).unwrap_or(-1);
    StateError::Damaged { path: path.to_owned(), reason: format!("the row of head {index} does not decode") }
}

pub(super) fn add(db: &mut Connection, path: &Path, rows: &[HeadRow]) -> Result<(), Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut heads = all(&change, path)?;
    for row in rows {
        match heads.iter().position(|head| head.index == row.index || head.peer_id == row.peer_id) {
            Some(at) if returns(&heads[at], row) => drop(heads.swap_remove(at)),
            Some(at) => {
                let peer_id = heads[at].peer_id.to_string();
                return Err(StateError::IndexTaken { index: heads[at].index, peer_id }.into());
            }
            None => {}
        }
        free_port(&heads, row.index, &row.listen, row.port)?;
        write(&change, row)?;
        heads.push(row.clone());
    }
    if heads.len() > MAX_HEADS {
        return Err(StateError::TooManyHeads { count: heads.len() }.into());
    }
    change.commit()?;
    Ok(())
}

/// A removed head that comes back as what it was.
fn returns(kept: &HeadRow, row: &HeadRow) -> bool {
    kept.status == HeadStatus::Removed && kept.index == row.index && kept.peer_id == row.peer_id
}

fn free_port(heads: &[HeadRow], index: u32, listen: &[IpAddr], port: u16) -> Result<(), StateError> {
    let present = heads.iter().filter(|head| head.index != index && head.status != HeadStatus::Removed);
    for head in present.filter(|head| head.port == port) {
        if let Some(ip) = listen.iter().find(|ip| head.listen.contains(ip)) {
            return Err(StateError::PortTaken { ip: *ip, port, index: head.index });
        }
    }
    Ok(())
}

fn write(db: &Connection, row: &HeadRow) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO heads (idx, peer_id, listen, port, status, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![
        row.index,
        row.peer_id.to_string(),
        joined(&row.listen),
        row.port,
        row.status.as_str(),
        seconds(row.added_at),
    ])?;
    Ok(())
}

fn joined(listen: &[IpAddr]) -> String {
    listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn find(db: &Connection, path: &Path, index: u32) -> Result<HeadRow, Failure> {
    let found = select(db, path, index, index)?.pop();
    found.ok_or_else(|| StateError::NoHead { index }.into())
}

pub(super) fn set_status(
    db: &mut Connection,
    path: &Path,
    index: u32,
    status: HeadStatus,
) -> Result<(), Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let head = find(&change, path, index)?;
    if head.status == HeadStatus::Removed && status != HeadStatus::Removed {
        free_port(&all(&change, path)?, index, &head.listen, head.port)?;
    }
    change.execute("UPDATE heads SET status = ?2 WHERE idx = ?1", params![index, status.as_str()])?;
    change.commit()?;
    Ok(())
}

pub(super) fn set_endpoint(
    db: &mut Connection,
    path: &Path,
    index: u32,
    listen: &[IpAddr],
    port: u16,
) -> Result<(), Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let head = find(&change, path, index)?;
    free_port(&all(&change, path)?, index, listen, port)?;
    write(&change, &HeadRow { listen: listen.to_vec(), port, ..head })?;
    change.commit()?;
    Ok(())
}

pub(super) fn purge(db: &mut Connection, path: &Path, index: u32) -> Result<(), Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let head = find(&change, path, index)?;
    if head.status != HeadStatus::Removed {
        return Err(StateError::NotRemoved { index, status: head.status.as_str() }.into());
    }
    change.execute("DELETE FROM heads WHERE idx = ?1", [index])?;
    change.commit()?;
    Ok(())
}
