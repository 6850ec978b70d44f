//! Where files are when nobody says: as a system service, or for a user.

use std::path::{Path, PathBuf};

use super::surroundings::Surroundings;

pub(super) const SYSTEM_DATA: &str = "/var/lib/hydrad";
const SYSTEM_CONFIG: &str = "/etc/hydra";
const SYSTEM_RUN: &str = "/run/hydra";

/// The longest path a Unix socket can have on Linux, in bytes (`sun_path` without its NUL).
pub const MAX_SOCKET_PATH: usize = 107;

/// The configuration file that is read when none is named, if it is there.
pub(super) fn config_file(at: &Surroundings) -> Option<PathBuf> {
    let dir = systemd(at, "CONFIGURATION_DIRECTORY").or_else(|| {
        if at.system { Some(SYSTEM_CONFIG.into()) } else { xdg(at, "XDG_CONFIG_HOME", ".config") }
    });
    dir.map(|dir| dir.join("hydrad.toml"))
}

/// The data directory, or which variables would have told it.
pub(super) fn data_dir(at: &Surroundings) -> Result<PathBuf, &'static str> {
    systemd(at, "STATE_DIRECTORY")
        .or_else(|| at.system.then(|| SYSTEM_DATA.into()))
        .or_else(|| xdg(at, "XDG_STATE_HOME", ".local/state"))
        .ok_or("none of $STATE_DIRECTORY, $XDG_STATE_HOME and $HOME tells a place")
}

/// The control socket. Without a runtime directory it is in the data directory, which is
/// private: a name in `/tmp` could be taken by anyone.
pub(super) fn control_socket(at: &Surroundings, data_dir: &Path) -> PathBuf {
    let run = systemd(at, "RUNTIME_DIRECTORY")
        .or_else(|| at.system.then(|| SYSTEM_RUN.into()))
        .or_else(|| absolute(at, "XDG_RUNTIME_DIR").map(|dir| dir.join("hydra")));
    run.unwrap_or_else(|| data_dir.to_owned()).join("control.sock")
}

/// The observe socket that belongs to a control socket, as hydractl looks for it: the same
/// file name with "observe" for "control", else `observe.sock` in the same directory.
pub(super) fn observe_beside(control: &Path) -> PathBuf {
    let name = control.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let beside =
        if name.contains("control") { name.replace("control", "observe") } else { "observe.sock".into() };
    control.with_file_name(beside)
}

/// The first of the directories that systemd made for the unit.
fn systemd(at: &Surroundings, name: &str) -> Option<PathBuf> {
    let first = at.variable(name)?.split(':').next()?;
    Path::new(first).is_absolute().then(|| first.into())
}

fn xdg(at: &Surroundings, name: &str, below_home: &str) -> Option<PathBuf> {
    let dir = absolute(at, name).or_else(|| absolute(at, "HOME").map(|home| home.join(below_home)));
    dir.map(|dir| dir.join("hydra"))
}

/// XDG: relative paths are to be ignored.
fn absolute(at: &Surroundings, name: &str) -> Option<PathBuf> {
    at.variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
