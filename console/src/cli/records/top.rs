//! `records top`: what is popular, who has most, where it is hot.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};
use hydra_protocol::v1::{ListMostAskedRequest, ListRegionsRequest, ListTopProvidersRequest};

use crate::cli::choice::Choice;
use crate::cli::watch::Watch;
use crate::error::Error;
use crate::output::columns::Row;
use crate::output::dto::{AskedKey, Region, TopProvider};
use crate::output::list;
use crate::session::Session;
use crate::ui::Ui;

/// Told at most.
const MOST: u32 = 1_000;

#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Arguments {
    /// By which count
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// The 256 equal parts of the keyspace instead, in order, since the daemon's start
    #[arg(long, conflicts_with = "by")]
    regions: bool,
    #[command(flatten)]
    choice: Choice,
    /// At most so many; 20 keys or providers by default, at most 1,000
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU32>,
    #[command(flatten)]
    pub(super) watch: Watch,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum By {
    /// Keys asked for most, by a sketch; counts halve every hour
    #[default]
    Requests,
    /// Providers with the most records
    Providers,
}

pub(super) async fn run(arguments: &Arguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    // of those that fit the daemon knows nothing: it tells as many as it does
    let limit = match arguments.limit {
        Some(_) if arguments.choice.filters() => MOST,
        limit => limit.map_or(0, NonZeroU32::get),
    };
    let mut belly = session.client.belly();
    if arguments.regions {
        let reply = session.call(belly.list_regions(ListRegionsRequest {})).await?;
        let rows: Vec<Region> = reply.regions.iter().map(Region::from).collect();
        return print(&rows, arguments, ui);
    }
    match arguments.by {
        By::Requests => {
            let reply = session.call(belly.list_most_asked(ListMostAskedRequest { limit })).await?;
            let rows: Vec<AskedKey> =
                (1..).zip(&reply.keys).map(|(rank, key)| AskedKey::ranked(rank, key)).collect();
            print(&rows, arguments, ui)
        }
        By::Providers => {
            let reply = session.call(belly.list_top_providers(ListTopProvidersRequest { limit })).await?;
            let ranked = (1..).zip(&reply.providers);
            let rows: Vec<TopProvider> =
                ranked.map(|(rank, row)| TopProvider::ranked(rank, row, reply.records)).collect();
            print(&rows, arguments, ui)
        }
    }
}

fn print<R: Row>(rows: &[R], arguments: &Arguments, ui: &mut Ui<'_>) -> Result<(), Error> {
    let selection = arguments.choice.of(arguments.limit.map(|limit| limit.get().into()))?;
    if list::print_selected(ui, rows, selection)? == 0 {
        ui.note(match arguments.by {
            _ if !rows.is_empty() => "no row fits",
            By::Requests => "no GET_PROVIDERS since the start",
            By::Providers => "no records",
        });
    }
    Ok(())
}
