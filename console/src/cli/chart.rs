//! `chart NAME -o FILE`: pictures of what was.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hydra_protocol::client::Access;
use hydra_protocol::v1::{
    GetStatusRequest, ListHeadsRequest, ListPeersRequest, ListSeriesRequest, PeerScope,
};
use jiff::Timestamp;

use crate::cli::{span, stats};
use crate::error::{Error, Kind};
use crate::output::text::neutral;
use crate::picture::{self, Chart, HeadAt, Keyspace, Past, Size, Theme, Unwritable};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// Servers of the ring.
const PEERS_MAX: usize = 20_000;

/// The pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// Requests by kind, and p99 of GET_PROVIDERS
    Requests,
    /// p50, p99 and p99.9 of an RPC or of commits (--of)
    Latency,
    /// What became of misses, and keys waiting
    Prefetch,
    /// Live records, and what came and went
    Records,
    /// Servers known, and connections
    Peers,
    /// The network's size in two ways, and the coverage
    Network,
    /// A small chart a head: requests and presence
    Heads,
    /// The ring of keys now: servers, heads, and the keys that are theirs
    Keyspace,
}

/// What a latency is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Of {
    GetProviders,
    FindNode,
    AddProvider,
    Commit,
}

impl Of {
    fn name(self) -> &'static str {
        match self {
            Self::GetProviders => "get_providers",
            Self::FindNode => "find_node",
            Self::AddProvider => "add_provider",
            Self::Commit => "commit",
        }
    }
}

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
-o is the file here, as --to is: hydractl chart prefetch --window 24h -o last-night.svg
Gaps are blank, restarts are dashed. The daemon keeps minutes for two days and hours for a year.")]
pub(super) struct Arguments {
    /// Which picture
    #[arg(value_enum, value_name = "NAME")]
    name: Name,
    /// The file: .svg or .png
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    to: PathBuf,
    /// How far back: 10m, 2h, 24h, 365d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = span::parse_back)]
    window: Duration,
    /// What latency is of
    #[arg(long, value_enum, default_value_t = Of::GetProviders)]
    of: Of,
    /// For white paper or a dark screen
    #[arg(long, value_enum, default_value_t)]
    theme: Theme,
    /// Width and height; 1200x640 by default, of keyspace 1000x1000
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<Size>,
    /// PNG: pixels for each of the size
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=4))]
    scale: u32,
}

/// Reads a size.
fn size(text: &str) -> Result<Size, String> {
    let wrong = || "give width and height from 300x200 to 8000x8000: 1200x640".to_owned();
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    let size = Size { width: number(width)?, height: number(height)? };
    let fits = (300..=8_000).contains(&size.width) && (200..=8_000).contains(&size.height);
    if fits { Ok(size) } else { Err(wrong()) }
}

/// After the word `chart`, `-o` names the file: there is no other output. Everywhere else it is
/// the format, for which clap has one meaning in the whole program.
pub(super) fn file_as_output(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = arguments.into_iter().collect();
    let with_value = ["--socket", "--timeout", "--color", "--columns", "-o", "--output"];
    let mut at = 1;
    while let Some(word) = words.get(at).and_then(|word| word.to_str()).filter(|word| word.starts_with('-')) {
        at += if with_value.contains(&word) { 2 } else { 1 };
    }
    if words.get(at).is_none_or(|word| word != "chart") {
        return words;
    }
    for word in words.iter_mut().skip(at + 1) {
        let Some(text) = word.to_str() else { continue };
        if text == "-o" || text == "--output" {
            *word = "--to".into();
        } else if let Some(file) = text.strip_prefix("--output=").or_else(|| text.strip_prefix("-o")) {
            *word = format!("--to={}", file.strip_prefix('=').unwrap_or(file)).into();
        }
    }
    words
}

fn kind(file: &Path, scale: u32) -> Result<picture::Kind, Error> {
    let end = file.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end.to_ascii_lowercase().as_str() {
        "svg" => Ok(picture::Kind::Svg),
        "png" => Ok(picture::Kind::Png(scale)),
        _ => Err(Error::new(Kind::Usage, format!("{}: no kind of picture", file.display()))
            .hint("end the name of the file in .svg or .png")),
    }
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let kind = kind(&arguments.to, arguments.scale)?;
    let session = target.open(Access::Read).await?;
    let chart = match arguments.name {
        Name::Requests => Chart::Requests,
        Name::Latency => Chart::Latency(arguments.of.name().to_owned()),
        Name::Prefetch => Chart::Prefetch,
        Name::Records => Chart::Records,
        Name::Peers => Chart::Peers,
        Name::Network => Chart::Network,
        Name::Heads => Chart::Heads(heads(&session).await?),
        Name::Keyspace => return keyspace(&arguments, kind, &session, ui).await,
    };
    let size = arguments.size.unwrap_or(Size { width: 1200, height: 640 });
    let past = past(&session, &chart, arguments.window, ui.look.now).await?;
    if past.series.values().flatten().all(|value| value.is_nan()) {
        return Err(Error::new(
            Kind::NotFound,
            format!("nothing was measured for {} in that time", chart.name()),
        )
        .hint("wait a minute, or look further back with --window"));
    }
    let drawn = picture::draw(&chart, &past, arguments.theme, size, kind);
    write(&arguments.to, drawn)?;
    let time = |second| {
        Timestamp::from_second(second).map(|at| at.strftime("%H:%M").to_string()).unwrap_or_default()
    };
    let (from, to) = (time(past.begins), time(past.ends));
    ui.note(&format!("wrote {}, {}×{}, {from} to {to} UTC", arguments.to.display(), size.width, size.height));
    Ok(())
}

