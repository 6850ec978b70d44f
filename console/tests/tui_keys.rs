//! Keys typed on the whole state, as a person types them.

mod tui_common;

use std::time::Duration;

use crossterm::event::Event;
use hydra_protocol::v1::{AddHeadsResponse, HeadState, WatchStatusResponse};
use hydractl::fixture;
use hydractl::tui::input;
use hydractl::tui::state::feed::Ask;
use hydractl::tui::state::{Answer, Command, Effect, Message, Outcome, Page, State};
use tui_common::{SECOND, down, keys, live, screen, told};

fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    input::take(state, &Event::Paste(text.to_owned())).1
}

fn answer(state: &mut State, command: Command, result: Result<Outcome, String>) {
    state.apply(Message::Answer(Box::new(Answer { command, result })), state.now());
}

fn offer(count: u32) -> Outcome {
    let heads: Vec<_> = (5..5 + count).map(fixture::head).collect();
    Outcome::Added(AddHeadsResponse {
        heads,
        heads_total: 5 + count,
        warnings: vec!["it \x1b[31mwarns".into()],
        ..AddHeadsResponse::default()
    })
}

#[test]
fn the_selection_moves_and_stays_within_the_heads() {
    let mut state = live();
    assert_eq!(state.selected(), Some("head-0"));
    for (script, expected) in [
        ("j<Down>", "head-2"),
        ("k", "head-1"),
        ("G", "head-4"),
        ("jjj", "head-4"),
        ("gg", "head-0"),
        ("<PgDn>", "head-4"),
        ("<^u>", "head-0"),
        ("gj", "head-1"),
    ] {
        keys(&mut state, script);
        assert_eq!(state.selected(), Some(expected), "{script}");
    }
}

#[test]
fn a_head_opens_and_closes() {
    let mut state = live();
    keys(&mut state, "j<Enter>");
    assert!(screen(&state, 80, 24).contains("─ Heads ▸ head-1 ─"));
    assert_eq!(keys(&mut state, "q"), [], "q goes back from a page");
    assert!(screen(&state, 80, 24).contains("Prefetch queue"));
    assert_eq!(keys(&mut state, "q"), [Effect::Quit]);
}

#[test]
fn one_can_always_leave() {
    for script in ["q", "Q", "<^c>"] {
        assert_eq!(keys(&mut live(), script), [Effect::Quit], "{script}");
        assert_eq!(keys(&mut down(), script), [Effect::Quit], "{script} without daemon");
        assert_eq!(
            keys(&mut State::new(SECOND, true), script),
            [Effect::Quit],
            "{script} before the first answer"
        );
    }
    assert_eq!(keys(&mut live(), "a<^c>"), [Effect::Quit], "from within a dialog");
    assert_eq!(keys(&mut live(), "<Enter>Q"), [Effect::Quit], "from within a page");
}

#[test]
fn adding_heads_asks_how_many_and_the_daemon_what_it_would_do() {
    let mut state = live();
    assert_eq!(keys(&mut state, "a3"), []);
    let ask = Command::AddHeads { count: 3, dry_run: true };
    assert_eq!(keys(&mut state, "<Enter>"), [Effect::Send(ask.clone())]);
    assert_eq!(keys(&mut state, "y"), [], "nothing to agree to yet");
    answer(&mut state, ask, Ok(offer(3)));
    let picture = screen(&state, 80, 24);
    assert!(picture.contains("3 more: head-5 to head-7; 8 heads in all."), "{picture}");
    assert!(picture.contains("it ?[31mwarns"), "{picture}");
    let add = Command::AddHeads { count: 3, dry_run: false };
    assert_eq!(keys(&mut state, "y"), [Effect::Send(add.clone())]);
    answer(&mut state, add, Ok(offer(3)));
    assert!(screen(&state, 80, 24).contains("3 heads added, 8 in all"));
    state.tick(SECOND * 6);
    assert!(screen(&state, 80, 24).contains("q quit"), "the answer makes way for the keys");
}

#[test]
fn a_refusal_of_the_daemon_stands_in_the_dialog() {
    let mut state = live();
    keys(&mut state, "a900<Enter>");
    let ask = Command::AddHeads { count: 900, dry_run: true };
    answer(&mut state, ask, Err("no room for 900 heads".into()));
    assert!(screen(&state, 80, 24).contains("no room for 900 heads"));
    assert_eq!(keys(&mut state, "<Esc>"), []);
    assert!(state.dialog().is_none());
}

