//! What a person sees of Network, at every size and in every state, and what its keys do.

mod tui_common;

use hydra_protocol::v1::{Head, WatchStatusResponse};
use hydractl::fixture;
use hydractl::tui::state::feed::{Ask, Told};
use hydractl::tui::state::{Answer, Command, Effect, Message, Outcome, State};
use hydractl::tui::view::theme::{Colours, Symbols};
use tui_common::{
    SECOND, answered, buffer, down_on, empty, fed, keys, live, pictures, screen, text, told, warming,
};

fn snapshots(name: &str, state: &State) {
    for (size, picture) in pictures(state) {
        insta::assert_snapshot!(format!("{name}-{size}"), picture);
    }
}

#[test]
fn network_tells_its_size_the_coverage_the_requests_and_who_reaches_us() {
    snapshots("network", &fed(live(), "6"));
}

#[test]
fn without_a_daemon_the_old_numbers_stay() {
    snapshots("network-down", &down_on("6"));
}

#[test]
fn what_is_not_known_yet_is_a_dash_and_not_a_zero() {
    let mut state = empty();
    keys(&mut state, "6");
    insta::assert_snapshot!("network-asking-80x24", screen(&state, 80, 24));
    answered(&mut state, Ask::Network, Ok(Told::Network(Box::new(fixture::network_unknown()))));
    answered(&mut state, Ask::Traffic, Ok(Told::Traffic(Box::default())));
    snapshots("network-empty", &state);
    insta::assert_snapshot!("network-warming-80x24", screen(&fed(warming(), "6"), 80, 24));
}

#[test]
fn in_ascii_there_is_nothing_else() {
    let picture = text(&buffer(&fed(live(), "6"), (120, 36), (Colours::Mono, Symbols::Ascii)));
    assert!(picture.is_ascii(), "{picture}");
    insta::assert_snapshot!("network-ascii-120x36", picture);
}

#[test]
fn a_daemon_that_does_not_know_the_traffic_is_quoted_and_the_rest_stays() {
    let mut state = fed(live(), "6");
    answered(&mut state, Ask::Traffic, Err("hydrad 0.9 does not know GetTraffic"));
    let picture = screen(&state, 120, 36);
    assert!(picture.contains("▲ hydrad 0.9 does not know GetTraffic"), "{picture}");
    assert!(picture.contains("by crawl      3,512"), "{picture}");
}

#[test]
fn a_head_that_strangers_do_not_reach_is_marked() {
    let mut update = fixture::snapshot();
    for reach in &mut update.heads[1].reach {
        reach.set_reachable(hydra_protocol::v1::Reachable::No);
    }
    let state = fed(told(update), "6");
    assert!(screen(&state, 120, 36).contains("head-1 ✖ ✖"), "{}", screen(&state, 120, 36));
    let private: Vec<Head> = fixture::heads();
    let state = fed(told(WatchStatusResponse { heads: private, ..fixture::snapshot() }), "6");
    assert!(screen(&state, 120, 36).contains("not asked: private network"));
}

#[test]
fn a_plan_asks_for_a_share_and_tells_heads_and_places() {
    let mut state = fed(live(), "6");
    assert_eq!(keys(&mut state, "p"), []);
    assert_eq!(keys(&mut state, "much<Enter>"), []);
    assert!(screen(&state, 80, 24).contains("a share from 0.1 % to 100 %"));
    keys(&mut state, "<BS><BS><BS><BS>");
    let plan = Command::PlanCoverage { per_mille: 500 };
    assert_eq!(keys(&mut state, "50 %<Enter>"), [Effect::Send(plan.clone())]);
    assert!(screen(&state, 80, 24).contains("Reckoning what a coverage of 50.0 % takes"));
    let other = Command::PlanCoverage { per_mille: 400 };
    let answer = |command: &Command| {
        let result = Ok(Outcome::Planned(Box::new(fixture::plan(0.5, 8))));
        Message::Answer(Box::new(Answer { command: command.clone(), result }))
    };
    state.apply(answer(&other), SECOND);
    assert!(screen(&state, 80, 24).contains("Reckoning"), "an answer to another question is none");
    state.apply(answer(&plan), SECOND);
    insta::assert_snapshot!("network-plan-80x24", screen(&state, 80, 24));
    assert_eq!(keys(&mut state, "<Enter>"), []);
    assert!(state.dialog().is_none());
}

#[test]
fn a_refused_plan_can_be_typed_again() {
    let mut state = fed(live(), "6");
    keys(&mut state, "p90<Enter>");
    let command = Command::PlanCoverage { per_mille: 900 };
    let result = Err("the table is empty".to_owned());
    state.apply(Message::Answer(Box::new(Answer { command: command.clone(), result })), SECOND);
    assert!(screen(&state, 80, 24).contains("the table is empty"));
    assert_eq!(keys(&mut state, "<Enter>"), [Effect::Send(command)]);
}

#[test]
fn the_charts_fill_the_screen_one_after_the_other() {
    let mut state = fed(live(), "6");
    let titles = ["Servers that answered", "Bytes in /s", "Bytes out /s"];
    for title in titles {
        keys(&mut state, "e");
        let picture = screen(&state, 120, 36);
        assert!(titles.iter().all(|other| picture.contains(other) == (*other == title)), "{picture}");
    }
    keys(&mut state, "e");
    assert!(screen(&state, 120, 36).contains("Reachable"));
}
