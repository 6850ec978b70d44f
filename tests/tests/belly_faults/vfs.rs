//! A layer between SQLite and its own unix VFS: every file below a watched directory goes
//! through its [`Disk`], which writes down what is done and may refuse to do it.
//!
//! The one place with unsafe code: SQLite calls C functions with pointers of its own. What
//! they mean is decided in `disk.rs`. Locks, shared memory and all else go straight to the
//! VFS below; files that nobody watches go there whole.
#![expect(unsafe_code, reason = "a VFS of SQLite is a table of C functions")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi;

use crate::disk::{self, Disk};

/// What SQLite takes for its file. The file of the VFS below lies right behind it.
#[repr(C)]
struct File {
    /// SQLite calls these; must be the first field.
    methods: *const ffi::sqlite3_io_methods,
    /// Made by `Box::into_raw` in `open`, given back in `close`; null when nobody watches.
    seen: *mut Seen,
}

struct Seen {
    disk: Arc<Disk>,
    inode: usize,
}

/// The VFS below, as SQLite gave it.
struct Below(*mut ffi::sqlite3_vfs);

// SAFETY: a registered VFS lives as long as the process, and is only read here.
unsafe impl Send for Below {}
// SAFETY: as above.
unsafe impl Sync for Below {}

static BELOW: OnceLock<Below> = OnceLock::new();

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2, // with shared memory, which a write-ahead log needs; without memory maps
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes this the VFS of every connection that is opened from now on.
pub(crate) fn install() {
    BELOW.get_or_init(|| {
        // SAFETY: without a name SQLite gives its default VFS, which is never freed. The copy
        // has its fields, so that methods that are not replaced find what they expect; it is
        // leaked, because SQLite keeps the pointer.
        unsafe {
            let below = ffi::sqlite3_vfs_find(ptr::null());
            assert!(!below.is_null(), "SQLite has no VFS");
            let mut vfs = *below;
            vfs.zName = c"watched".as_ptr();
            vfs.pNext = ptr::null_mut();
            vfs.szOsFile += size_of::<File>() as c_int;
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            let outcome = ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1);
            assert_eq!(outcome, ffi::SQLITE_OK, "the VFS is not taken");
            Below(below)
        }
    });
}

fn below() -> *mut ffi::sqlite3_vfs {
    BELOW.get().map_or(ptr::null_mut(), |below| below.0)
}

/// The file of the VFS below, its methods, and who watches.
///
/// # Safety
/// `file` was opened by [`open`].
unsafe fn parts<'a>(
    file: *mut ffi::sqlite3_file,
) -> (*mut ffi::sqlite3_file, &'a ffi::sqlite3_io_methods, Option<&'a Seen>) {
    // SAFETY: `open` filled both parts, and SQLite gave room for both (`szOsFile`).
    unsafe {
        let file = file.cast::<File>();
        let real = file.add(1).cast::<ffi::sqlite3_file>();
        (real, &*(*real).pMethods, (*file).seen.as_ref())
    }
}

