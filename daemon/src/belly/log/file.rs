//! A generation's file: the records of one hour, and who their providers are.
//!
//! Self-contained: a provider's row is written in the transaction of the first page that
//! names it. Its name has a random part and is never used again, so that no leftover of
//! a deleted file can be taken for its own.

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use libp2p::PeerId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::page::Batch;
use crate::belly::database::{self, Format, Trouble};
use crate::belly::providers::{Providers, Row};
use crate::wire::AddrList;

/// "hylg" in ASCII.
pub(super) const FORMAT: Format = Format { application_id: 0x6879_6c67, migrations: &[V1, V2] };

const V1: &str = "
    CREATE TABLE providers (
        number INTEGER PRIMARY KEY, -- as the pages of this file name it
        peer   BLOB NOT NULL,
        addrs  BLOB NOT NULL,       -- `addrs` fields of a Message.Peer
        heard  BLOB NOT NULL,       -- for each address, seconds since the epoch, u32 LE
        seen   INTEGER NOT NULL     -- seconds since the epoch
    );
    CREATE TABLE pages (
        id   INTEGER PRIMARY KEY,   -- from 1 on, in the order they were written
        page BLOB NOT NULL          -- see log/page.rs
    )";

/// A file whose hour is over carries its part of the index.
const V2: &str = "
    CREATE TABLE segment (
        id    INTEGER PRIMARY KEY,  -- 0: the header; from 1 on, in the order of the index
        block BLOB NOT NULL         -- see segments/
    )";

/// The version that brought segments.
const SEGMENTS: i32 = 2;

/// Pages of one record that fit on a page of SQLite.
const MOST_ON_A_PAGE: i64 = 64;

/// What a generation file is called: `<hour>-near-<random>.log.db`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::belly) struct Name {
    /// Hours since the Unix epoch.
    pub(in crate::belly) hour: u32,
    pub(in crate::belly) near: bool,
    pub(in crate::belly) nonce: u32,
}

impl Name {
    pub(in crate::belly) fn new(hour: u32, near: bool) -> Self {
        Self { hour, near, nonce: rand::random() }
    }

    pub(in crate::belly) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix(".log.db")?.splitn(3, '-');
        let (hour, kind, nonce) = (parts.next()?, parts.next()?, parts.next()?);
        let near = match kind {
            "near" => true,
            "far" => false,
            _ => return None,
        };
        let name = Self { hour: hour.parse().ok()?, near, nonce: u32::from_str_radix(nonce, 16).ok()? };
        (name.to_string() == text).then_some(name)
    }

    pub(in crate::belly) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.to_string())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.near { "near" } else { "far" };
        write!(f, "{:07}-{kind}-{:08x}.log.db", self.hour, self.nonce)
    }
}

/// The connection that appends.
pub(in crate::belly) struct LogWriter {
    name: Name,
    path: PathBuf,
    pub(super) db: Connection,
    /// Providers whose row is in the file, with the version of their addresses there.
    written: HashMap<u32, u32>,
    /// For each provider's number, the last commit that looked at it.
    looked: Vec<u32>,
    commit: u32,
}

impl LogWriter {
    /// Makes the file, or goes on with one that is there.
    pub(in crate::belly) fn open(dir: &Path, name: Name) -> Result<Self, Trouble> {
        let path = name.path(dir);
        let db = FORMAT.writer(&path)?;
        let written = db
            .prepare("SELECT number FROM providers")?
            .query_map([], |r| Ok((r.get::<_, u32>(0)?, 0)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { name, path, db, written, looked: Vec::new(), commit: 0 })
    }

    pub(in crate::belly) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes records with what the file does not yet say of their providers, and these
    /// providers beside; all or nothing.
    pub(in crate::belly) fn append(
        &mut self,
        batch: &Batch,
        moved: &[u32],
        providers: &Providers,
    ) -> Result<(), Trouble> {
        let mut rows: HashMap<u32, u32> = HashMap::new();
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut provider = tx.prepare_cached(
                "INSERT INTO providers (number, peer, addrs, heard, seen) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (number) DO UPDATE SET peer = ?2, addrs = ?3, heard = ?4, seen = ?5",
            )?;
            self.commit += 1;
            for number in moved.iter().copied().chain(batch.providers()) {
                let at = number as usize;
                if self.looked.len() <= at {
                    self.looked.resize(at + 1, 0);
                }
                if std::mem::replace(&mut self.looked[at], self.commit) == self.commit {
                    continue;
                }
                let Some(version) = providers.version(number) else { continue };
                if self.written.get(&number) == Some(&version) {
                    continue;
                }
                if let Some(row) = providers.row(number) {
                    let heard: Vec<u8> = row.heard.iter().flat_map(|t| t.to_le_bytes()).collect();
                    provider.execute(params![
                        number,
                        row.peer.to_bytes(),
                        row.addrs.as_fields(),
                        heard,
                        row.seen
                    ])?;
                    rows.insert(number, row.version);
                }
            }
            let mut insert = tx.prepare_cached("INSERT INTO pages (page) VALUES (?1)")?;
            for page in batch.pages(self.name.hour) {
                insert.execute([page])?;
            }
        }
        tx.commit()?;
        self.written.extend(rows);
        Ok(())
    }

