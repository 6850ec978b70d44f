//! `--filter`, `--sort-by` and `--columns`: one way for every list.

mod common;

use common::{Lerna, Reader, story};
use insta::assert_snapshot;

#[test]
fn rows_are_chosen_by_their_columns() {
    assert_snapshot!(story(
        &Lerna::start(),
        Reader::Person,
        &[
            "heads list --filter state=serving --filter conns>480 --columns name,conns",
            "heads list --filter state!=serving",
            "heads list --filter state!=serving -o json",
            "peers list --filter agent=kubo --sort-by -add --limit 2 --columns peer_id,agent,add",
            "peers list --filter 192.0.2 -o name --limit 1",
            "records list --filter source=prefetched --columns provider,source",
            "records list --sort-by -provider -o name --limit 1",
            "records top --filter requests>1000 --columns cid,requests",
            "prefetch queue --filter state=waiting --columns key,state --limit 2",
            "events --filter text~queue --columns at,text",
            "events --filter level=warn --limit 1 --columns at,text",
            "log tail --no-follow --sort-by -at --filter level!=debug --columns at,level",
            "config show --filter value~GB --columns key,value",
            "stats list --filter prefetch --columns series",
            "heads list --filter colour=red",
            "heads list --filter name!",
            "heads list --filter state>3",
            "events -w --sort-by at",
        ]
    ));
}

/// What completion, `--help` and the manual call columns is what a mistake lists.
#[test]
fn a_column_that_is_none_is_a_mistake_in_every_list() {
    let lerna = Lerna::start();
    for line in [
        "heads list",
        "peers list",
        "peers unique",
        "records list",
        "records get bafybeid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem",
        "records top",
        "records top --by providers",
        "records top --regions",
        "prefetch queue",
        "events",
        "log tail --no-follow",
        "config show",
        "stats list",
        "stats history requests.find_node",
    ] {
        for option in ["--sort-by colour", "--filter colour=red", "--columns colour"] {
            let outcome = lerna.run(&format!("{line} {option}"), Reader::Pipe);
            assert_eq!((outcome.code, &*outcome.out), (2, ""), "{line} {option}");
            let said = outcome.err.starts_with("error: no column colour\n  there are ");
            assert!(said, "{line} {option}: {}", outcome.err);
        }
    }
}

#[test]
fn a_list_is_sorted_alike_in_every_format() {
    let lerna = Lerna::start();
    let names = lerna.run("heads list --sort-by -conns -o name", Reader::Pipe).out;
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names.len(), 5);
    let csv = lerna.run("heads list --sort-by -conns -o csv --columns name --no-headers", Reader::Pipe).out;
    assert_eq!(csv.lines().collect::<Vec<_>>(), names);
    let json = lerna.run("heads list --sort-by -conns -o json", Reader::Pipe).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let items = json["items"].as_array().expect("items").iter();
    assert_eq!(items.map(|item| item["name"].as_str().expect("a name")).collect::<Vec<_>>(), names);
}
