//! What a person sees and does on Records, Log and Peers, at every size and in every state. Bless
//! with `INSTA_UPDATE=always`, and look at what changed.

#[path = "../tui_common/mod.rs"]
mod tui_common;

mod log;
mod peers;
mod records;

use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::{Cause, Message, State};
use hydractl::tui::view::theme::{Colours, Symbols};
use tui_common::{SECOND, answered, buffer, screen, text};

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (60, 16), (40, 10)];

fn snapshots(name: &str, state: &State) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen(state, width, height));
    }
}

/// The picture in ASCII; nothing else is in it.
fn ascii(state: &State, width: u16, height: u16) -> String {
    let picture = text(&buffer(state, (width, height), (Colours::Ansi, Symbols::Ascii)));
    assert!(picture.is_ascii(), "{picture}");
    picture
}

/// The daemon answers a question of the page.
fn answer(state: &mut State, ask: Ask, told: Told) {
    answered(state, ask, Ok(told));
}

/// The daemon was killed 42 s ago; the ninth try comes in 3 s.
fn gone(state: &mut State) {
    let cause =
        || Cause { what: "hydrad does not answer: connection refused.".into(), advice: String::new() };
    let since = state.now();
    state.apply(Message::Down { cause: cause(), attempt: 1, retry_in: SECOND }, since);
    state.apply(Message::Down { cause: cause(), attempt: 9, retry_in: SECOND * 5 }, since + SECOND * 40);
    state.tick(since + SECOND * 42);
}

/// No answer, and why.
fn refuse(state: &mut State, ask: Ask, why: &str) {
    answered(state, ask, Err(why));
}
