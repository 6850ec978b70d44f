//! The file of the values, and of what must outlive the log: the store's secret, the
//! shift of its clock, and tombstones.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::Meta;
use crate::belly::database::{self, Format, Trouble};
use crate::wire::Key256;

/// "hylv" in ASCII.
const FORMAT: Format = Format { application_id: 0x6879_6c76, migrations: &[V1, V2] };

/// `place` is SHA-256 of `key`.
const V1: &str = "
    CREATE TABLE value_records (
        place    BLOB PRIMARY KEY,
        key      BLOB NOT NULL,
        value    BLOB NOT NULL,
        received INTEGER NOT NULL -- milliseconds since the epoch
    ) WITHOUT ROWID;
    CREATE TABLE meta (
        name  TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) WITHOUT ROWID";

const V2: &str = "
    CREATE TABLE tombstones (
        provider INTEGER NOT NULL, -- 1: `what` is a peer id; 0: a key
        what     BLOB NOT NULL,
        at       INTEGER NOT NULL, -- seconds since the epoch: records announced until then are void
        PRIMARY KEY (provider, what)
    ) WITHOUT ROWID";

const FILE: &str = "values.db";

/// What was purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::belly) struct Tombstone {
    /// A key, or a peer id.
    pub(in crate::belly) what: Vec<u8>,
    pub(in crate::belly) provider: bool,
    /// Seconds since the Unix epoch.
    pub(in crate::belly) at: u32,
}

/// The connection that writes.
pub(in crate::belly) struct ValuesFile {
    path: PathBuf,
    db: Connection,
}

pub(in crate::belly) fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

impl ValuesFile {
    pub(in crate::belly) fn open(dir: &Path) -> Result<Self, Trouble> {
        let path = path(dir);
        let db = FORMAT.writer(&path)?;
        Ok(Self { path, db })
    }

    /// For reading alone.
    pub(in crate::belly) fn reader(dir: &Path) -> Result<Self, Trouble> {
        let path = path(dir);
        let db = FORMAT.reader(&path)?;
        Ok(Self { path, db })
    }

    pub(in crate::belly) fn path(&self) -> &Path {
        &self.path
    }

    /// Places, sizes and times of all values.
    pub(in crate::belly) fn metas(&self, mut each: impl FnMut(Key256, Meta)) -> rusqlite::Result<()> {
        let mut select =
            self.db.prepare("SELECT place, length(key) + length(value), received FROM value_records")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let received = row.get::<_, i64>(2)?.max(0).unsigned_abs();
            each(Key256(row.get(0)?), Meta { bytes: row.get::<_, i64>(1)?.unsigned_abs(), received });
        }
        Ok(())
    }

    /// A value and when it came, in milliseconds since the Unix epoch.
    pub(in crate::belly) fn value(&self, place: &Key256) -> rusqlite::Result<Option<(Vec<u8>, u64)>> {
        self.db
            .prepare_cached("SELECT value, received FROM value_records WHERE place = ?1")?
            .query_row([&place.0[..]], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?.max(0).unsigned_abs())))
            .optional()
    }

    /// Writes values, each with when it came; all or none.
    pub(in crate::belly) fn put<'a>(
        &mut self,
        values: impl Iterator<Item = (Key256, &'a Bytes, &'a Bytes, u64)>,
    ) -> rusqlite::Result<()> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (place, key, value, received) in values {
            let received = i64::try_from(received).unwrap_or(i64::MAX);
            tx.prepare_cached(
                "INSERT INTO value_records (place, key, value, received) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (place) DO UPDATE SET value = ?3, received = ?4",
            )?
            .execute(params![&place.0[..], &key[..], &value[..], received])?;
        }
        tx.commit()
    }

    pub(in crate::belly) fn delete(&mut self, places: &[Key256]) -> rusqlite::Result<()> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for place in places {
            tx.prepare_cached("DELETE FROM value_records WHERE place = ?1")?.execute([&place.0[..]])?;
        }
        tx.commit()
    }

    pub(in crate::belly) fn meta<const N: usize>(&self, name: &str) -> rusqlite::Result<Option<[u8; N]>> {
        let found: Option<Vec<u8>> =
            self.db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |r| r.get(0)).optional()?;
        Ok(found.and_then(|bytes| bytes.try_into().ok()))
    }

    pub(in crate::belly) fn set_meta(&self, name: &str, value: &[u8]) -> rusqlite::Result<()> {
        let sql =
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        self.db.execute(sql, params![name, value]).map(|_| ())
    }

    pub(in crate::belly) fn tombstones(&self) -> rusqlite::Result<Vec<Tombstone>> {
        self.db
            .prepare("SELECT provider, what, at FROM tombstones")?
            .query_map([], |r| Ok(Tombstone { provider: r.get(0)?, what: r.get(1)?, at: r.get(2)? }))?
            .collect()
    }

    pub(in crate::belly) fn bury(&self, tombstone: &Tombstone) -> rusqlite::Result<()> {
        let sql = "INSERT INTO tombstones (provider, what, at) VALUES (?1, ?2, ?3)
                   ON CONFLICT (provider, what) DO UPDATE SET at = ?3";
        let Tombstone { provider, what, at } = tombstone;
        self.db.execute(sql, params![provider, what, at]).map(|_| ())
    }

    /// Forgets tombstones of that time or older.
    pub(in crate::belly) fn forget_tombstones(&self, until: u32) -> rusqlite::Result<()> {
        self.db.execute("DELETE FROM tombstones WHERE at <= ?1", [until]).map(|_| ())
    }

    /// What SQLite says of the file: "ok", or the first fault.
    pub(in crate::belly) fn quick_check(&self) -> rusqlite::Result<String> {
        self.db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))
    }

    pub(in crate::belly) fn close(self) -> rusqlite::Result<()> {
        database::close(self.db)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_first_format_is_migrated_and_keeps_its_values() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = Format { application_id: FORMAT.application_id, migrations: &[V1] };
        let db = first.writer(&path(dir.path())).expect("made");
        db.execute("INSERT INTO value_records VALUES (zeroblob(32), x'01', x'02', 7)", []).expect("inserted");
        drop(db);
        let file = ValuesFile::open(dir.path()).expect("migrated");
        assert_eq!(file.value(&Key256([0; 32])).expect("read"), Some((vec![2], 7)));
        assert_eq!(file.tombstones().expect("read"), []);
    }
}
