//! The pictures: which series each is drawn from, and how.

use jiff::Timestamp;
use plotters::style::RGBColor;

use super::axis::{Axis, Unit};
use super::panel::{Fold, Layer, Panel, Shape};
use super::theme::{BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, YELLOW};
use super::{Past, Theme};

/// Heads of one picture.
pub(super) const HEADS_MAX: usize = 16;

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chart {
    /// Requests by kind, and how long GET_PROVIDERS took.
    Requests,
    /// How long an RPC, or the commits to the disk, took: "get_providers", "commit" …
    Latency(String),
    /// What became of misses, and keys waiting.
    Prefetch,
    /// Live records, and what came and went.
    Records,
    /// Servers known, connections.
    Peers,
    /// The network's size in two ways, and the coverage.
    Network,
    /// A small chart a head, by index.
    Heads(Vec<u32>),
}

/// The ten outcomes: end of the series' name, words.
const OUTCOMES: [(&str, &str); 10] = [
    ("found", "found"),
    ("not_found", "not found"),
    ("timed_out", "timed out"),
    ("source_failed", "source failed"),
    ("refused_5m", "refused <5 min"),
    ("refused_1h", "refused <1 h"),
    ("queue_full", "queue full"),
    ("not_ours", "not ours"),
    ("joined", "joined"),
    ("paused", "paused"),
];

/// The six RPCs: end of the series' name, words, colour.
const REQUESTS: [(&str, &str, RGBColor); 6] = [
    ("add_provider", "ADD_PROVIDER", BLUE),
    ("get_providers", "GET_PROVIDERS", GREEN),
    ("find_node", "FIND_NODE", ORANGE),
    ("get_value", "GET_VALUE", PINK),
    ("put_value", "PUT_VALUE", SKY),
    ("ping", "PING", GREY),
];

impl Chart {
    /// Its name in commands.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Latency(_) => "latency",
            Self::Prefetch => "prefetch",
            Self::Records => "records",
            Self::Peers => "peers",
            Self::Network => "network",
            Self::Heads(_) => "heads",
        }
    }

    /// The series that it is drawn from.
    #[must_use]
    pub fn series(&self) -> Vec<String> {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Requests => {
                let kinds = REQUESTS.iter().map(|(end, ..)| format!("requests.{end}"));
                kinds.chain(named(&["latency.get_providers.p99"])).collect()
            }
            Self::Latency(of) => ["p50", "p99", "p999"].map(|end| format!("latency.{of}.{end}")).to_vec(),
            Self::Prefetch => {
                let outcomes = OUTCOMES.iter().map(|(end, _)| format!("prefetch.{end}"));
                outcomes.chain(named(&["prefetch.waiting", "prefetch.waiting_limit"])).collect()
            }
            Self::Records => named(&[
                "records.announced",
                "records.prefetched",
                "records.written",
                "records.expired",
                "records.dropped",
            ]),
            Self::Peers => {
                named(&["peers.live", "peers.joins", "peers.leaves", "connections.in", "connections.out"])
            }
            Self::Network => named(&[
                "network.by_crawl",
                "network.by_distance",
                "network.by_distance_error",
                "network.coverage",
            ]),
            Self::Heads(heads) => heads
                .iter()
                .take(HEADS_MAX)
                .flat_map(|head| ["requests", "presence"].map(|end| format!("head-{head}.{end}")))
                .collect(),
        }
    }

    /// "lerna · requests · 2026-11-19 03:12 to 2026-11-20 03:12 UTC".
    pub(super) fn title(&self, past: &Past) -> String {
        let time = |second| {
            Timestamp::from_second(second)
                .map(|at| at.strftime("%Y-%m-%d %H:%M").to_string())
                .unwrap_or_default()
        };
        let what = match self {
            Self::Latency(of) => format!("latency of {of}"),
            chart => chart.name().to_owned(),
        };
        format!("{} · {what} · {} to {} UTC", past.hydra, time(past.begins), time(past.ends))
    }

    pub(super) fn panels(&self, past: &Past, theme: Theme) -> Vec<Panel> {
        match self {
            Self::Requests => requests(past),
            Self::Latency(of) => latency(past, of),
            Self::Prefetch => prefetch(past, theme),
            Self::Records => records(past),
            Self::Peers => peers(past),
            Self::Network => network(past),
            Self::Heads(heads) => small_heads(past, heads),
        }
    }
}

fn panel(title: &str, left: Axis, right: Option<Axis>, layers: Vec<Layer>) -> Panel {
    Panel { title: title.to_owned(), left, right, layers, weight: 1, columns: 1 }
}

fn line(name: &str, figure: String, colour: RGBColor, values: &[f32]) -> Layer {
    let shape = Shape::Line { values: values.to_vec(), fold: Fold::Mean, dashed: false };
    Layer { name: name.to_owned(), figure, colour, shape, on_right: false }
}

/// The same against the right axis.
fn right(layer: Layer) -> Layer {
    Layer { on_right: true, ..layer }
}

