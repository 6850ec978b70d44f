//! A disk that remembers: what was written, cut, synced and deleted below one directory, in
//! order, and the faults that it is told to have.
//!
//! Knows names and bytes, not what they mean.

use std::collections::HashMap;
use std::ffi::{OsString, c_int};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rusqlite::ffi;

/// One thing that happened to the disk. A file is named by its inode: its place in
/// the order in which files came.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Write {
        inode: usize,
        at: u64,
        bytes: Arc<[u8]>,
    },
    Truncate {
        inode: usize,
        len: u64,
    },
    Sync {
        inode: usize,
    },
    /// fsync(2) said that it failed: nobody knows what of the writes before it is there, and the
    /// kernel will not write them again.
    SyncFailed {
        inode: usize,
    },
    Link {
        name: OsString,
        inode: usize,
    },
    Unlink {
        name: OsString,
    },
    /// All links and unlinks before it are there to stay.
    SyncDir,
}

/// What the disk does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// EIO from read(2).
    Read,
    /// … from write(2).
    Write,
    /// … from fsync(2).
    Sync,
    /// ENOSPC.
    Full,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Sync, Self::Full];

    fn code(self) -> c_int {
        match self {
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::Full => ffi::SQLITE_FULL,
        }
    }
}

/// The fault, the file that has it when not all have, how many operations of its kind still
/// succeed, and how many fail then.
struct Failing {
    fault: Fault,
    inode: Option<usize>,
    after: u32,
    times: u32,
}

#[derive(Default)]
struct State {
    ops: Vec<Op>,
    names: HashMap<OsString, usize>,
    inodes: usize,
    /// Logs and journals whose next sync syncs the directory too.
    sync_dir: HashMap<usize, bool>,
    failing: Option<Failing>,
    failed: u32,
}

impl State {
    fn fails(&mut self, inode: usize, faults: &[Fault]) -> Option<c_int> {
        let failing = self.failing.as_mut().filter(|failing| faults.contains(&failing.fault))?;
        if failing.inode.is_some_and(|only| only != inode) {
            return None;
        }
        if failing.after > 0 {
            failing.after -= 1;
            return None;
        }
        failing.times = failing.times.checked_sub(1)?;
        self.failed += 1;
        Some(failing.fault.code())
    }

    fn unlink(&mut self, name: OsString) {
        if self.names.remove(&name).is_some() {
            self.ops.push(Op::Unlink { name });
        }
    }
}

/// A directory that is watched from [`Disk::watch`] until this is dropped.
pub(crate) struct Disk {
    root: PathBuf,
    state: Mutex<State>,
}

static WATCHED: Mutex<Vec<Weak<Disk>>> = Mutex::new(Vec::new());

/// Who watches this file.
pub(crate) fn of(path: &Path) -> Option<Arc<Disk>> {
    let dir = path.parent()?;
    WATCHED.lock().iter().filter_map(Weak::upgrade).find(|disk| disk.root == dir)
}

impl Disk {
    /// Watches a directory; the files that are in it are taken to be on the disk for good.
    pub(crate) fn watch(root: &Path) -> Arc<Self> {
        crate::vfs::install();
        let root = root.canonicalize().expect("a directory"); // as SQLite names it
        let disk = Arc::new(Self { root: root.clone(), state: Mutex::default() });
        {
            let mut state = disk.state.lock();
            for entry in fs::read_dir(&root).expect("a directory").map(|entry| entry.expect("an entry")) {
                let inode = state.inodes;
                state.inodes += 1;
                state.names.insert(entry.file_name(), inode);
                let bytes = fs::read(entry.path()).expect("readable").into();
                state.ops.push(Op::Link { name: entry.file_name(), inode });
                state.ops.push(Op::Write { inode, at: 0, bytes });
                state.ops.push(Op::Sync { inode });
            }
            state.ops.push(Op::SyncDir);
        }
        let mut watched = WATCHED.lock();
        watched.retain(|disk| disk.strong_count() > 0);
        watched.push(Arc::downgrade(&disk));
        disk
    }

    /// How much has happened.
    pub(crate) fn now(&self) -> usize {
        self.state.lock().ops.len()
    }

    pub(crate) fn ops(&self) -> Vec<Op> {
        self.state.lock().ops.clone()
    }

