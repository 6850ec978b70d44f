//! What a configuration is read from, apart from the arguments: given, so that loading is a
//! function of its inputs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The process and its machine, as far as settings depend on them.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub variables: BTreeMap<String, String>,
    /// Files are read below this directory; `/` outside of tests. Messages show the paths
    /// as they were given.
    pub root: PathBuf,
    /// Whether the paths of a system service are the defaults: for root, and for whoever may
    /// write `/var/lib/hydrad`.
    pub system: bool,
    pub hostname: String,
}

impl Surroundings {
    /// Those of this process. Variables that are not UTF-8 are read with replacement
    /// characters, so that a check refuses them.
    #[must_use]
    pub fn of_this_process() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let writable = rustix::fs::access(super::paths::SYSTEM_DATA, rustix::fs::Access::WRITE_OK).is_ok();
        Self {
            variables: std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect(),
            root: "/".into(),
            system: writable || rustix::process::geteuid().is_root(),
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        }
    }

    /// A variable that is set to something.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where a file really is.
    pub(super) fn real(&self, path: &Path) -> PathBuf {
        match path.strip_prefix("/") {
            Ok(below) => self.root.join(below),
            Err(_) => path.to_owned(),
        }
    }
}