/// The same with the largest value of a column.
fn most_of(layer: Layer) -> Layer {
    let shape = match layer.shape {
        Shape::Line { values, dashed, .. } => Shape::Line { values, fold: Fold::Most, dashed },
        shape => shape,
    };
    Layer { shape, ..layer }
}

fn known(values: &[f32]) -> impl Iterator<Item = f64> + '_ {
    values.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value))
}

fn most(values: &[f32]) -> f64 {
    known(values).fold(f64::NAN, f64::max)
}

fn most_of_all(all: &[&[f32]]) -> f64 {
    all.iter().map(|values| most(values)).fold(f64::NAN, f64::max)
}

fn least_above_zero(all: &[&[f32]]) -> f64 {
    all.iter().flat_map(|values| known(values)).filter(|value| *value > 0.0).fold(f64::NAN, f64::min)
}

/// What rates come to over the window: "Σ 127 k"; a dash without values.
fn total(past: &Past, values: &[f32]) -> String {
    if known(values).next().is_none() {
        return "—".to_owned();
    }
    Unit::Number.text((known(values).sum::<f64>() * f64::from(past.step)).round())
}

fn at_most(unit: Unit, values: &[f32]) -> String {
    let most = most(values);
    if most.is_nan() { "—".to_owned() } else { format!("≤ {}", unit.text(most)) }
}

/// The newest value.
fn newest(unit: Unit, values: &[f32]) -> String {
    known(values).last().map_or_else(|| "—".to_owned(), |value| unit.text(value))
}

fn requests(past: &Past) -> Vec<Panel> {
    let of = |end: &str| past.values(&format!("requests.{end}"));
    let all: Vec<&[f32]> = REQUESTS.iter().map(|(end, ..)| of(end)).collect();
    let p99 = past.values("latency.get_providers.p99");
    let left = Axis::log("requests/s (log)", Unit::Number, least_above_zero(&all), most_of_all(&all));
    let time = Axis::from_zero("p99", Unit::Time, most(p99));
    let mut layers: Vec<Layer> = REQUESTS
        .iter()
        .map(|(end, words, colour)| line(words, total(past, of(end)), *colour, of(end)))
        .collect();
    let slow = line("GET_PROVIDERS p99", at_most(Unit::Time, p99), RED, p99);
    layers.push(right(most_of(slow)));
    vec![panel("all heads", left, Some(time), layers)]
}

fn latency(past: &Past, of: &str) -> Vec<Panel> {
    let values = ["p50", "p99", "p999"].map(|end| past.values(&format!("latency.{of}.{end}")));
    let left = Axis::log("(log)", Unit::Time, least_above_zero(&values), most_of_all(&values));
    let layer = |name, colour, values: &[f32]| line(name, at_most(Unit::Time, values), colour, values);
    let layers = vec![
        layer("p50", BLUE, values[0]),
        most_of(layer("p99", ORANGE, values[1])),
        most_of(layer("p99.9", RED, values[2])),
    ];
    vec![panel("of each second; longer steps: the worst second", left, None, layers)]
}

fn prefetch(past: &Past, theme: Theme) -> Vec<Panel> {
    let colours = [GREEN, GREY, ORANGE, RED, SKY, BLUE, PINK, theme.faint(), YELLOW, theme.text()];
    let mut below: Vec<f32> = Vec::new();
    let mut layers = Vec::new();
    for ((end, words), colour) in OUTCOMES.into_iter().zip(colours) {
        let values = past.values(&format!("prefetch.{end}"));
        below.resize(values.len().max(below.len()), 0.0);
        let high: Vec<f32> = below.iter().zip(values).map(|(below, value)| below + value).collect();
        let shape = Shape::Area { low: below.clone(), high: high.clone(), hatched: end == "paused" };
        let figure = total(past, values);
        layers.push(Layer { name: words.to_owned(), figure, colour, shape, on_right: false });
        below = high;
    }
    let left = Axis::from_zero("misses/s", Unit::Number, most(&below));
    let (waiting, limit) = (past.values("prefetch.waiting"), past.values("prefetch.waiting_limit"));
    let keys = Axis::from_zero("keys waiting", Unit::Number, most_of_all(&[waiting, limit]));
    let queue = line("keys waiting", at_most(Unit::Number, waiting), theme.text(), waiting);
    layers.push(right(most_of(queue)));
    let limit = line("limit", newest(Unit::Number, limit), GREY, limit);
    let dashed = match limit.shape {
        Shape::Line { values, .. } => Shape::Line { values, fold: Fold::Most, dashed: true },
        shape => shape,
    };
    layers.push(right(Layer { shape: dashed, ..limit }));
    vec![panel("what became of misses, all heads", left, Some(keys), layers)]
}

