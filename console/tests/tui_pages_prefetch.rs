//! What a person sees of Prefetch, at every size and in every state, and what its keys do.

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
fn prefetch_tells_the_backlog_what_became_of_misses_and_whose_fault_it_is() {
    snapshots("prefetch", &fed(live(), "5"));
}
