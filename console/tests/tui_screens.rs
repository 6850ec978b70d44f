//! What a person sees of the Overview, at every size and in every state. Bless with
//! `INSTA_UPDATE=always`, and look at what changed.

mod tui_common;

use hydractl::fixture;
use hydractl::tui::state::{Message, State};
use hydractl::tui::view::theme::{Colours, Symbols};
use ratatui::style::{Color, Modifier};
use tui_common::{
    PLAIN, SECOND, buffer, down, empty, fed, keys, live, never, no_peers, screen, text, warming,
};

const SIZES: [(u16, u16); 5] = [(120, 36), (80, 24), (60, 16), (40, 10), (20, 1)];

fn snapshots(name: &str, state: &State) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen(state, width, height));
    }
}

#[test]
fn the_overview_of_a_hydra_that_is_well() {
    snapshots("overview", &fed(live(), ""));
}

#[test]
fn a_hydra_that_starts_tells_what_is_done_and_what_to_expect() {
    snapshots("warming", &warming());
}

#[test]
fn a_hydra_without_peers_tells_the_first_cause() {
    snapshots("no-peers", &no_peers());
}

#[test]
fn without_a_daemon_the_old_values_stay_and_say_that_they_are_old() {
    snapshots("daemon-down", &down());
}

#[test]
fn an_empty_hydra_says_what_to_do() {
    snapshots("empty", &empty());
}

#[test]
fn without_ever_a_daemon_there_is_the_reason() {
    snapshots("never", &never());
}

#[test]
fn the_page_of_a_head_tells_all_of_it() {
    let mut state = live();
    keys(&mut state, "jj<Enter>");
    insta::assert_snapshot!("head-80x24", screen(&state, 80, 24));
}

#[test]
fn dialogs_say_what_will_happen() {
    let mut state = live();
    keys(&mut state, "ggD");
    insta::assert_snapshot!("remove-80x24", screen(&state, 80, 24));
    keys(&mut state, "<Esc>?");
    insta::assert_snapshot!("help-80x36", screen(&state, 80, 36));
}

#[test]
fn in_ascii_there_is_nothing_else() {
    for (name, state) in [("live", live()), ("down", down()), ("no-peers", no_peers())] {
        let picture = text(&buffer(&state, (80, 24), (Colours::Ansi, Symbols::Ascii)));
        assert!(picture.is_ascii(), "{picture}");
        insta::assert_snapshot!(format!("ascii-{name}-80x24"), picture);
    }
}

#[test]
fn in_mono_there_is_no_colour_and_the_symbols_still_tell() {
    for state in [live(), down(), no_peers(), warming()] {
        let mono = buffer(&state, (120, 36), (Colours::Mono, Symbols::Unicode));
        assert!(mono.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        assert_eq!(text(&mono), text(&buffer(&state, (120, 36), PLAIN)));
    }
    let mono = buffer(&no_peers(), (80, 24), (Colours::Mono, Symbols::Unicode));
    let broken = mono.content.iter().find(|cell| cell.symbol() == "✖").expect("something is broken");
    assert!(broken.modifier.contains(Modifier::BOLD));
}

#[test]
fn colours_are_the_sixteen_of_the_terminal() {
    for state in [live(), down(), no_peers(), warming(), empty()] {
        for cell in &buffer(&state, (120, 36), PLAIN).content {
            assert!(!matches!(cell.fg, Color::Rgb(..) | Color::Indexed(_)), "{cell:?}");
            assert_eq!(cell.bg, Color::Reset);
        }
    }
}

#[test]
fn old_values_are_dim() {
    let picture = buffer(&down(), (80, 24), PLAIN);
    let cell = picture.content.iter().find(|cell| cell.symbol() == "~").expect("old values");
    assert!(cell.modifier.contains(Modifier::DIM));
}

#[test]
fn a_restart_leaves_a_gap_in_the_charts_and_a_mark() {
    let mut state = live();
    // Two minutes without a daemon, then one minute of a new one.
    let mut update = fixture::snapshot();
    update.samples.drain(..540);
    for sample in &mut update.samples {
        sample.at = sample.at.map(|at| prost_types::Timestamp { seconds: at.seconds + 180, ..at });
    }
    let status = update.status.as_mut().expect("a status");
    (status.at, status.started_at, status.uptime_seconds) = (fixture::ago(-180), fixture::ago(-115), 65.0);
    state.apply(Message::Update(Box::new(update)), SECOND * 180);
    let picture = screen(&state, 120, 36);
    assert!(picture.contains('┊'), "{picture}");
    insta::assert_snapshot!("restart-120x36", picture);
}
