//! What `prefetch` and `peers unique` print, for a person and for a pipe: snapshots.

mod common;

use common::{FORMATS, Lerna, Reader, in_formats, story};
use hydractl::fixture::server::World;
use insta::assert_snapshot;

fn formats(lerna: &Lerna, line: &str) -> String {
    in_formats(lerna, line, &[], &FORMATS)
}

#[test]
fn prefetch_status_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "prefetch status"));
}

#[test]
fn prefetch_queue_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "prefetch queue"));
}

#[test]
fn prefetch_is_paused_resumed_and_cleared() {
    let lerna = Lerna::start();
    let person = story(
        &lerna,
        Reader::Person,
        &[
            "prefetch pause --reason maintenance --for 30m",
            "prefetch status",
            "prefetch resume",
            "prefetch pause",
            // the answer to every question is "head-4"
            "prefetch clear",
        ],
    );
    let program = story(
        &lerna,
        Reader::Pipe,
        &["prefetch resume -o name", "prefetch clear", "prefetch clear --yes", "prefetch queue -q --limit 2"],
    );
    assert_snapshot!(format!("{person}\n{program}"));
}

#[test]
fn an_empty_queue_says_so() {
    let lerna = Lerna::with(World { prefetch_keys: Vec::new(), ..World::default() });
    assert_snapshot!(story(&lerna, Reader::Person, &["prefetch queue", "prefetch queue -o json"]));
}

#[test]
fn unique_peers_are_listed() {
    let lerna = Lerna::start();
    assert_snapshot!(story(&lerna, Reader::Person, &["peers unique"]));
    let pipe = lerna.run("peers unique", Reader::Pipe);
    assert!(pipe.out.contains("2026-11-20T03:00:00Z") && !pipe.out.contains('≈'), "{}", pipe.out);
}

#[test]
fn counts_of_two_hydras_are_united_and_no_peer_counts_twice() {
    let one = Lerna::start();
    let other = Lerna::with(World { first_peer: 30_000, ..World::default() });
    let file = other.directory.path().join("other.json");
    let theirs = other.run("peers unique -o json", Reader::Pipe);
    std::fs::write(&file, &theirs.out).expect("written");
    let total = |line: &str| -> f64 {
        let outcome = one.run(line, Reader::Pipe);
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let list: serde_json::Value = serde_json::from_str(&outcome.out).expect("JSON");
        let any = |item: &&serde_json::Value| item["hour_at"].is_null() && item["seen_by"] == "any";
        let items = list["items"].as_array().expect("items");
        items.iter().find(any).and_then(|item| item["peers"].as_f64()).expect("a total")
    };
    let near = |count: f64, exact: f64| (count - exact).abs() / exact < 0.03;
    let merge = format!("-o json --merge {}", file.display());
    assert!(near(total("peers unique -o json"), 61_200.0));
    assert!(near(total(&format!("peers unique {merge}")), 91_200.0));
    assert!(near(total(&format!("peers unique --offline {merge}")), 61_200.0));
}

#[test]
fn a_file_that_is_no_count_is_named() {
    let lerna = Lerna::start();
    let path = lerna.directory.path().join("wrong.json");
    for (text, why) in [("{}", "no count of peers"), ("{\"schema\":\"x\",\"items\":[]}", "another schema")] {
        std::fs::write(&path, text).expect("written");
        let outcome = lerna.run(&format!("peers unique --merge {}", path.display()), Reader::Pipe);
        assert_eq!(outcome.code, 1);
        assert!(outcome.err.contains(why) && outcome.err.contains("wrong.json"), "{}", outcome.err);
    }
    let outcome = lerna.run("peers unique --merge /nowhere.json", Reader::Pipe);
    assert!(outcome.code == 1 && outcome.err.contains("/nowhere.json"), "{}", outcome.err);
}
