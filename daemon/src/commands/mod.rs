//! What `hydrad` does without becoming a daemon: seeds, backups, looking at settings.
//!
//! Thin glue over `config/`, `identity/` and `state/`: it reads the command line, writes to
//! the two outputs it is given and says with which code to exit (0 ok, 1 failed, 2 usage or
//! configuration, 8 something is broken). It makes no runtime and logs nothing.

mod belly;
mod import;
mod progress;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::config::{self, Config, Flags, Surroundings, predecessor};
use crate::identity::Seed;
use crate::state;

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Be the daemon.
    Run(Box<Config>),
    /// All is done; exit with this.
    Done(ExitCode),
}

/// Reads this process's command line and does what needs no daemon.
#[must_use]
pub fn parse() -> Invocation {
    let at = Surroundings::of_this_process();
    parse_from(std::env::args_os(), &at, &mut io::stdout().lock(), &mut io::stderr().lock())
}

/// [`parse`] with everything given; the program's name is the first argument.
pub fn parse_from<I, T>(args: I, at: &Surroundings, out: &mut dyn Write, err: &mut dyn Write) -> Invocation
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let outcome = match command().try_get_matches_from(predecessor::spell(args)) {
        Ok(matches) => perform(&matches, at),
        Err(error) => Outcome::of_clap(&error),
    };
    if let Some(config) = outcome.run {
        return Invocation::Run(config);
    }
    // Whoever closed the pipe has read enough: that is no failure.
    let written = out.write_all(outcome.out.as_bytes()).and_then(|()| out.flush());
    let said = err.write_all(outcome.err.as_bytes()).and_then(|()| err.flush());
    let broken = |error: io::Error| error.kind() != io::ErrorKind::BrokenPipe;
    let lost = written.is_err_and(broken) || said.is_err_and(broken);
    Invocation::Done(if lost && outcome.code == OK { FAILED.into() } else { outcome.code.into() })
}

/// The whole command line; also for completions and man pages.
#[must_use]
pub fn command() -> Command {
    let file = |help: &'static str| {
        Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help(help)
    };
    let force = Arg::new("force").long("force").action(ArgAction::SetTrue);
    let backup = Command::new("backup")
        .about("Write seed, heads and settings to a new file; also while the daemon runs")
        .arg(file("The file to make; it holds the keys"));
    let restore = Command::new("restore")
        .about("Put a backup in place; while the daemon does not run")
        .arg(file("A file that `hydrad state backup` wrote"))
        .arg(force.help("Replace a state that is there; it is kept under another name"));
    let check = Arg::new("check-config").long("check-config").action(ArgAction::SetTrue);
    let print = Arg::new("print-config")
        .long("print-config")
        .value_name("FORMAT")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("table")
        .value_parser(PossibleValuesParser::new(["table", "json"]));
    Command::new("hydrad")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A hydra: many DHT server identities over one record store")
        .args_conflicts_with_subcommands(false)
        .after_help(MOVING)
        .args(config::arguments())
        .arg(check.help("Say whether the configuration is good, and exit").conflicts_with("print-config"))
        .arg(print.help("Print every setting with its value and where it came from, and exit"))
        .subcommand(
            Command::new("seed")
                .about("The secret that all peer ids follow from")
                .subcommand_required(true)
                .subcommand(Command::new("new").about("Print a new seed")),
        )
        .subcommand(
            Command::new("state")
                .about("What the daemon keeps in its data directory")
                .subcommand_required(true)
                .subcommand(backup)
                .subcommand(restore),
        )
        .subcommand(belly::command())
        .subcommand(import::command())
}

const MOVING: &str =
    "hydra-booster's flags and variables are understood, too: --print-config shows what they come to";

const OK: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// As hydractl has it.
const UNHEALTHY: u8 = 8;

/// What to write and how to end.
#[derive(Default)]
struct Outcome {
    run: Option<Box<Config>>,
    out: String,
    err: String,
    code: u8,
}

impl Outcome {
    fn of_clap(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let code = u8::try_from(error.exit_code()).unwrap_or(USAGE);
        if error.use_stderr() {
            Self { err: text, code, ..Self::default() }
        } else {
            Self { out: text, code, ..Self::default() }
        }
    }

