//! `peers unique`: how many distinct peers there were, of this hydra or of several together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use data_encoding::BASE64;
use hydra_protocol::client::Access;
use hydra_protocol::sketch::Sketch;
use hydra_protocol::v1::{self, GetUniquePeersRequest, SeenBy};
use jiff::Timestamp;
use serde::Deserialize;

use crate::cli::choice::Choice;
use crate::error::{Error, Kind};
use crate::output::dto::UniquePeers;
use crate::output::list;
use crate::session::Target;
use crate::ui::Ui;

/// The largest file that is read: a day of hourly counts has about 2 MiB.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Peers seen in any way: the union of the others.
const ANY: &str = "any";

#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Arguments {
    /// Unite with the counts of other hydras: files that `peers unique -o json` made
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = clap::ValueHint::FilePath)]
    merge: Vec<PathBuf>,
    /// Ask no daemon: the files alone
    #[arg(long, requires = "merge")]
    offline: bool,
    #[command(flatten)]
    choice: Choice,
}

/// Counts by hour, the total first, and by how peers were seen.
#[derive(Default)]
struct Counts(BTreeMap<(Option<Timestamp>, String), Sketch>);

/// What a file holds.
#[derive(Deserialize)]
struct File {
    schema: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    seen_by: String,
    hour_at: Option<String>,
    sketch_base64: String,
}

pub(in crate::cli) async fn run(
    arguments: &Arguments,
    target: &Target,
    ui: &mut Ui<'_>,
) -> Result<(), Error> {
    let selection = arguments.choice.of(None)?;
    let mut counts = Counts::default();
    if !arguments.offline {
        let session = target.open(Access::Read).await?;
        let request = GetUniquePeersRequest {};
        let reply = session.call(session.client.peers().get_unique_peers(request)).await?;
        for count in &reply.counts {
            counts.add_told(count)?;
        }
    }
    for path in &arguments.merge {
        counts.add_file(path)?;
    }
    list::print_selected(ui, &counts.rows(), selection).map(drop)
}

impl Counts {
    fn add(&mut self, hour: Option<Timestamp>, seen_by: &str, sketch: &Sketch) {
        self.0.entry((hour, seen_by.to_owned())).or_default().merge(sketch);
        self.0.entry((hour, ANY.to_owned())).or_default().merge(sketch);
    }

    fn add_told(&mut self, count: &v1::UniquePeers) -> Result<(), Error> {
        let seen_by = match count.seen_by() {
            SeenBy::Connection => "connection",
            SeenBy::Request => "request",
            SeenBy::Crawl => "crawl",
            // a newer daemon's; its hours are united under "any"
            SeenBy::Unspecified => "unknown",
        };
        let sketch = Sketch::from_bytes(&count.sketch)
            .map_err(|e| Error::new(Kind::Failed, format!("hydrad sent a count that is none: {e}")))?;
        let hour = count.hour.and_then(|hour| Timestamp::new(hour.seconds, 0).ok());
        self.add(hour, seen_by, &sketch);
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Error> {
        let failed = |why: String| {
            Error::new(Kind::Failed, format!("{}: {why}", path.display()))
                .hint("make it with: hydractl peers unique -o json > FILE")
        };
        let bytes = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
        if bytes > MAX_FILE_BYTES {
            return Err(failed(format!("it has {bytes} bytes, more than any count")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
        let file: File =
            serde_json::from_str(&text).map_err(|e| failed(format!("no count of peers: {e}")))?;
        if file.schema != "hydra.v1/UniquePeersList" {
            return Err(failed("no count of peers: another schema".to_owned()));
        }
        for item in file.items.iter().filter(|item| item.seen_by != ANY) {
            let bytes = BASE64.decode(item.sketch_base64.as_bytes()).map_err(|e| failed(e.to_string()))?;
            let sketch = Sketch::from_bytes(&bytes).map_err(|e| failed(e.to_string()))?;
            let hour = item.hour_at.as_deref().map(str::parse::<Timestamp>).transpose();
            let hour = hour.map_err(|e| failed(e.to_string()))?;
            self.add(hour, &crate::output::text::neutral(&item.seen_by), &sketch);
        }
        Ok(())
    }

    /// The total first, then the hours, the newest first; of each "any" first.
    fn rows(&self) -> Vec<UniquePeers> {
        let row = |((hour, seen_by), sketch): (&(Option<Timestamp>, String), &Sketch)| {
            UniquePeers::of(seen_by, *hour, sketch)
        };
        let mut rows: Vec<UniquePeers> = self.0.iter().map(row).collect();
        rows.sort_by_key(|row| {
            let hour = row.hour_at.map(std::cmp::Reverse);
            (hour.is_some(), hour, row.seen_by != ANY)
        });
        rows
    }
}
