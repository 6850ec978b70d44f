//! The database's form: marks, versions and the steps between them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{StateError, dir};

/// `PRAGMA application_id`: "hydr". Tells our file from any other database.
pub(super) const APPLICATION_ID: i64 = 0x6879_6472;

/// One step a version; the version is the number of steps done (`PRAGMA user_version`).
/// A step that was released is never changed: add one.
const STEPS: &[&str] = &[
    "
    CREATE TABLE settings (
        key   TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE heads (
        idx      INTEGER PRIMARY KEY CHECK (idx >= 0),
        peer_id  TEXT NOT NULL UNIQUE,
        listen   TEXT NOT NULL,     -- addresses, joined by commas
        port     INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
        status   TEXT NOT NULL CHECK (status IN ('active', 'stopped', 'removed')),
        added_at INTEGER NOT NULL   -- seconds since 1970
    ) STRICT;
    CREATE TABLE peers (
        peer_id   BLOB PRIMARY KEY,
        addrs     BLOB NOT NULL,    -- as the addrs fields of a Message.Peer
        agent     TEXT NOT NULL,
        last_seen INTEGER NOT NULL  -- seconds since 1970
    ) STRICT, WITHOUT ROWID;
",
    "
    -- what the crawl knows of a peer, so that it goes on where it was
    ALTER TABLE peers ADD COLUMN protocols TEXT NOT NULL DEFAULT '';
    ALTER TABLE peers ADD COLUMN latency_ms INTEGER;   -- of the quickest answer
    ALTER TABLE peers ADD COLUMN walked INTEGER;       -- seconds since 1970
",
    "
    CREATE TABLE leases (
        idx        INTEGER PRIMARY KEY CHECK (idx >= 0),
        peer_id    TEXT NOT NULL UNIQUE,
        client     TEXT NOT NULL,      -- the address that asked
        leased_at  INTEGER NOT NULL,   -- seconds since 1970
        expires_at INTEGER NOT NULL    -- seconds since 1970
    ) STRICT;
    CREATE TABLE borrowed (
        idx  INTEGER PRIMARY KEY CHECK (idx >= 0),
        key  BLOB NOT NULL             -- the private key as a protobuf
    ) STRICT;
",
];

/// The version this program writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// Makes a new state under another name and gives it its name when it is whole, so that an
/// empty or half-made file under that name is damage and never taken for a first start.
pub(super) fn make(path: &Path) -> Result<(), StateError> {
    let new = path.with_extension("db.new");
    dir::remove_quietly(&new);
    dir::make_private(&new)?;
    let failed = |source| StateError::sql("make", path, source);
    let mut db = Connection::open(&new).map_err(failed)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    db.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    upgrade(&mut db, 0).map_err(failed)?;
    db.close().map_err(|(_, source)| failed(source))?;
    fs::rename(&new, path).map_err(|source| StateError::io("make", path, source))?;
    path.parent().map_or(Ok(()), dir::sync)
}

/// Opens the state for the daemon, upgrading it.
pub(super) fn open(path: &Path) -> Result<Connection, StateError> {
    let failed = |source| StateError::sql("open", path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(failed)?;
    db.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    let version = check(&db, path)?;
    db.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    upgrade(&mut db, version).map_err(|source| StateError::sql("upgrade", path, source))?;
    Ok(db)
}

/// Opens an existing state only to read it, next to a daemon that may run.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, StateError> {
    let failed = |source| StateError::sql("open", path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(failed)?;
    db.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    check(&db, path)?;
    Ok(db)
}

/// Whose file it is, of which version, and whether it is whole.
fn check(db: &Connection, path: &Path) -> Result<i64, StateError> {
    let failed = |source| StateError::sql("check", path, source);
    let damaged = |reason: &str| StateError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    let bytes = fs::metadata(path).map_err(|source| StateError::io("look at", path, source))?.len();
    if bytes == 0 {
        return Err(damaged("it is empty"));
    }
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    if number("application_id")? != APPLICATION_ID {
        return Err(StateError::Foreign { path: path.to_owned() });
    }
    let version = number("user_version")?;
    if version > VERSION {
        return Err(StateError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if verdict != "ok" {
        return Err(damaged(&verdict));
    }
    if version < 1 {
        return Err(damaged("it has no version"));
    }
    Ok(version)
}

fn upgrade(db: &mut Connection, from: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(from).unwrap_or(0);
    for (step, version) in STEPS.iter().zip(1_i64..).skip(done) {
        let change = db.transaction()?;
        change.execute_batch(step)?;
        change.pragma_update(None, "user_version", version)?;
        change.commit()?;
    }
    Ok(())
}