    /// The number of the last page; 0 when there is none.
    pub(in crate::belly) fn last(&self) -> rusqlite::Result<i64> {
        self.db.query_row("SELECT coalesce(max(id), 0) FROM pages", [], |r| r.get(0))
    }

    /// The generation's time is over: the file alone has everything.
    pub(in crate::belly) fn seal(self) -> rusqlite::Result<()> {
        database::close(self.db)
    }
}

/// A connection that reads pages and providers.
pub(in crate::belly) struct LogReader {
    pub(super) db: Connection,
    /// The file is of a version that has segments.
    pub(super) has_segments: bool,
}

impl LogReader {
    pub(in crate::belly) fn open(path: &Path) -> Result<Self, Trouble> {
        let db = FORMAT.reader(path)?;
        let version: i32 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
        Ok(Self { db, has_segments: version >= SEGMENTS })
    }

    /// What SQLite says of the file: "ok", or the first fault.
    pub(in crate::belly) fn quick_check(&self) -> rusqlite::Result<String> {
        self.db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))
    }

    /// The providers, and how many rows made no sense.
    pub(in crate::belly) fn providers(&self, mut each: impl FnMut(Row)) -> rusqlite::Result<u64> {
        if !database::is_made(&self.db)? {
            return Ok(0);
        }
        let mut bad = 0;
        match self.read_providers(&mut each, &mut bad) {
            Err(error) if database::is_damage(&error) => Ok(bad + 1),
            outcome => outcome.map(|()| bad),
        }
    }

    fn read_providers(&self, each: &mut impl FnMut(Row), bad: &mut u64) -> rusqlite::Result<()> {
        let mut select = self.db.prepare("SELECT number, peer, addrs, heard, seen FROM providers")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let number: u32 = row.get(0)?;
            let peer = PeerId::from_bytes(row.get_ref(1)?.as_blob()?).ok();
            let addrs = AddrList::from_fields(row.get_ref(2)?.as_blob()?);
            let times = row.get_ref(3)?.as_blob()?.as_chunks::<4>().0;
            let heard: Box<[u32]> = times.iter().map(|t| u32::from_le_bytes(*t)).collect();
            match peer.zip(addrs).filter(|(_, addrs)| addrs.len() == heard.len()) {
                Some((peer, addrs)) => {
                    each(Row { number, peer, addrs, heard, seen: row.get(4)?, version: 0 });
                }
                None => *bad += 1,
            }
        }
        Ok(())
    }

    /// The number of the last page; 0 when there is none. More than that when the file is
    /// broken where it would tell.
    pub(in crate::belly) fn last(&self) -> rusqlite::Result<i64> {
        if !database::is_made(&self.db)? {
            return Ok(0);
        }
        let last = self.db.query_row("SELECT coalesce(max(id), 0) FROM pages", [], |r| r.get(0));
        match last {
            Err(error) if database::is_damage(&error) => {
                let pages: i64 = self.db.pragma_query_value(None, "page_count", |r| r.get(0))?;
                Ok(pages.saturating_mul(MOST_ON_A_PAGE))
            }
            last => last,
        }
    }

    /// These pages in order of their numbers; where the file is broken, each that can
    /// still be found. Returns how many cannot.
    pub(in crate::belly) fn pages(
        &self,
        pages: RangeInclusive<i64>,
        mut each: impl FnMut(&[u8]),
    ) -> rusqlite::Result<u64> {
        let mut next = *pages.start();
        let outcome = (|| {
            let sql = "SELECT id, page FROM pages WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
            let mut select = self.db.prepare_cached(sql)?;
            let mut rows = select.query(params![pages.start(), pages.end()])?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(1)?.as_blob()?);
                next = row.get::<_, i64>(0)? + 1;
            }
            Ok(())
        })();
        match outcome {
            Err(error) if database::is_damage(&error) => {}
            outcome => return outcome.map(|()| 0),
        }
        let mut lost = 0;
        for id in next..=*pages.end() {
            match self.page(id) {
                Ok(Some(page)) => each(&page),
                Ok(None) => {}
                Err(_) => lost += 1,
            }
        }
        Ok(lost)
    }

    pub(in crate::belly) fn page(&self, id: i64) -> rusqlite::Result<Option<Vec<u8>>> {
        let mut select = self.db.prepare_cached("SELECT page FROM pages WHERE id = ?1")?;
        select.query_row([id], |r| r.get(0)).optional()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_hour_and_nearness_and_nothing_else_is_one() {
        let name = Name { hour: 500_123, near: false, nonce: 0xab };
        assert_eq!(name.to_string(), "0500123-far-000000ab.log.db");
        assert_eq!(Name::parse(&name.to_string()), Some(name));
        for wrong in [
            "",
            "values.db",
            "500123-far-000000ab.log.db",
            "0500123-far-000000ab.log.db-wal",
            "0500123-mid-000000ab.log.db",
        ] {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
    }
}
