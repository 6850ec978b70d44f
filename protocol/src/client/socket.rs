//! Where the control socket is looked for, and where the observe socket is beside it.
//!
//! Paths only; opens nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The longest path a Unix socket can have on Linux, in bytes (`sun_path` without its final NUL).
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Names the control socket when no `--socket` does.
pub const SOCKET_VARIABLE: &str = "HYDRA_SOCKET";

/// Where a daemon that runs as a system service has its control socket.
pub const SYSTEM_SOCKET: &str = "/run/hydra/control.sock";

/// Where to look, first first: only `asked` when given, else only `$HYDRA_SOCKET` when set, else
/// the user's sockets (`$XDG_RUNTIME_DIR/hydra/control.sock`; where a session has no such
/// directory, hydrad uses its data directory, `$XDG_STATE_HOME/hydra`) and then the system's.
#[must_use]
pub fn candidates(asked: Option<&Path>) -> Vec<PathBuf> {
    candidates_from(asked, |name| std::env::var_os(name))
}

/// [`candidates`] with the environment given.
#[must_use]
pub fn candidates_from(asked: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(asked) = asked {
        return vec![asked.to_owned()];
    }
    if let Some(named) = set(SOCKET_VARIABLE) {
        return vec![named.into()];
    }
    let below = |dir: PathBuf| dir.join("hydra/control.sock");
    let runtime = set("XDG_RUNTIME_DIR").map(PathBuf::from);
    let home = || set("HOME").map(|home| Path::new(&home).join(".local/state"));
    let state = set("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    runtime.into_iter().chain(state).map(below).chain([PathBuf::from(SYSTEM_SOCKET)]).collect()
}

/// The observe socket that belongs to a control socket: the same file name with "observe" for
/// "control", else `observe.sock` in the same directory. `None` for an observe socket itself.
#[must_use]
pub fn observe_beside(control: &Path) -> Option<PathBuf> {
    if is_observe(control) {
        return None;
    }
    let name = control.file_name()?.to_str()?;
    let beside =
        if name.contains("control") { name.replace("control", "observe") } else { "observe.sock".to_owned() };
    Some(control.with_file_name(beside))
}

/// Whether the path has the name of an observe socket.
pub(super) fn is_observe(socket: &Path) -> bool {
    socket.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains("observe"))
}
