//! What `events`, `log`, `config`, `doctor` and `bugreport` print, for a person and for a pipe: snapshots.

mod common;

use common::{Lerna, Reader, in_formats, story};
use hydractl::fixture;
use insta::assert_snapshot;

fn formats(lerna: &Lerna, line: &str) -> String {
    in_formats(lerna, line, &[], &["table", "wide", "json", "ndjson", "csv", "name"])
}

#[test]
fn events_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "events"));
}

#[test]
fn events_are_chosen_by_time_level_and_number() {
    let lines = [
        "events --since 8m --level warn",
        "events --limit 1",
        "events --level error",
        "events --since 1s",
        "events --level loud",
    ];
    assert_snapshot!(story(&Lerna::start(), Reader::Person, &lines));
}

#[test]
fn events_are_followed_until_the_daemon_ends() {
    let lerna = Lerna::start();
    let person = story(&lerna, Reader::Person, &["events -w", "events -w --limit 2"]);
    let pipe = story(&lerna, Reader::Pipe, &["events -w --since 8m -o ndjson", "events -w -o json"]);
    assert_snapshot!(format!("{person}\n{pipe}"));
}

#[test]
fn config_show_in_every_format() {
    let lerna = Lerna::start();
    let person =
        story(&lerna, Reader::Person, &["config show", "config show --changed", "config show seed --origin"]);
    assert_snapshot!(format!("{person}\n{}", formats(&lerna, "config show --origin")));
}

#[test]
fn a_setting_that_is_none_is_not_found() {
    let outcome = Lerna::start().run("config show belly.colour", Reader::Pipe);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.err.contains("belly.colour"), "{}", outcome.err);
}

/// All but the machine that the test runs on.
const DOCTOR: &str = "doctor --only reach,network,presence,belly,prefetch";

#[test]
fn the_doctor_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), DOCTOR));
}

#[test]
fn the_doctor_names_what_is_broken_first_and_ends_with_8() {
    let lerna = Lerna::start();
    lerna.hydrad.change(|world| world.status = fixture::status_without_peers());
    let lines = ["doctor --only network", "doctor --only reach,belly", "doctor --only network -q"];
    assert_snapshot!(story(&lerna, Reader::Person, &lines));
}

#[test]
fn the_doctor_looks_at_the_machine_with_and_without_a_daemon() {
    let lerna = Lerna::start();
    let with = lerna.run("doctor", Reader::Pipe);
    assert!(with.code == 0 && with.err.is_empty(), "{with:?}");
    for row in
        ["ok    socket   /run/hydra/control.sock 0", "ok    files    1,745 open of 1,048,576; 349 a head"]
    {
        assert!(with.out.contains(row), "no {row:?} in {}", with.out);
    }
    let without = lerna.run("doctor --only belly --socket /nowhere/control.sock", Reader::Pipe);
    assert_eq!(
        without.out,
        "fail  socket   hydrad is not running: no socket at /nowhere/control.sock → start it: sudo systemctl \
         start hydrad      another socket: --socket PATH or HYDRA_SOCKET\n0 ok, 0 warn, 1 fail, 0 skip\n"
    );
    let without = lerna.run("doctor --socket /nowhere/control.sock -o json", Reader::Pipe);
    assert_eq!(without.code, 8, "{without:?}");
    let list: serde_json::Value = serde_json::from_str(&without.out).expect("JSON");
    let names: Vec<_> = list["items"].as_array().expect("items").iter().map(|item| &item["check"]).collect();
    assert_eq!(names, ["socket", "files", "config", "clock", "ipv6"]);
}

#[test]
fn the_log_is_followed_and_its_levels_are_told_and_set() {
    let lerna = Lerna::start();
    let person = story(
        &lerna,
        Reader::Person,
        &[
            "log tail",
            "log tail --no-follow --level warn -o wide",
            "log level get",
            "log level set hydra::prefetch=debug --for 10m",
            "log level set hydra::prefetch=debug",
            "log level set hydra::prefetch",
            "log level set hydra=loud",
        ],
    );
    let pipe = story(
        &lerna,
        Reader::Pipe,
        &[
            "log tail --no-follow --target hydrad::scout -o json",
            "log tail -o json",
            "log level get -o json",
            "log level set hydra::prefetch=debug --for 10m -o json",
        ],
    );
    assert_snapshot!(format!("{person}\n{pipe}"));
}

#[test]
fn a_bugreport_holds_the_answers_of_other_commands() {
    let lerna = Lerna::start();
    let place = lerna.directory.path().join("report");
    let line = format!("bugreport {}", place.display());
    let first = lerna.run(&line, Reader::Person);
    let again = lerna.run(&line, Reader::Person);
    let stable = |text: String| text.replace(&lerna.directory.path().display().to_string(), "/run/hydra");
    assert_snapshot!(stable(format!("{}\n{}", first.whole(&line), again.whole(&line))));
    for (file, words) in [("status.json", "status -o json"), ("config.json", "config show -o json")] {
        let kept = std::fs::read_to_string(place.join(file)).expect("a file");
        assert_eq!(stable(kept), lerna.run(words, Reader::Pipe).out, "{file}");
    }
    let alone = lerna.directory.path().join("alone");
    let line = format!("bugreport {} --socket /nowhere/control.sock -o json", alone.display());
    let without = lerna.run(&line, Reader::Pipe);
    let report: serde_json::Value = serde_json::from_str(&without.out).expect("JSON");
    assert_eq!(report["schema"], "hydra.v1/BugReport");
    let trouble = |name: &str| {
        let files = report["files"].as_array().expect("files");
        files.iter().find(|file| file["name"] == name).expect("the file")["trouble"].clone()
    };
    assert!(trouble("doctor.json").is_null(), "{report}");
    assert!(trouble("status.json").as_str().is_some_and(|why| why.contains("not running")), "{report}");
}
