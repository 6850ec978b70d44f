//! What a person sees of Prefetch, at every size and in every state, and what its keys do.

mod tui_common;

use std::time::Duration;

use hydra_protocol::v1::{ClearPrefetchResponse, ListPrefetchKeysResponse, Prefetch, PrefetchState};
use hydractl::fixture;
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::{Answer, Command, Effect, Message, Outcome, Page, State};
use hydractl::tui::view::theme::{Colours, Symbols};
use tui_common::{
    PLAIN, SECOND, answered, buffer, down_on, empty, fed, keys, live, never, pictures, screen, text, warming,
};

fn snapshots(name: &str, state: &State) {
    for (size, picture) in pictures(state) {
        insta::assert_snapshot!(format!("{name}-{size}"), picture);
    }
}

/// `lerna` with the tab open and all answers there.
fn open() -> State {
    fed(live(), "5")
}

/// The same with another answer about prefetching.
fn with(prefetch: Prefetch) -> State {
    let mut state = open();
    answered(&mut state, Ask::Prefetch, Ok(Told::Prefetch(Box::new(prefetch))));
    state
}

fn paused() -> Prefetch {
    Prefetch {
        state: PrefetchState::Paused.into(),
        paused_reason: "router maintenance".into(),
        paused_until: fixture::ago(-1_800),
        ..fixture::prefetch()
    }
}

#[test]
fn prefetch_tells_the_backlog_what_became_of_misses_and_whose_fault_it_is() {
    snapshots("prefetch", &open());
}

#[test]
fn without_a_daemon_the_old_queue_stays_and_the_chart_ends_in_a_blank() {
    let state = down_on("5");
    snapshots("prefetch-down", &state);
    let picture = buffer(&state, (120, 36), PLAIN);
    let cell = picture.content.iter().find(|cell| cell.symbol() == "⣿").expect("the queue of before");
    assert!(cell.modifier.contains(ratatui::style::Modifier::DIM));
}

#[test]
fn a_hydra_that_has_nothing_to_look_up_says_so() {
    let mut state = empty();
    keys(&mut state, "5");
    insta::assert_snapshot!("prefetch-asking-80x24", screen(&state, 80, 24));
    answered(&mut state, Ask::Prefetch, Ok(Told::Prefetch(Box::default())));
    answered(&mut state, Ask::PrefetchKeys, Ok(Told::PrefetchKeys(ListPrefetchKeysResponse::default())));
    snapshots("prefetch-empty", &state);
}

#[test]
fn a_hydra_that_starts_and_one_that_never_was_there_have_the_page_too() {
    insta::assert_snapshot!("prefetch-warming-80x24", screen(&fed(warming(), "5"), 80, 24));
    let mut state = never();
    keys(&mut state, "5");
    insta::assert_snapshot!("prefetch-never-80x24", screen(&state, 80, 24));
}

#[test]
fn a_daemon_that_does_not_want_to_answer_is_quoted_without_what_steers_a_terminal() {
    let mut state = open();
    answered(&mut state, Ask::Prefetch, Err("prefetch is \x1b[31mnot built in"));
    let picture = screen(&state, 80, 24);
    assert!(picture.contains("▲ prefetch is ?[31mnot built in"), "{picture}");
    assert!(!picture.contains("What became of"), "{picture}");
}

#[test]
fn in_ascii_there_is_nothing_else() {
    let picture = text(&buffer(&open(), (120, 36), (Colours::Mono, Symbols::Ascii)));
    assert!(picture.is_ascii(), "{picture}");
    insta::assert_snapshot!("prefetch-ascii-120x36", picture);
}

#[test]
fn a_pause_asks_why_and_how_long_and_says_what_it_does() {
    let mut state = open();
    assert_eq!(keys(&mut state, "P"), []);
    insta::assert_snapshot!("prefetch-pause-80x24", screen(&state, 80, 24));
    assert_eq!(keys(&mut state, "router maintenance<Enter>soon<Enter>"), []);
    assert!(screen(&state, 80, 24).contains("\"soon\" is no time"), "{}", screen(&state, 80, 24));
    let pause = Command::PausePrefetch { reason: "router maintenance".into(), seconds: 1_800 };
    assert_eq!(keys(&mut state, "30m<Enter>"), [Effect::Send(pause.clone())]);
    let result = Ok(Outcome::Prefetch(Box::new(paused())));
    state.apply(Message::Answer(Box::new(Answer { command: pause, result })), SECOND);
    assert!(screen(&state, 120, 36).contains("prefetch paused until 03:42:40; misses are answered"));
    assert!(screen(&with(paused()), 120, 36).contains("○ paused until 03:42:40: router maintenance"));
}

