//! `bugreport`: what others need to see of a hydra, in a directory: the answers of other commands
//! and nothing else, so that it holds no more than they tell. Secrets are in none of them.

use std::fs::{DirBuilder, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, FromArgMatches as _};
use serde::Serialize;

use super::{Cli, command, dispatch};
use crate::error::{Error, Kind};
use crate::output::look::Look;
use crate::output::object;
use crate::output::text::neutral;
use crate::session::Target;
use crate::ui::{Colour, Surroundings, Ui};

/// The files and the commands that fill them.
const FILES: &[(&str, &str)] = &[
    ("version.json", "version -o json"),
    ("doctor.json", "doctor -o json"),
    ("status.json", "status -o json"),
    ("config.json", "config show -o json"),
    ("heads.json", "heads list -o json"),
    ("network.json", "network -o json"),
    ("belly.json", "records stat -o json"),
    ("prefetch.json", "prefetch status -o json"),
    ("events.json", "events -o json"),
    ("log.json", "log tail --no-follow -o json"),
    ("metrics.txt", "metrics print"),
];

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Holds no keys, but names the hydra's addresses and paths and, in log.json, peers: read it before you send it.
Works without a daemon, too, and then has little.")]
pub(super) struct Arguments {
    /// The directory to make; without it hydra-bugreport-TIME here
    #[arg(value_name = "DIRECTORY", value_hint = clap::ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Default, Serialize)]
struct BugReport {
    /// The directory.
    path: String,
    /// What stands in it.
    files: Vec<FileReport>,
}

/// One file.
#[derive(Debug, Default, Serialize)]
struct FileReport {
    name: &'static str,
    /// The command whose answer it holds.
    command: String,
    /// Why it is not whole; null when it is.
    trouble: Option<String>,
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let directory = arguments
        .directory
        .unwrap_or_else(|| PathBuf::from(ui.look.now.strftime("hydra-bugreport-%Y%m%dT%H%M%SZ").to_string()));
    let cannot = |what: &Path, error: io::Error| {
        Error::new(Kind::Failed, format!("cannot make {}: {error}", what.display()))
            .hint("name a directory that is not there yet: hydractl bugreport DIRECTORY")
    };
    // logs and addresses are nobody else's business
    DirBuilder::new().mode(0o700).create(&directory).map_err(|error| cannot(&directory, error))?;
    let mut report = BugReport { path: neutral(&directory.display().to_string()), ..BugReport::default() };
    for (name, words) in FILES {
        let path = directory.join(name);
        let file = File::create_new(&path).map_err(|error| cannot(&path, error))?;
        let outcome = answer(words, file, target, ui.look).await;
        let trouble = match outcome {
            Ok(()) => None,
            // the doctor found something: that is its answer
            Err(error) if error.kind() == Kind::Unhealthy => None,
            Err(error) => Some(error.to_string()),
        };
        report.files.push(FileReport { name, command: format!("hydractl {words}"), trouble });
    }
    let lines = report.files.iter().map(|file| match &file.trouble {
        None => format!("{}/{}\n", report.path, file.name),
        Some(trouble) => format!("{}/{}: {trouble}\n", report.path, file.name),
    });
    let text: String = lines.collect();
    object::print(ui, "hydra.v1/BugReport", &report, &report.path, &text)?;
    ui.note("no keys are in it, but addresses and paths are: read it before you send it");
    Ok(())
}

/// Has a command line print into a file.
async fn answer(words: &str, file: File, target: &Target, look: Look) -> Result<(), Error> {
    let words = std::iter::once("hydractl").chain(words.split_whitespace());
    let parsed = command().try_get_matches_from(words).and_then(|found| Cli::from_arg_matches(&found));
    let cli = parsed.map_err(|error| Error::new(Kind::Usage, error.to_string()))?;
    let surroundings = Surroundings {
        out: Box::new(BufWriter::new(file)),
        err: Box::new(io::sink()),
        read_line: || Err(io::ErrorKind::Unsupported.into()),
        terminal: false,
        can_ask: false,
        err_terminal: false,
        variable: |_| None,
        input: || Box::new(io::empty()),
        now: jiff::Timestamp::now,
        screen: || None,
    };
    let mut inner = surroundings.into_ui(cli.global.output, Colour::Never);
    inner.look = Look { terminal: false, colour: false, utf8: true, ..look };
    let outcome = Box::pin(dispatch(cli.command, target, &mut inner)).await;
    outcome.and(inner.out.flush().map_err(Error::from))
}
