//! When a row of the table of keys exists, and what the footer says of it then.

use hydra_protocol::v1::{Head, HeadState};

use crate::tui::state::{Page, Sought, State};

pub(super) fn always(_: &State) -> bool {
    true
}

/// Inside of a tab: there is something to go back to.
pub(super) fn in_page(state: &State) -> bool {
    !state.page().is_tab()
}

/// There is something to go back to: out of a page, or out of a pane.
pub(super) fn within(state: &State) -> bool {
    in_page(state) || state.expanded().is_some()
}

pub(super) fn retry_label(state: &State) -> &'static str {
    if state.reaches_daemon() { "r ask again" } else { "r retry now" }
}

pub(super) fn has_panes(state: &State) -> bool {
    on_charts(state) && state.page().panes() > 0
}

pub(super) fn on_network(state: &State) -> bool {
    *state.page() == Page::Network && state.reaches_daemon()
}

pub(super) fn control_prefetch(state: &State) -> bool {
    *state.page() == Page::Prefetch && control(state) && state.prefetch().is_some()
}

pub(super) fn pause_or_resume(state: &State) -> &'static str {
    if state.is_paused() { "P resume" } else { "P pause" }
}

pub(super) fn open_what(state: &State) -> &'static str {
    if *state.page() == Page::Prefetch { "Enter open key" } else { "Enter open" }
}

pub(super) fn in_head(state: &State) -> bool {
    matches!(state.page(), Page::Head(_))
}

pub(super) fn on_list(state: &State) -> bool {
    has_data(state) && state.list().is_some()
}

pub(super) fn has_data(state: &State) -> bool {
    state.shown().is_some()
}

pub(super) fn on_charts(state: &State) -> bool {
    state.shown().is_some_and(|hydra| state.page().has_charts() && hydra.has_all(state.page()))
}

pub(super) fn on_head(state: &State) -> bool {
    state.head().is_some()
}

pub(super) fn on_row(state: &State) -> bool {
    if in_page(state) {
        return false;
    }
    match state.page() {
        Page::Records => has_data(state) && state.list().is_some_and(|list| list.selected().is_some()),
        Page::Prefetch => state.selected_key().is_some(),
        // what is not well, until somebody chose a head
        Page::Overview => has_data(state),
        Page::Peers => state.list().is_some_and(|list| list.selected().is_some()),
        _ => on_head(state),
    }
}

pub(super) fn on_records(state: &State) -> bool {
    *state.page() == Page::Records
}

pub(super) fn on_peers(state: &State) -> bool {
    has_data(state) && *state.page() == Page::Peers
}

pub(super) fn zoom_label(state: &State) -> &'static str {
    if state.peers().zoomed_to().is_some() { "z whole keyspace" } else { "z zoom keyspace" }
}

pub(super) fn on_log(state: &State) -> bool {
    has_data(state) && *state.page() == Page::Log
}

/// There is something to leave: a page inside a tab, a pane, or a search.
pub(super) fn can_go_back(state: &State) -> bool {
    within(state) || (on_records(state) && state.records().sought != Sought::Nothing)
}

pub(super) fn can_filter(state: &State) -> bool {
    on_list(state) || on_records(state)
}

pub(super) fn can_search(state: &State) -> bool {
    on_list(state) && !state.searched().is_empty()
}

pub(super) fn esc_label(state: &State) -> &'static str {
    if on_records(state) { "Esc clear" } else { "Esc back" }
}

pub(super) fn filter_label(state: &State) -> &'static str {
    if on_records(state) { "/ search" } else { "/ filter" }
}

pub(super) fn end_label(state: &State) -> &'static str {
    if on_log(state) && !state.log().is_following() { "End follow" } else { "" }
}

pub(super) fn copy_label(state: &State) -> &'static str {
    match state.page() {
        Page::Log => "y copy line",
        Page::Records => "y copy",
        _ => "y copy id",
    }
}

/// The socket takes commands, the operator did not say `--read-only`, and the daemon is there.
pub(super) fn control(state: &State) -> bool {
    state.may_control() && state.reaches_daemon()
}

pub(super) fn add_on_heads(state: &State) -> &'static str {
    if matches!(state.page(), Page::Overview | Page::Heads) { "a add heads" } else { "" }
}

pub(super) fn control_head(state: &State) -> bool {
    control(state) && on_head(state)
}

pub(super) fn only_in_page_remove(state: &State) -> &'static str {
    if in_page(state) { "D remove" } else { "" }
}

pub(super) fn stop_or_start(state: &State) -> &'static str {
    match state.head().map(Head::state) {
        _ if !in_page(state) => "",
        Some(HeadState::Stopped | HeadState::Failed) => "S start",
        _ => "S stop",
    }
}

pub(super) fn freeze_or_live(state: &State) -> &'static str {
    if state.is_frozen() { "f live" } else { "f freeze" }
}

pub(super) fn q_label(state: &State) -> &'static str {
    if within(state) { "" } else { "q quit" }
}

pub(super) fn quit_label(state: &State) -> &'static str {
    if within(state) { "Q quit" } else { "" }
}