    fn failed(error: &dyn std::error::Error) -> Self {
        Self { err: format!("error: {error}\n"), code: FAILED, ..Self::default() }
    }
}

fn perform(matches: &ArgMatches, at: &Surroundings) -> Outcome {
    match matches.subcommand() {
        Some(("seed", _)) => new_seed(),
        Some(("state", verbs)) => match verbs.subcommand() {
            Some((verb, args)) => with_config(args, at, |config| on_state(verb, args, config)),
            None => Outcome { code: USAGE, ..Outcome::default() },
        },
        Some(("belly", verbs)) => match verbs.subcommand() {
            Some((verb, args)) => with_config(args, at, |config| belly::perform(verb, args, config)),
            None => Outcome { code: USAGE, ..Outcome::default() },
        },
        Some(("import", args)) => with_config(args, at, |config| import::perform(args, config)),
        _ if matches.get_flag("check-config") => with_config(matches, at, checked),
        _ => match matches.get_one::<String>("print-config").map(String::as_str) {
            Some("json") => with_config(matches, at, |config| printed(config::to_json(config), config)),
            Some(_) => with_config(matches, at, |config| printed(config::table(config), config)),
            None => match Config::of(&Flags::of(matches), at) {
                Ok(config) => Outcome { run: Some(Box::new(config)), ..Outcome::default() },
                Err(errors) => Outcome { err: format!("{errors}\n"), code: USAGE, ..Outcome::default() },
            },
        },
    }
}

fn with_config(matches: &ArgMatches, at: &Surroundings, then: impl FnOnce(&Config) -> Outcome) -> Outcome {
    match Config::of(&Flags::of(matches), at) {
        Ok(config) => then(&config),
        Err(errors) => Outcome { err: format!("{errors}\n"), code: USAGE, ..Outcome::default() },
    }
}

fn warnings(config: &Config) -> String {
    config.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect()
}

fn printed(out: String, config: &Config) -> Outcome {
    Outcome { out, err: warnings(config), ..Outcome::default() }
}

fn checked(config: &Config) -> Outcome {
    let files: Vec<_> = config.files.iter().map(|file| file.display().to_string()).collect();
    let read =
        if files.is_empty() { "no file; defaults, variables and flags".to_owned() } else { files.join(", ") };
    printed(format!("ok: {read}\n"), config)
}

fn new_seed() -> Outcome {
    match Seed::generate() {
        Ok(seed) => Outcome {
            out: format!("{}\n", seed.to_base64()),
            err: "all peer ids follow from this secret: keep it in a file that only hydrad reads (0600), name that \
                  with --random-seed-file, and keep a copy elsewhere\n"
                .to_owned(),
            ..Outcome::default()
        },
        Err(error) => Outcome::failed(&error),
    }
}

fn on_state(verb: &str, args: &ArgMatches, config: &Config) -> Outcome {
    let Some(file) = args.get_one::<PathBuf>("file") else {
        return Outcome { code: USAGE, ..Outcome::default() };
    };
    let dir = &config.data_dir;
    let heads = |count: usize| if count == 1 { "1 head".to_owned() } else { format!("{count} heads") };
    if verb == "backup" {
        return match state::backup(dir, file) {
            Ok(count) => Outcome {
                out: format!("{} written: the state of {} with {}\n", file.display(), dir.display(), heads(count)),
                err: "it holds key material: keep it as safe as the data directory; a configured seed is not in it\n"
                    .to_owned(),
                ..Outcome::default()
            },
            Err(error) => Outcome::failed(&error),
        };
    }
    match state::restore(file, dir, args.get_flag("force")) {
        Ok(restored) => {
            let kept = restored.replaced.map(|path| format!("what was there is now {}\n", path.display()));
            Outcome {
                out: format!(
                    "{} restored in {} from {}\n",
                    heads(restored.heads),
                    dir.display(),
                    file.display()
                ),
                err: kept.unwrap_or_default() + "no other hydrad may run with the same peer ids\n",
                ..Outcome::default()
            }
        }
        Err(error) => Outcome::failed(&error),
    }
}