#[test]
fn an_answer_to_another_question_is_not_an_offer() {
    let mut state = live();
    keys(&mut state, "a3<Enter>");
    answer(&mut state, Command::AddHeads { count: 2, dry_run: true }, Ok(offer(2)));
    assert_eq!(keys(&mut state, "y"), []);
}

#[test]
fn numbers_that_are_none_are_refused_before_they_are_sent() {
    for script in ["a<Enter>", "a0<Enter>", "a-3<Enter>", "aviele<Enter>", "a99999999999<Enter>"] {
        let mut state = live();
        assert_eq!(keys(&mut state, script), [], "{script}");
        assert!(screen(&state, 80, 24).contains("a number from 1 to 100000"), "{script}");
    }
}

#[test]
fn removing_a_head_needs_its_name() {
    let mut state = live();
    assert_eq!(keys(&mut state, "jDy<Enter>"), []);
    assert!(screen(&state, 80, 24).contains("\"y\" is not head-1; nothing was removed"));
    assert_eq!(keys(&mut state, "<BS>head-1<Enter>"), [Effect::Send(Command::RemoveHead("head-1".into()))]);
}

#[test]
fn stopping_a_head_needs_a_y_and_a_stopped_one_is_started() {
    let mut state = live();
    assert_eq!(keys(&mut state, "ggSn"), []);
    assert!(state.dialog().is_none());
    assert_eq!(keys(&mut state, "Sy"), [Effect::Send(Command::StopHead("head-0".into()))]);
    let mut update = fixture::snapshot();
    update.heads[0].set_state(HeadState::Stopped);
    let mut state = told(update);
    assert_eq!(keys(&mut state, "ggSy"), [Effect::Send(Command::StartHead("head-0".into()))]);
}

#[test]
fn no_single_key_changes_the_hydra() {
    for c in (' '..='~').chain(['\u{e9}']) {
        let effects = keys(&mut live(), &c.to_string());
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Send(_))), "{c}: {effects:?}");
    }
}

#[test]
fn a_paste_never_confirms() {
    let mut state = live();
    assert_eq!(paste(&mut state, "a3\ny"), [], "on a page it does nothing");
    assert!(state.dialog().is_none());
    keys(&mut state, "ggD");
    assert_eq!(paste(&mut state, "head-0\nhead-0\r"), [], "in a dialog it only fills the field");
    assert!(state.dialog().is_some());
    keys(&mut state, "<Esc>S");
    assert_eq!(paste(&mut state, "y"), []);
    assert!(state.dialog().is_some(), "a pasted y agrees to nothing");
}

#[test]
fn read_only_has_no_keys_that_change_anything() {
    let mut flag = State::new(SECOND, true);
    let mut socket = State::new(SECOND, false);
    for (state, control) in [(&mut flag, true), (&mut socket, false)] {
        state.apply(Message::Connected { control }, Duration::ZERO);
        state.apply(Message::Update(Box::new(fixture::snapshot())), Duration::ZERO);
        for script in ["a", "S", "D", "<Enter>S", "D"] {
            assert_eq!(keys(state, script), [], "{script}");
            assert!(state.dialog().is_none(), "{script}");
        }
        keys(state, "<Esc>");
        assert!(!screen(state, 120, 36).contains("add heads"));
        keys(state, "?");
        let help = screen(state, 120, 36);
        assert!(!help.contains("remove the head") && help.contains("freeze the picture"), "{help}");
    }
}

#[test]
fn without_a_daemon_only_r_reaches_for_it() {
    let mut state = down();
    assert_eq!(keys(&mut state, "aSD"), []);
    assert!(state.dialog().is_none());
    assert_eq!(keys(&mut state, "r"), [Effect::Send(Command::RetryNow)]);
    assert_eq!(keys(&mut live(), "r"), []);
}

#[test]
fn a_frozen_picture_stands_still_until_it_is_released() {
    let mut state = live();
    keys(&mut state, "f");
    let frozen = screen(&state, 120, 36);
    assert!(frozen.contains("❚❚ frozen 03:12:40"));
    let mut update = fixture::snapshot();
    update.status.as_mut().expect("a status").records = 1;
    state.apply(Message::Update(Box::new(update)), SECOND);
    assert_eq!(screen(&state, 120, 36), frozen);
    keys(&mut state, " ");
    assert!(screen(&state, 120, 36).contains(" 1 records"));
}

