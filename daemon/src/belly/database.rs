//! An SQLite file of the belly: how it is opened, its format and version, and what its
//! errors mean.
//!
//! Owns the pragmas and the migrations' order. Knows no tables.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

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
         use the newer hydrad, or move the file away"
    )]
    Newer { path: PathBuf, found: i32, known: i32 },
    #[error("{path} is an SQLite file of something else; move it away, or choose another data directory")]
    Foreign { path: PathBuf },
    #[error("the store {path} is damaged and cannot be moved aside: {source}; remove the file")]
    MoveAside { path: PathBuf, source: io::Error },
    #[error("another hydrad uses the store {path}; stop it, or choose another data directory")]
    Locked { path: PathBuf },
    #[error("cannot start a thread for the store: {0}; check the limit of processes (ulimit -u)")]
    Thread(io::Error),
}

/// Why a file is not open, or does not do what is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{0}")]
    Fatal(#[from] BellyError),
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
}

impl Trouble {
    /// Its pages are broken; nothing will mend it.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Sql(error) if is_damage(error))
    }

    /// The disk does not do what it is asked to.
    pub(super) fn is_io(&self) -> bool {
        matches!(self, Self::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure))
    }

    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }

    /// It may pass, and says nothing about the file.
    pub(super) fn is_of_the_disk(&self) -> bool {
        self.is_io() || self.is_full()
    }

    pub(super) fn at(self, path: &Path) -> BellyError {
        match self {
            Self::Fatal(error) => error,
            Self::Sql(source) => BellyError::Open { path: path.to_path_buf(), source },
        }
    }
}

/// What a kind of file is.
#[derive(Debug)]
pub(super) struct Format {
    /// Tells it from other SQLite files.
    pub(super) application_id: i32,
    /// The n-th brings a file from version n to version n + 1.
    pub(super) migrations: &'static [&'static str],
}

impl Format {
    fn known(&self) -> i32 {
        i32::try_from(self.migrations.len()).unwrap_or(i32::MAX)
    }

    /// The one connection that writes; makes a new file, migrates an older one.
    pub(super) fn writer(&self, path: &Path) -> Result<Connection, Trouble> {
        let db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        let found = self.check(&db, path)?;
        use_write_ahead_log(&db)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        db.pragma_update(None, "cache_size", -8_192)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        if has_wal(path) {
            // What is in it may never have been synced, if who left it was told so: nothing may
            // be added behind that. A full disk is no such reason.
            match checkpoint(&db) {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {}
                outcome => outcome?,
            }
        }
        let pending = self.migrations.iter().zip(1..).skip(usize::try_from(found).unwrap_or(0));
        for (migration, version) in pending {
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {migration}; PRAGMA application_id = {};
                 PRAGMA user_version = {version}; COMMIT;",
                self.application_id
            ))?;
        }
        Ok(db)
    }

    /// A connection that only reads.
    pub(super) fn reader(&self, path: &Path) -> Result<Connection, Trouble> {
        // one that may not write could neither recover the log of a crash nor tidy up
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "query_only", true)?;
        db.pragma_update(None, "cache_size", -4_096)?;
        self.check(&db, path)?;
        Ok(db)
    }

    fn check(&self, db: &Connection, path: &Path) -> Result<i32, Trouble> {
        let found: i32 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
        let app: i32 = db.pragma_query_value(None, "application_id", |r| r.get(0))?;
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
        let path = path.to_path_buf();
        if app != self.application_id && (app != 0 || tables > 0) {
            return Err(BellyError::Foreign { path }.into());
        }
        if found > self.known() {
            return Err(BellyError::Newer { path, found, known: self.known() }.into());
        }
        Ok(found)
    }
}

