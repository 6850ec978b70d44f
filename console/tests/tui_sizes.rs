//! No size of a terminal and no number of the daemon makes the screen panic.

mod tui_common;

use hydra_protocol::v1::{
    AgentCount, AskedKey, Belly, ConnectionCount, Event, Generation, Head, ListRecordsResponse, Peer,
    PeerFlow, Rates, Record, Region, Status, SurveyPeersResponse, Warning, WatchStatusResponse,
};
use hydractl::fixture;
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::{Message, State};
use hydractl::tui::view;
use hydractl::tui::view::theme::{Colours, Symbols, Theme};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_common::{PLAIN, buffer, down, empty, fed, keys, live, never, no_peers, told, warming};

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

/// Answers to the questions of the pages with the most awkward numbers and names.
fn awkward_answers(script: &str) -> State {
    let mut state = fed(awkward(), script);
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
        state.apply(Message::Told { ask, result: Ok(Box::new(told)) }, state.now());
    }
    state
}

fn every_state() -> Vec<State> {
    let mut states = vec![live(), warming(), no_peers(), down(), empty(), never(), awkward()];
    for script in ["<Enter>", "?", "a", "jD", "jS", "f", "___", "<Enter>jjjjj?jj"] {
        for mut state in [live(), awkward()] {
            keys(&mut state, script);
            states.push(state);
        }
    }
    for script in ["4", "4/8959<Enter>", "4lI", "4hF12", "7", "7wG", "3", "3z", "3/kubo<Enter>", "3<Enter>"] {
        for state in [live(), awkward()] {
            states.push(fed(state, script));
        }
    }
    for script in ["3", "3z", "3<Enter>", "4/8959<Enter>", "4lll", "7w"] {
        states.push(awkward_answers(script));
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
            buffer(&state, (width, height), (colours, symbols));
        }
    }
}

#[test]
fn the_sizes_around_every_border_can_be_drawn() {
    for state in every_state() {
        for (width, height) in [(1, 1), (2, 2), (29, 6), (30, 5), (30, 6), (59, 16), (60, 15), (60, 16)] {
            buffer(&state, (width, height), PLAIN);
        }
        for (width, height) in [(79, 24), (80, 23), (80, 24), (119, 36), (120, 35), (120, 36), (250, 80)] {
            buffer(&state, (width, height), PLAIN);
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
            view::picture(&mut drawn, area, &state, &theme);
            let beyond = whole.positions().filter(|position| !area.contains(*position));
            for position in beyond {
                assert_eq!(drawn.cell(position), blank.cell(position), "{position:?} at {width}x{height}");
            }
        }
    }
}
