//! What can go wrong with the state: the operation, the object, the next step.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A failure of the state, in words for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    #[error("{operation} {}: {source}; {next}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error, next: String },

    #[error("{operation} {}: {reason}; {next}", path.display())]
    Database { operation: &'static str, path: PathBuf, reason: String, next: String },

    #[error(
        "the data directory {} is in use by {holder}; stop that one first, or give this one a directory of its own with --data-dir",
        dir.display()
    )]
    Held { dir: PathBuf, holder: String },

    #[error("{} is not a directory; name another with --data-dir", dir.display())]
    NotADirectory { dir: PathBuf },

    #[error(
        "the data directory {} may be written by anyone (mode {mode:04o}), so the keys in it are not safe; chmod 0700 it, or name another with --data-dir",
        dir.display()
    )]
    Unsafe { dir: PathBuf, mode: u32 },

    #[error(
        "{} belongs to uid {owner} and this process runs as uid {uid}; run it as that user, or name another directory with --data-dir",
        path.display()
    )]
    NotOwner { path: PathBuf, owner: u32, uid: u32 },

    #[error(
        "{} is damaged ({reason}); put a backup in its place with `hydrad state restore FILE --force`, or move it away and start anew (peer ids then change unless the seed is configured)",
        path.display()
    )]
    Damaged { path: PathBuf, reason: String },

    #[error("{} is a SQLite database of another program; name another file or directory", path.display())]
    Foreign { path: PathBuf },

    #[error(
        "{} has version {found}, this hydrad knows up to {known}; use the newer hydrad that wrote it, or restore a backup from before",
        path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },

    #[error(
        "the heads in {} were made from the seed with fingerprint {kept}, {given}; with it all peer ids would change: configure the former seed again, or begin with an empty --data-dir",
        path.display()
    )]
    OtherSeed { path: PathBuf, kept: String, given: String },

    #[error("no head has index {index}; `hydractl heads list` shows those there are")]
    NoHead { index: u32 },

    #[error("index {index} is taken by {peer_id}; purge that head first, or take another index")]
    IndexTaken { index: u32, peer_id: String },

    #[error(
        "port {port} on {ip} is already given to the head with index {index}; choose another port or address"
    )]
    PortTaken { ip: IpAddr, port: u16, index: u32 },

    #[error("the head with index {index} is {status}; remove it before its index is purged")]
    NotRemoved { index: u32, status: &'static str },

    #[error(
        "{} ids are on lease, as many as may be; wait for one to run out, or give one back",
        super::MAX_LEASES
    )]
    TooManyLeases,

    #[error("{count} heads are more than the {} that a state holds; nothing was added", super::MAX_HEADS)]
    TooManyHeads { count: usize },

    #[error(
        "{count} peers are more than the {} of a routing table snapshot; nothing was written",
        super::MAX_TABLE_PEERS
    )]
    TooManyPeers { count: usize },

    #[error("the setting {key} has {length} bytes; it may have {limit}")]
    SettingTooLarge { key: String, length: usize, limit: usize },

    #[error("the setting {key} belongs to the state itself; settings of other rooms have other names")]
    SettingReserved { key: String },

    #[error("{} exists; name a new file, nothing is overwritten", path.display())]
    Exists { path: PathBuf },

    #[error("{} exists; --force replaces it and keeps it under another name", path.display())]
    StateExists { path: PathBuf },

    #[error("there is no state at {}; give the --data-dir of the daemon", path.display())]
    Missing { path: PathBuf },

    #[error("the thread that keeps {} has ended; restart hydrad, and report what it logged", path.display())]
    Stopped { path: PathBuf },
}

impl StateError {
    pub(super) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let next = match source.kind() {
            io::ErrorKind::PermissionDenied => {
                format!("let uid {} write there, or name another with --data-dir", rustix::process::geteuid())
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                "it is on a read-only file system: name a directory that can be written with --data-dir"
                    .to_owned()
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free space there and start again".to_owned()
            }
            io::ErrorKind::NotFound => "check the path".to_owned(),
            _ => "check the file system it is on".to_owned(),
        };
        Self::Io { operation, path: path.to_owned(), source, next }
    }

    pub(super) fn sql(operation: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let reason = source.to_string();
        let path = path.to_owned();
        let (reason, next) = match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                return Self::Damaged { path, reason };
            }
            Some(ErrorCode::DiskFull) => {
                ("the disk is full, nothing was changed".to_owned(), "free space there and try again")
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                (reason, "let this user read and write it and its directory, or name another with --data-dir")
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                (reason, "another program has it open: close that one and try again")
            }
            Some(ErrorCode::SystemIoFailure) => (reason, "check the disk and the kernel's log"),
            _ => (reason, "try again, and report it when it stays"),
        };
        Self::Database { operation, path, reason, next: next.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_io_failure_has_its_own_way_out() {
        let said = |kind: io::ErrorKind| StateError::io("lock", Path::new("/d/l"), kind.into()).to_string();
        let denied = said(io::ErrorKind::PermissionDenied);
        assert!(denied.starts_with("lock /d/l: permission denied; let uid "), "{denied}");
        assert!(said(io::ErrorKind::ReadOnlyFilesystem).contains("it is on a read-only file system"));
        assert!(said(io::ErrorKind::StorageFull).ends_with("free space there and start again"));
    }
}
