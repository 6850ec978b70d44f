//! `hydrad belly`: the record store without a daemon.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, value_parser};

use super::{FAILED, Outcome};
use crate::belly::Belly;
use crate::belly::engine::{LogBelly, LogConfig};
use crate::belly::offline::{self, Checked, Format, OfflineError};
use crate::config::Config;
use crate::limits::Machine;

/// Providers that `stats` names.
const TOP: usize = 10;

pub(super) fn command() -> Command {
    let path = |id: &'static str, name: &'static str, help: &'static str| {
        Arg::new(id).value_name(name).required(true).value_parser(value_parser!(PathBuf)).help(help)
    };
    let format = Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .default_value("ndjson")
        .value_parser(PossibleValuesParser::new(["ndjson", "csv"]))
        .help("ndjson can be imported again");
    Command::new("belly")
        .about("The record store in the data directory")
        .subcommand_required(true)
        .subcommand(
            Command::new("check").about("Read every page and say what is broken; also while the daemon runs"),
        )
        .subcommand(Command::new("stats").about("Say what is in it; while the daemon does not run"))
        .subcommand(
            Command::new("export")
                .about("Write the records to a new file; while the daemon does not run")
                .arg(path("file", "FILE", "The file to make"))
                .arg(format),
        )
        .subcommand(
            Command::new("import")
                .about("Read records that export wrote as ndjson; while the daemon does not run")
                .arg(path("file", "FILE", "The file to read")),
        )
        .subcommand(
            Command::new("backup")
                .about("Copy the store to a new directory; also while the daemon runs")
                .arg(path("dir", "DIR", "The directory to make")),
        )
}

pub(super) fn perform(verb: &str, args: &ArgMatches, config: &Config) -> Outcome {
    let store = config.belly(&Machine::read());
    let path = |id: &str| args.get_one::<PathBuf>(id).cloned().unwrap_or_default();
    let outcome = match verb {
        "check" => offline::check(&store.dir).map(|files| checked(&files)),
        "stats" => stats(store),
        "export" => {
            let format = match args.get_one::<String>("format").map(String::as_str) {
                Some("csv") => Format::Csv,
                _ => Format::Ndjson,
            };
            let file = path("file");
            offline::export(store, &file, format)
                .map(|count| done(format!("{}: {count} records\n", file.display())))
        }
        "import" => offline::import(store, &path("file")).map(|(taken, left)| {
            done(format!("{taken} records taken, {left} left out: expired, or over a limit\n"))
        }),
        _ => {
            let dir = path("dir");
            offline::backup(&store.dir, &dir).map(|count| done(format!("{}: {count} files\n", dir.display())))
        }
    };
    outcome.unwrap_or_else(|error| Outcome::failed(&error))
}

fn done(out: String) -> Outcome {
    Outcome { out, ..Outcome::default() }
}

fn checked(files: &[Checked]) -> Outcome {
    let mut out = String::new();
    let mut broken = 0;
    for file in files {
        let Checked { name, bytes, records, providers, pages, damaged, fault } = file;
        // writing to a String does not fail
        writeln!(out, "{name}  {records} records  {providers} providers  {pages} pages  {bytes} bytes").ok();
        if *damaged > 0 || fault.is_some() {
            broken += 1;
            let fault = fault.as_deref().unwrap_or("checksums do not fit");
            writeln!(out, "  BROKEN: {damaged} pages or rows; {fault}").ok();
        }
    }
    let records: u64 = files.iter().map(|file| file.records).sum();
    writeln!(out, "{} files, {records} records in the log, {broken} files with damage", files.len()).ok();
    Outcome { out, code: if broken > 0 { FAILED } else { 0 }, ..Outcome::default() }
}

fn stats(store: LogConfig) -> Result<Outcome, OfflineError> {
    let belly = LogBelly::open(store)?;
    let (counts, health) = (belly.counts(), belly.health());
    let mut out = String::new();
    let mut line = |name: &str, value: String| writeln!(out, "{name:<12} {value}").ok();
    line("records", counts.records.to_string());
    line("providers", counts.providers.to_string());
    line("values", counts.values.to_string());
    line("disk bytes", health.disk_bytes.to_string());
    for (peer, count) in belly.top_providers(TOP) {
        line("provider", format!("{peer}  {count} records"));
    }
    let err = health.trouble.map(|trouble| format!("warning: {trouble}\n")).unwrap_or_default();
    Ok(Outcome { out, err, ..Outcome::default() })
}
