//! The store without a daemon: look whether it is whole, write it out, read it in, copy it.
//!
//! Checking and copying only read, file by file, and may be done while a daemon runs.
//! Writing out and reading in open the store and need it alone.

mod leveldb;
mod lines;
mod predecessor;

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::database::{self, BellyError, Trouble};
use super::engine::{LogBelly, LogConfig};
use super::log::{LogReader, Name, Page};
use super::segments::{self, Header};
use super::values::ValuesFile;
use super::{Belly, Query, values};
pub use leveldb::LevelDbError;
pub use lines::Format;
use lines::Lines;
pub use predecessor::{Moved, Rules, move_in};

/// Records of one step of writing out.
const STEP: usize = 10_000;

/// A file of the store, looked through.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    pub name: String,
    pub bytes: u64,
    /// In the log, whether in force or not; values in the file of values.
    pub records: u64,
    pub providers: u64,
    pub pages: u64,
    /// Entries of the segment of an hour that is over.
    pub segment: u64,
    /// Pages, rows or blocks that are broken.
    pub damaged: u64,
    /// What SQLite or the reading of the file complained of.
    pub fault: Option<String>,
}

/// It could not be done.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    #[error(transparent)]
    Belly(#[from] BellyError),
    #[error("{0}")]
    Predecessor(LevelDbError),
    #[error("{what} {path}: {source}")]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error("copy {path}: {source}; what was copied before is in {to}: remove it")]
    Copy { path: PathBuf, to: PathBuf, source: rusqlite::Error },
    #[error("{path} is there already; name a directory that is not")]
    Exists { path: PathBuf },
    #[error("{path}, line {line}: {fault}; what stands before it was taken, mend it and import again")]
    Line { path: PathBuf, line: u64, fault: String },
    #[error("read the store: {0}")]
    Read(String),
}

/// Is told how far something is: how much of how much.
pub type Tell<'a> = &'a mut dyn FnMut(u64, u64);

/// Looks through all files; nothing is changed. Tells bytes.
///
/// # Errors
/// The directory cannot be read.
pub fn check(dir: &Path, tell: Tell<'_>) -> Result<Vec<Checked>, OfflineError> {
    let names = names(dir)?;
    let values = values::path(dir);
    let of =
        names.iter().map(|name| database::bytes(&name.path(dir))).sum::<u64>() + database::bytes(&values);
    let mut all: Vec<Checked> = Vec::new();
    let mut done = 0;
    for name in names {
        let path = name.path(dir);
        let mut checked =
            Checked { name: name.to_string(), bytes: database::bytes(&path), ..Checked::default() };
        if let Err(trouble) = check_log(&path, name.hour, &mut checked) {
            if !database::is_there(&path) {
                continue; // its time was over, and the daemon deleted it
            }
            checked.fault = Some(trouble.to_string());
        }
        done += checked.bytes;
        tell(done.min(of), of);
        all.push(checked);
    }
    if database::is_there(&values) {
        let name = values.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut checked = Checked { name, bytes: database::bytes(&values), ..Checked::default() };
        let read = ValuesFile::reader(dir).and_then(|file| {
            file.metas(|_, _| checked.records += 1)?;
            Ok(file.quick_check()?)
        });
        checked.fault = read.map_or_else(|trouble| Some(trouble.to_string()), fault);
        all.push(checked);
    }
    Ok(all)
}

/// What SQLite's quick check complains of.
fn fault(found: String) -> Option<String> {
    Some(found).filter(|found| found != "ok")
}

fn check_log(path: &Path, hour: u32, checked: &mut Checked) -> Result<(), Trouble> {
    let log = LogReader::open(path)?;
    checked.fault = fault(log.quick_check()?);
    let damaged = log.providers(|_| checked.providers += 1)?;
    let mut garbled = 0;
    let lost = log.pages(1..=log.last()?, |bytes| {
        checked.pages += 1;
        match Page::open(bytes, hour) {
            Some(page) => page.each(|_, _| checked.records += 1),
            None => garbled += 1,
        }
    })?;
    checked.damaged = damaged + garbled + lost;
    let Some(header) = Header::of(&log)? else { return Ok(()) };
    let whole = segments::read(&log, header.rows(), |_, entries| {
        checked.segment += entries.len() as u64;
        true
    })?;
    checked.damaged += u64::from(!whole || checked.segment != header.entries);
    Ok(())
}

fn names(dir: &Path) -> Result<Vec<Name>, OfflineError> {
    let failed = |source| OfflineError::File { what: "list", path: dir.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        names.extend(Name::parse(&entry.map_err(failed)?.file_name().to_string_lossy()));
    }
    names.sort_unstable();
    Ok(names)
}