fn records(past: &Past) -> Vec<Panel> {
    let (announced, prefetched) = (past.values("records.announced"), past.values("records.prefetched"));
    let both: Vec<f32> = announced.iter().zip(prefetched).map(|(one, other)| one + other).collect();
    let nothing = vec![0.0; announced.len()];
    let area = |name: &str, colour, values: &[f32], low: &[f32], high: &[f32]| Layer {
        name: name.to_owned(),
        figure: newest(Unit::Number, values),
        colour,
        shape: Shape::Area { low: low.to_vec(), high: high.to_vec(), hatched: false },
        on_right: false,
    };
    let rates = ["records.written", "records.expired", "records.dropped"].map(|name| past.values(name));
    let left = Axis::from_zero("live records", Unit::Number, most_of_all(&[announced, &both]));
    let flow = Axis::from_zero("/s", Unit::Number, most_of_all(&rates));
    let layers = vec![
        area("announced", SKY, announced, &nothing, announced),
        area("prefetched", PINK, prefetched, announced, &both),
        right(line("written", total(past, rates[0]), BLUE, rates[0])),
        right(line("expired", total(past, rates[1]), ORANGE, rates[1])),
        right(line("dropped", total(past, rates[2]), RED, rates[2])),
    ];
    vec![panel("belly", left, Some(flow), layers)]
}

fn peers(past: &Past) -> Vec<Panel> {
    let [live, joins, leaves, inward, outward] =
        ["peers.live", "peers.joins", "peers.leaves", "connections.in", "connections.out"]
            .map(|name| past.values(name));
    let minutely = |values: &[f32], sign: f32| values.iter().map(|value| sign * 60.0 * value).collect();
    let (up, down): (Vec<f32>, Vec<f32>) = (minutely(joins, 1.0), minutely(leaves, -1.0));
    let bars = |name: &str, rates: &[f32], colour, values: Vec<f32>| {
        let shape = Shape::Bars { values };
        right(Layer { name: name.to_owned(), figure: total(past, rates), colour, shape, on_right: false })
    };
    let busiest = 60.0 * most_of_all(&[joins, leaves]);
    let known = Axis::from_zero("live peers", Unit::Number, most(live));
    let churn = Axis::mirrored("/min", Unit::Number, busiest);
    let open = Axis::from_zero("connections", Unit::Number, most_of_all(&[inward, outward]));
    let servers = vec![
        bars("joins, up", joins, GREEN, up),
        bars("leaves, down", leaves, RED, down),
        line("live peers in the routing table", newest(Unit::Number, live), BLUE, live),
    ];
    let connections = vec![
        line("in", newest(Unit::Number, inward), GREEN, inward),
        line("out", newest(Unit::Number, outward), ORANGE, outward),
    ];
    vec![
        Panel { weight: 3, ..panel("peers", known, Some(churn), servers) },
        Panel { weight: 2, ..panel("connections, all heads", open, None, connections) },
    ]
}

fn network(past: &Past) -> Vec<Panel> {
    let [crawl, distance, error, coverage] =
        ["network.by_crawl", "network.by_distance", "network.by_distance_error", "network.coverage"]
            .map(|name| past.values(name));
    let band =
        |sign: f32| distance.iter().zip(error).map(|(size, error)| size + sign * error).collect::<Vec<_>>();
    let (low, high) = (band(-1.0), band(1.0));
    let left = Axis::from_zero("servers", Unit::Number, most_of_all(&[crawl, distance, &high]));
    let error = Layer {
        name: "± one standard error".to_owned(),
        figure: String::new(),
        colour: SKY,
        shape: Shape::Area { low, high, hatched: false },
        on_right: false,
    };
    let sizes = vec![
        error,
        line("by distance", newest(Unit::Number, distance), BLUE, distance),
        line("by crawl", newest(Unit::Number, crawl), ORANGE, crawl),
    ];
    let share = Axis::from_zero("keys", Unit::Share, most(coverage));
    let covered = vec![line("covered", newest(Unit::Share, coverage), GREEN, coverage)];
    vec![
        Panel { weight: 3, ..panel("size, our heads left out", left, None, sizes) },
        Panel { weight: 2, ..panel("coverage", share, None, covered) },
    ]
}

/// The same scale for all, so that the one that differs is seen.
fn small_heads(past: &Past, heads: &[u32]) -> Vec<Panel> {
    let heads = heads.get(..heads.len().min(HEADS_MAX)).unwrap_or(heads);
    let requests = |head: &u32| past.values(&format!("head-{head}.requests"));
    let busiest = heads.iter().map(|head| most(requests(head))).fold(f64::NAN, f64::max);
    let columns = match heads.len() {
        0..=1 => 1,
        2..=6 => 2,
        7..=9 => 3,
        _ => 4,
    };
    let small = |head: &u32| {
        let presence = past.values(&format!("head-{head}.presence"));
        let layers = vec![
            line("requests/s", newest(Unit::Number, requests(head)), BLUE, requests(head)),
            right(line("presence", newest(Unit::Share, presence), ORANGE, presence)),
        ];
        let left = Axis::from_zero("req/s", Unit::Number, busiest);
        let right = Axis::whole_share("presence");
        Panel { columns, ..panel(&format!("head-{head}"), left, Some(right), layers) }
    };
    heads.iter().map(small).collect()
}
