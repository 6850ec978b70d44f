//! The Log page.

use hydra_protocol::v1::{Event, Finding, ListEventsResponse, WatchStatusResponse};
use hydractl::fixture::{self, night};
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::{Effect, Message, State};

use super::tui_common::{SECOND, empty, feed, keys, live, screen};
use super::{answer, ascii, gone, refuse, snapshots};

pub(crate) fn log() -> State {
    let mut state = live();
    keys(&mut state, "7");
    feed(&mut state);
    state
}

fn event(text: &str) -> Message {
    let event = Event { at: fixture::ago(-1), part: "belly".into(), text: text.into(), ..Event::default() };
    Message::Update(Box::new(WatchStatusResponse { events: vec![event], ..WatchStatusResponse::default() }))
}

#[test]
fn the_night_as_the_log_tells_it() {
    snapshots("log", &log());
}

#[test]
fn an_empty_log_says_so_and_without_an_answer_why() {
    let mut state = empty();
    keys(&mut state, "7");
    assert!(screen(&state, 80, 24).contains("asking hydrad …"));
    answer(&mut state, Ask::Events, Told::Events(ListEventsResponse::default()));
    snapshots("log-empty", &state);
    let mut state = empty();
    keys(&mut state, "7");
    refuse(&mut state, Ask::Events, "16 readers are there already; end one");
    insta::assert_snapshot!("log-trouble-80x24", screen(&state, 80, 24));
}

#[test]
fn without_a_daemon_the_old_lines_stay() {
    let mut state = log();
    gone(&mut state);
    snapshots("log-down", &state);
}

#[test]
fn in_ascii_there_is_nothing_else() {
    insta::assert_snapshot!("log-ascii-80x24", ascii(&log(), 80, 24));
}

#[test]
fn level_and_part_choose_lines_and_come_round() {
    let mut state = log();
    let all = state.log_lines().len();
    keys(&mut state, "L");
    assert_eq!(state.log_lines().len(), 2);
    assert!(screen(&state, 120, 36).contains("Events · warnings and above · all parts"));
    keys(&mut state, "L");
    assert!(screen(&state, 120, 36).contains("none of the 12 lines is of this level and part"));
    keys(&mut state, "L");
    assert_eq!(state.log_lines().len(), all);
    keys(&mut state, "p");
    assert!(screen(&state, 120, 36).contains("all parts") || state.log().part() == "audit");
    assert_eq!(state.log_lines().len(), 2);
    let mut parts = 1;
    while !state.log().part().is_empty() && parts < 99 {
        keys(&mut state, "p");
        parts += 1;
    }
    assert_eq!(parts, 8, "audit, belly, head-1, prefetch, reach, scout, source, all");
}

#[test]
fn the_newest_line_is_followed_until_one_moves_away_and_again_after_end() {
    let mut state = log();
    state.apply(event("generation 04:00 opened"), SECOND);
    let newest = |state: &State| state.log_lines()[0].text.clone();
    assert_eq!(newest(&state), "generation 04:00 opened");
    let copied = |state: &mut State| match &keys(state, "y")[..] {
        [Effect::Copy(line)] => line.clone(),
        effects => panic!("{effects:?}"),
    };
    assert_eq!(copied(&mut state), "2026-11-20 03:12:41 UTC info belly generation 04:00 opened");
    keys(&mut state, "j");
    assert!(screen(&state, 120, 36).contains("not following"));
    state.apply(event("another"), SECOND * 2);
    assert!(copied(&mut state).contains("connection budget"), "the selection stays with its line");
    keys(&mut state, "<PgUp>");
    assert!(copied(&mut state).contains("resume prefetch"), "ten lines into the past");
    keys(&mut state, "<End>");
    assert!(copied(&mut state).ends_with("another"));
    assert!(screen(&state, 120, 36).contains("· following"));
}

#[test]
fn a_filter_is_typed_and_long_lines_wrap() {
    let mut state = log();
    keys(&mut state, "/part:prefetch full<Enter>");
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("with part:prefetch full") && picture.contains("queue full"), "{picture}");
    assert!(!picture.contains("crawl finished"), "{picture}");
    keys(&mut state, "/<Esc>");
    assert!(!screen(&state, 60, 16).contains("servers answered"), "cut");
    keys(&mut state, "w");
    let picture = screen(&state, 60, 30);
    assert!(
        picture
            .replace('\n', " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("servers answered"),
        "{picture}"
    );
}

#[test]
fn what_the_subscription_brings_stands_beside_what_was_asked_for_once() {
    let mut state = log();
    let lines = state.log_lines();
    assert_eq!(lines.len(), 12, "ten events and two lines of audit");
    assert_eq!(lines.iter().filter(|line| line.level == Finding::Warn).count(), 2);
    let mut update = fixture::snapshot();
    update.events = night::kept_events();
    state.apply(Message::Update(Box::new(update)), SECOND);
    assert_eq!(state.log_lines().len(), 12);
}

#[test]
fn lines_of_another_day_tell_which() {
    let mut state = log();
    let mut events = night::kept_events();
    events[0].at = fixture::ago(86_400);
    answer(
        &mut state,
        Ask::Events,
        Told::Events(ListEventsResponse { events, ..ListEventsResponse::default() }),
    );
    let picture = screen(&state, 120, 36);
    assert!(picture.contains(" 19th 03:12    info scout    crawl started"), "{picture}");
    assert!(picture.contains(" 03:10:04      info reach "), "{picture}");
}

#[test]
fn only_the_control_socket_is_asked_who_did_what() {
    let mut state = State::new(SECOND, false);
    state.apply(Message::Connected { control: false }, SECOND);
    state.apply(Message::Update(Box::new(fixture::snapshot())), SECOND);
    keys(&mut state, "7");
    assert_eq!(state.wants(), [Ask::Events]);
    assert!(log().wants().contains(&Ask::Audit));
}

#[test]
fn a_page_of_ten_thousand_columns_of_text_is_bounded() {
    let mut state = log();
    let mut events = night::kept_events();
    events[0].text = "\x1b[2J".repeat(9_999);
    answer(
        &mut state,
        Ask::Events,
        Told::Events(ListEventsResponse { events, ..ListEventsResponse::default() }),
    );
    keys(&mut state, "wG");
    let picture = screen(&state, 80, 24);
    assert!(picture.chars().all(|c| c == '\n' || !c.is_control()));
}