/// Copies every file as it is at one moment, each by itself: a file can be read alone, and no
/// record needs another file. Returns how many there were; tells bytes.
///
/// # Errors
/// The directory is there already, or a file cannot be read or written.
pub fn backup(dir: &Path, to: &Path, tell: Tell<'_>) -> Result<usize, OfflineError> {
    if to.exists() {
        return Err(OfflineError::Exists { path: to.to_path_buf() });
    }
    let names = names(dir)?;
    let failed = |source| OfflineError::File { what: "make", path: to.to_path_buf(), source };
    // the secret of the index is in it
    DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(failed)?;
    let paths: Vec<PathBuf> = names.iter().map(|name| name.path(dir)).chain([values::path(dir)]).collect();
    let of = paths.iter().map(|path| database::bytes(path)).sum();
    let (mut copied, mut done) = (0, 0);
    for path in paths.into_iter().filter(|path| database::is_there(path)) {
        done += database::bytes(&path);
        match copy(&path, &to.join(path.file_name().unwrap_or_default())) {
            Ok(()) => copied += 1,
            // its time was over meanwhile
            Err(_) if !database::is_there(&path) => {}
            Err(source) => return Err(OfflineError::Copy { path, to: to.to_path_buf(), source }),
        }
        tell(done.min(of), of);
    }
    Ok(copied)
}

/// In one step, which is one reading transaction: in several, a daemon that writes meanwhile
/// would make it begin again each time.
fn copy(path: &Path, to: &Path) -> rusqlite::Result<()> {
    const BUSY: Duration = Duration::from_secs(5);
    const TRIES: u32 = 100;
    // without "create": a file that was deleted meanwhile must not come back empty
    let from = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    from.busy_timeout(BUSY)?;
    let mut target = Connection::open(to)?;
    let copy = Backup::new(&from, &mut target)?;
    for _ in 0..TRIES {
        match copy.step(-1)? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(BUSY / TRIES),
        }
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None))
}

/// Writes the records in force to a new file; returns their number, and tells them.
///
/// # Errors
/// A daemon runs on the store, or a file cannot be read or written.
pub fn export(config: LogConfig, to: &Path, format: Format, tell: Tell<'_>) -> Result<u64, OfflineError> {
    let failed = |source| OfflineError::File { what: "write", path: to.to_path_buf(), source };
    let belly = LogBelly::open_warming(config)?;
    belly.wait_warm(|progress| tell(progress.records, progress.expected));
    let file = File::create_new(to).map_err(failed)?;
    let mut out = Lines::begin(format, BufWriter::new(file)).map_err(failed)?;
    let (mut after, mut written) = (None, 0);
    loop {
        let page = futures::executor::block_on(belly.page(Query::default(), after, STEP));
        let page = page.map_err(|e| OfflineError::Read(e.to_string()))?;
        for record in &page.records {
            out.write(record).map_err(failed)?;
        }
        written += page.records.len() as u64;
        tell(written, belly.counts().records.max(written));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let file = out.end().and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error));
    file.and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(written)
}

/// What became of the records of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub taken: u64,
    /// Their time is over.
    pub expired: u64,
    /// Over a limit; by the store's reasons.
    pub refused: Vec<(&'static str, u64)>,
}

/// Reads records that [`export`] wrote; they keep their times and whether they are near, and
/// those whose time is over are left out. Tells bytes.
///
/// # Errors
/// A daemon runs on the store, the file cannot be read, or a line is no record.
pub fn import(config: LogConfig, from: &Path, tell: Tell<'_>) -> Result<Imported, OfflineError> {
    let failed = |source| OfflineError::File { what: "read", path: from.to_path_buf(), source };
    let file = File::open(from).map_err(failed)?;
    let of = file.metadata().map_or(0, |found| found.len());
    let belly = LogBelly::open(config)?;
    let mut imported = Imported::default();
    let read = lines::read(BufReader::new(file), |place, read| {
        let fault = |fault| OfflineError::Line { path: from.to_path_buf(), line: place.line, fault };
        let read = read.map_err(fault)?;
        let at = read.announced.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match belly.add_at(&read.announcement(), u32::try_from(at).unwrap_or(u32::MAX)) {
            Ok(true) => imported.taken += 1,
            Ok(false) => imported.expired += 1,
            Err(_) => {} // counted by the store
        }
        if place.line.is_multiple_of(STEP as u64) {
            tell(place.bytes.min(of), of);
        }
        Ok::<(), OfflineError>(())
    });
    // what was taken stays, also when the file turned out to be broken
    let flushed = futures::executor::block_on(belly.flush());
    read?.map_err(failed)?;
    flushed.map_err(|e| OfflineError::Read(e.to_string()))?;
    imported.refused = belly.drops().into_iter().filter(|(why, n)| *n > 0 && REFUSED.contains(why)).collect();
    Ok(imported)
}

/// The store's reasons for not taking a record.
const REFUSED: [&str; 6] =
    ["key_full", "provider_full", "providers_full", "store_full", "disk_full", "far_full"];
