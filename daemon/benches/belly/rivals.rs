//! Other embedded stores, with what their authors recommend and each commit on the disk.

use std::collections::BTreeMap;
use std::path::Path;

use fjall::PersistMode;
use heed::types::Bytes;

use crate::{Outcome, Rival};

type Named = (&'static str, Box<dyn Rival>);

pub(crate) fn all(dir: &Path) -> Outcome<Vec<Named>> {
    Ok(vec![
        ("fjall, synced", Box::new(Fjall::new(&dir.join("fjall"), Some(PersistMode::SyncData))?) as _),
        ("fjall, not synced", Box::new(Fjall::new(&dir.join("fjall-buffered"), None)?)),
        ("LMDB, synced", Box::new(Lmdb::new(&dir.join("lmdb"))?)),
        ("redb, synced", Box::new(Redb(redb::Database::create(dir.join("records.redb"))?))),
    ])
}

impl Rival for Box<dyn Rival> {
    fn commit(&mut self, batch: &BTreeMap<[u8; 34], u64>) -> Outcome {
        (**self).commit(batch)
    }
}

/// Digest and provider: what makes a record one.
fn record(key: &[u8; 34], provider: u64) -> [u8; 36] {
    let mut record = [0; 36];
    record[..32].copy_from_slice(&key[2..]);
    record[32..].copy_from_slice(&(provider as u32).to_be_bytes());
    record
}

/// The hour, as the table has it.
const HOUR: [u8; 4] = 500_000_u32.to_be_bytes();

struct Fjall {
    db: fjall::Database,
    records: fjall::Keyspace,
    sync: Option<PersistMode>,
}

impl Fjall {
    fn new(path: &Path, sync: Option<PersistMode>) -> Outcome<Self> {
        let db = fjall::Database::builder(path).open()?;
        let records = db.keyspace("records", fjall::KeyspaceCreateOptions::default)?;
        Ok(Self { db, records, sync })
    }
}

impl Rival for Fjall {
    fn commit(&mut self, batch: &BTreeMap<[u8; 34], u64>) -> Outcome {
        let mut write = self.db.batch();
        for (key, provider) in batch {
            write.insert(&self.records, record(key, *provider), HOUR);
        }
        Ok(write.durability(self.sync).commit()?)
    }
}

struct Lmdb {
    env: heed::Env,
    records: heed::Database<Bytes, Bytes>,
}

impl Lmdb {
    fn new(path: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(path)?;
        // SAFETY: the directory is this run's own, and opened once.
        #[allow(unsafe_code)]
        let env = unsafe { heed::EnvOpenOptions::new().map_size(32 << 30).open(path)? };
        let mut tx = env.write_txn()?;
        let records = env.create_database(&mut tx, None)?;
        tx.commit()?;
        Ok(Self { env, records })
    }
}

impl Rival for Lmdb {
    fn commit(&mut self, batch: &BTreeMap<[u8; 34], u64>) -> Outcome {
        let mut tx = self.env.write_txn()?;
        for (key, provider) in batch {
            self.records.put(&mut tx, &record(key, *provider), &HOUR)?;
        }
        Ok(tx.commit()?)
    }
}

struct Redb(redb::Database);

impl Rival for Redb {
    fn commit(&mut self, batch: &BTreeMap<[u8; 34], u64>) -> Outcome {
        const RECORDS: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("records");
        let tx = self.0.begin_write()?;
        let mut table = tx.open_table(RECORDS)?;
        for (key, provider) in batch {
            table.insert(&record(key, *provider)[..], &HOUR[..])?;
        }
        drop(table);
        Ok(tx.commit()?)
    }
}