/// # Safety
/// A path of SQLite's, or null.
unsafe fn path<'a>(name: *const c_char) -> Option<&'a Path> {
    // SAFETY: a file name of SQLite ends with a zero.
    (!name.is_null()).then(|| Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes())))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: `file` has room for `File` and the file of the VFS below; the arguments are
    // handed on as they came.
    unsafe {
        let ours = file.cast::<File>();
        (*ours).methods = ptr::null();
        (*ours).seen = ptr::null_mut();
        let real = ours.add(1).cast::<ffi::sqlite3_file>();
        (*real).pMethods = ptr::null();
        let open = || match (*below()).xOpen {
            Some(open) => open(below(), name, real, flags, out),
            None => ffi::SQLITE_CANTOPEN,
        };
        let watched = path(name).and_then(|path| Some((path, disk::of(path)?)));
        let (outcome, seen) = match watched {
            None => (open(), None),
            Some((path, disk)) => {
                let log = flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
                let (outcome, inode) = disk.open(path, log, open);
                (outcome, inode.map(|inode| Seen { disk, inode }))
            }
        };
        if !(*real).pMethods.is_null() {
            (*ours).methods = &raw const METHODS;
            (*ours).seen = seen.map_or(ptr::null_mut(), |seen| Box::into_raw(Box::new(seen)));
        }
        outcome
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        let delete = || match (*below()).xDelete {
            Some(delete) => delete(below(), name, sync_dir),
            None => ffi::SQLITE_IOERR_DELETE,
        };
        match path(name).and_then(|path| Some((path, disk::of(path)?))) {
            Some((path, disk)) => disk.delete(path, sync_dir != 0, delete),
            None => delete(),
        }
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `seen` came from `Box::into_raw`, and SQLite closes a file once.
    unsafe {
        let (real, methods, _) = parts(file);
        let seen = std::mem::replace(&mut (*file.cast::<File>()).seen, ptr::null_mut());
        if !seen.is_null() {
            drop(Box::from_raw(seen));
        }
        methods.xClose.map_or(ffi::SQLITE_OK, |close| close(real))
    }
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, amount: c_int, at: i64) -> c_int {
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        let (real, methods, seen) = parts(file);
        let read = || methods.xRead.map_or(ffi::SQLITE_IOERR_READ, |read| read(real, to, amount, at));
        seen.map_or_else(read, |seen| seen.disk.read(seen.inode, read))
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: i64,
) -> c_int {
    // SAFETY: `from` has `amount` bytes; of them as many or fewer are handed on.
    unsafe {
        let (real, methods, seen) = parts(file);
        let write = |amount: usize| match methods.xWrite {
            Some(write) => write(real, from, amount as c_int, at),
            None => ffi::SQLITE_IOERR_WRITE,
        };
        let Some(seen) = seen else { return write(amount.max(0) as usize) };
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), amount.max(0) as usize);
        seen.disk.write(seen.inode, at.unsigned_abs(), bytes, write)
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        let (real, methods, seen) = parts(file);
        let truncate =
            || methods.xTruncate.map_or(ffi::SQLITE_IOERR_TRUNCATE, |truncate| truncate(real, len));
        match seen {
            Some(seen) => seen.disk.truncate(seen.inode, len.unsigned_abs(), truncate),
            None => truncate(),
        }
    }
}

/// A watched file is not synced for real: this process does not end in a power cut.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the arguments are handed on as they came.
    unsafe {
        let (real, methods, seen) = parts(file);
        match (seen, methods.xSync) {
            (Some(seen), _) => seen.disk.sync(seen.inode),
            (None, Some(sync)) => sync(real, flags),
            (None, None) => ffi::SQLITE_IOERR_FSYNC,
        }
    }
}

/// Functions that only hand on what they are given.
macro_rules! hand_on {
    ($($name:ident $method:ident ($($arg:ident: $type:ty),*) -> $out:ty, else $missing:expr;)*) => {$(
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $arg: $type)*) -> $out {
            // SAFETY: the arguments are handed on as they came.
            unsafe {
                let (real, methods, _) = parts(file);
                match methods.$method {
                    Some(method) => method(real $(, $arg)*),
                    None => $missing,
                }
            }
        }
    )*};
}

hand_on! {
    file_size xFileSize(out: *mut i64) -> c_int, else ffi::SQLITE_IOERR;
    lock xLock(level: c_int) -> c_int, else ffi::SQLITE_IOERR;
    unlock xUnlock(level: c_int) -> c_int, else ffi::SQLITE_IOERR;
    check_reserved_lock xCheckReservedLock(out: *mut c_int) -> c_int, else ffi::SQLITE_IOERR;
    file_control xFileControl(what: c_int, arg: *mut c_void) -> c_int, else ffi::SQLITE_NOTFOUND;
    sector_size xSectorSize() -> c_int, else 4096;
    device_characteristics xDeviceCharacteristics() -> c_int, else 0;
    shm_map xShmMap(region: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> c_int, else ffi::SQLITE_IOERR;
    shm_lock xShmLock(at: c_int, n: c_int, flags: c_int) -> c_int, else ffi::SQLITE_IOERR;
    shm_barrier xShmBarrier() -> (), else ();
    shm_unmap xShmUnmap(delete: c_int) -> c_int, else ffi::SQLITE_OK;
}