/// When the disk fails at this moment SQLite may stay with a journal, and the error comes after
/// the answer. What is committed by a journal a power cut may undo.
fn use_write_ahead_log(db: &Connection) -> rusqlite::Result<()> {
    let mut set = db.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = set.query([])?;
    while rows.next()?.is_some() {}
    let mode: String = db.pragma_query_value(None, "journal_mode", |r| r.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
    Err(rusqlite::Error::SqliteFailure(error, Some(format!("disk I/O error: no write-ahead log ({mode})"))))
}

/// The file has its tables. Whoever makes one may be stopped before: it is empty then.
pub(super) fn is_made(db: &Connection) -> rusqlite::Result<bool> {
    db.pragma_query_value(None, "user_version", |r| r.get::<_, i32>(0)).map(|version| version > 0)
}

/// The file's contents are not what SQLite or the schema promise.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    // Our statements are constant: when one is no SQL, the tables are not those of the schema.
    const NO_SQL: i32 = rusqlite::ffi::SQLITE_ERROR;
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || error.sqlite_error().is_some_and(|error| error.extended_code == NO_SQL)
        || matches!(
            error,
            rusqlite::Error::SqlInputError { .. }
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
        )
}

/// Writes the log back into the file, so that the file alone has everything, and closes it.
pub(super) fn close(db: Connection) -> rusqlite::Result<()> {
    checkpoint(&db)?;
    db.close().map_err(|(_, error)| error)
}

fn checkpoint(db: &Connection) -> rusqlite::Result<()> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Bytes of a file and its write-ahead log.
pub(super) fn bytes(path: &Path) -> u64 {
    let len = |path: &Path| fs::metadata(path).map_or(0, |m| m.len());
    len(path) + len(&with_suffix(path, "-wal"))
}

/// Makes a file that was cut as long as its header says, with zeros, so that SQLite reads
/// what is left of it. True when it was cut.
pub(super) fn mend_cut(path: &Path) -> io::Result<bool> {
    // "page size" and "database size in pages" of the SQLite file format
    const HEADER: usize = 32;
    const LONGEST: u64 = 1 << 40;
    let file = File::options().read(true).write(true).open(path)?;
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0)?;
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    let cut = header.starts_with(b"SQLite format 3\0") && file.metadata()?.len() < page * pages;
    if cut && page * pages <= LONGEST {
        file.set_len(page * pages)?;
    }
    Ok(cut)
}

/// A write-ahead log with something in it is beside the file.
pub(super) fn has_wal(path: &Path) -> bool {
    fs::metadata(with_suffix(path, "-wal")).is_ok_and(|wal| wal.len() > 0)
}

/// The name still leads somewhere; false when somebody deleted the file.
pub(super) fn is_there(path: &Path) -> bool {
    !matches!(fs::metadata(path), Err(e) if e.kind() == io::ErrorKind::NotFound)
}

/// Makes a directory whose name outlives a power cut, as what is written in it will.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    fs::create_dir_all(dir)?;
    missing.into_iter().filter_map(Path::parent).try_for_each(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        File::open(above)?.sync_all()
    })
}

/// What SQLite puts beside a file.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Deletes a file with what belongs to it. The file first: without its log it may be broken,
/// its log without it is nothing, and [`tidy`] finds it.
pub(super) fn unlink(path: &Path) -> io::Result<()> {
    remove_if_there(path)?;
    BESIDE.iter().try_for_each(|suffix| remove_if_there(&with_suffix(path, suffix)))
}

/// Deletes what belonged to files that are gone.
pub(super) fn tidy(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        let of = BESIDE.iter().find_map(|suffix| name.strip_suffix(suffix));
        if of.is_some_and(|of| of.ends_with(".db") && !is_there(Path::new(of))) {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Renames a damaged file; of those that were set aside before only one is kept.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, BellyError> {
    const DAMAGED: &str = ".damaged";
    let failed = |source| BellyError::MoveAside { path: path.to_path_buf(), source };
    let dir = path.parent().unwrap_or(Path::new("."));
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().ends_with(DAMAGED) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    let aside = with_suffix(path, DAMAGED);
    fs::rename(path, &aside).map_err(failed)?;
    for suffix in BESIDE {
        remove_if_there(&with_suffix(path, suffix)).map_err(failed)?;
    }
    Ok(aside)
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
