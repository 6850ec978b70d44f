//! `log`: what the daemon's log says, and how much, while it runs.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{self, GetLogLevelsRequest, SetLogLevelRequest, TailLogRequest};

use super::choice::Choice;
use super::span;
use crate::error::{Error, Kind};
use crate::output::dto::{LogLevel, LogLine};
use crate::output::list::{self, List};
use crate::output::{Format, object, text};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// Lines that following begins with.
const BEFORE: u32 = 10;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// The last lines, then each as it is written, until interrupted
    Tail(TailArguments),
    /// How much each part says
    #[command(subcommand)]
    Level(LevelCommand),
}

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
The daemon keeps its last 1,000 lines until it ends; all of them: journalctl -u hydrad")]
pub(super) struct TailArguments {
    /// So many lines to begin with; without it 10 to follow from, else all that are kept
    #[arg(long, value_name = "N")]
    last: Option<NonZeroU32>,
    /// These and worse
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Only modules that begin so: hydrad::prefetch
    #[arg(long, value_name = "TARGET", default_value = "", hide_default_value = true)]
    target: String,
    #[command(flatten)]
    choice: Choice,
    /// End after the lines that are kept
    #[arg(long)]
    no_follow: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum LevelCommand {
    /// What parts say instead of what is configured
    Get,
    /// Have a part say more or less, at once
    Set(SetArguments),
}

#[derive(Args, Clone, Debug)]
pub(super) struct SetArguments {
    /// A module and how much it says: hydra::prefetch=debug
    #[arg(value_name = "TARGET=LEVEL")]
    part: Part,
    /// How long: 10m, 2h; without it until the daemon ends
    #[arg(long = "for", value_name = "TIME", value_parser = span::parse)]
    time: Option<Duration>,
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A module and its level.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    target: String,
    level: Level,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (target, level) = text.split_once('=').ok_or("give a part and a level: hydra::prefetch=debug")?;
        let level = Level::from_str(level, true)
            .map_err(|_| format!("{level:?} is no level; there are off, error, warn, info, debug, trace"))?;
        Ok(Self { target: target.to_owned(), level })
    }
}

impl Level {
    const fn wire(self) -> v1::LogLevel {
        match self {
            Self::Off => v1::LogLevel::Off,
            Self::Error => v1::LogLevel::Error,
            Self::Warn => v1::LogLevel::Warn,
            Self::Info => v1::LogLevel::Info,
            Self::Debug => v1::LogLevel::Debug,
            Self::Trace => v1::LogLevel::Trace,
        }
    }
}

impl Command {
    /// Whether it tells what there is, and ends.
    pub(super) const fn reads(&self) -> bool {
        match self {
            Self::Tail(arguments) => arguments.no_follow,
            Self::Level(level) => matches!(level, LevelCommand::Get),
        }
    }
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    if let Command::Tail(arguments) = &command
        && !arguments.no_follow
        && ui.format == Format::Json
    {
        return Err(Error::new(Kind::Usage, "a list that does not end is no JSON document")
            .hint("use -o ndjson: one object a line, or --no-follow"));
    }
    // the log names peers and operators: the observe socket does not tell it
    let session = target.open(Access::Control).await?;
    match command {
        Command::Tail(arguments) => tail(arguments, &session, ui).await,
        Command::Level(LevelCommand::Get) => levels(&session, ui).await,
        Command::Level(LevelCommand::Set(arguments)) => set(arguments, &session, ui).await,
    }
}

async fn tail(arguments: TailArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let follow = !arguments.no_follow;
    let request = TailLogRequest {
        last: arguments.last.map(NonZeroU32::get).or(follow.then_some(BEFORE)),
        level: arguments.level.map_or(v1::LogLevel::Unspecified, Level::wire).into(),
        target: arguments.target,
        follow,
    };
    ui.headers &= !matches!(ui.format, Format::Auto | Format::Table);
    let selection = if follow { arguments.choice.unsorted()? } else { arguments.choice.of(None)? };
    let mut updates = session.call(session.client.log().tail_log(request)).await?;
    let mut rows = List::of(ui, selection)?;
    loop {
        // Hours may pass between two lines: following has no time limit.
        let next = updates.message();
        let next = if follow { next.await? } else { session.within(next).await? };
        let Some(update) = next else { break };
        if update.missed > 0 {
            ui.note(&format!("{} lines left out: this reader was slow", text::commas(update.missed)));
        }
        for line in &update.lines {
            rows.push(ui, &LogLine::from(line))?;
        }
        rows.flush(ui)?;
    }
    rows.finish(ui)?;
    if follow {
        return Err(Error::new(Kind::NoDaemon, "hydrad ended").hint("look: journalctl -u hydrad -n 50"));
    }
    Ok(())
}

async fn levels(session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let reply = session.call(session.client.log().get_log_levels(GetLogLevelsRequest {})).await?;
    let parts: Vec<LogLevel> =
        reply.overrides.iter().map(|part| LogLevel::of(part, &reply.configured)).collect();
    if list::print(ui, &parts)? == 0 {
        ui.note(&format!("all parts as configured: log.level {}", text::neutral(&reply.configured)));
    }
    Ok(())
}

async fn set(arguments: SetArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let request = SetLogLevelRequest {
        target: arguments.part.target,
        level: arguments.part.level.wire().into(),
        for_seconds: arguments.time.map_or(0.0, |time| time.as_secs_f64()),
    };
    let reply = session.call(session.client.log().set_log_level(request)).await?;
    let Some(part) = reply.r#override.as_ref() else {
        return Err(Error::empty_answer("a level"));
    };
    let part = LogLevel::of(part, &reply.configured);
    let until = match part.until_at {
        Some(at) => format!(" until {}, then {}", ui.look.clock(at.0), part.then),
        None => " until hydrad ends".to_owned(),
    };
    let text = format!("{} {}{until}\n", part.target, part.level);
    if ui.quiet { Ok(()) } else { object::print_row(ui, &part, &text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_name_and_a_level() {
        let part = |text: &str| text.parse::<Part>();
        let debug = Part { target: "hydra::prefetch".to_owned(), level: Level::Debug };
        assert_eq!(part("hydra::prefetch=debug"), Ok(debug.clone()));
        assert_eq!(part("hydra::prefetch=DEBUG"), Ok(debug));
        assert!(part("debug").is_err() && part("hydra=loud").is_err());
    }
}
