//! `prefetch`: keys that were asked for and not here, and are looked up elsewhere.

use std::fmt::Write as _;
use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, Subcommand};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{
    ClearPrefetchRequest, GetPrefetchRequest, ListPrefetchKeysRequest, PausePrefetchRequest, Prefetch,
    ResumePrefetchRequest,
};

use super::choice::Choice;
use super::span;
use super::watch::Watch;
use crate::error::{Error, Kind};
use crate::output::dto::{PrefetchKey, PrefetchSource, PrefetchStatus};
use crate::output::list::List;
use crate::output::look::Look;
use crate::output::table::{Cell, Table, Title};
use crate::output::{object, text};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// The largest page the daemon gives.
const PAGE: u32 = 1_000;

const SCHEMA: &str = "hydra.v1/PrefetchStatus";

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// What became of the misses, and what each source did
    Status {
        #[command(flatten)]
        watch: Watch,
    },
    /// Keys in flight, the oldest first, then those that wait, the next first
    Queue(QueueArguments),
    /// Look up nothing more; what is under way goes on, what waits stays
    Pause(PauseArguments),
    /// Look up again
    Resume,
    /// Forget the keys that wait
    Clear(ClearArguments),
}

#[derive(Args, Clone, Debug)]
pub(super) struct QueueArguments {
    #[command(flatten)]
    choice: Choice,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Args, Clone, Debug)]
pub(super) struct PauseArguments {
    /// Why, for those who wonder
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// How long: 30m, 2h; without it until it is resumed
    #[arg(long = "for", value_name = "TIME", value_parser = span::parse)]
    time: Option<Duration>,
}

#[derive(Args, Clone, Debug)]
pub(super) struct ClearArguments {
    /// Do not ask; needed when nobody can be asked
    #[arg(long)]
    yes: bool,
}

impl Command {
    /// The pause of `--watch`.
    pub(super) fn watched(&self) -> Option<Duration> {
        match self {
            Self::Status { watch } => watch.every,
            Self::Queue(arguments) => arguments.watch.every,
            _ => None,
        }
    }

    /// Whether it only tells.
    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::Queue(_))
    }
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let access = if command.reads() { Access::Read } else { Access::Control };
    let session = target.open(access).await?;
    match command {
        Command::Status { .. } => {
            let status = status(&session).await?;
            let text = whole(&status, ui)?;
            object::print(ui, SCHEMA, &status, status.state, &text)
        }
        Command::Queue(arguments) => queue(&arguments, &session, ui).await,
        Command::Pause(arguments) => pause(arguments, &session, ui).await,
        Command::Resume => resume(&session, ui).await,
        Command::Clear(arguments) => clear(&arguments, &session, ui).await,
    }
}

async fn status(session: &Session) -> Result<PrefetchStatus, Error> {
    let reply = session.call(session.client.prefetch().get_prefetch(GetPrefetchRequest {})).await?;
    read(reply.prefetch)
}

fn read(prefetch: Option<Prefetch>) -> Result<PrefetchStatus, Error> {
    let Some(prefetch) = prefetch else {
        return Err(Error::empty_answer("a status of prefetching"));
    };
    Ok(PrefetchStatus::from(&prefetch))
}

async fn queue(arguments: &QueueArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let selection = arguments.choice.of(arguments.limit.map(NonZeroU64::get))?;
    let mut left = selection.wanted();
    let (mut token, mut reason, mut taken) = (String::new(), String::new(), 0);
    let mut rows = List::of(ui, selection)?;
    loop {
        let page_size = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let request = ListPrefetchKeysRequest { page_size, page_token: token };
        let page = session.call(session.client.prefetch().list_prefetch_keys(request)).await?;
        for key in &page.keys {
            rows.push(ui, &PrefetchKey::from(key))?;
        }
        taken += page.keys.len();
        left = left.saturating_sub(page.keys.len() as u64);
        (token, reason) = (page.next_page_token, if reason.is_empty() { page.empty_reason } else { reason });
        if token.is_empty() || left == 0 || rows.is_full() {
            break;
        }
    }
    if rows.finish(ui)? == 0 {
        ui.note(&match reason.as_str() {
            _ if taken > 0 => "no key fits".to_owned(),
            "" => "no key waits or is in flight".to_owned(),
            reason => text::neutral(reason),
        });
    }
    Ok(())
}

async fn pause(arguments: PauseArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let for_seconds = arguments.time.map_or(0.0, |time| time.as_secs_f64());
    let request = PausePrefetchRequest { reason: arguments.reason, for_seconds };
    let reply = session.call(session.client.prefetch().pause_prefetch(request)).await?;
    let status = read(reply.prefetch)?;
    let until = match status.paused_until_at {
        Some(until) => format!(" until {}", ui.look.clock(until.0)),
        None => " until it is resumed: hydractl prefetch resume".to_owned(),
    };
    let text = format!(
        "prefetch paused{until}; misses are answered with closer peers only; {} stay queued\n",
        keys(status.waiting, &ui.look)
    );
    changed(ui, &status, &text)
}

async fn resume(session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let request = ResumePrefetchRequest {};
    let reply = session.call(session.client.prefetch().resume_prefetch(request)).await?;
    let status = read(reply.prefetch)?;
    let waiting = keys(status.waiting, &ui.look);
    let text = match &status.paused_reason {
        Some(reason) => format!("prefetch is still paused: {reason}; {waiting} stay queued\n"),
        None if status.waiting == 1 => "prefetch running; 1 key waits\n".to_owned(),
        None => format!("prefetch {}; {waiting} wait\n", status.state),
    };
    changed(ui, &status, &text)
}