/// Writes the file.
fn write(file: &Path, drawn: Result<Vec<u8>, Unwritable>) -> Result<(), Error> {
    let drawn = drawn
        .map_err(|error| Error::new(Kind::Failed, error.to_string()).hint("a smaller --size or --scale"))?;
    std::fs::write(file, drawn).map_err(|error| {
        Error::new(Kind::Failed, format!("cannot write {}: {error}", file.display()))
            .hint("check that the directory is there and that you may write it")
    })
}

async fn keyspace(
    arguments: &Arguments,
    kind: picture::Kind,
    session: &Session,
    ui: &mut Ui<'_>,
) -> Result<(), Error> {
    let status = session.call(session.client.status().get_status(GetStatusRequest {})).await?;
    let status = status.status.unwrap_or_default();
    let there = session.call(session.client.heads().list_heads(ListHeadsRequest::default())).await?;
    let mut keys = Keyspace {
        hydra: neutral(&status.name),
        version: neutral(&status.version),
        at: ui.look.now.as_second(),
        ..Keyspace::default()
    };
    for head in &there.heads {
        let presence = head.presence_listed.zip(head.presence_asked).filter(|(_, asked)| *asked > 0);
        keys.heads.extend(place(&head.key).map(|key| HeadAt {
            index: head.index,
            key,
            presence: presence.map(|(listed, asked)| f64::from(listed) / f64::from(asked)),
        }));
    }
    let mut page_token = String::new();
    loop {
        let scope = PeerScope::Known.into();
        let request = ListPeersRequest { page_size: 1_000, page_token, scope };
        let page = session.call(session.client.peers().list_peers(request)).await?;
        keys.peers.extend(page.peers.iter().filter_map(|peer| place(&peer.key)));
        page_token = page.next_page_token;
        if page_token.is_empty() || keys.peers.len() >= PEERS_MAX {
            break;
        }
    }
    let size = arguments.size.unwrap_or(Size { width: 1000, height: 1000 });
    write(&arguments.to, picture::draw_keyspace(&keys, arguments.theme, size, kind))?;
    let Size { width, height } = size;
    ui.note(&format!("wrote {}, {width}×{height}", arguments.to.display()));
    Ok(())
}

/// The first 64 bits of a key.
fn place(key: &[u8]) -> Option<u64> {
    key.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The heads that have series, by index.
async fn heads(session: &Session) -> Result<Vec<u32>, Error> {
    let reply = session.call(session.client.stats().list_series(ListSeriesRequest {})).await?;
    let index = |name: &str| name.strip_prefix("head-")?.strip_suffix(".requests")?.parse().ok();
    let kept: Vec<u32> = reply.series.iter().filter_map(|series| index(&series.name)).collect();
    let there = session.call(session.client.heads().list_heads(ListHeadsRequest::default())).await?;
    let mut heads: Vec<u32> =
        there.heads.iter().map(|head| head.index).filter(|head| kept.contains(head)).collect();
    heads.sort_unstable();
    if heads.is_empty() {
        return Err(Error::new(Kind::NotFound, "no head has a history yet")
            .hint("wait a minute; hydractl heads list"));
    }
    Ok(heads)
}

async fn past(session: &Session, chart: &Chart, window: Duration, now: Timestamp) -> Result<Past, Error> {
    let status = session.call(session.client.status().get_status(GetStatusRequest {})).await?;
    let status = status.status.unwrap_or_default();
    let reply = stats::ask(session, chart.series(), window, 0, now).await?;
    let begins = reply.begins.map_or(0, |begins| begins.seconds);
    let steps = reply.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    Ok(Past {
        hydra: neutral(&status.name),
        version: neutral(&status.version),
        begins,
        ends: begins + i64::try_from(steps).unwrap_or(0) * i64::from(reply.step_seconds),
        step: reply.step_seconds,
        series: reply.series.into_iter().map(|series| (series.name, series.values)).collect(),
        starts: reply.starts.into_iter().map(|start| start.seconds).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let words = line.split(' ').map(OsString::from);
        file_as_output(words).into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_file_is_named_by_o_after_chart_and_nowhere_else() {
        let chart = ["hydractl", "-o", "json", "chart", "peers", "--to", "x.svg"];
        assert_eq!(words("hydractl -o json chart peers -o x.svg"), chart);
        assert_eq!(words("hydractl chart peers -ox.svg")[3], "--to=x.svg");
        assert_eq!(words("hydractl chart peers --output=x.svg")[3], "--to=x.svg");
        assert_eq!(words("hydractl heads list -o json")[3], "-o");
        assert_eq!(words("hydractl --socket chart heads list -o json")[5], "-o");
        assert_eq!(words("hydractl"), ["hydractl"]);
    }

    #[test]
    fn sizes_have_limits() {
        assert_eq!(size("1200x640"), Ok(Size { width: 1200, height: 640 }));
        for wrong in ["", "x", "1200", "10x10", "9000x900", "-1x5", "1e3x900"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
