//! What a person sees of Heads and of one head, at every size and in every state.

mod tui_common;

use hydractl::tui::state::State;
use tui_common::{fed, live, screen};

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (60, 16), (40, 10)];

fn snapshots(name: &str, state: &State) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen(state, width, height));
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
