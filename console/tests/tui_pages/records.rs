//! The Records page.

use hydra_protocol::v1::{GetRecordsResponse, Status};
use hydractl::fixture::{self, CID, night};
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::records::{News, Pane};
use hydractl::tui::state::{Command, Effect, Message, Page, Sought, State};

use super::tui_common::{SECOND, fed, feed, keys, live, screen, told};
use super::{answer, ascii, gone, refuse, snapshots};

/// The page with the key of the pictures looked for.
pub(crate) fn records() -> State {
    let mut state = live();
    keys(&mut state, &format!("4/{CID}<Enter>"));
    feed(&mut state);
    state
}

/// The page of a hydra that has nothing yet.
pub(crate) fn nothing_yet() -> State {
    let mut update = fixture::snapshot();
    update.status = Some(Status {
        uptime_seconds: 660.0,
        records: 0,
        values: 0,
        warnings: vec![],
        presence_listed: Some(4),
        presence_asked: Some(100),
        ..fixture::status()
    });
    let mut state = told(update);
    keys(&mut state, "4");
    answer(&mut state, Ask::Belly, Told::Belly(Box::default()));
    answer(&mut state, Ask::Regions, Told::Regions(vec![]));
    state
}

#[test]
fn a_key_its_providers_and_what_is_asked_for() {
    snapshots("records", &records());
}

#[test]
fn without_a_search_there_is_what_is_asked_for_most() {
    let mut state = live();
    keys(&mut state, "4l");
    feed(&mut state);
    snapshots("records-popular", &state);
    keys(&mut state, "l");
    snapshots("records-regions", &state);
}

#[test]
fn an_empty_belly_says_why_and_what_to_expect() {
    snapshots("records-empty", &nothing_yet());
}

#[test]
fn without_a_daemon_the_old_records_stay_and_say_so() {
    let mut state = records();
    gone(&mut state);
    snapshots("records-down", &state);
}

#[test]
fn before_the_first_answer_and_without_one_the_panes_say_so() {
    let mut state = live();
    keys(&mut state, &format!("4/{CID}<Enter>"));
    let picture = screen(&state, 120, 36);
    assert_eq!(picture.matches("asking hydrad …").count(), 4, "{picture}");
    for ask in state.wants() {
        refuse(&mut state, ask, "the belly is being read; look again in a minute");
    }
    insta::assert_snapshot!("records-trouble-120x36", screen(&state, 120, 36));
}

#[test]
fn in_ascii_the_bars_are_still_bars() {
    insta::assert_snapshot!("records-ascii-80x24", ascii(&records(), 80, 24));
    ascii(&records(), 120, 36);
    ascii(&nothing_yet(), 120, 36);
}

#[test]
fn a_search_is_typed_asked_and_cleared() {
    let mut state = live();
    keys(&mut state, "4/8959f");
    assert!(screen(&state, 120, 36).contains("Search ▸ 8959f_"));
    assert!(
        !state.wants().iter().any(|ask| matches!(ask, Ask::Records { .. })),
        "not asked while it is typed"
    );
    keys(&mut state, "<Enter>");
    let ask = Ask::Records { prefix: "8959f".into(), provider: String::new() };
    assert!(state.wants().contains(&ask));
    feed(&mut state);
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("Records, the first 4 · 3 announced, 1 prefetched"), "{picture}");
    keys(&mut state, "<Esc>");
    assert_eq!((&state.records().sought, state.page()), (&Sought::Nothing, &Page::Records));
    assert!(!state.wants().contains(&ask));
}

#[test]
fn a_text_that_is_no_key_is_said_to_be_none_and_stays_typed() {
    let mut state = live();
    keys(&mut state, "4/bafybeid4ca2q!<Enter>");
    let picture = screen(&state, 120, 36);
    assert!(
        picture.contains("not a CID: \"bafybeid4ca2q!\": '!' at character 14 is not base32"),
        "{picture}"
    );
    keys(&mut state, "<BS><Esc>");
    assert!(state.prompt().is_none());
}

#[test]
fn a_command_searches_from_every_page() {
    let mut state = live();
    keys(&mut state, &format!(":records {CID}<Enter>"));
    assert_eq!(state.page(), &Page::Records);
    assert!(state.wants().contains(&Ask::Record(CID.into())));
}

#[test]
fn enter_looks_for_what_the_row_is_about() {
    let mut state = live();
    keys(&mut state, "4l");
    feed(&mut state);
    assert_eq!(state.records().pane, Pane::Popular);
    keys(&mut state, "jj<Enter>");
    let third = night::most_asked()[2].cid_raw.clone();
    assert_eq!(state.records().sought, Sought::Key(third));
    feed(&mut state);
    keys(&mut state, "<Enter>");
    let first = fixture::records()[0].provider_peer_id.clone();
    assert_eq!(state.records().sought, Sought::Provider(first), "its longest lasting provider");
    keys(&mut state, "<Left><Left><Enter>");
    assert_eq!(state.records().sought, Sought::Prefix("d3".into()), "the hottest region");
}

