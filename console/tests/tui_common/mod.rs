//! A screen without a terminal: states made of the example hydra, keys as a person types them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use hydra_protocol::v1::{
    DaemonState, Finding, GetHistoryRequest, GetRecordsResponse, Head, HeadState, ListEventsResponse,
    ListMostAskedResponse, ListPrefetchKeysResponse, ListRecordsResponse, ListRegionsResponse, NetworkCheck,
    Status, SurveyPeersRequest, SurveyPeersResponse, TailLogResponse, WatchStatusResponse,
};
use hydractl::fixture::{self, night};
use hydractl::picture;
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::peers;
use hydractl::tui::state::{Cause, Effect, Message, State};
use hydractl::tui::view::theme::{Colours, Symbols, Theme};
use hydractl::tui::{input, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) const PLAIN: (Colours, Symbols) = (Colours::Ansi, Symbols::Unicode);

/// A state that the daemon has just told this.
pub(crate) fn told(update: WatchStatusResponse) -> State {
    let mut state = State::new(SECOND, false);
    state.apply(Message::Connected { control: true }, Duration::ZERO);
    state.apply(Message::Update(Box::new(update)), Duration::ZERO);
    state
}

/// `lerna`, well but for the queue that was full.
pub(crate) fn live() -> State {
    told(fixture::snapshot())
}

/// `lerna`, 38 s after its start.
pub(crate) fn warming() -> State {
    let check = |name: &str, finding: Finding, text: &str| NetworkCheck {
        name: name.into(),
        finding: finding.into(),
        text: text.into(),
        remedy: String::new(),
    };
    let mut update = fixture::snapshot();
    for head in &mut update.heads {
        head.set_state(if head.index < 3 { HeadState::Warming } else { HeadState::Starting });
        (head.connections_in, head.connections_out, head.serving_since, head.rates_1m) = (9, 3, None, None);
    }
    update.samples = update.samples.split_off(562);
    update.status = Some(Status {
        state: DaemonState::Warming.into(),
        started_at: fixture::ago(38),
        uptime_seconds: 38.0,
        heads_serving: 0,
        reached_tcp: Some(3),
        reached_quic: Some(3),
        peers_live: 118,
        connections_in: 45,
        connections_out: 15,
        rates_1m: None,
        found_ratio_10m: None,
        get_providers_p99_seconds_1m: None,
        warnings: vec![],
        belly_warming: Some(fixture::warming()),
        network: vec![
            check("ports", Finding::Ok, "10 of 10 open on 203.0.113.7 and 198.51.100.20"),
            check("outbound", Finding::Ok, "5 of 5 bootstrap peers answered"),
            check("table", Finding::InProgress, "11 verified peers; heads serve from 20 on"),
            check("inbound", Finding::Unknown, "nobody has dialled us yet"),
        ],
        ..fixture::status()
    });
    told(update)
}

/// `lerna` with a firewall before it.
pub(crate) fn no_peers() -> State {
    let mut update = fixture::snapshot();
    for head in &mut update.heads {
        head.set_state(HeadState::Warming);
        (head.connections_in, head.connections_out, head.serving_since, head.rates_1m) = (0, 0, None, None);
    }
    update.status = Some(fixture::status_without_peers());
    update.samples.clear();
    told(update)
}

/// `lerna`, 42 s after it was killed; the ninth try comes in 3 s.
pub(crate) fn down() -> State {
    down_on("")
}

/// The same on the page to which these keys lead.
pub(crate) fn down_on(script: &str) -> State {
    let mut state = fed(live(), script);
    let cause = || Cause {
        what: "hydrad does not answer: /run/hydra/observe.sock exists, connection refused.".into(),
        advice: "It crashed or was killed. Look: systemctl status hydrad; journalctl -u hydrad".into(),
    };
    state.apply(Message::Down { cause: cause(), attempt: 1, retry_in: SECOND }, Duration::ZERO);
    let retry_in = Duration::from_secs(5);
    state.apply(Message::Down { cause: cause(), attempt: 9, retry_in }, SECOND * 40);
    state.tick(SECOND * 42);
    state
}

/// A hydra without heads, records and history.
pub(crate) fn empty() -> State {
    told(WatchStatusResponse {
        snapshot: true,
        status: Some(Status {
            name: "lerna".into(),
            version: "1.0.0".into(),
            state: DaemonState::Serving.into(),
            at: fixture::ago(0),
            started_at: fixture::ago(11),
            uptime_seconds: 11.0,
            ..Status::default()
        }),
        ..WatchStatusResponse::default()
    })
}

/// The state after keys, with an answer to all that its page asks.
pub(crate) fn fed(mut state: State, script: &str) -> State {
    keys(&mut state, script);
    feed(&mut state);
    state
}

/// What `lerna` says of its peers.
pub(crate) fn survey(ask: &Ask) -> Result<SurveyPeersResponse, String> {
    let Ask::Survey { prefix, bits, filter, sort, descending, offset } = ask.clone() else {
        panic!("{ask:?}")
    };
    fixture::survey(&SurveyPeersRequest {
        bins: peers::BINS,
        prefix_bits: bits,
        prefix: prefix.to_be_bytes().to_vec(),
        filter,
        sort: sort.into(),
        descending,
        limit: peers::ROWS,
        offset,
        ..SurveyPeersRequest::default()
    })
}

