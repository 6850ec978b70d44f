//! Why there is no connection: the kinds, their sentences, and how an `io::Error` becomes one.
//!
//! The sentence says what happened and on what; what to do next is the caller's to add, as it
//! depends on who asks.

use std::error::Error;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::{self, Account};

/// One end of the connection: program version and protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenVersion {
    /// Version of the program, e.g. "1.0.0"; empty when it did not say.
    pub program: String,
    /// Protocol, e.g. "hydra.v1"; empty when it did not say.
    pub api: String,
}

impl SpokenVersion {
    /// This library's end. All crates of the workspace have one version.
    #[must_use]
    pub fn ours() -> Self {
        Self { program: env!("CARGO_PKG_VERSION").to_owned(), api: crate::API.to_owned() }
    }

    /// Number of the protocol: 2 of "hydra.v2".
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.api.strip_prefix("hydra.v")?.parse().ok()
    }
}

/// Why a daemon could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no such file.
    #[error("hydrad is not running: no socket at {}", .0.display())]
    NoSocket(PathBuf),
    /// The socket is there, but its owner is gone.
    #[error("nobody listens on {}: hydrad ended without removing it", .0.display())]
    NobodyListens(PathBuf),
    /// The file system does not let us open it.
    #[error("permission denied on {} ({mode:04o} {owner}:{group}): {}", path.display(), reason(*mode, owner, user, group, *in_group, *needs_relogin))]
    PermissionDenied {
        /// The socket, or the directory on the way that is shut.
        path: PathBuf,
        /// Permission bits of `path`.
        mode: u32,
        /// Name of the owner of `path`, or its number.
        owner: String,
        /// Name of the group of `path`, or its number.
        group: String,
        /// Name of the user this process runs as, or its number.
        user: String,
        /// This process has the group.
        in_group: bool,
        /// The user is a member of the group, but this login is older than the membership.
        needs_relogin: bool,
    },
    /// The file at the path is something else.
    #[error("{} is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The path does not fit into a socket address.
    #[error("socket path of {} bytes: {}; the limit is {} bytes", .0.as_os_str().len(), .0.display(), super::MAX_SOCKET_PATH_BYTES)]
    PathTooLong(PathBuf),
    /// The socket is open, but nobody answered in time.
    #[error("no answer on {} within {} s", path.display(), after.as_secs_f64())]
    Timeout {
        /// The socket.
        path: PathBuf,
        /// The time limit.
        after: Duration,
    },
    /// The two ends speak different protocols.
    #[error("{}", versions(ours, theirs))]
    Version {
        /// Our end.
        ours: SpokenVersion,
        /// The daemon's end; its texts are a stranger's.
        theirs: SpokenVersion,
    },
    /// Anything else, in the system's words.
    #[error("cannot connect to {}: {text}", path.display())]
    Other {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        text: String,
    },
}

/// Whether permission bits let a group write to a socket (w) or pass a directory (x).
#[must_use]
pub const fn opens_to_group(mode: u32) -> bool {
    mode & 0o030 != 0
}

fn reason(mode: u32, owner: &str, user: &str, group: &str, in_group: bool, needs_relogin: bool) -> String {
    if !opens_to_group(mode) {
        format!("only {owner} may open it, this is {user}")
    } else if needs_relogin {
        format!("{user} is in group {group} since this login began: log out and in")
    } else if in_group {
        format!("{user} is in group {group}, which may not open it")
    } else {
        format!("{user} is not in group {group}")
    }
}

fn versions(ours: &SpokenVersion, theirs: &SpokenVersion) -> String {
    let said = |text: &str| if text.is_empty() { "an unknown protocol".to_owned() } else { text.to_owned() };
    let daemon =
        if theirs.program.is_empty() { "hydrad".to_owned() } else { format!("hydrad {}", theirs.program) };
    let mut text =
        format!("hydractl {} speaks {}, {daemon} speaks {}", ours.program, ours.api, said(&theirs.api));
    if let (Some(ours), Some(theirs)) = (ours.number(), theirs.number()) {
        text += if ours < theirs { ": hydractl is the older one" } else { ": hydrad is the older one" };
    }
    text
}

/// What an error of `connect(2)` means, with a look at the file.
pub(super) fn explain(socket: &Path, error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ConnectError::NoSocket(socket.to_owned()),
        // Linux says "refused" of a regular file as well.
        io::ErrorKind::ConnectionRefused => match std::fs::metadata(socket) {
            Ok(meta) if !meta.file_type().is_socket() => ConnectError::NotASocket(socket.to_owned()),
            _ => ConnectError::NobodyListens(socket.to_owned()),
        },
        io::ErrorKind::PermissionDenied => denied(socket, &Account::of_this_process()),
        _ => ConnectError::Other { path: socket.to_owned(), text: error.to_string() },
    }
}

/// The socket itself when it can be seen, else the directory on the way that hides it.
fn denied(socket: &Path, account: &Account) -> ConnectError {
    let seen = socket.ancestors().find_map(|path| std::fs::metadata(path).ok().map(|meta| (path, meta)));
    let Some((path, meta)) = seen else {
        return ConnectError::Other { path: socket.to_owned(), text: "permission denied".to_owned() };
    };
    let user = account.uid.map_or_else(|| "this user".to_owned(), account::user_name);
    let in_group = account.groups.contains(&meta.gid());
    ConnectError::PermissionDenied {
        path: path.to_owned(),
        mode: meta.mode() & 0o7777,
        owner: account::user_name(meta.uid()),
        group: account::group_name(meta.gid()),
        needs_relogin: !in_group && account::is_listed(&user, meta.gid()),
        user,
        in_group,
    }
}

/// The last cause in a chain of errors: tonic's own text is "transport error".
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_end_is_named() {
        let theirs = SpokenVersion { program: "2.1.0".into(), api: "hydra.v2".into() };
        let ours = SpokenVersion { program: "1.0.0".into(), api: "hydra.v1".into() };
        assert_eq!(
            ConnectError::Version { ours: ours.clone(), theirs: theirs.clone() }.to_string(),
            "hydractl 1.0.0 speaks hydra.v1, hydrad 2.1.0 speaks hydra.v2: hydractl is the older one"
        );
        assert_eq!(
            ConnectError::Version { ours: theirs, theirs: ours }.to_string(),
            "hydractl 2.1.0 speaks hydra.v2, hydrad 1.0.0 speaks hydra.v1: hydrad is the older one"
        );
    }

    #[test]
    fn a_refusal_names_mode_owner_and_the_missing_group() {
        let refusal = |mode, in_group, needs_relogin| {
            ConnectError::PermissionDenied {
                path: "/run/hydra/control.sock".into(),
                mode,
                owner: "hydrad".into(),
                group: "hydra".into(),
                user: "ana".into(),
                in_group,
                needs_relogin,
            }
            .to_string()
        };
        assert_eq!(
            refusal(0o660, false, false),
            "permission denied on /run/hydra/control.sock (0660 hydrad:hydra): ana is not in group hydra"
        );
        assert!(refusal(0o660, false, true).ends_with("since this login began: log out and in"));
        assert!(refusal(0o660, true, false).ends_with("ana is in group hydra, which may not open it"));
        // Joining a group that may not open it either is no help.
        assert!(
            refusal(0o600, false, false)
                .ends_with("(0600 hydrad:hydra): only hydrad may open it, this is ana")
        );
    }
}
