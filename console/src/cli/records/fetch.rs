//! `records fetch`: the providers of a key from the network, as they are found.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use clap::Args;
use hydra_protocol::client::Access;
use hydra_protocol::v1::fetch_records_response::Told;
use hydra_protocol::v1::{FetchRecordsRequest, FetchReport};

use crate::cli::{key, names, span};
use crate::error::{Error, Kind};
use crate::output::dto::{Fetch, FetchedProvider};
use crate::output::list::List;
use crate::output::{Format, object};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// Time for a lookup when nothing else is asked for.
const DEADLINE: Duration = Duration::from_secs(30);

/// Between two words about how far it is.
const PROGRESS: Duration = Duration::from_millis(500);

/// A daemon that is busy tells the end of a lookup this much later.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Asks the network on behalf of nobody: through the scout, never through a head. One line a provider as it is found;
one that was found without addresses comes again when a server knows them. -o json waits for the end and tells
which servers were asked and what each answered. Ctrl-C gives the lookup up. Exit 5 when there is no provider,
6 when the time was over before there was one.")]
pub(in crate::cli) struct Arguments {
    /// CIDs, or multihashes in hex or base58; - reads them from stdin, one a line
    #[arg(value_name = "CID", required = true)]
    cids: Vec<String>,
    /// The lookup ends with so many providers
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU32>,
    /// The lookup ends after this time: 500ms, 10s, 2m; 30s by default, 5m at most
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    deadline: Option<Duration>,
    /// Keep what is found as prefetched records, for prefetch.keep_seconds: heads answer with it
    #[arg(long)]
    keep: bool,
}

pub(super) async fn run(arguments: &Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    if let [only] = &arguments.cids[..]
        && only != names::STDIN
    {
        // what is no key is said without a daemon
        key::parse(only)?;
    }
    let deadline = arguments.deadline.unwrap_or(DEADLINE);
    let timeout = target.timeout.unwrap_or(deadline + GRACE);
    let session = Target { timeout: Some(timeout), ..target.clone() }.open(Access::Control).await?;
    // one title above the providers of all
    let mut rows = if ui.format == Format::Json { None } else { Some(List::begin(ui)?) };
    let outcome = names::for_each(&arguments.cids, ui, async |cid: &str, ui: &mut Ui<'_>| {
        one(key::parse(cid)?, deadline, arguments, &session, &mut rows, ui).await
    })
    .await;
    ui.progress("");
    if let Some(rows) = rows {
        rows.finish(ui)?;
    }
    outcome
}

/// Looks one key up; its providers go out as they are found, or with the report as one object.
async fn one(
    key: &str,
    deadline: Duration,
    arguments: &Arguments,
    session: &Session,
    rows: &mut Option<List<FetchedProvider>>,
    ui: &mut Ui<'_>,
) -> Result<(), Error> {
    let request = FetchRecordsRequest {
        key: key.to_owned(),
        deadline_seconds: deadline.as_secs_f64(),
        limit: arguments.limit.map_or(0, NonZeroU32::get),
        keep: arguments.keep,
    };
    let mut messages = session.call(session.client.records().fetch_records(request)).await?;
    let mut found = Found::default();
    let (mut report, began) = (None, Instant::now());
    let mut ticks = tokio::time::interval(PROGRESS);
    ticks.reset();
    let end = session.within(async {
        loop {
            let message = tokio::select! {
                message = messages.message() => message?,
                _ = ticks.tick() => {
                    ui.progress(&progress(found.all.len(), began.elapsed(), deadline));
                    continue;
                }
            };
            match message.and_then(|message| message.told) {
                Some(Told::Provider(provider)) => {
                    let provider = FetchedProvider::from(&provider);
                    if let Some(rows) = rows {
                        ui.progress("");
                        rows.push(ui, &provider)?;
                        rows.flush(ui)?;
                    }
                    found.push(provider);
                }
                Some(Told::Report(last)) => report = Some(last),
                None => return Ok::<(), Error>(()),
            }
        }
    });
    end.await?;
    ui.progress("");
    let Some(report) = report else {
        return Err(Error::empty_answer("the end of a lookup"));
    };
    let fetch = Fetch::of(&report, found.all);
    if rows.is_none() {
        object::print(ui, "hydra.v1/Fetch", &fetch, &fetch.multihash_hex, "")?;
    }
    told(&fetch, &report, key, ui)
}

/// "3 providers, 4 s of 30 s".
fn progress(providers: usize, took: Duration, deadline: Duration) -> String {
    let providers = if providers == 1 { "1 provider".to_owned() } else { format!("{providers} providers") };
    format!("{providers}, {} s of {} s", took.as_secs(), deadline.as_secs_f64())
}

/// Providers in the order in which they were found, each once.
#[derive(Default)]
struct Found {
    all: Vec<FetchedProvider>,
    places: HashMap<String, usize>,
}

impl Found {
    fn push(&mut self, provider: FetchedProvider) {
        match self.places.get(&provider.provider_peer_id) {
            Some(at) => self.all[*at] = provider,
            None => {
                self.places.insert(provider.provider_peer_id.clone(), self.all.len());
                self.all.push(provider);
            }
        }
    }
}

/// "4 providers from 20 peers in 0.84 s. Nothing stored.", or "… 4 kept for 1h."
fn told(fetch: &Fetch, report: &FetchReport, key: &str, ui: &mut Ui<'_>) -> Result<(), Error> {
    let asked = report.asked.len();
    let peers = match fetch.answered {
        answered if answered == asked => format!("{asked} {}", if asked == 1 { "peer" } else { "peers" }),
        answered => format!("{answered} of {asked} peers"),
    };
    if fetch.providers.is_empty() {
        let why = match fetch.ended.as_str() {
            "nobody to ask" => {
                return Err(Error::new(Kind::Failed, format!("nobody to ask for {key}: no server is known"))
                    .hint("hydractl status says why"));
            }
            "deadline" => Kind::Timeout,
            _ => Kind::NotFound,
        };
        let text = format!("no provider of {key} from {peers} in {:.2} s", fetch.took_seconds);
        let error = Error::new(why, text);
        return Err(match why {
            Kind::Timeout => error.hint("look longer: --deadline 2m"),
            _ => error.hint(format!("what the belly has: hydractl records get {key}")),
        });
    }
    let count = fetch.providers.len();
    let providers = if count == 1 { "provider" } else { "providers" };
    let early = if fetch.ended == "deadline" { " The time was over before all had answered." } else { "" };
    let stored = match fetch.stored {
        0 => "Nothing stored.".to_owned(),
        stored => {
            format!("{} kept for {}.", ui.look.count(stored.into()), ui.look.span(fetch.stored_seconds))
        }
    };
    ui.note(&format!(
        "{} {providers} from {peers} in {:.2} s. {stored}{early}",
        ui.look.count(count as u64),
        fetch.took_seconds
    ));
    Ok(())
}
