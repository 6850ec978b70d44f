//! No size of a terminal and no number of the daemon makes the screen panic.

mod tui_common;

use std::sync::OnceLock;

use hydra_protocol::v1::{
    AgentCount, AskedKey, AskedTraffic, Belly, Bucket, ConnectionCount, Coverage, CoverageWith, Event,
    Generation, GetHistoryResponse, GetTrafficResponse, Head, HeadGroup, ListRecordsResponse, Neighbour,
    Network, Outcomes, Peer, PeerFlow, Prefetch, PrefetchKey, PrefetchSource, Rates, Record, Region,
    SeriesValues, ServedTraffic, SourceCounts, Status, SurveyPeersResponse, Warning, WatchStatusResponse,
};
use hydractl::fixture;
use hydractl::tui::state::State;
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::view;
use hydractl::tui::view::theme::{Colours, Symbols, Theme};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_common::{PLAIN, answered, buffer, down, empty, fed, keys, live, never, no_peers, told, warming};

/// A hydra of the most awkward numbers and names.
fn awkward() -> State {
    let rates = Rates {
        find_node: f64::NAN,
        add_provider: f64::INFINITY,
        get_value: -1.0,
        ping: 1e300,
        ..Rates::default()
    };
    let head = |index: u32| Head {
        name: format!("head-{index}-レルネーの水蛇"),
        index,
        peer_id: "ー".repeat(60),
        addresses: vec!["/".into(), String::new(), "ip4".into(), "/ip6/::1/tcp/99999".into()],
        state: 99,
        connections_in: u64::MAX,
        connections_out: 7,
        rates_1m: Some(rates),
        ..Head::default()
    };
    let mut update = fixture::snapshot();
    update.heads = (0..40).map(head).collect();
    update.events = (0..300).map(|_| Event { text: "水蛇 ".repeat(99), ..Event::default() }).collect();
    update.status = Some(Status {
        name: "レルネーの水蛇".repeat(9),
        peers_live: u64::MAX,
        records: u64::MAX,
        belly_bytes: u64::MAX,
        belly_limit_bytes: 1,
        memory_limit_bytes: u64::MAX,
        uptime_seconds: f64::NAN,
        connections_in: u64::MAX,
        at: Some(prost_types::Timestamp { seconds: i64::MIN, nanos: -1 }),
        started_at: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        warnings: vec![Warning {
            since: Some(prost_types::Timestamp { seconds: i64::MIN, nanos: 0 }),
            until: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
            ..Warning::default()
        }],
        found_ratio_10m: Some(f64::NEG_INFINITY),
        commit_p99_seconds: Some(1e300),
        rates_1m: Some(rates),
        state: 77,
        ..fixture::status()
    });
    for sample in &mut update.samples {
        sample.rates = Some(rates);
    }
    told(update)
}

