//! `stats` and `chart`: numbers in every format, pictures that are always the same.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Lerna, Outcome, Reader};
use insta::assert_snapshot;

const CHARTS: [&str; 7] = ["requests", "latency", "prefetch", "records", "peers", "network", "heads"];

/// Draws into a file of the daemon's own directory.
fn drawn(lerna: &Lerna, line: &str, file: &str) -> (Outcome, PathBuf) {
    let path = lerna.directory.path().join(file);
    let outcome = lerna.run(&format!("chart {line} -o {}", path.display()), Reader::Pipe);
    (outcome, path)
}

/// A picture without the font.
fn svg(lerna: &Lerna, line: &str) -> String {
    let (outcome, path) = drawn(lerna, line, "picture.svg");
    assert_eq!((outcome.code, &outcome.out[..]), (0, ""), "{outcome:?}");
    let text = fs::read_to_string(path).expect("the picture");
    let (before, rest) = text.split_once("<style>").expect("the font");
    let (font, after) = rest.split_once("</style>").expect("the end of the font");
    assert!(font.contains("@font-face") && font.len() > 20_000, "{} bytes", font.len());
    format!("{before}{after}")
}

#[test]
fn stats_history_in_every_format() {
    let lerna = Lerna::start();
    let line = "stats history requests.add_provider head-2.presence --since 5m";
    let person = format!("{line} --step 1m");
    let mut text = lerna.run(&person, Reader::Person).whole(&person);
    for format in ["table", "json", "ndjson", "csv"] {
        let line = format!("{line} --step 1m -o {format}");
        text += &lerna.run(&line, Reader::Pipe).whole(&line);
    }
    assert_snapshot!(text);
}

#[test]
fn a_restart_and_what_was_not_measured_are_told() {
    let lerna = Lerna::start();
    let line = "stats history requests.ping --since 6h --step 1h -o csv";
    let hours = lerna.run(line, Reader::Pipe);
    assert_eq!(hours.out.lines().filter(|row| row.ends_with(",true")).count(), 1, "{}", hours.out);
    let minutes = lerna.run("stats history requests.ping --since 6h -o ndjson", Reader::Pipe).out;
    assert!(minutes.lines().any(|row| row.contains(r#""value":null"#)), "a gap");
    let wrong = lerna.run("stats history nonsense", Reader::Pipe);
    assert!(wrong.code == 5 && wrong.err.contains("stats list"), "{wrong:?}");
}

#[test]
fn stats_list_names_every_series() {
    let lerna = Lerna::start();
    let names = lerna.run("stats list -o name", Reader::Pipe).out;
    assert!(names.lines().any(|name| name == "head-4.presence"), "{names}");
    let line = "stats list";
    assert_snapshot!(lerna.run(line, Reader::Person).whole(line));
}

#[test]
fn the_prefetch_picture_is_always_the_same() {
    assert_snapshot!(svg(&Lerna::start(), "prefetch --window 24h --size 420x300"));
}

#[test]
fn the_network_picture_on_dark_is_always_the_same() {
    assert_snapshot!(svg(&Lerna::start(), "network --window 2h --size 420x300 --theme dark"));
}

#[test]
fn every_picture_is_drawn_in_both_kinds_twice_alike_with_its_title_and_restart() {
    let lerna = Lerna::start();
    for chart in CHARTS {
        let first = svg(&lerna, chart);
        assert_eq!(first, svg(&lerna, chart), "{chart}");
        for word in ["lerna · ", "hydrad 1.0.0", "2026-11-19 03:12 to 2026-11-20 03:12 UTC"] {
            assert!(first.contains(word), "{chart} without {word}");
        }
        let (outcome, path) = drawn(&lerna, &format!("{chart} --size 600x400 --scale 1"), "picture.png");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let png = fs::read(path).expect("the picture");
        assert!(png.starts_with(b"\x89PNG") && png.len() > 5_000, "{chart}: {} bytes", png.len());
    }
}

#[test]
fn a_picture_has_no_holes_where_there_are_values_and_none_at_all_sizes_panics() {
    let lerna = Lerna::start();
    for size in ["300x200", "1000x200", "300x2000"] {
        for chart in CHARTS {
            svg(&lerna, &format!("{chart} --window 365d --size {size}"));
        }
    }
}

#[test]
fn the_ring_of_keys_is_drawn_alike_with_every_head_and_server() {
    let lerna = Lerna::start();
    let ring = svg(&lerna, "keyspace --theme dark");
    assert_eq!(ring, svg(&lerna, "keyspace --theme dark"));
    assert!(ring.contains("lerna · keyspace · 2026-11-20 03:12 UTC") && ring.contains("width=\"1000\""));
    assert_eq!(ring.matches("<polygon").count(), 5, "an arc a head");
    let dots = ring.matches("<circle").count();
    assert!(dots > 0 && ring.contains(&format!("{dots} servers")), "{dots}");
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let lerna = Lerna::start();
    let (no_kind, _) = drawn(&lerna, "peers", "picture.gif");
    assert!(no_kind.code == 2 && no_kind.err.contains(".svg or .png"), "{no_kind:?}");
    let (no_place, _) = drawn(&lerna, "peers", "gone/picture.svg");
    assert!(no_place.code == 1 && no_place.err.contains("cannot write"), "{no_place:?}");
    let (too_large, _) = drawn(&lerna, "peers --size 8000x8000 --scale 4", "picture.png");
    assert!(too_large.code == 1 && too_large.err.contains("--scale"), "{too_large:?}");
}
