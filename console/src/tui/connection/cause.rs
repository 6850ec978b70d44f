//! Why there is no daemon, as sentences: what happened, on what, what to do next.

use std::path::Path;
use std::time::Duration;

use hydra_protocol::client::ConnectError;
use tonic::{Code, Status};

use crate::tui::state::Cause;

const LOOK: &str = "Look: systemctl status hydrad; journalctl -u hydrad";

fn cause(what: impl Into<String>, advice: impl Into<String>) -> Cause {
    Cause { what: what.into(), advice: advice.into() }
}

pub(super) fn of_connect(error: &ConnectError) -> Cause {
    let what = error.to_string();
    match error {
        ConnectError::NoSocket(_) => cause(
            what,
            "Start it: sudo systemctl start hydrad. Another socket: --socket PATH or HYDRA_SOCKET",
        ),
        ConnectError::NobodyListens(path) => cause(
            format!("hydrad does not answer: {} exists, connection refused.", path.display()),
            format!("It crashed or was killed. {LOOK}"),
        ),
        ConnectError::PermissionDenied { group, user, needs_relogin: false, in_group: false, .. } => {
            cause(what, format!("sudo usermod -aG {group} {user}, then log out and in"))
        }
        ConnectError::PermissionDenied { .. } => cause(what, "Log out and in, then try again"),
        ConnectError::NotASocket(_) | ConnectError::PathTooLong(_) => {
            cause(what, "Name the socket: --socket PATH or HYDRA_SOCKET")
        }
        ConnectError::Timeout { .. } => {
            cause(what, format!("It is there but hangs, or is very busy. {LOOK}"))
        }
        ConnectError::Version { .. } => cause(what, "Use the hydractl that came with this hydrad"),
        ConnectError::Other { .. } => cause(what, LOOK),
    }
}

pub(super) fn of_status(socket: &Path, status: &Status) -> Cause {
    match status.code() {
        // The transport's own words ("h2 protocol error …") help nobody: the daemon went away.
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => of_end(socket),
        code => cause(
            format!("hydrad on {} ended the subscription: {} ({code:?})", socket.display(), status.message()),
            LOOK,
        ),
    }
}

pub(super) fn of_end(socket: &Path) -> Cause {
    cause(
        format!("hydrad closed the connection on {}.", socket.display()),
        format!("It stopped or was killed. {LOOK}"),
    )
}

pub(super) fn of_silence(socket: &Path, patience: Duration) -> Cause {
    cause(
        format!("hydrad on {} has been silent for {} s.", socket.display(), patience.as_secs()),
        format!("It is there but hangs, or is very busy. {LOOK}"),
    )
}