#[test]
fn tables_of_panes_are_sorted_filtered_and_copied_by_themselves() {
    let mut state = records();
    assert_eq!(keys(&mut state, "y"), [Effect::Copy(fixture::records()[0].provider_peer_id.clone())]);
    keys(&mut state, "l:filter providers:0<Enter>");
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("with providers:0") && !picture.contains("gc4bqbnggi"), "{picture}");
    keys(&mut state, ":filter<Enter>Igg");
    assert!(screen(&state, 120, 36).contains("Popular keys, last first"));
    assert_eq!(keys(&mut state, "y"), [Effect::Copy(night::most_asked()[12].cid_raw.clone())]);
    keys(&mut state, "l:sort requests<Enter>");
    assert!(screen(&state, 120, 36).contains("by REQUESTS"));
}

#[test]
fn the_network_is_asked_for_the_key_and_tells_as_it_finds() {
    let mut state = records();
    assert_eq!(keys(&mut state, "F"), [Effect::Send(Command::Fetch(CID.into()))]);
    assert!(screen(&state, 120, 36).contains("nobody has named a provider yet"));
    assert_eq!(keys(&mut state, "F"), [], "one at a time");
    let told = |state: &mut State, news| {
        state.apply(Message::Fetched { key: CID.into(), news: Box::new(news) }, SECOND * 2);
    };
    for provider in fixture::fetched(&fixture::records()) {
        told(&mut state, News::Provider(provider.clone()));
        told(&mut state, News::Provider(provider));
    }
    assert!(screen(&state, 120, 36).contains("From the network 4"), "each once");
    assert!(screen(&state, 120, 36).contains("◐ looking for 2 s"));
    told(&mut state, News::End(Ok(fixture::fetch_report(CID, 4, "complete"))));
    insta::assert_snapshot!("records-fetched-120x36", screen(&state, 120, 36));
    insta::assert_snapshot!("records-fetched-60x16", screen(&state, 60, 16));
    assert!(matches!(&keys(&mut state, "F")[..], [Effect::Send(_)]), "it can be asked again");
}

#[test]
fn a_pane_fills_the_screen_and_what_is_asked_in_a_frozen_picture_is_shown_in_it() {
    let mut state = fed(live(), "4l");
    keys(&mut state, "e");
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("Popular keys") && !picture.contains("Hot regions"), "{picture}");
    keys(&mut state, "l");
    assert!(screen(&state, 120, 36).contains("Hot regions"));
    keys(&mut state, "<Esc>f/8959<Enter>");
    assert!(screen(&state, 120, 36).contains("asking hydrad …"));
    feed(&mut state);
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("Records, the first 4") && picture.contains("frozen 03:12:40"), "{picture}");
}

#[test]
fn a_lookup_whose_daemon_goes_away_ends() {
    let mut state = records();
    keys(&mut state, "F");
    let cause = hydractl::tui::state::Cause::default();
    state.apply(Message::Down { cause, attempt: 1, retry_in: SECOND }, SECOND);
    assert!(screen(&state, 120, 36).contains("the daemon went away before the lookup ended"));
}

#[test]
fn without_a_key_f_asks_for_one_and_only_where_the_socket_takes_commands() {
    let mut state = live();
    keys(&mut state, "4F8959<Enter>");
    assert!(screen(&state, 120, 36).contains("only a whole key can be looked up"));
    keys(&mut state, "<Esc>F");
    assert_eq!(keys(&mut state, &format!("{CID}<Enter>")), [Effect::Send(Command::Fetch(CID.into()))]);
    let mut state = State::new(SECOND, true);
    state.apply(Message::Connected { control: true }, SECOND);
    state.apply(Message::Update(Box::new(fixture::snapshot())), SECOND);
    assert_eq!(keys(&mut state, &format!("4/{CID}<Enter>F")), [], "--read-only");
    assert!(!screen(&state, 120, 36).contains("F fetch"));
}

#[test]
fn what_strangers_call_themselves_cannot_steer_the_terminal() {
    let mut state = records();
    keys(&mut state, "F");
    let mut provider = fixture::fetched(&fixture::records())[0].clone();
    provider.addresses = vec!["/dns4/\x1b[2J\u{202e}/tcp/1".into()];
    state.apply(Message::Fetched { key: CID.into(), news: Box::new(News::Provider(provider)) }, SECOND);
    let mut found = fixture::records();
    found[0].addresses = vec!["/dns4/\x1b]0;x\x07/tcp/1".into()];
    found[0].head = "\x1b[31m".into();
    let found = GetRecordsResponse { records: found, ..GetRecordsResponse::default() };
    answer(&mut state, Ask::Record(CID.into()), Told::Record(found));
    let picture = screen(&state, 120, 36);
    assert!(picture.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{picture:?}");
}
