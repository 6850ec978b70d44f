//! The data directory: who may see it and who holds it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::FlockOperation;

use super::{FILE, StateError};

/// The file whose lock says that a daemon runs on the directory. It stays when the daemon
/// ends: the lock counts, not the file.
pub(super) const LOCK: &str = "hydrad.lock";

/// Held as long as it lives; the kernel releases it however the process ends.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

/// Makes the directory if it is missing, checks that it is safe, and locks it.
pub(super) fn prepare(dir: &Path) -> Result<DirLock, StateError> {
    make(dir)?;
    let found =
        fs::metadata(dir).map_err(|source| StateError::io("look at the data directory", dir, source))?;
    if !found.is_dir() {
        return Err(StateError::NotADirectory { dir: dir.to_owned() });
    }
    tighten(dir, &found)?;
    lock(dir)
}

fn make(dir: &Path) -> Result<(), StateError> {
    let made = |source| StateError::io("make the data directory", dir, source);
    if let Some(parent) = dir.parent()
        && !parent.as_os_str().is_empty()
    {
        fs::create_dir_all(parent).map_err(made)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(source) if source.kind() != ErrorKind::AlreadyExists => Err(made(source)),
        _ => Ok(()),
    }
}

/// Takes group and others out of a directory that is ours: one that is empty or holds a
/// state already. A directory named by mistake (`/tmp`) is not changed but refused when
/// anyone may write there.
fn tighten(dir: &Path, found: &fs::Metadata) -> Result<(), StateError> {
    let mode = found.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let read = |source| StateError::io("read the data directory", dir, source);
    let uid = rustix::process::geteuid().as_raw();
    let ours = found.uid() == uid
        && mode & 0o1000 == 0
        && (dir.join(FILE).exists() || fs::read_dir(dir).map_err(read)?.next().is_none());
    if ours {
        return fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
            .map_err(|source| StateError::io("make private (0700) the data directory", dir, source));
    }
    if mode & 0o002 != 0 {
        return Err(StateError::Unsafe { dir: dir.to_owned(), mode });
    }
    Ok(())
}

/// Takes the directory's lock, or says who has it.
pub(super) fn lock(dir: &Path) -> Result<DirLock, StateError> {
    let path = dir.join(LOCK);
    let failed = |source| StateError::io("lock", &path, source);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(StateError::Held { dir: dir.to_owned(), holder: holder(&mut file) });
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    // The pid is for people: a failure to write it (a full disk) must not stop a start.
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = written {
        tracing::debug!(%error, "could not write the pid into the lock file");
    }
    Ok(DirLock { _file: file })
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(32).read_to_string(&mut text));
    let Some(pid) = read.ok().and_then(|_| text.trim().parse::<u32>().ok()) else {
        return "another hydrad".to_owned();
    };
    // Another pid namespace (a container) shows other numbers: name the program only when
    // it is seen.
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} with pid {pid}", name.trim()),
        Err(_) => format!("a hydrad with pid {pid} (in another container, perhaps)"),
    }
}

/// Checks that a state file is this user's, and makes it private. False when there is none.
pub(super) fn own_file(path: &Path) -> Result<bool, StateError> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(StateError::io("look at", path, source)),
    };
    let uid = rustix::process::geteuid().as_raw();
    if found.uid() != uid {
        return Err(StateError::NotOwner { path: path.to_owned(), owner: found.uid(), uid });
    }
    if found.mode() & 0o077 != 0 {
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(path, private)
            .map_err(|source| StateError::io("make private (0600)", path, source))?;
    }
    Ok(true)
}

/// Makes an empty file that only this user reads and writes.
pub(super) fn make_private(path: &Path) -> Result<(), StateError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|source| StateError::io("make", path, source))
}

/// For leftovers: that they could not be removed does not matter.
pub(super) fn remove_quietly(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::debug!(%error, path = %path.display(), "could not remove a leftover");
    }
}

/// Makes new and renamed names in a directory survive a power cut.
pub(super) fn sync(dir: &Path) -> Result<(), StateError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|source| StateError::io("sync", dir, source))
}