/// Answers what the page asks, as `lerna` would.
pub(crate) fn feed(state: &mut State) {
    for ask in state.wants() {
        let told = match &ask {
            Ask::Peer(id) => {
                let peer = fixture::peers().into_iter().find(|peer| peer.peer_id == *id);
                Told::Peer(Box::new(peer.unwrap_or_default()))
            }
            Ask::Prefetch => Told::Prefetch(Box::new(fixture::prefetch())),
            Ask::PrefetchKeys => Told::PrefetchKeys(ListPrefetchKeysResponse {
                keys: fixture::prefetch_keys(),
                ..ListPrefetchKeysResponse::default()
            }),
            Ask::Network => Told::Network(Box::new(fixture::network())),
            Ask::Past { series, seconds } => {
                let (series, since) = (series.clone(), fixture::ago(*seconds));
                match fixture::history(&GetHistoryRequest { series, since, step_seconds: 0 }) {
                    Some(past) => Told::Past(past),
                    None => {
                        answered(state, ask, Err("there is no such series"));
                        continue;
                    }
                }
            }
            Ask::Head(name) => {
                let head = fixture::heads().into_iter().find(|head| head.name == *name);
                let told = fixture::neighbourhood();
                let is_told = *name == told.name || head.is_none();
                Told::Head(Box::new(if is_told {
                    Head { name: name.clone(), ..told }
                } else {
                    head.unwrap_or_default()
                }))
            }
            Ask::Survey { .. } => Told::Survey(Box::new(survey(&ask).expect("a question that is in order"))),
            Ask::Traffic => Told::Traffic(Box::new(fixture::traffic())),
            Ask::Around { bits, place, bins, limit } => {
                let (prefix_bits, prefix) = (*bits, place.clone());
                let (bins, limit) = (*bins, *limit);
                let asked = SurveyPeersRequest { prefix_bits, prefix, bins, limit, ..Default::default() };
                let mut around = fixture::survey(&asked).expect("a part of the keyspace");
                if prefix_bits > 0 {
                    around.peers = fixture::neighbours();
                }
                Told::Around(Box::new(around))
            }
            Ask::Belly => Told::Belly(Box::new(fixture::belly())),
            Ask::MostAsked => Told::MostAsked(ListMostAskedResponse { keys: night::most_asked() }),
            Ask::Regions => Told::Regions(ListRegionsResponse { regions: night::regions() }),
            Ask::Record(_) => {
                let records = fixture::records();
                let multihash = records[0].multihash.clone();
                Told::Record(GetRecordsResponse { records, multihash, ..GetRecordsResponse::default() })
            }
            Ask::Records { .. } => Told::Records(ListRecordsResponse {
                records: fixture::records(),
                next_page_token: "4".into(),
                ..ListRecordsResponse::default()
            }),
            Ask::Events => Told::Events(ListEventsResponse {
                events: night::kept_events(),
                ..ListEventsResponse::default()
            }),
            Ask::Audit => {
                Told::Audit(TailLogResponse { lines: night::audit(), ..TailLogResponse::default() })
            }
        };
        state.apply(Message::Told { ask, result: Ok(Box::new(told)) }, state.now());
    }
}

/// Sizes at which pages are looked at.
const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (60, 16), (40, 10)];

/// What a person sees at each size.
pub(crate) fn pictures(state: &State) -> Vec<(String, String)> {
    let picture = |(width, height)| (format!("{width}x{height}"), screen(state, width, height));
    SIZES.into_iter().map(picture).collect()
}

/// An answer to what a page asks, or why there is none.
pub(crate) fn answered(state: &mut State, ask: Ask, result: Result<Told, &str>) {
    let result = result.map(Box::new).map_err(str::to_owned);
    state.apply(Message::Told { ask, result }, state.now());
}

/// Before anything is known.
pub(crate) fn never() -> State {
    let mut state = State::new(SECOND, false);
    let cause = Cause {
        what: "hydrad is not running: no socket at /run/hydra/control.sock".into(),
        advice: "Start it: sudo systemctl start hydrad. Another socket: --socket PATH or HYDRA_SOCKET".into(),
    };
    state.apply(Message::Connecting, Duration::ZERO);
    state.apply(Message::Down { cause, attempt: 1, retry_in: SECOND }, Duration::ZERO);
    state
}

pub(crate) fn buffer(
    state: &State,
    (width, height): (u16, u16),
    (colours, symbols): (Colours, Symbols),
) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test terminal");
    let theme = Theme::new(colours, symbols);
    terminal.draw(|frame| view::draw(frame, state, &theme)).expect("a test terminal never fails");
    terminal.backend().buffer().clone()
}

/// What a person sees, a line a row.
pub(crate) fn text(buffer: &Buffer) -> String {
    let lines = picture::screen::text(buffer);
    lines.strip_suffix('\n').unwrap_or(&lines).to_owned()
}

pub(crate) fn screen(state: &State, width: u16, height: u16) -> String {
    text(&buffer(state, (width, height), PLAIN))
}

/// Types keys: letters, and names in angle brackets such as `<Enter>` or `<^c>`.
pub(crate) fn keys(state: &mut State, script: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|inside| inside.split_once('>'));
        let (key, after) = match named {
            Some((name, after)) if !name.is_empty() => (key(name), after),
            _ => (KeyEvent::new(KeyCode::Char(first), KeyModifiers::NONE), &rest[first.len_utf8()..]),
        };
        rest = after;
        effects.extend(input::take(state, &Event::Key(key)).1);
    }
    effects
}

fn key(name: &str) -> KeyEvent {
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "End" => KeyCode::End,
        "BS" => KeyCode::Backspace,
        "Tab" => KeyCode::Tab,
        "S-Tab" => KeyCode::BackTab,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        _ => {
            let c = name.chars().nth(1).unwrap_or_else(|| panic!("no key <{name}>"));
            return KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        }
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}
