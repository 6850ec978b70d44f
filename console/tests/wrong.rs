//! When it goes wrong: what happened, on what, what to do next, and the exit code. Every failure has
//! a next step, and none has a stack or "failed to".

mod common;

use common::{Lerna, Reader, run};
use hydractl::fixture;
use hydractl::fixture::server::World;

/// A line, how its error begins, a part of the next step, and the exit code.
type Wrong<'a> = (&'a str, &'a str, &'a str, u8);

fn check(said: &common::Outcome, (line, error, hint, code): Wrong<'_>) {
    assert_eq!(said.code, code, "{line}: {}", said.err);
    assert!(said.err.contains(&format!("error: {error}")), "{line}: {}", said.err);
    assert!(said.err.contains(hint), "{line}: {}", said.err);
    assert!(!said.err.contains("failed to") && !said.err.contains("panicked"), "{line}: {}", said.err);
}

#[test]
fn what_an_operator_gets_wrong_is_said_with_the_next_step() {
    let lerna = Lerna::start();
    let table: [Wrong<'_>; 18] = [
        ("heads show head-9", "no head named head-9; there are head-0 to head-4", "head-0 to head-4", 5),
        ("heads rm head-4", "not a terminal: nobody can be asked about head-4", "--yes", 2),
        ("heads rm -", "nobody can be asked about names from standard input", "--yes", 2),
        ("heads add 250", "no room for 250 heads: they need about 76,750 files", "LimitNOFILE=", 1),
        ("heads purge head-0", "head-0 is still there", "remove it first", 1),
        (
            "records get bafybeid4ca2q!",
            "not a CID: \"bafybeid4ca2q!\": '!' at character 14 is not base32",
            "  give a CID, a multihash (hex or base58), a key prefix with --key, or a peer id with --provider",
            2,
        ),
        (
            "records get bafkqaaa",
            "no provider of bafkqaaa in the belly",
            "hydractl records fetch bafkqaaa",
            5,
        ),
        ("records fetch bafkqaaa", "no provider of bafkqaaa from", "hydractl records get bafkqaaa", 5),
        ("records export -o name", "an export is lines", "-o ndjson", 2),
        (
            "records export --to /nowhere/x",
            "cannot write /nowhere/x",
            "  check that the directory is there",
            1,
        ),
        (
            "records purge bafybeid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem",
            "not a terminal",
            "--yes",
            2,
        ),
        ("status -o csv", "csv is for lists", "use -o json", 2),
        ("metrics print -o json", "metrics have one format", "leave -o out", 2),
        ("events -w -o json", "a list that does not end is no JSON document", "-o ndjson", 2),
        ("config show belly.colour", "no setting belly.colour", "hydractl config show -o name", 5),
        ("stats history no.such", "no series named", "hydractl stats list", 5),
        ("chart prefetch -o picture.bmp", "picture.bmp: no kind of picture", ".svg or .png", 2),
        ("man tails", "no command tails", "hydractl --help", 5),
    ];
    for wrong in table {
        check(&lerna.run(wrong.0, Reader::Pipe), wrong);
    }
}

#[test]
fn an_unwell_hydra_says_first_what_to_do_and_ends_with_8() {
    let lerna = Lerna::with(World { status: fixture::status_without_peers(), ..World::default() });
    let said = lerna.run("status --check", Reader::Pipe);
    assert_eq!((said.code, &*said.err), (8, ""));
    let cause = "✖ no peers since 2026-11-20T02:37:40Z: 0 of 5 bootstrap peers answered, last: no route to host\n  \
                 allow outgoing tcp and udp";
    assert!(said.out.contains(cause), "{}", said.out);
}

#[test]
fn without_a_daemon_every_command_says_how_to_start_it() {
    let socket = "/nowhere/control.sock";
    for line in [
        "status",
        "heads list",
        "heads add",
        "heads stop head-1",
        "peers list",
        "records list",
        "records stat",
        "records top",
        "records export",
        "network",
        "network plan --coverage 0.5",
        "prefetch status",
        "prefetch pause",
        "events",
        "events -w",
        "log tail",
        "log level get",
        "config show",
        "metrics print",
        "stats list",
        "chart prefetch -o /tmp/never.svg",
    ] {
        let words: Vec<&str> = line.split_whitespace().chain(["--socket", socket]).collect();
        let said = run(&words, Reader::Pipe);
        let error = format!(
            "error: hydrad is not running: no socket at {socket}\n  start it: sudo systemctl start hydrad"
        );
        assert!(said.code == 3 && said.err.starts_with(&error), "{line}: {said:?}");
        assert_eq!(said.out, "", "{line}");
    }
}
