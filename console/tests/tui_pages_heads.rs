//! What a person sees of Heads and of one head, at every size and in every state; and of the
//! Overview what differs when something is wrong.

mod tui_common;

use hydra_protocol::v1::{DaemonState, Finding, Status, Warning};
use hydractl::fixture;
use hydractl::tui::state::feed::Ask;
use hydractl::tui::state::{Page, State};
use hydractl::tui::view::theme::{Colours, Symbols};
use tui_common::{
    answered, buffer, down_on, empty, fed, keys, live, no_peers, pictures, screen, text, told, warming,
};

fn snapshots(name: &str, state: &State) {
    for (size, picture) in pictures(state) {
        insta::assert_snapshot!(format!("{name}-{size}"), picture);
    }
}

#[test]
fn heads_tell_where_they_are_and_whether_one_differs() {
    snapshots("heads", &fed(live(), "2jj"));
}

#[test]
fn the_page_of_a_head_tells_who_does_not_list_it_and_why() {
    snapshots("head", &fed(live(), "2jj<Enter>"));
}

#[test]
fn without_a_daemon_old_heads_stay() {
    snapshots("heads-down", &down_on("2"));
    snapshots("head-down", &down_on("2jj<Enter>"));
}

#[test]
fn heads_that_do_not_serve_yet_and_no_heads_at_all() {
    snapshots("heads-warming", &fed(warming(), "2"));
    insta::assert_snapshot!("head-warming-120x36", screen(&fed(warming(), "2<Enter>"), 120, 36));
    let mut state = empty();
    keys(&mut state, "2");
    snapshots("heads-empty", &state);
    insta::assert_snapshot!("heads-no-peers-120x36", screen(&fed(no_peers(), "2"), 120, 36));
}

#[test]
fn in_ascii_there_is_nothing_else() {
    for (name, script) in [("heads", "2"), ("head", "2jj<Enter>")] {
        let picture = text(&buffer(&fed(live(), script), (120, 36), (Colours::Mono, Symbols::Ascii)));
        assert!(picture.is_ascii(), "{picture}");
        insta::assert_snapshot!(format!("{name}-ascii-120x36"), picture);
    }
}

#[test]
fn a_head_that_is_not_told_says_why_and_the_rest_stays() {
    let mut state = fed(live(), "2jj<Enter>");
    answered(&mut state, Ask::Head("head-2".into()), Err("busy\x1b[2J"));
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("▲ busy?[2J") && picture.contains("reached      tcp and quic"), "{picture}");
}

#[test]
fn the_nearest_peers_scroll_where_they_do_not_fit() {
    let mut state = fed(live(), "2jj<Enter>");
    assert!(screen(&state, 80, 24).contains("1 to 12 of 20"), "{}", screen(&state, 80, 24));
    keys(&mut state, "G");
    assert!(screen(&state, 80, 24).contains("9 to 20 of 20"), "{}", screen(&state, 80, 24));
    keys(&mut state, "}");
    assert!(screen(&state, 80, 24).contains("Heads ▸ head-3"));
}

#[test]
fn a_filter_and_an_order_stand_in_the_title() {
    let mut state = fed(live(), "2/198.<Enter>:sort req/s<Enter>");
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("Heads 2 · by REQ/s · with 198."), "{picture}");
    keys(&mut state, "I");
    assert!(screen(&state, 120, 36).contains("by REQ/s, last first"));
}

#[test]
fn enter_on_the_overview_goes_where_something_is_wrong_until_a_head_is_chosen() {
    let mut state = fed(live(), "");
    assert!(!screen(&state, 120, 36).contains('▸'));
    keys(&mut state, "<Enter>");
    assert_eq!(state.page(), &Page::Prefetch, "its queue was full");
    keys(&mut state, "1j<Enter>");
    assert_eq!(state.page(), &Page::Head("head-1".into()));
    let well = Status { warnings: vec![], ..fixture::status() };
    let mut update = fixture::snapshot();
    update.status = Some(well);
    let mut state = told(update);
    keys(&mut state, "<Enter>");
    assert_eq!(state.page(), &Page::Head("head-0".into()), "all is well");
}

#[test]
fn a_chart_of_the_overview_fills_the_screen() {
    let mut state = fed(live(), "");
    keys(&mut state, "eee");
    snapshots("overview-queue", &state);
    keys(&mut state, "<Esc>");
    assert!(screen(&state, 120, 36).contains("Is it well?"));
}

#[test]
fn an_overloaded_hydra_says_what_it_gives_up_for_what() {
    let mut update = fixture::snapshot();
    let mut prefetch = fixture::prefetch_summary();
    prefetch.paused_reason = "load 2".into();
    update.status = Some(Status {
        state: DaemonState::Overloaded.into(),
        load_level: 2,
        commit_p99_seconds: Some(1.84),
        records_unsaved: 158_200,
        prefetch: Some(prefetch),
        warnings: vec![Warning {
            code: "BELLY_SLOW".into(),
            since: fixture::ago(44),
            until: None,
            text: "the belly writes slower than heads receive".into(),
            severity: Finding::Warn.into(),
            remedy: "iostat -x 1 (another writer on this disk?)".into(),
        }],
        ..fixture::status()
    });
    snapshots("overload", &fed(told(update), ""));
}
