//! `events`: what happened, and with `-w` what happens.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, ValueEnum};
use hydra_protocol::client::Access;
use hydra_protocol::v1::{EventFilter, Finding, ListEventsRequest, WatchEventsRequest};
use prost_types::Timestamp;

use super::choice::Choice;
use super::span;
use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::dto::Event;
use crate::output::list::{self, List};
use crate::output::text;
use crate::session::{Session, Target};
use crate::ui::Ui;

/// The largest page the daemon gives.
const PAGE: u32 = 1_000;

/// Events that following begins with, when no number and no time is named.
const BEFORE: u32 = 10;

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
The daemon keeps its last 1,024 events until it ends; its log has them all: journalctl -u hydrad")]
pub(super) struct Arguments {
    /// Not older than: 8m, 2h, 1d
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    since: Option<Duration>,
    /// These and worse
    #[arg(long, value_enum, default_value_t, hide_default_value = true)]
    level: Level,
    #[command(flatten)]
    choice: Choice,
    /// At most so many, the newest; without it 10 to follow from, else all
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// Go on with each new one as it happens, until interrupted
    #[arg(short, long)]
    watch: bool,
}

/// How bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Level {
    /// All
    #[default]
    Info,
    /// Worth a look
    Warn,
    /// Broken
    Error,
}

impl Arguments {
    /// Whether it goes on.
    pub(super) const fn follows(&self) -> bool {
        self.watch
    }
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    if arguments.watch && ui.format == Format::Json {
        return Err(Error::new(Kind::Usage, "a list that does not end is no JSON document")
            .hint("use -o ndjson: one object a line"));
    }
    // a log needs no titles, unless there is more than one reads at a glance
    ui.headers &= !matches!(ui.format, Format::Auto | Format::Table);
    let session = target.open(Access::Read).await?;
    if arguments.watch {
        follow(&arguments, &session, ui).await
    } else {
        list(&arguments, &session, ui).await
    }
}

impl Arguments {
    fn filter(&self, ui: &Ui<'_>) -> EventFilter {
        let since = self.since.map(|span| {
            let now = ui.look.now.as_nanosecond();
            let since = now.saturating_sub(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX));
            Timestamp {
                seconds: i64::try_from(since.div_euclid(1_000_000_000)).unwrap_or(0),
                nanos: i32::try_from(since.rem_euclid(1_000_000_000)).unwrap_or(0),
            }
        });
        let level = match self.level {
            Level::Info => Finding::Unspecified,
            Level::Warn => Finding::Warn,
            Level::Error => Finding::Fail,
        };
        EventFilter { since, level: level.into() }
    }
}

async fn list(arguments: &Arguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let (filter, mut events, mut page_token) = (arguments.filter(ui), Vec::new(), String::new());
    loop {
        let request = ListEventsRequest { page_size: PAGE, page_token, filter: Some(filter) };
        let page = session.call(session.client.events().list_events(request)).await?;
        events.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let limit =
        arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit.get()).unwrap_or(usize::MAX));
    let selection = arguments.choice.of(None)?;
    let mut events: Vec<Event> = events.iter().map(Event::from).collect();
    events.retain(|event| selection.fits(event, &ui.look));
    let newest = &events[events.len().saturating_sub(limit)..];
    if list::print_selected(ui, newest, selection)? == 0 {
        ui.note("no such event is kept; older ones: journalctl -u hydrad");
    }
    Ok(())
}

async fn follow(arguments: &Arguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let last = match (arguments.limit, arguments.since) {
        (Some(limit), _) => Some(u32::try_from(limit.get()).unwrap_or(u32::MAX)),
        (None, Some(_)) => None,
        (None, None) => Some(BEFORE),
    };
    let request = WatchEventsRequest { filter: Some(arguments.filter(ui)), last };
    let selection = arguments.choice.unsorted()?;
    let mut updates = session.call(session.client.events().watch_events(request)).await?;
    let mut rows = List::of(ui, selection)?;
    // Days may pass between two events: no time limit.
    while let Some(update) = updates.message().await? {
        if update.missed > 0 {
            ui.note(&format!("{} events left out: this reader was slow", text::commas(update.missed)));
        }
        for event in &update.events {
            rows.push(ui, &Event::from(event))?;
        }
        rows.flush(ui)?;
    }
    rows.finish(ui)?;
    Err(Error::new(Kind::NoDaemon, "hydrad ended").hint("look: journalctl -u hydrad -n 50"))
}