async fn clear(arguments: &ClearArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    if !arguments.yes {
        let status = status(session).await?;
        if !ui.can_ask() {
            return Err(Error::new(Kind::Usage, "not a terminal: nobody can be asked about the queue")
                .hint("to clear it without a question: --yes"));
        }
        let waiting = keys(status.waiting, &ui.look);
        let question = format!(
            "{waiting} wait to be looked up. They are forgotten until somebody asks for them again; look-ups\n\
             under way go on. Type clear to forget them: "
        );
        let answer = ui.ask(&question).await?;
        if answer.trim() != "clear" {
            let text = format!("{waiting} stay queued: \"{}\" is not clear", text::neutral(answer.trim()));
            return Err(Error::new(Kind::Failed, text).hint("type the word clear; without a question: --yes"));
        }
    }
    let reply = session.call(session.client.prefetch().clear_prefetch(ClearPrefetchRequest {})).await?;
    let text = format!("{} cleared from the queue\n", keys(reply.cleared, &ui.look));
    changed(ui, &read(reply.prefetch)?, &text)
}

/// Prints the status after a change; nothing when quiet.
fn changed(ui: &mut Ui<'_>, status: &PrefetchStatus, text: &str) -> Result<(), Error> {
    if ui.quiet {
        return Ok(());
    }
    object::print(ui, SCHEMA, status, status.state, text)
}

fn keys(count: u64, look: &Look) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{} keys", look.count(count)) }
}

/// The line of now, the outcomes, the sources.
fn whole(status: &PrefetchStatus, ui: &Ui<'_>) -> Result<String, Error> {
    let mut text = now(status, &ui.look) + &outcomes(status, ui)?;
    if !status.sources.is_empty() {
        text.push('\n');
        text += &sources(&status.sources, ui)?;
        for source in &status.sources {
            if let Some(trouble) = &source.trouble {
                writeln!(text, "{}: {trouble}", source.name).unwrap_or_default();
            }
        }
    }
    Ok(text)
}

fn now(status: &PrefetchStatus, look: &Look) -> String {
    let count = |n| look.count(n);
    let mut text = status.state.to_owned();
    if let Some(until) = status.paused_until_at {
        write!(text, " until {}", look.clock(until.0)).unwrap_or_default();
    }
    if let Some(reason) = &status.paused_reason {
        write!(text, ": {reason}").unwrap_or_default();
    }
    let oldest = status.oldest_waiting_seconds.map(|age| format!(", oldest {age:.1} s")).unwrap_or_default();
    text += &format!(
        " · {} of {} lookups · {} of {} keys wait{oldest} · keeps {} records\n",
        count(status.lookups),
        count(status.lookups_limit),
        count(status.waiting),
        count(status.waiting_limit),
        count(status.records_kept)
    );
    text += &format!(
        "walk budget {}/s, {} begun in 1 min; refused since the start: {} by the budget, {} for want of room, {} \
         over an asker's share\n",
        count(status.walks_per_second_limit.into()),
        count(status.walks_1m),
        count(status.refused_by_budget),
        count(status.refused_by_room),
        count(status.refused_by_share)
    );
    text
}

fn outcomes(status: &PrefetchStatus, ui: &Ui<'_>) -> Result<String, Error> {
    let look = ui.look;
    let titles = [("OUTCOME", false), ("1 MIN", true), ("10 MIN", true), ("SHARE", true)];
    // a share of nothing is not known
    let share = |n: u64| {
        (status.misses_10m > 0).then(|| format!("{:.1} %", n as f64 * 100.0 / status.misses_10m as f64))
    };
    let row = |name: &str, minute, ten_minutes| {
        vec![
            name.into(),
            look.count(minute).into(),
            look.count(ten_minutes).into(),
            share(ten_minutes).into(),
        ]
    };
    let named = status.outcomes_1m.named().into_iter().zip(status.outcomes_10m.named());
    let mut rows: Vec<_> = named.map(|((name, minute), (_, ten))| row(name, minute, ten)).collect();
    rows.push(row("all misses", status.misses_1m, status.misses_10m));
    table(&titles, rows, ui)
}

fn sources(sources: &[PrefetchSource], ui: &Ui<'_>) -> Result<String, Error> {
    let look = ui.look;
    let titles = [
        ("SOURCE 10 MIN", false),
        ("MODE", false),
        ("ASKED", true),
        ("FOUND", true),
        ("NONE", true),
        ("TIMED OUT", true),
        ("FAILED", true),
        ("P50", true),
        ("P95", true),
        ("P99", true),
        ("FOUND ALONE", true),
    ];
    let latency = |seconds: Option<f64>| seconds.map(text::latency);
    let row = |source: &PrefetchSource| {
        vec![
            source.name.clone().into(),
            source.mode.into(),
            look.count(source.asked_10m).into(),
            look.count(source.found_10m).into(),
            look.count(source.none_10m).into(),
            look.count(source.timed_out_10m).into(),
            look.count(source.failed_10m).into(),
            latency(source.latency_p50_seconds).into(),
            latency(source.latency_p95_seconds).into(),
            latency(source.latency_p99_seconds).into(),
            look.count(source.found_alone_10m).into(),
        ]
    };
    table(&titles, sources.iter().map(row).collect(), ui)
}

fn table(titles: &[(&'static str, bool)], rows: Vec<Vec<Cell>>, ui: &Ui<'_>) -> Result<String, Error> {
    let titles = titles.iter().map(|&(text, right)| Title { text, right }).collect();
    let (mut table, mut out) = (Table::new(titles, ui.headers, ui.look), Vec::new());
    for row in rows {
        table.push(&mut out, row)?;
    }
    table.finish(&mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
