//! The store without a daemon: look whether it is whole, write it out, read it in, copy it.
//!
//! Checking and copying only read, file by file, and may be done while a daemon runs.
//! Writing out and reading in open the store and need it alone.

mod lines;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::backup::Backup;

use super::database::{self, BellyError, Trouble};
use super::engine::{LogBelly, LogConfig};
use super::log::{LogReader, Name, Page};
use super::values::ValuesFile;
use super::{Belly, Query, values};
pub use lines::Format;

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
    /// Pages or rows that are broken.
    pub damaged: u64,
    /// What SQLite or the reading of the file complained of.
    pub fault: Option<String>,
}

/// It could not be done.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    #[error(transparent)]
    Belly(#[from] BellyError),
    #[error("{what} {path}: {source}")]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error("copy {path}: {source}")]
    Copy { path: PathBuf, source: rusqlite::Error },
    #[error("{path} is there already; name a directory that is not")]
    Exists { path: PathBuf },
    #[error("{path}, line {line}: {fault}")]
    Line { path: PathBuf, line: u64, fault: String },
    #[error("read the store: {0}")]
    Read(String),
}

/// Looks through all files; nothing is changed.
///
/// # Errors
/// The directory cannot be read.
pub fn check(dir: &Path) -> Result<Vec<Checked>, OfflineError> {
    let mut all = Vec::new();
    for name in names(dir)? {
        let path = name.path(dir);
        let mut checked =
            Checked { name: name.to_string(), bytes: database::bytes(&path), ..Checked::default() };
        if let Err(trouble) = check_log(&path, name.hour, &mut checked) {
            checked.fault = Some(trouble.to_string());
        }
        all.push(checked);
    }
    let path = values::path(dir);
    if database::is_there(&path) {
        let mut checked =
            Checked { name: "values.db".to_owned(), bytes: database::bytes(&path), ..Checked::default() };
        let read = ValuesFile::reader(dir).and_then(|file| Ok(file.metas(|_, _| checked.records += 1)?));
        checked.fault = read.err().map(|trouble| trouble.to_string());
        all.push(checked);
    }
    Ok(all)
}

fn check_log(path: &Path, hour: u32, checked: &mut Checked) -> Result<(), Trouble> {
    let log = LogReader::open(path)?;
    let fault = log.quick_check()?;
    checked.fault = Some(fault).filter(|fault| fault != "ok");
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
    Ok(())
}

fn names(dir: &Path) -> Result<Vec<Name>, OfflineError> {
    let failed = |source| OfflineError::File { what: "list", path: dir.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        names.extend(Name::parse(&entry.map_err(failed)?.file_name().to_string_lossy()));
    }
    names.sort_unstable();
    Ok(names)
}

/// Copies every file as it is at one moment, each by itself: a file can be read alone.
/// Returns how many there were.
///
/// # Errors
/// The directory is there already, or a file cannot be read or written.
pub fn backup(dir: &Path, to: &Path) -> Result<usize, OfflineError> {
    if to.exists() {
        return Err(OfflineError::Exists { path: to.to_path_buf() });
    }
    let failed = |source| OfflineError::File { what: "make", path: to.to_path_buf(), source };
    std::fs::create_dir_all(to).map_err(failed)?;
    let logs = names(dir)?.into_iter().map(|name| name.path(dir));
    let mut copied = 0;
    for path in logs.chain([values::path(dir)]).filter(|path| database::is_there(path)) {
        let copy = || {
            let from = rusqlite::Connection::open(&path)?;
            from.busy_timeout(Duration::from_secs(5))?;
            let mut target = rusqlite::Connection::open(to.join(path.file_name().unwrap_or_default()))?;
            Backup::new(&from, &mut target)?.run_to_completion(1_000, Duration::ZERO, None)
        };
        match copy() {
            Ok(()) => copied += 1,
            // its hour ended meanwhile
            Err(_) if !database::is_there(&path) => {}
            Err(source) => return Err(OfflineError::Copy { path, source }),
        }
    }
    Ok(copied)
}

/// Opens the store alone and whole, with room for all that may be in it.
fn open(config: LogConfig) -> Result<LogBelly, OfflineError> {
    Ok(LogBelly::open(config)?)
}

/// Writes the records in force to a new file; returns their number.
///
/// # Errors
/// A daemon runs on the store, or a file cannot be read or written.
pub fn export(config: LogConfig, to: &Path, format: Format) -> Result<u64, OfflineError> {
    let failed = |source| OfflineError::File { what: "write", path: to.to_path_buf(), source };
    let belly = open(config)?;
    let file = std::fs::File::options().write(true).create_new(true).open(to).map_err(failed)?;
    let mut out = BufWriter::new(file);
    format.head(&mut out).map_err(failed)?;
    let (mut after, mut written) = (None, 0);
    loop {
        let page = futures::executor::block_on(belly.page(Query::default(), after, STEP));
        let page = page.map_err(|e| OfflineError::Read(e.to_string()))?;
        for record in &page.records {
            format.write(&mut out, record).map_err(failed)?;
        }
        written += page.records.len() as u64;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)?;
    Ok(written)
}

/// Reads records that [`export`] wrote as ndjson; they keep their times, and those whose
/// time is over are left out. Returns how many were taken and how many not.
///
/// # Errors
/// A daemon runs on the store, the file cannot be read, or a line is no record.
pub fn import(config: LogConfig, from: &Path) -> Result<(u64, u64), OfflineError> {
    let failed = |source| OfflineError::File { what: "read", path: from.to_path_buf(), source };
    let file = io::BufReader::new(std::fs::File::open(from).map_err(failed)?);
    let belly = open(config)?;
    let (mut taken, mut left) = (0, 0);
    for (line, text) in (1u64..).zip(file.lines()) {
        let text = text.map_err(failed)?;
        if text.trim().is_empty() {
            continue;
        }
        let fault = |fault: String| OfflineError::Line { path: from.to_path_buf(), line, fault };
        let read = lines::read(&text).map_err(fault)?;
        let at = read.announced.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match belly.add_at(&read.announcement(), u32::try_from(at).unwrap_or(u32::MAX)) {
            Ok(()) => taken += 1,
            Err(_) => left += 1,
        }
    }
    futures::executor::block_on(belly.flush()).map_err(|e| OfflineError::Read(e.to_string()))?;
    Ok((taken, left))
}
