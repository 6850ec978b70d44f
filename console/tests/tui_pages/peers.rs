//! The Peers page and the page of a peer.

use hydra_protocol::v1::{AgentCount, Direction, Peer, PeerSort, SurveyPeersResponse};
use hydractl::fixture;
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::{Effect, Page, State};

use super::tui_common::{empty, fed, feed, keys, live, screen};
use super::{answer, ascii, gone, refuse, snapshots};

fn peers() -> State {
    fed(live(), "3")
}

#[test]
fn the_keyspace_who_comes_and_goes_and_who_sends_most() {
    snapshots("peers", &peers());
}

#[test]
fn a_hydra_without_peers_says_so() {
    let mut state = empty();
    keys(&mut state, "3");
    assert!(screen(&state, 80, 24).contains("asking hydrad …"));
    let ask = state.survey_ask();
    answer(
        &mut state,
        ask,
        Told::Survey(Box::new(SurveyPeersResponse { bins: vec![0; 928], ..Default::default() })),
    );
    snapshots("peers-empty", &state);
}

#[test]
fn without_a_daemon_the_old_peers_stay_and_say_so() {
    let mut state = peers();
    gone(&mut state);
    snapshots("peers-down", &state);
}

#[test]
fn in_ascii_the_keyspace_is_still_a_picture() {
    insta::assert_snapshot!("peers-ascii-80x24", ascii(&peers(), 80, 24));
    insta::assert_snapshot!("peers-ascii-120x36", ascii(&peers(), 120, 36));
}

#[test]
fn what_the_daemon_refuses_stands_in_place_of_the_page() {
    let mut state = peers();
    keys(&mut state, "/head:x<Enter>");
    let ask = state.survey_ask();
    refuse(&mut state, ask, "head:x: not the number of a head");
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("▲ head:x: not the number of a head"), "{picture}");
    assert!(picture.contains("with head:x"), "{picture}");
    keys(&mut state, "/<Esc>");
    feed(&mut state);
    assert!(screen(&state, 120, 36).contains("Peers 3,486"));
}

#[test]
fn the_daemon_sorts_and_filters() {
    let mut state = peers();
    let asked = |state: &State| match state.survey_ask() {
        Ask::Survey { filter, sort, descending, offset, .. } => (filter, sort, descending, offset),
        ask => panic!("{ask:?}"),
    };
    assert_eq!(asked(&state), (String::new(), PeerSort::Heads, true, 0), "who holds most heads");
    keys(&mut state, ">");
    assert_eq!(asked(&state), (String::new(), PeerSort::Rtt, false, 0));
    let old = screen(&state, 120, 36);
    assert!(
        old.contains("asking hydrad …") && old.contains("vBt7115"),
        "the old rows stay until then: {old}"
    );
    feed(&mut state);
    assert!(screen(&state, 120, 36).contains("by RTT"));
    keys(&mut state, ":sort add/min<Enter>I");
    assert_eq!(asked(&state), (String::new(), PeerSort::AddProviderPerMinute, false, 0));
    keys(&mut state, "I/agent:kubo");
    assert_eq!(asked(&state).0, "", "not before the filter is whole");
    keys(&mut state, " dir:out<Enter>");
    assert_eq!(asked(&state).0, "agent:kubo dir:out");
    feed(&mut state);
    let rows = state.peer_rows();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.peer.agent.starts_with("kubo")));
    assert!(rows.iter().all(|row| row.peer.direction() == Direction::Out));
    keys(&mut state, ":peers ip:192.0.2.<Enter>");
    assert_eq!(asked(&state).0, "ip:192.0.2.");
}

#[test]
fn rows_beyond_the_told_ones_are_asked_for_at_the_edge() {
    let mut state = peers();
    let offset = |state: &State| state.peers().offset();
    keys(&mut state, "G");
    assert_eq!(offset(&state), 100);
    let last = state.list().and_then(|list| list.selected()).map(str::to_owned);
    feed(&mut state);
    assert_eq!(state.list().and_then(|list| list.selected()).map(str::to_owned), last, "the selection stays");
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("to 200 of 3,486"), "{picture}");
    keys(&mut state, "gg");
    assert_eq!(offset(&state), 0);
    feed(&mut state);
    keys(&mut state, "G>");
    assert_eq!(offset(&state), 0, "another order begins at its first row");
}

#[test]
fn z_shows_the_range_around_the_head_of_the_selected_peer_and_all_again() {
    let mut state = peers();
    keys(&mut state, "jjz");
    assert_eq!(state.peers().zoomed_to(), Some("head-2"), "the nearest of the third peer");
    feed(&mut state);
    insta::assert_snapshot!("peers-zoomed-120x36", screen(&state, 120, 36));
    let rows = state.peer_rows();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.peer.key[0] >> 3 == 0x89 >> 3));
    keys(&mut state, "z");
    assert_eq!(state.peers().zoomed_to(), None);
}

#[test]
fn a_picture_can_fill_the_screen() {
    let mut state = peers();
    keys(&mut state, "e");
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("Keyspace 0…") && !picture.contains("PEER ID"), "{picture}");
    keys(&mut state, "e");
    assert!(screen(&state, 120, 36).contains("Live peers in the table"));
    keys(&mut state, "<Esc>");
    assert!(screen(&state, 120, 36).contains("PEER ID"));
}

#[test]
fn a_hydra_without_peers_says_the_first_cause() {
    let mut state = super::tui_common::no_peers();
    keys(&mut state, "3");
    let ask = state.survey_ask();
    answer(&mut state, ask, Told::Survey(Box::default()));
    assert!(
        screen(&state, 120, 36).contains("no peer: 0 of 5 bootstrap peers answered, last: no route to host")
    );
}

#[test]
fn a_peer_opens_with_all_that_is_known_of_it() {
    let mut state = peers();
    keys(&mut state, "j<Enter>");
    assert!(matches!(state.page(), Page::Peer(id) if id.ends_with("a99P11U")));
    assert!(screen(&state, 80, 24).contains("asking hydrad …"));
    let Page::Peer(id) = state.page().clone() else { return };
    let peer = Peer { peer_id: id.clone(), ..fixture::peers().swap_remove(1) };
    answer(&mut state, Ask::Peer(id.clone()), Told::Peer(Box::new(peer)));
    snapshots("peer", &state);
    assert_eq!(keys(&mut state, "y"), [Effect::Copy(id)]);
    keys(&mut state, "<Esc>");
    assert_eq!(state.page(), &Page::Peers);
    assert!(matches!(&keys(&mut state, "ky")[..], [Effect::Copy(id)] if id.ends_with("vBt7115")));
    keys(&mut state, ":peer nobody<Enter>");
    refuse(&mut state, Ask::Peer("nobody".into()), "no peer nobody");
    assert!(screen(&state, 80, 24).contains("▲ no peer nobody"));
}

#[test]
fn what_peers_call_themselves_cannot_steer_the_terminal() {
    let mut state = live();
    keys(&mut state, "3");
    let mut told = super::tui_common::survey(&state.survey_ask()).expect("a survey");
    told.peers[0].agent = "\x1b]0;owned\x07kubo/\u{202e}1".into();
    told.peers[0].addresses = vec!["/dns4/\x1b[2J/tcp/1".into()];
    told.agents[0] = AgentCount { name: "\x1b[31mkubo".into(), peers: 3 };
    let ask = state.survey_ask();
    answer(&mut state, ask, Told::Survey(Box::new(told)));
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("?[31mkubo"), "{picture}");
    assert!(picture.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{picture:?}");
}