#[test]
fn a_pause_needs_neither_reason_nor_end_and_is_not_confirmed_by_a_paste() {
    let mut state = open();
    keys(&mut state, "P");
    let paste = crossterm::event::Event::Paste("why\n30m\n".into());
    assert_eq!(hydractl::tui::input::take(&mut state, &paste).1, []);
    assert!(screen(&state, 80, 24).contains("> why_"));
    keys(&mut state, "<Esc>P<Enter>");
    let pause = Command::PausePrefetch { reason: String::new(), seconds: 0 };
    assert_eq!(keys(&mut state, "<Enter>"), [Effect::Send(pause)]);
}

#[test]
fn a_paused_prefetch_is_resumed_with_a_y() {
    let mut state = with(paused());
    assert_eq!(keys(&mut state, "P"), []);
    assert!(screen(&state, 80, 24).contains("Have it go on? 12 keys wait"), "{}", screen(&state, 80, 24));
    assert_eq!(keys(&mut state, "y"), [Effect::Send(Command::ResumePrefetch)]);
}

#[test]
fn the_queue_is_cleared_by_its_word_alone() {
    let mut state = open();
    assert_eq!(keys(&mut state, "Xy<Enter>"), []);
    assert!(screen(&state, 80, 24).contains("\"y\" is not clear; nothing was forgotten"));
    assert_eq!(keys(&mut state, "<BS>clear<Enter>"), [Effect::Send(Command::ClearPrefetch)]);
    let result = Ok(Outcome::Cleared(Box::new(ClearPrefetchResponse { cleared: 12, prefetch: None })));
    state.apply(Message::Answer(Box::new(Answer { command: Command::ClearPrefetch, result })), SECOND);
    assert!(screen(&state, 80, 24).contains("12 keys cleared from the queue"));
}

#[test]
fn read_only_neither_pauses_nor_clears() {
    let mut state = State::new(SECOND, true);
    state.apply(Message::Connected { control: true }, Duration::ZERO);
    state.apply(Message::Update(Box::new(fixture::snapshot())), Duration::ZERO);
    let mut state = fed(state, "5");
    assert_eq!(keys(&mut state, "PX"), []);
    assert!(state.dialog().is_none());
    assert!(!screen(&state, 120, 36).contains("P pause"));
}

#[test]
fn keys_are_chosen_sorted_filtered_and_opened() {
    let mut state = open();
    assert!(screen(&state, 120, 36).contains("▸b5d0fc02c65b"));
    keys(&mut state, "jj");
    assert!(screen(&state, 120, 36).contains("▸7b3f5468becc"));
    keys(&mut state, ":sort wait<Enter>");
    assert!(screen(&state, 120, 36).contains("waiting 12 · by WAIT"), "{}", screen(&state, 120, 36));
    keys(&mut state, "/head-4<Enter>");
    assert_eq!(state.prefetch_keys().len(), 2);
    keys(&mut state, "<Enter>");
    assert_eq!(state.page(), &Page::Records);
    keys(&mut state, "-");
    assert_eq!(state.page(), &Page::Prefetch, "and back");
}

#[test]
fn a_pane_fills_the_screen_and_makes_way() {
    let mut state = open();
    keys(&mut state, "e");
    insta::assert_snapshot!("prefetch-queue-120x36", screen(&state, 120, 36));
    keys(&mut state, "ee");
    let keys_alone = screen(&state, 120, 36);
    assert!(keys_alone.contains("WAIT: later misses") && !keys_alone.contains("OUTCOME"), "{keys_alone}");
    keys(&mut state, "<Esc>");
    assert_eq!((state.page(), state.expanded()), (&Page::Prefetch, None));
    assert!(screen(&state, 120, 36).contains("OUTCOME"));
    assert_eq!(keys(&mut state, "eq"), [], "q leaves the pane first");
    assert_eq!(keys(&mut state, "q"), [Effect::Quit]);
}

#[test]
fn a_longer_window_is_asked_for_and_told() {
    let mut state = open();
    keys(&mut state, "+");
    assert!(matches!(&state.wants()[2], Ask::Past { seconds: 3_600, .. }), "{:?}", state.wants());
    tui_common::feed(&mut state);
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("lanes 60 × 1 min, a scale for each row"), "{picture}");
}
