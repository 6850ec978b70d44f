//! Whether a configuration is good: hydrad's own word, so that there is one parser.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::error::{Error, Kind};
use crate::output::text::neutral;
use crate::ui::Ui;

/// Names the program, when it is neither beside this one nor in PATH.
const PROGRAM_VARIABLE: &str = "HYDRAD";

/// It reads some files.
const TIME: Duration = Duration::from_secs(10);

/// What hydrad says of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Checked {
    /// Good: what was read.
    Good(String),
    /// Not good: what is wrong, a line each.
    Wrong(Vec<String>),
    /// It could not be asked; why.
    Unasked(String),
}

pub(super) async fn run(file: Option<&Path>, ui: &mut Ui<'_>) -> Result<(), Error> {
    match check(file).await {
        Checked::Good(read) => ui.say(&format!("ok: {read}")),
        Checked::Wrong(lines) => {
            let text = lines.join("\n");
            Err(Error::new(Kind::Failed, text.strip_prefix("error: ").unwrap_or(&text)))
        }
        Checked::Unasked(why) => Err(Error::new(Kind::Failed, why)
            .hint(format!("put hydrad beside hydractl or into PATH, or name it: {PROGRAM_VARIABLE}=PATH"))),
    }
}

/// Asks hydrad; of no file, about those that it would read when this account started it.
pub(in crate::cli) async fn check(file: Option<&Path>) -> Checked {
    let Some(program) = program(env::var_os(PROGRAM_VARIABLE), env::current_exe().ok(), env::var_os("PATH"))
    else {
        return Checked::Unasked("no hydrad was found that could say".to_owned());
    };
    let mut command = Command::new(&program);
    if let Some(file) = file {
        command.arg("--config").arg(file);
    }
    command.arg("--check-config").stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(TIME, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Checked::Unasked(format!("cannot run {}: {error}", program.display())),
        Err(_) => return Checked::Unasked(format!("{} did not answer", program.display())),
    };
    let lines =
        |bytes: &[u8]| -> Vec<String> { String::from_utf8_lossy(bytes).lines().map(neutral).collect() };
    let (out, err) = (lines(&output.stdout), lines(&output.stderr));
    match output.status.code() {
        Some(0) => {
            let read = out.first().map_or("", |line| line.strip_prefix("ok: ").unwrap_or(line));
            Checked::Good([&[read.to_owned()], err.as_slice()].concat().join("\n"))
        }
        // its code for what is wrong with settings
        Some(2) if !err.is_empty() => Checked::Wrong(err),
        _ => Checked::Unasked(format!("{} ended with {}", program.display(), output.status)),
    }
}

/// The named one, else the one beside this program, else the first in PATH.
fn program(named: Option<OsString>, ours: Option<PathBuf>, path: Option<OsString>) -> Option<PathBuf> {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let beside = ours.map(|ours| ours.with_file_name("hydrad"));
    let in_path: Vec<PathBuf> =
        path.iter().flat_map(env::split_paths).map(|directory| directory.join("hydrad")).collect();
    beside.into_iter().chain(in_path).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hydrad_is_looked_for_where_it_was_named_then_beside_us_then_in_path() {
        let place = tempfile::tempdir().expect("a scratch directory");
        let (beside, elsewhere) = (place.path().join("a"), place.path().join("b"));
        for directory in [&beside, &elsewhere] {
            std::fs::create_dir(directory).expect("made");
        }
        let ours = Some(beside.join("hydractl"));
        let path = Some(OsString::from(format!("/nowhere:{}", elsewhere.display())));
        let find = |named: Option<&str>| program(named.map(OsString::from), ours.clone(), path.clone());
        assert_eq!(find(None), None);
        std::fs::write(elsewhere.join("hydrad"), "").expect("written");
        assert_eq!(find(None), Some(elsewhere.join("hydrad")));
        std::fs::write(beside.join("hydrad"), "").expect("written");
        assert_eq!(find(Some("")), Some(beside.join("hydrad")));
        assert_eq!(find(Some("/named")), Some(PathBuf::from("/named")));
    }
}
