//! The command line: what can be asked, and the way from arguments to an exit code.
//!
//! One file a noun. A command gets its arguments, the target and a [`Ui`]; it returns nothing or
//! an [`Error`], and [`run`] is the only place that turns that into an exit code.

mod bugreport;
mod chart;
mod completions;
mod config;
mod doctor;
mod events;
mod heads;
mod log;
mod metrics;
mod network;
mod peers;
mod prefetch;
mod records;
pub mod reference;
mod selector;
mod span;
mod stats;
mod status;
mod top;
mod version;
mod wait;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::error::{Error, Kind};
use crate::key;
use crate::output::Format;
use crate::session::Target;
use crate::ui::{Colour, Surroundings, Ui};

/// Console of a hydra: asks and drives hydrad over its control socket.
#[derive(Debug, Parser)]
#[command(
    name = "hydractl",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXIT_STATUS
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Documented once: below the help, in the reference, and tested against [`Kind`].
const EXIT_STATUS: &str = "\
Exit status: 0 ok, 1 failed, 2 usage, 3 no daemon, 4 permission, 5 not found, 6 timeout, \
7 version, 8 unhealthy, 130 interrupted.
JSON is a contract: fields are added, never renamed; units are in the names; unknown is null.";

#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t, hide_default_value = true)]
    output: Format,

    /// The control socket; default $HYDRA_SOCKET, else $XDG_RUNTIME_DIR/hydra/control.sock, else /run/hydra/control.sock
    #[arg(long, global = true, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    socket: Option<PathBuf>,

    /// How long an answer may take: 500ms, 10s, 2m; default 10s to read, 60s to change and to wait
    #[arg(long, global = true, value_name = "TIME", value_parser = span::parse)]
    timeout: Option<Duration>,

    /// Colour
    #[arg(long, global = true, value_enum, default_value_t, hide_default_value = true, value_name = "WHEN")]
    color: Colour,

    /// No titles above tables and CSV
    #[arg(long, global = true)]
    no_headers: bool,

    /// Only names on lists, nothing on changes, no remarks
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Columns of a table, fields of CSV, in this order; a wrong one lists them all
    #[arg(long, global = true, value_name = "A,B,…", value_delimiter = ',')]
    columns: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Is it well, and if not, what first?
    Status(status::Arguments),
    /// The DHT server identities of this hydra
    #[command(subcommand)]
    Heads(heads::Command),
    /// Other DHT nodes
    #[command(subcommand)]
    Peers(peers::Command),
    /// Provider records in the belly
    #[command(subcommand)]
    Records(records::Command),
    /// How large the network is, and what share of it the heads cover
    Network(network::Arguments),
    /// Keys that were asked for and not here, looked up elsewhere
    #[command(subcommand)]
    Prefetch(prefetch::Command),
    /// What is wrong, and what to do; also without a daemon
    Doctor(doctor::Arguments),
    /// What others need to see to help, in a directory; without secrets
    Bugreport(bugreport::Arguments),
    /// What happened, and with -w what happens
    Events(events::Arguments),
    /// The daemon's log: what it says, and how much
    #[command(subcommand)]
    Log(log::Command),
    /// The settings that the daemon runs with
    #[command(subcommand)]
    Config(config::Command),
    /// Everything that is counted, for Prometheus
    #[command(subcommand)]
    Metrics(metrics::Command),
    /// What was: series of values, kept for a year
    #[command(subcommand)]
    Stats(stats::Command),
    /// Pictures of what was, for reports
    Chart(chart::Arguments),
    /// The live screen
    Top(top::Arguments),
    /// Wait until something holds, also for a daemon that is still to come
    Wait(wait::Arguments),
    /// Versions of console and daemon
    Version,
    /// Print a completion script
    Completions(completions::Arguments),
}

/// The command line as clap sees it, for completion and documentation.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs a command line to its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, surroundings: Surroundings<'_>) -> ExitCode {
    ExitCode::from(execute(arguments, surroundings))
}