/// The most awkward answers to what the pages ask.
fn awkward_answers(state: &mut State) {
    let none = f64::NAN;
    let source = |name: &str| PrefetchSource {
        name: name.into(),
        counts_10m: Some(SourceCounts { attempts: 1, timed_out: u64::MAX, ..SourceCounts::default() }),
        latency_p50_seconds: Some(none),
        latency_p95_seconds: Some(f64::INFINITY),
        deadline_seconds: 1e300,
        trouble: "水蛇".repeat(90),
        ..PrefetchSource::default()
    };
    let prefetch = Prefetch {
        state: 9,
        paused_reason: "レルネー".repeat(70),
        paused_until: Some(prost_types::Timestamp { seconds: i64::MIN, nanos: -1 }),
        waiting: u64::MAX,
        oldest_waiting_seconds: Some(none),
        keep_seconds: f64::INFINITY,
        outcomes_10m: Some(Outcomes { misses: 1, found: u64::MAX, ..Outcomes::default() }),
        sources: (0..30).map(|number| source(&format!("https://{number}.レルネー"))).collect(),
        ..fixture::prefetch()
    };
    let key = |number: u8| PrefetchKey {
        key: vec![number],
        cid_raw: "ー".repeat(90),
        age_seconds: none,
        ..PrefetchKey::default()
    };
    let network = Network {
        size_by_crawl: Some(none),
        size_by_distance: Some(f64::NEG_INFINITY),
        crawled_at: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        coverage: Some(Coverage {
            ratio: Some(none),
            with_presence_ratio: Some(1e300),
            with: vec![CoverageWith { heads: u32::MAX, ratio: f64::INFINITY }; 40],
            ..Coverage::default()
        }),
        head_groups: vec![HeadGroup { group: "水".repeat(50), full: u32::MAX, ..HeadGroup::default() }; 40],
        ..Network::default()
    };
    let served = ServedTraffic {
        rpc: "水".repeat(40),
        per_second: none,
        p99_seconds: Some(-1.0),
        ..Default::default()
    };
    let asked = AskedTraffic { asked_for: 99, failed_ratio: none, ..AskedTraffic::default() };
    let traffic = GetTrafficResponse {
        window_seconds: none,
        served: vec![served; 40],
        asked: vec![asked; 40],
        ..GetTrafficResponse::default()
    };
    for ask in state.wants() {
        let told = match &ask {
            Ask::Prefetch => Told::Prefetch(Box::new(prefetch.clone())),
            Ask::PrefetchKeys => Told::PrefetchKeys((0..60).map(key).collect()),
            Ask::Network => Told::Network(Box::new(network.clone())),
            Ask::Traffic => Told::Traffic(Box::new(traffic.clone())),
            Ask::Around { .. } => {
                let bins = vec![u32::MAX; 449];
                Told::Around(Box::new(SurveyPeersResponse { bins, ..SurveyPeersResponse::default() }))
            }
            Ask::Head(name) => Told::Head(Box::new(Head {
                name: name.clone(),
                nearest: vec![Neighbour { rank: u32::MAX, lists_us: 99, ..Neighbour::default() }; 99],
                buckets: vec![Bucket { bits: u32::MAX, known: u32::MAX, connected: u32::MAX }; 300],
                ..Head::default()
            })),
            Ask::Past { series, .. } => {
                let values = [f32::NAN, f32::INFINITY, -1.0, f32::MAX, 0.0].repeat(150);
                let series = series.iter().map(|name| SeriesValues {
                    name: name.clone(),
                    unit: String::new(),
                    values: values.clone(),
                });
                Told::Past(GetHistoryResponse {
                    begins: fixture::ago(750),
                    step_seconds: 1,
                    series: series.collect(),
                    starts: vec![prost_types::Timestamp { seconds: i64::MIN, nanos: 0 }],
                    ..GetHistoryResponse::default()
                })
            }
            _ => continue,
        };
        answered(state, ask, Ok(told));
    }
}

/// The same of the pages Peers, Records and Log.
fn awkward_lists(state: &mut State) {
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let name = || "レルネーの水蛇 ".repeat(40);
    let peer = Peer {
        agent: name(),
        peer_id: name(),
        seen_at: time(i64::MIN),
        shared_bits: u32::MAX,
        ..Peer::default()
    };
    let record = Record {
        provider_peer_id: name(),
        expires_at: time(i64::MAX),
        announced_at: time(i64::MIN),
        ..Record::default()
    };
    let flow = PeerFlow { joined: u64::MAX, left: u64::MAX };
    for ask in state.wants() {
        let told = match &ask {
            Ask::Survey { .. } => Told::Survey(Box::new(SurveyPeersResponse {
                at: time(i64::MAX),
                flows_since: time(i64::MIN),
                live: u64::MAX,
                connected: u64::MAX,
                total: u64::MAX,
                bins: vec![u32::MAX; 1_013],
                flows_10m: vec![flow; 99],
                flow_1h: Some(flow),
                agents: vec![AgentCount { name: name(), peers: u64::MAX }; 9],
                connections: vec![ConnectionCount { open: u64::MAX, ..Default::default() }; 3],
                peers: vec![peer.clone(); 3],
                ..Default::default()
            })),
            Ask::Peer(_) => Told::Peer(Box::new(peer.clone())),
            Ask::Records { .. } => {
                Told::Records(ListRecordsResponse { records: vec![record.clone(); 3], ..Default::default() })
            }
            Ask::Belly => Told::Belly(Box::new(Belly {
                records: u64::MAX,
                unsaved_max_seconds: f64::NAN,
                trouble: name(),
                generations: [i64::MIN, 0, i64::MAX]
                    .map(|at| Generation { begins_at: time(at), records: u64::MAX, ..Default::default() })
                    .to_vec(),
                ..Belly::default()
            })),
            Ask::MostAsked => {
                Told::MostAsked(vec![AskedKey { requests: 1, requests_error: 9, ..Default::default() }])
            }
            Ask::Regions => {
                Told::Regions(vec![Region { prefix: u32::MAX, reads: u64::MAX, ..Default::default() }; 3])
            }
            Ask::Events => {
                Told::Events(vec![Event { at: time(i64::MAX), text: name(), ..Default::default() }; 3])
            }
            _ => continue,
        };
        answered(state, ask, Ok(told));
    }
}

