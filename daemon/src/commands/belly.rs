//! `hydrad belly`: the record store without a daemon.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, value_parser};

use super::progress::Progress;
use super::{Outcome, UNHEALTHY};
use crate::belly::engine::{LogBelly, LogConfig};
use crate::belly::offline::{self, Checked, Format, Imported, OfflineError, Tell};
use crate::belly::{Belly, BellyError};
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
        .help("Import reads both");
    Command::new("belly")
        .about("The record store in the data directory")
        .subcommand_required(true)
        .subcommand(
            Command::new("check")
                .about("Read every page and say what is broken, exit 8 then; also while the daemon runs"),
        )
        .subcommand(Command::new("stats").about("Say what is in it; while the daemon does not run (then: hydractl records stat)"))
        .subcommand(
            Command::new("export")
                .about("Write the records to a new file; while the daemon does not run (then: hydractl records export)")
                .arg(path("file", "FILE", "The file to make"))
                .arg(format),
        )
        .subcommand(
            Command::new("import")
                .about("Read records that an export wrote, with their times; while the daemon does not run")
                .arg(path("file", "FILE", "The file to read")),
        )
        .subcommand(
            Command::new("backup")
                .about("Copy the store to a new directory, each file as of one moment; also while the daemon runs")
                .arg(path("dir", "DIR", "The directory to make")),
        )
}

pub(super) fn perform(verb: &str, args: &ArgMatches, config: &Config) -> Outcome {
    let store = config.belly(&Machine::read());
    let path = |id: &str| args.get_one::<PathBuf>(id).cloned().unwrap_or_default();
    let mut progress =
        Progress::begin(verb, if matches!(verb, "export" | "stats") { "records" } else { "bytes" });
    let mut tell = |done, of| progress.tell(done, of);
    let outcome = match verb {
        "check" => offline::check(&store.dir, &mut tell).map(|files| checked(&files)),
        "stats" => stats(store, &mut tell),
        "export" => {
            let format = match args.get_one::<String>("format").map(String::as_str) {
                Some("csv") => Format::Csv,
                _ => Format::Ndjson,
            };
            let file = path("file");
            offline::export(store, &file, format, &mut tell)
                .map(|count| done(format!("{}: {count} records\n", file.display())))
        }
        "import" => offline::import(store, &path("file"), &mut tell).map(|imported| taken(&imported)),
        _ => {
            let dir = path("dir");
            offline::backup(&store.dir, &dir, &mut tell)
                .map(|count| done(format!("{}: {count} files\n", dir.display())))
        }
    };
    progress.end();
    outcome.unwrap_or_else(|error| failed(verb, &error))
}

fn done(out: String) -> Outcome {
    Outcome { out, ..Outcome::default() }
}

/// An error, and what one can do while a daemon has the store.
fn failed(verb: &str, error: &OfflineError) -> Outcome {
    let mut outcome = Outcome::failed(error);
    if matches!(error, OfflineError::Belly(BellyError::Locked { .. })) {
        outcome.err += match verb {
            "stats" => "  while it runs: hydractl records stat\n",
            "export" => "  while it runs: hydractl records export\n",
            _ => "  nothing was written; stop it first: sudo systemctl stop hydrad\n",
        };
    }
    outcome
}

fn taken(imported: &Imported) -> Outcome {
    let Imported { taken, expired, refused } = imported;
    let mut out = format!("{taken} records taken, {expired} left out because their time is over\n");
    for (why, count) in refused {
        // writing to a String does not fail
        writeln!(out, "{count} refused: {why}").ok();
    }
    done(out)
}

fn checked(files: &[Checked]) -> Outcome {
    let mut out = String::new();
    let mut broken = 0;
    for file in files {
        let Checked { name, bytes, records, providers, pages, segment, damaged, fault } = file;
        // writing to a String does not fail
        write!(out, "{name}  {records} records  {providers} providers  {pages} pages  {bytes} bytes").ok();
        let segment = if *segment > 0 { format!("  {segment} in its segment") } else { String::new() };
        writeln!(out, "{segment}").ok();
        if *damaged > 0 || fault.is_some() {
            broken += 1;
            let fault = fault.as_deref().unwrap_or("checksums do not fit");
            writeln!(out, "  BROKEN: {damaged} pages, rows or segments; {fault}").ok();
        }
    }
    let records: u64 = files.iter().map(|file| file.records).sum();
    writeln!(out, "{} files, {records} records in the log, {broken} files with damage", files.len()).ok();
    if broken == 0 {
        return done(out);
    }
    let err = "hydrad skips what is broken, sets aside a file that cannot be read, and serves the rest; what is lost\n\
               comes again within 22 h, when its providers announce it. Nothing needs to be done for the records, but\n\
               look at the disk (dmesg, smartctl). A copy from before: stop hydrad, and put the files of a backup in place.\n";
    Outcome { out, err: err.to_owned(), code: UNHEALTHY, ..Outcome::default() }
}

fn stats(store: LogConfig, tell: Tell<'_>) -> Result<Outcome, OfflineError> {
    let belly = LogBelly::open_warming(store)?;
    belly.wait_warm(|progress| tell(progress.records, progress.expected));
    let (counts, health, footprint) = (belly.counts(), belly.health(), belly.footprint());
    let near: u64 = footprint.generations.iter().filter(|one| one.near).map(|one| one.records).sum();
    let mut out = String::new();
    let mut line = |name: &str, value: String| writeln!(out, "{name:<12} {value}").ok();
    line(
        "records",
        format!("{} in force: {near} near, {} far", counts.records, counts.records.saturating_sub(near)),
    );
    line("providers", counts.providers.to_string());
    line("values", counts.values.to_string());
    line("generations", footprint.generations.len().to_string());
    line("disk bytes", health.disk_bytes.to_string());
    line("index bytes", footprint.index_bytes.to_string());
    line(
        "in segments",
        format!("{} records, {} bytes of memory", footprint.segment_records, footprint.segment_bytes),
    );
    for (peer, count) in belly.top_providers(TOP) {
        line("provider", format!("{peer}  {count} records"));
    }
    let err = health.trouble.map(|trouble| format!("warning: {trouble}\n")).unwrap_or_default();
    Ok(Outcome { out, err, ..Outcome::default() })
}
