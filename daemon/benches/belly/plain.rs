//! The store that every other server has: a table keyed by record.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Outcome, Rival};

pub(crate) struct Table(rusqlite::Connection);

impl Table {
    pub(crate) fn new(path: &Path) -> Outcome<Self> {
        let db = rusqlite::Connection::open(path)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1048576;
             PRAGMA wal_autocheckpoint = 4000;
             CREATE TABLE records (k BLOB, p INTEGER, t INTEGER, PRIMARY KEY (k, p)) WITHOUT ROWID;",
        )?;
        Ok(Self(db))
    }
}

impl Rival for Table {
    fn commit(&mut self, batch: &BTreeMap<[u8; 34], u64>) -> Outcome {
        let tx = self.0.transaction()?;
        let mut insert = tx.prepare_cached(
            "INSERT INTO records (k, p, t) VALUES (?1, ?2, ?3) ON CONFLICT (k, p) DO UPDATE SET t = ?3",
        )?;
        for (key, provider) in batch {
            insert.execute((&key[2..], *provider as i64, 500_000))?;
        }
        drop(insert);
        Ok(tx.commit()?)
    }
}