/// Made once: it is the drawing that is tried.
fn every_state() -> &'static [State] {
    static STATES: OnceLock<Vec<State>> = OnceLock::new();
    STATES.get_or_init(made)
}

fn made() -> Vec<State> {
    let mut states = vec![live(), warming(), no_peers(), down(), empty(), never(), awkward()];
    for script in ["<Enter>", "?", "a", "jD", "jS", "f", "___", "<Enter>jjjjj?jj"] {
        for mut state in [live(), awkward()] {
            keys(&mut state, script);
            states.push(state);
        }
    }
    for script in
        ["", "e", "2", "2/4<Enter>", "2jj<Enter>", "5", "5e", "5ee", "5P", "5X", "6", "6ee", "6p9<Enter>"]
    {
        for mut state in [live(), awkward()] {
            keys(&mut state, script);
            states.push(fed(state.clone(), ""));
            awkward_answers(&mut state);
            states.push(state);
        }
    }
    for script in ["4", "4/8959<Enter>", "4lI", "4hF12", "7", "7wG", "3", "3z", "3/kubo<Enter>", "3<Enter>"] {
        for state in [live(), awkward()] {
            states.push(fed(state, script));
        }
    }
    for (script, then) in [("3", "<Enter>"), ("3", "z"), ("4/8959<Enter>", "c"), ("4lll", "e"), ("7w", "G")] {
        let mut state = awkward();
        keys(&mut state, script);
        awkward_lists(&mut state);
        states.push(state.clone());
        keys(&mut state, then);
        awkward_lists(&mut state);
        states.push(state);
    }
    states.push(told(WatchStatusResponse::default()));
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_size_can_be_drawn(width in 1_u16..=250, height in 1_u16..=80, ascii: bool, mono: bool) {
        let symbols = if ascii { Symbols::Ascii } else { Symbols::Unicode };
        let colours = if mono { Colours::Mono } else { Colours::Ansi };
        for state in every_state() {
            buffer(state, (width, height), (colours, symbols));
        }
    }
}

#[test]
fn the_sizes_around_every_border_can_be_drawn() {
    for state in every_state() {
        for (width, height) in [(1, 1), (2, 2), (29, 6), (30, 5), (30, 6), (59, 16), (60, 15), (60, 16)] {
            buffer(state, (width, height), PLAIN);
        }
        for (width, height) in [(79, 24), (80, 23), (80, 24), (119, 36), (120, 35), (120, 36), (250, 80)] {
            buffer(state, (width, height), PLAIN);
        }
    }
}

#[test]
fn no_cell_beyond_the_area_is_touched() {
    let theme = Theme::new(Colours::Ansi, Symbols::Unicode);
    for (width, height) in [(20, 1), (37, 9), (64, 18), (80, 24), (120, 36), (133, 41)] {
        let whole = Rect { x: 0, y: 0, width: width + 4, height: height + 4 };
        let area = Rect { x: 2, y: 2, width, height };
        let mut blank = Buffer::empty(whole);
        blank.content.iter_mut().for_each(|cell| {
            cell.set_symbol("%");
        });
        for state in every_state() {
            let mut drawn = blank.clone();
            view::picture(&mut drawn, area, state, &theme);
            let beyond = whole.positions().filter(|position| !area.contains(*position));
            for position in beyond {
                assert_eq!(drawn.cell(position), blank.cell(position), "{position:?} at {width}x{height}");
            }
        }
    }
}
