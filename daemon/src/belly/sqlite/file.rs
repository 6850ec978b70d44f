//! The file: where it is, its schema and version, how it is opened, and what happens
//! when it cannot be.
//!
//! Owns the SQL that makes the tables and the handling of damage. Must not hold
//! records.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// "hydb" in ASCII: tells a belly from other SQLite files.
const APPLICATION_ID: i32 = 0x6879_6462;
const SCHEMA_VERSION: i32 = 1;

/// `place` is SHA-256 of `key`. No index on time: it would double what a write costs
/// and make expiry slower.
const SCHEMA: &str = "
    CREATE TABLE providers (
        id    INTEGER PRIMARY KEY,
        peer  BLOB NOT NULL,
        addrs BLOB NOT NULL,    -- `addrs` fields of a Message.Peer
        heard BLOB NOT NULL,    -- for each address, seconds since the epoch, u32 LE
        seen  INTEGER NOT NULL  -- seconds since the epoch
    );
    CREATE TABLE records (
        place     BLOB NOT NULL,
        provider  INTEGER NOT NULL,
        key       BLOB NOT NULL,
        announced INTEGER NOT NULL, -- seconds since the epoch
        head      INTEGER NOT NULL,
        PRIMARY KEY (place, provider)
    ) WITHOUT ROWID;
    CREATE TABLE value_records (
        place    BLOB PRIMARY KEY,
        key      BLOB NOT NULL,
        value    BLOB NOT NULL,
        received INTEGER NOT NULL -- milliseconds since the epoch
    ) WITHOUT ROWID;
";

const FILE: &str = "belly.db";
const DAMAGED: &str = "belly.db.damaged-";

/// The store cannot be opened, and no retry will help.
#[derive(Debug, thiserror::Error)]
pub enum BellyError {
    #[error(
        "cannot make the store's directory {path}: {source}; create it, or choose another data directory"
    )]
    Directory { path: PathBuf, source: io::Error },
    #[error(
        "cannot open the store {path}: {source}; check that this user may write the file and its directory"
    )]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error(
        "the store {path} has format {found}, this version knows formats up to {known}; \
         use the newer hydrad, or move the file away to start with an empty store"
    )]
    Newer { path: PathBuf, found: i32, known: i32 },
    #[error("{path} is an SQLite file of something else; move it away, or choose another data directory")]
    Foreign { path: PathBuf },
    #[error("the store {path} is damaged and cannot be moved aside: {source}; remove the file")]
    MoveAside { path: PathBuf, source: io::Error },
    #[error("cannot start a thread for the store: {0}; check the limit of processes (ulimit -u)")]
    Thread(io::Error),
}

/// The directory's store file.
#[derive(Debug, Clone)]
pub(super) struct File {
    dir: PathBuf,
    path: PathBuf,
}

impl File {
    pub(super) fn in_dir(dir: &Path) -> Result<Self, BellyError> {
        fs::create_dir_all(dir)
            .map_err(|source| BellyError::Directory { path: dir.to_path_buf(), source })?;
        Ok(Self { dir: dir.to_path_buf(), path: dir.join(FILE) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The one connection that writes; makes the tables of a new file.
    pub(super) fn writer(&self) -> Result<Connection, Trouble> {
        // It was there at the start; when it cannot be made again, opening the file says why.
        fs::create_dir_all(&self.dir).ok();
        let db = Connection::open(&self.path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        self.check_version(&db)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        db.pragma_update(None, "cache_size", -16_384)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        if user_version(&db)? == 0 {
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};
                 PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))?;
        }
        Ok(db)
    }

    /// A connection that only reads.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "cache_size", -8_192)?;
        Ok(db)
    }

    fn check_version(&self, db: &Connection) -> Result<(), Trouble> {
        let found = user_version(db)?;
        let app: i32 = db.pragma_query_value(None, "application_id", |r| r.get(0))?;
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
        let path = self.path.clone();
        if app != APPLICATION_ID && (app != 0 || tables > 0) {
            return Err(Trouble::Fatal(BellyError::Foreign { path }));
        }
        if found > SCHEMA_VERSION {
            return Err(Trouble::Fatal(BellyError::Newer { path, found, known: SCHEMA_VERSION }));
        }
        Ok(())
    }

    /// Renames a damaged file so that a new one can take its place; one such is kept.
    pub(super) fn move_aside(&self, unix_secs: u32) -> Result<PathBuf, BellyError> {
        let failed = |source| BellyError::MoveAside { path: self.path.clone(), source };
        for entry in fs::read_dir(&self.dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(DAMAGED) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        let aside = self.dir.join(format!("{DAMAGED}{unix_secs}"));
        for suffix in ["-wal", "-shm"] {
            remove_if_there(&with_suffix(&self.path, suffix)).map_err(failed)?;
        }
        fs::rename(&self.path, &aside).map_err(failed)?;
        Ok(aside)
    }

    /// Bytes of the file and its write-ahead log.
    pub(super) fn bytes(&self) -> u64 {
        let len = |path: &Path| fs::metadata(path).map_or(0, |m| m.len());
        len(&self.path) + len(&with_suffix(&self.path, "-wal"))
    }

    /// The name still leads somewhere; false when somebody deleted the file.
    pub(super) fn is_there(&self) -> bool {
        !matches!(fs::metadata(&self.path), Err(e) if e.kind() == io::ErrorKind::NotFound)
    }
}

/// Why the file is not open.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("its pages cannot be read")]
    Damage,
    #[error("{0}")]
    Fatal(#[from] BellyError),
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
}

impl Trouble {
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damage => true,
            Self::Sql(e) => is_damage(e),
            Self::Fatal(_) => false,
        }
    }

    pub(super) fn at(self, file: &File) -> BellyError {
        let path = file.path.clone();
        match self {
            Self::Fatal(error) => error,
            Self::Sql(source) => BellyError::Open { path, source },
            Self::Damage => BellyError::Open { path, source: rusqlite::Error::InvalidQuery },
        }
    }
}

/// SQLite itself says that the file is broken.
pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The file's contents are not what SQLite or the schema promise.
fn is_damage(error: &rusqlite::Error) -> bool {
    // Our statements are constant: when one is no SQL, the tables are not those of the schema.
    is_corrupt(error)
        || matches!(
            error,
            rusqlite::Error::SqlInputError { .. }
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
        )
}

fn user_version(db: &Connection) -> rusqlite::Result<i32> {
    db.pragma_query_value(None, "user_version", |r| r.get(0))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