#[test]
fn a_reconnect_keeps_selection_order_freeze_window_and_page() {
    let mut state = live();
    keys(&mut state, ">>>Ijj_");
    let (selected, order) = (state.selected().map(str::to_owned), state.lists().clone());
    let window = state.window();
    keys(&mut state, "<Enter>");
    let cause = hydractl::tui::state::Cause::default();
    state.apply(Message::Down { cause, attempt: 1, retry_in: SECOND }, SECOND);
    state.apply(Message::Connecting, SECOND * 2);
    state.apply(Message::Connected { control: true }, SECOND * 2);
    state.apply(Message::Update(Box::new(fixture::snapshot())), SECOND * 2);
    assert_eq!(state.selected(), selected.as_deref());
    assert_eq!(state.lists(), &order);
    assert!(screen(&state, 80, 24).contains("▸ head-"), "the page stays");
    keys(&mut state, "q");
    assert_eq!(state.window(), window);
}

#[test]
fn rows_keep_their_places_when_values_change() {
    let mut state = live();
    keys(&mut state, ">>>>");
    let names = |state: &State| state.heads().iter().map(|head| head.name.clone()).collect::<Vec<_>>();
    let before = names(&state);
    let mut head = fixture::head(4);
    head.rates_1m.as_mut().expect("rates").add_provider = 1e6;
    let update = WatchStatusResponse { heads: vec![head], ..WatchStatusResponse::default() };
    state.apply(Message::Update(Box::new(update)), SECOND);
    assert_eq!(names(&state), before);
    keys(&mut state, "<>");
    assert_eq!(names(&state)[0], "head-4", "asked again, they are sorted again");
}

#[test]
fn a_head_that_goes_takes_its_selection_along() {
    let mut state = live();
    keys(&mut state, "G<Enter>");
    let gone = WatchStatusResponse { removed_heads: vec!["head-4".into()], ..WatchStatusResponse::default() };
    state.apply(Message::Update(Box::new(gone)), SECOND);
    assert!(screen(&state, 80, 24).contains("head-4 is gone"));
    keys(&mut state, "<Esc>");
    assert_eq!(state.selected(), Some("head-0"));
    assert_eq!(state.heads().len(), 4);
}

#[test]
fn the_window_of_the_charts_goes_from_ten_minutes_to_one() {
    let mut state = live();
    let seen = ["", "_", "_", "_", "_"].map(|script| {
        keys(&mut state, script);
        state.window().seconds()
    });
    assert_eq!(seen, [600, 300, 120, 60, 60]);
    keys(&mut state, "+=");
    assert_eq!(state.window().seconds(), 300);
}

#[test]
fn the_id_of_a_head_goes_to_the_clipboard() {
    assert_eq!(keys(&mut live(), "jy"), [Effect::Copy(fixture::head(1).peer_id)]);
}

#[test]
fn values_that_do_not_come_are_called_late() {
    let mut state = live();
    state.tick(SECOND * 2);
    assert!(screen(&state, 80, 24).contains("● live 1 s"));
    state.tick(SECOND * 4);
    assert!(screen(&state, 80, 24).contains("▲ late 4 s"));
    assert!(screen(&state, 80, 24).contains(" ~ peers"));
}