/// As [`run`], with the exit code as a number.
pub fn execute(arguments: impl IntoIterator<Item = OsString>, mut surroundings: Surroundings<'_>) -> u8 {
    let cli = match command()
        .try_get_matches_from(chart::file_as_output(arguments))
        .and_then(|found| Cli::from_arg_matches(&found))
    {
        Ok(cli) => cli,
        Err(error) => return not_a_command(&error, &mut surroundings),
    };
    let Cli { global, command } = cli;
    let mut ui = surroundings.into_ui(global.output, global.color);
    ui.headers = !global.no_headers;
    ui.quiet = global.quiet;
    ui.columns = global.columns;
    let target = Target { socket: global.socket, timeout: global.timeout };

    let outcome = on_a_runtime(command, &target, &mut ui);
    // What is still buffered must not be lost, and may meet a closed pipe.
    let outcome = outcome.and(ui.out.flush().map_err(Error::from));
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            ui.out.flush().unwrap_or_default();
            ui.tell(&error);
            error.kind().exit_code()
        }
    }
}

/// One thread is enough for one connection, and is the quickest to start.
fn on_a_runtime(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Failed, format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = dispatch(command, target, ui) => outcome,
            Ok(()) = tokio::signal::ctrl_c() => Err(Error::told(Kind::Interrupted)),
        }
    });
    // A question that nobody answers any more must not hold the exit.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    match command {
        Command::Status(arguments) => status::run(arguments, target, ui).await,
        Command::Heads(command) => heads::run(command, target, ui).await,
        Command::Peers(command) => peers::run(command, target, ui).await,
        Command::Records(command) => records::run(command, target, ui).await,
        Command::Network(arguments) => network::run(arguments, target, ui).await,
        Command::Prefetch(command) => prefetch::run(command, target, ui).await,
        Command::Doctor(arguments) => doctor::run(arguments, target, ui).await,
        Command::Bugreport(arguments) => bugreport::run(arguments, target, ui).await,
        Command::Events(arguments) => events::run(arguments, target, ui).await,
        Command::Log(command) => log::run(command, target, ui).await,
        Command::Config(command) => config::run(command, target, ui).await,
        Command::Metrics(command) => metrics::run(command, target, ui).await,
        Command::Stats(command) => stats::run(command, target, ui).await,
        Command::Chart(arguments) => chart::run(arguments, target, ui).await,
        Command::Top(arguments) => top::run(arguments, target, ui).await,
        Command::Wait(arguments) => wait::run(arguments, target, ui).await,
        Command::Version => version::run(target, ui).await,
        Command::Completions(arguments) => completions::run(arguments, ui),
    }
}

/// Help and version are data, everything else is a usage error; clap has the words.
fn not_a_command(error: &clap::Error, surroundings: &mut Surroundings<'_>) -> u8 {
    let text = error.render().to_string();
    let written = if error.use_stderr() {
        surroundings.err.write_all(text.as_bytes())
    } else {
        surroundings.out.write_all(text.as_bytes()).and_then(|()| surroundings.out.flush())
    };
    match written {
        Ok(()) if error.use_stderr() => Kind::Usage.exit_code(),
        Ok(()) => 0,
        Err(error) => Error::from(error).kind().exit_code(),
    }
}

/// Lines of a label and what it stands for, aligned.
fn labelled(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    lines.iter().map(|(label, text)| format!("{label:width$}  {text}\n")).collect()
}

/// Several values below one label.
fn continued<'a>(label: &'a str, values: &[String]) -> Vec<(&'a str, String)> {
    if values.is_empty() {
        return vec![(label, "—".to_owned())];
    }
    let label = |at: usize| if at == 0 { label } else { "" };
    values.iter().enumerate().map(|(at, value)| (label(at), value.clone())).collect()
}
