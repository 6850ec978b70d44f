//! Where the programs under test and the counterparts are, and what to say when they are not.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Set by `tests/run`: a counterpart that is missing fails the test instead of skipping it.
pub const REQUIRE: &str = "HYDRA_REQUIRE_COUNTERPARTS";

/// Why a program cannot be started.
#[derive(Debug)]
pub struct Missing(pub String);

/// The daemon: `HYDRAD_BIN`, or `hydrad` in the target directory of this test.
pub fn hydrad() -> Result<PathBuf, Missing> {
    ours("hydrad", "HYDRAD_BIN")
}

/// The console: `HYDRACTL_BIN`, or `hydractl` in the target directory of this test.
pub fn hydractl() -> Result<PathBuf, Missing> {
    ours("hydractl", "HYDRACTL_BIN")
}

/// The load generator: `HYDRA_LOAD_BIN`, or `hydra-load` in the target directory of this test.
pub fn hydra_load() -> Result<PathBuf, Missing> {
    ours("hydra-load", "HYDRA_LOAD_BIN")
}

fn ours(name: &str, variable: &str) -> Result<PathBuf, Missing> {
    let path = match env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => profile_dir().join(name),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(Missing(format!(
        "no {name} at {}: build it with `cargo build --workspace --bins --tests`, or name one with {variable}",
        path.display()
    )))
}

/// `target/debug`: the test binary stands in its `deps`.
fn profile_dir() -> PathBuf {
    let here = env::current_exe().unwrap_or_default();
    let dir = here.parent().unwrap_or(Path::new("."));
    if dir.ends_with("deps") { dir.parent().unwrap_or(dir).to_owned() } else { dir.to_owned() }
}

/// Where `tests/run` puts the counterparts: `HYDRA_COUNTERPARTS`, or `counterparts` in
/// the target directory.
fn counterparts_dir() -> PathBuf {
    match env::var_os("HYDRA_COUNTERPARTS") {
        Some(dir) => PathBuf::from(dir),
        None => profile_dir().parent().unwrap_or(Path::new(".")).join("counterparts"),
    }
}

/// A counterpart's file, such as `kubo/ipfs`.
///
/// When it is missing: under `tests/run` this panics; otherwise it prints a loud line and
/// gives `None`, for the test to return.
#[must_use]
pub fn counterpart(file: &str) -> Option<PathBuf> {
    let path = counterparts_dir().join(file);
    if path.is_file() {
        return Some(path);
    }
    let why = format!("{} is not installed; `bash tests/run` installs and runs everything", path.display());
    assert!(env::var_os(REQUIRE).is_none(), "{why}");
    skip(&why);
    None
}

/// Says loudly that the test is not run, and why.
pub fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, which the test runner captures and a passing test never shows. That
    // standard error may be closed is no reason to fail.
    drop(writeln!(std::io::stderr(), "SKIPPED {test}: {why}"));
}
