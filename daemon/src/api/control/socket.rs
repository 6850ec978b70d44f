//! A Unix socket that is ours alone.
//!
//! Beside each socket lies a lock file, held while we live. Whoever holds the lock may remove
//! a socket that an earlier process left behind; nobody else may. Connections are bounded.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _};
use rustix::fs::{FlockOperation, flock};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::{Connected, UdsConnectInfo};

/// Connections to one socket at a time.
const MAX_CONNECTIONS: usize = 256;

/// The longest path the kernel takes (`sockaddr_un`).
const MAX_PATH: usize = 107;

/// What a socket lets its users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything; mode 0660.
    Control,
    /// Reading only; mode 0666.
    Observe,
}

impl Access {
    fn mode(self) -> u32 {
        match self {
            Self::Control => 0o660,
            Self::Observe => 0o666,
        }
    }
}

/// A socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error(
        "socket path {path} has {len} bytes, the kernel takes {MAX_PATH}; choose a shorter control.socket"
    )]
    TooLong { path: PathBuf, len: usize },
    #[error("make directory {path}: {source}; make it, or choose another control.socket")]
    Directory { path: PathBuf, source: io::Error },
    #[error("another hydrad{} answers on {path}; stop it, or choose another control.socket", pid(.by))]
    Held { path: PathBuf, by: Option<u32> },
    #[error("{path} exists and is no socket; move it away, or choose another control.socket")]
    NotASocket { path: PathBuf },
    #[error("open socket {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

fn pid(by: &Option<u32>) -> String {
    by.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// An open socket; removed when dropped.
pub struct Socket {
    listener: UnixListener,
    place: Place,
    access: Access,
}

/// Removes the socket file, then lets the lock go.
struct Place {
    path: PathBuf,
    _lock: File,
}

impl Drop for Place {
    fn drop(&mut self) {
        // it may have been removed by hand
        fs::remove_file(&self.path).ok();
    }
}

impl Socket {
    /// Takes the lock, clears what an ended process left, listens.
    ///
    /// # Errors
    /// Says what stands in the way, and what to do.
    pub fn open(path: &Path, access: Access) -> Result<Self, SocketError> {
        let len = path.as_os_str().len();
        if len > MAX_PATH {
            return Err(SocketError::TooLong { path: path.to_owned(), len });
        }
        let failed = |source| SocketError::Io { path: path.to_owned(), source };
        if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
            let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(parent);
            made.map_err(|source| SocketError::Directory { path: parent.to_owned(), source })?;
        }
        let lock = lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !is_socket(&found) => return Err(SocketError::NotASocket { path: path.to_owned() }),
            Ok(_) => fs::remove_file(path).map_err(failed)?,
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, Permissions::from_mode(access.mode())).map_err(failed)?;
        Ok(Self { listener, place: Place { path: path.to_owned(), _lock: lock }, access })
    }

    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Connections, at most [`MAX_CONNECTIONS`] at a time; more are closed at once.
    pub fn incoming(self) -> impl Stream<Item = io::Result<Connection>> {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let place = self.place;
        UnixListenerStream::new(self.listener).filter_map(move |stream| {
            // the socket file stays while somebody accepts from it
            let _held = &place;
            let connection = match (stream, Arc::clone(&places).try_acquire_owned()) {
                (Ok(stream), Ok(permit)) => Some(Ok(Connection { stream, _permit: permit })),
                (Ok(_), Err(_)) => {
                    tracing::warn!(
                        "control socket: {MAX_CONNECTIONS} connections are open, one more was closed"
                    );
                    None
                }
                (Err(error), _) => Some(Err(error)),
            };
            std::future::ready(connection)
        })
    }
}

fn is_socket(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type())
}

fn lock(path: &Path) -> Result<File, SocketError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed = |source| SocketError::Io { path: name.clone(), source };
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&name);
    let mut file = opened.map_err(failed)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        file.read_to_string(&mut holder).ok();
        return Err(SocketError::Held { path: path.to_owned(), by: holder.trim().parse().ok() });
    }
    // whom to name when somebody else tries
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

/// A connection, and its place among [`MAX_CONNECTIONS`].
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    _permit: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = UdsConnectInfo;

    fn connect_info(&self) -> UdsConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("control.sock");
        let stale = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        drop(stale);
        let living = Socket::open(&path, Access::Control).expect("the stale one is replaced");
        assert_eq!(fs::metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o660);
        let refused = Socket::open(&path, Access::Control).err().expect("refused").to_string();
        assert!(
            refused.starts_with(&format!("another hydrad (pid {}) answers on", std::process::id())),
            "{refused}"
        );
        drop(living);
        assert!(!path.exists());
        assert!(Socket::open(&path, Access::Observe).is_ok());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_and_a_long_path_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notes.txt");
        fs::write(&path, "keep me").expect("write");
        assert!(matches!(Socket::open(&path, Access::Control), Err(SocketError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path).expect("read"), "keep me");
        let long = dir.path().join("x".repeat(108));
        assert!(matches!(Socket::open(&long, Access::Control), Err(SocketError::TooLong { .. })));
    }
}