    /// Notes files that were deleted without SQLite.
    pub(crate) fn look(&self) {
        let mut state = self.state.lock();
        let gone: Vec<_> =
            state.names.keys().filter(|name| !self.root.join(name).exists()).cloned().collect();
        gone.into_iter().for_each(|name| state.unlink(name));
    }

    /// Fails from now on.
    pub(crate) fn fail(&self, fault: Fault) {
        self.fail_later(fault, 0, u32::MAX);
    }

    /// Fails so many times, after so many operations of that kind.
    pub(crate) fn fail_later(&self, fault: Fault, after: u32, times: u32) {
        self.state.lock().failing = Some(Failing { fault, inode: None, after, times });
    }

    /// One file fails.
    pub(crate) fn fail_file(&self, fault: Fault, path: &Path) {
        let mut state = self.state.lock();
        let inode = path.file_name().and_then(|name| state.names.get(name)).copied();
        assert!(inode.is_some(), "no such file: {}", path.display());
        state.failing = Some(Failing { fault, inode, after: 0, times: u32::MAX });
    }

    /// All is well again. Returns how often it failed.
    pub(crate) fn mend(&self) -> u32 {
        let mut state = self.state.lock();
        state.failing = None;
        std::mem::take(&mut state.failed)
    }

    pub(crate) fn open(
        &self,
        path: &Path,
        log: bool,
        open: impl FnOnce() -> c_int,
    ) -> (c_int, Option<usize>) {
        let mut state = self.state.lock();
        let name = path.file_name().unwrap_or_default().to_owned();
        if !path.exists() {
            state.unlink(name.clone());
        }
        let outcome = open();
        let known = state.names.get(&name).copied();
        if outcome != ffi::SQLITE_OK || !path.exists() {
            return (outcome, None); // not opened, or a file without a name
        }
        let inode = known.unwrap_or_else(|| {
            let inode = state.inodes;
            state.inodes += 1;
            state.names.insert(name.clone(), inode);
            state.ops.push(Op::Link { name, inode });
            inode
        });
        if log {
            // SQLite's `unixSync` syncs the directory with the first sync of a log or journal
            // that it opened to write; its VFS does so by itself, unseen from here.
            state.sync_dir.insert(inode, true);
        }
        (outcome, Some(inode))
    }

    pub(crate) fn delete(&self, path: &Path, sync_dir: bool, delete: impl FnOnce() -> c_int) -> c_int {
        let mut state = self.state.lock();
        let outcome = delete();
        if outcome == ffi::SQLITE_OK {
            state.unlink(path.file_name().unwrap_or_default().to_owned());
            if sync_dir {
                state.ops.push(Op::SyncDir);
            }
        }
        outcome
    }

    pub(crate) fn read(&self, inode: usize, read: impl FnOnce() -> c_int) -> c_int {
        let fails = self.state.lock().fails(inode, &[Fault::Read]);
        fails.unwrap_or_else(read)
    }

    /// A write that fails for want of room has written its first half.
    pub(crate) fn write(
        &self,
        inode: usize,
        at: u64,
        bytes: &[u8],
        write: impl FnOnce(usize) -> c_int,
    ) -> c_int {
        let mut state = self.state.lock();
        let fails = state.fails(inode, &[Fault::Write, Fault::Full]);
        let bytes = match fails {
            Some(ffi::SQLITE_FULL) => &bytes[..bytes.len() / 2],
            Some(code) => return code,
            None => bytes,
        };
        let outcome = write(bytes.len());
        if outcome == ffi::SQLITE_OK {
            state.ops.push(Op::Write { inode, at, bytes: bytes.into() });
        }
        fails.unwrap_or(outcome)
    }

    pub(crate) fn truncate(&self, inode: usize, len: u64, truncate: impl FnOnce() -> c_int) -> c_int {
        let mut state = self.state.lock();
        if let Some(code) = state.fails(inode, &[Fault::Write]) {
            return code;
        }
        let outcome = truncate();
        if outcome == ffi::SQLITE_OK {
            state.ops.push(Op::Truncate { inode, len });
        }
        outcome
    }

    pub(crate) fn sync(&self, inode: usize) -> c_int {
        let mut state = self.state.lock();
        if let Some(code) = state.fails(inode, &[Fault::Sync]) {
            state.ops.push(Op::SyncFailed { inode });
            return code;
        }
        state.ops.push(Op::Sync { inode });
        if state.sync_dir.insert(inode, false) == Some(true) {
            state.ops.push(Op::SyncDir);
        }
        ffi::SQLITE_OK
    }
}
