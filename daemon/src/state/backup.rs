//! Backup while the daemon runs, restore while it does not.
//!
//! A backup is one private file: SQLite's online backup gives one moment of the database
//! however much is written meanwhile. Neither overwrites anything.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use rustix::fs::{CWD, RenameFlags};

use super::{FILE, StateError, dir, heads, schema};

/// What a restore put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Heads in it, reserved indices included.
    pub heads: usize,
    /// Where the state went that was there before.
    pub replaced: Option<PathBuf>,
}

/// Writes the state of a data directory to a new file (0600), as of one moment, also while
/// a daemon uses it. Gives the number of heads in it.
///
/// # Errors
/// No state there, a file that exists, or a failed read or write; then no file is left.
pub fn backup(data_dir: &Path, to: &Path) -> Result<usize, StateError> {
    let from = data_dir.join(FILE);
    if !exists(&from)? {
        return Err(StateError::Missing { path: from });
    }
    if exists(to)? {
        return Err(StateError::Exists { path: to.to_owned() });
    }
    let source = schema::open_read_only(&from)?;
    let partial = suffixed(to, ".partial");
    let written = copy(&source, &partial).and_then(|heads| {
        rename_new(&partial, to)?;
        Ok(heads)
    });
    if written.is_err() {
        dir::remove_quietly(&partial);
    }
    written
}

/// Puts a backup in place as the state of a data directory that no daemon uses. With
/// `force` a state that is there is kept beside it under another name.
///
/// # Errors
/// A file that is no state, a directory in use, a state in the way, or a failed write; then
/// what was there is still there.
pub fn restore(from: &Path, data_dir: &Path, force: bool) -> Result<Restored, StateError> {
    if !exists(from)? {
        let source = ErrorKind::NotFound.into();
        return Err(StateError::io("read the backup", from, source));
    }
    let source = schema::open_read_only(from)?;
    let target = data_dir.join(FILE);
    let occupied = exists(&target)?;
    if occupied && !force {
        // Said before anything is made or locked; a running daemon matters more.
        let _lock = dir::lock(data_dir)?;
        return Err(StateError::StateExists { path: target });
    }
    let _lock = dir::prepare(data_dir)?;
    dir::own_file(&target)?;
    let partial = data_dir.join("state.db.restoring");
    dir::remove_quietly(&partial);
    let heads = match copy(&source, &partial) {
        Ok(heads) => heads,
        Err(error) => {
            dir::remove_quietly(&partial);
            return Err(error);
        }
    };
    let replaced = if occupied { Some(set_aside(&target)?) } else { None };
    // Atomic: there is always a state under the name.
    fs::rename(&partial, &target).map_err(|source| StateError::io("put in place", &target, source))?;
    dir::sync(data_dir)?;
    Ok(Restored { heads, replaced })
}

/// Copies a state into a new private file, checked and on disk.
fn copy(source: &Connection, to: &Path) -> Result<usize, StateError> {
    dir::make_private(to)?;
    let failed = |source| StateError::sql("write", to, source);
    let mut target = Connection::open(to).map_err(failed)?;
    // All pages in one step: a busy daemon would make a slow copy begin again and again, and
    // with a write-ahead log a reader holds nobody up.
    Backup::new(source, &mut target)
        .and_then(|backup| backup.run_to_completion(i32::MAX, Duration::from_millis(2), None))
        .map_err(failed)?;
    // One file: a write-ahead log beside it would be forgotten when it is carried away.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(failed)?;
    target.close().map_err(|(_, source)| failed(source))?;
    let check = schema::open_read_only(to)?;
    let heads = heads::all(&check, to).map_err(|failure| failure.at("check", to))?.len();
    drop(check);
    File::open(to).and_then(|file| file.sync_all()).map_err(|source| StateError::io("sync", to, source))?;
    Ok(heads)
}

/// Gives the state that is in the way a second name, under which it stays.
fn set_aside(target: &Path) -> Result<PathBuf, StateError> {
    // Fold the write-ahead log into the file; one that is too damaged for that goes along.
    let folded = Connection::open(target)
        .and_then(|db| db.pragma_update(None, "journal_mode", "DELETE").map(|()| db))
        .and_then(|db| db.close().map_err(|(_, error)| error));
    if let Err(error) = folded {
        tracing::debug!(%error, "the state to be replaced does not open");
    }
    let mut aside = suffixed(target, ".replaced");
    let mut number = 1;
    while exists(&aside)? {
        number += 1;
        aside = suffixed(target, &format!(".replaced-{number}"));
    }
    for log in ["-wal", "-shm"] {
        let beside = suffixed(target, log);
        if exists(&beside)? {
            let moved = fs::rename(&beside, suffixed(&aside, log));
            moved.map_err(|source| StateError::io("set aside", &beside, source))?;
        }
    }
    let linked = fs::hard_link(target, &aside).or_else(|_| fs::copy(target, &aside).map(drop));
    linked.map_err(|source| StateError::io("set aside", target, source))?;
    Ok(aside)
}

/// Renames to a name that must be free, also when two do it at once.
fn rename_new(from: &Path, to: &Path) -> Result<(), StateError> {
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(StateError::Exists { path: to.to_owned() }),
        // Some file systems know no such rename; a race is then between two backups only.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if !exists(to)? => {
            fs::rename(from, to).map_err(|source| StateError::io("rename to", to, source))?;
        }
        Err(errno) => return Err(StateError::io("rename to", to, errno.into())),
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    dir::sync(parent.unwrap_or(Path::new(".")))
}

fn exists(path: &Path) -> Result<bool, StateError> {
    path.try_exists().map_err(|source| StateError::io("look at", path, source))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