#[test]
fn texts_of_strangers_cannot_steer_the_terminal() {
    let mut update = fixture::snapshot();
    let status = update.status.as_mut().expect("a status");
    status.name = "ler\x1b]0;owned\x07na\n\u{202e}".into();
    update.events[0].text = "\x1b[2J\u{9b}31m".into();
    update.heads[0].addresses = vec!["/ip4/\x1b[H/tcp/1".into()];
    let mut state = told(update);
    for script in ["", "<Enter>"] {
        keys(&mut state, script);
        let picture = screen(&state, 120, 36);
        assert!(picture.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{picture:?}");
    }
}

#[test]
fn tabs_open_by_number_by_tab_and_back() {
    let mut state = live();
    for (script, page) in [
        ("2", Page::Heads),
        ("5", Page::Prefetch),
        ("-", Page::Heads),
        ("<Tab>", Page::Peers),
        ("<S-Tab><S-Tab>", Page::Overview),
        ("<S-Tab>", Page::Log),
        ("<Tab>", Page::Overview),
        ("j<Enter>", Page::Head("head-1".into())),
        ("}}", Page::Head("head-3".into())),
        ("{", Page::Head("head-2".into())),
        ("<Esc>", Page::Overview),
    ] {
        keys(&mut state, script);
        assert_eq!(state.page(), &page, "{script}");
    }
    assert_eq!(state.selected(), Some("head-2"), "where one was");
    assert_eq!(keys(&mut state, "4q"), [Effect::Quit], "q leaves from every tab");
}

#[test]
fn a_filter_shows_only_what_fits_while_it_is_typed() {
    let mut state = live();
    keys(&mut state, "2/198.");
    assert_eq!(state.heads().len(), 2);
    assert!(screen(&state, 80, 24).contains("/198._"));
    keys(&mut state, "<Enter>");
    assert_eq!(state.selected(), Some("head-3"));
    assert!(screen(&state, 120, 36).contains("with 198."));
    keys(&mut state, "/<Esc>");
    assert_eq!(state.heads().len(), 5, "Esc takes the filter away");
}

#[test]
fn commands_are_typed_completed_and_refused_with_what_there_is() {
    let mut state = live();
    keys(&mut state, ":pre<Tab><Enter>");
    assert_eq!(state.page(), &Page::Prefetch);
    keys(&mut state, ":head 3<Enter>");
    assert_eq!(state.page(), &Page::Head("head-3".into()));
    keys(&mut state, ":overview<Enter>:window 24h<Enter>");
    assert_eq!(state.window().seconds(), 86_400);
    keys(&mut state, ":swim<Enter>");
    assert!(screen(&state, 120, 36).contains("no command swim; there are overview"));
    assert_eq!(keys(&mut state, "<Esc>:quit<Enter>"), [Effect::Quit]);
    assert_eq!(keys(&mut state, ":<^c>"), [Effect::Quit], "one can always leave");
}

#[test]
fn menus_sort_by_a_column_and_hide_one() {
    let mut state = live();
    keys(&mut state, "2sjjjjj<Enter>");
    assert!(screen(&state, 120, 36).contains("Heads 5 · by CONNS"));
    keys(&mut state, "cj<Enter><Esc>");
    assert!(!screen(&state, 120, 36).contains("KEY"), "the column is hidden");
}

#[test]
fn a_window_in_the_past_is_asked_for() {
    let mut state = live();
    let asked = |state: &State| match &state.wants()[..] {
        [Ask::Past { seconds, series }] => (*seconds, series.iter().any(|name| name == "connections.in")),
        wants => panic!("{wants:?}"),
    };
    assert_eq!(asked(&state), (600, false), "the subscription brings the seconds of the requests");
    keys(&mut state, "[");
    assert_eq!(asked(&state), (750, true));
    keys(&mut state, "]++");
    assert_eq!(asked(&state), (7_200, true));
}

#[test]
fn the_last_filter_is_searched_for_when_it_is_gone() {
    let mut state = live();
    keys(&mut state, "2n");
    assert_eq!(state.selected(), Some("head-0"), "nothing was typed yet");
    keys(&mut state, "/198.51<Esc>");
    assert_eq!((state.heads().len(), state.selected()), (5, Some("head-3")));
    for (script, expected) in [("n", "head-4"), ("n", "head-3"), ("N", "head-4"), ("ggN", "head-4")] {
        keys(&mut state, script);
        assert_eq!(state.selected(), Some(expected), "{script}");
    }
}

#[test]
fn the_next_look_is_asked_of_the_screen() {
    assert_eq!(keys(&mut live(), "T"), [Effect::NextTheme]);
}

#[test]
fn what_was_refused_is_asked_for_again_at_once() {
    let mut state = live();
    keys(&mut state, "5");
    assert_eq!(keys(&mut state, "r"), [], "nothing is missing yet");
    for ask in state.wants() {
        let result = Err("the belly is being read".to_owned());
        state.apply(Message::Told { ask, result }, state.now());
    }
    assert!(screen(&state, 120, 36).contains("r ask again"));
    assert_eq!(keys(&mut state, "r"), [Effect::Send(Command::RetryNow)]);
}
