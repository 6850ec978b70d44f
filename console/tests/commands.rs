//! What every command prints, for a person and for a pipe, in every format: snapshots.

mod common;

use common::{FORMATS, Lerna, Reader, in_formats, story};
use hydra_protocol::v1::HeadState;
use hydractl::fixture;
use hydractl::fixture::server::World;
use insta::assert_snapshot;

fn formats(lerna: &Lerna, line: &str) -> String {
    in_formats(lerna, line, &["wide"], &FORMATS)
}

#[test]
fn status_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "status"));
}

#[test]
fn heads_list_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "heads list"));
}

#[test]
fn heads_show_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "heads show head-2"));
}

#[test]
fn peers_list_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "peers list"));
}

#[test]
fn peers_show_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "peers show …vBt7115"));
}

#[test]
fn records_list_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "records list --key 8959"));
}

#[test]
fn records_get_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), &format!("records get {}", fixture::CID)));
}

#[test]
fn records_fetch_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), &format!("records fetch {}", fixture::CID)));
}

#[test]
fn a_lookup_that_finds_nothing_says_whom_it_asked() {
    let lerna = Lerna::with(World { records: vec![], ..World::default() });
    let line = format!("records fetch {}", fixture::CID);
    let mut text = String::new();
    for ends in ["complete", "deadline", "nobody to ask"] {
        lerna.hydrad.change(|world| world.fetch_ends = ends.into());
        text += &story(&lerna, Reader::Person, &[&line]);
    }
    let lines = [format!("{line} --keep"), format!("{line} -o json"), format!("{line} --deadline 0s")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_snapshot!(text + &story(&lerna, Reader::Pipe, &lines));
}

#[test]
fn the_network_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "network"));
}

#[test]
fn the_size_of_the_network_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "network size"));
}

#[test]
fn coverage_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "network coverage --heads 10,100"));
}

#[test]
fn a_plan_of_coverage_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "network plan --coverage 0.9"));
}

#[test]
fn what_is_not_known_of_the_network_is_a_dash_or_null() {
    let lerna = Lerna::with(World { network: fixture::network_unknown(), ..World::default() });
    let mut text = story(&lerna, Reader::Person, &["network", "network coverage"]);
    text += &story(&lerna, Reader::Pipe, &["network size -o json", "network -o csv"]);
    lerna.hydrad.change(|world| {
        world.network = fixture::network();
        world.network.size_by_distance = Some(1_410.0);
        world.network.sizes_differ = true;
    });
    assert_snapshot!(text + &story(&lerna, Reader::Person, &["network size", "network plan --coverage 2"]));
}

#[test]
fn a_target_is_told_by_status() {
    let lerna = Lerna::start();
    lerna.hydrad.change(|world| world.status.heads_target = Some(fixture::target()));
    let mut text = story(&lerna, Reader::Person, &["status"]);
    lerna.hydrad.change(|world| {
        if let Some(target) = &mut world.status.heads_target {
            (target.wanted, target.next_at) = (None, None);
            target.course = "hold".into();
            target.reason = "the size of the network is not known".into();
        }
    });
    text += &story(&lerna, Reader::Pipe, &["status"]);
    assert_snapshot!(text);
}

#[test]
fn a_head_is_added_near_a_key() {
    let key = fixture::CID;
    let lines = [
        "heads add --near 7b2 --dry-run".to_owned(),
        format!("heads add --near {key}"),
        "heads add 2 --near 7b2".to_owned(),
        "heads add --near x7".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_snapshot!(story(&Lerna::start(), Reader::Person, &lines));
}

#[test]
fn records_stat_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "records stat"));
}

#[test]
fn records_top_by_requests_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "records top"));
}

#[test]
fn records_top_by_providers_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "records top --by providers"));
}

#[test]
fn records_top_of_regions_in_every_format() {
    assert_snapshot!(formats(&Lerna::start(), "records top --regions --sort-by -reads --limit 3"));
}

#[test]
fn records_are_exported_as_lines() {
    let lines =
        ["records export", "records export -o ndjson", "records export -o csv", "records export -o json"];
    let quiet = ["records export -o csv --no-headers --to /nonexistent/records.csv"];
    assert_snapshot!(story(&Lerna::start(), Reader::Pipe, &[&lines[..], &quiet].concat()));
}

#[test]
fn an_export_goes_to_a_new_file_and_never_over_an_old_one() {
    let world = World {
        repeat_records: 25_000,
        incomplete_reason: "the belly is still reading".into(),
        ..World::default()
    };
    let lerna = Lerna::with(world);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("records.ndjson").display().to_string();
    let line = format!("records export --to {path}");
    let done = lerna.run(&line, Reader::Person);
    assert_eq!((done.code, &*done.out), (0, ""));
    assert_eq!(done.err, format!("{path}: 100,000 records\nincomplete: the belly is still reading\n"));
    let written = std::fs::read_to_string(&path).expect("a file");
    assert_eq!(written.lines().count(), 100_000);
    let again = lerna.run(&line, Reader::Person);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("is there already"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), written);
}

#[test]
fn an_export_is_compressed_when_its_name_says_so() {
    let lerna = Lerna::with(World { repeat_records: 1_000, ..World::default() });
    for (end, program) in [("zst", "zstd"), ("gz", "gzip")] {
        let path = lerna.directory.path().join(format!("records.csv.{end}"));
        let done = lerna.run(&format!("records export -o csv --to {}", path.display()), Reader::Pipe);
        match std::process::Command::new(program).args(["-q", "-d", "-c"]).arg(&path).output() {
            Ok(unpacked) => {
                assert_eq!(done.code, 0, "{}", done.err);
                let lines = String::from_utf8(unpacked.stdout).expect("utf-8");
                assert_eq!(lines.lines().count(), 4_001, "{program}");
            }
            Err(_) => {
                assert_eq!(done.code, 1, "{}", done.err);
                let said = format!("error: cannot start {program} for ");
                assert!(done.err.starts_with(&said) && !path.exists(), "{}", done.err);
            }
        }
    }
}

#[test]
fn records_are_purged_as_a_person_sees_it() {
    let key = fixture::CID;
    let provider = "12D3KooWK7MimVgXKqGdh7xzpj8Uhe2XTK1kFVaYuK97JbCqxDN4";
    let lines = [
        format!("records purge {key} --dry-run"),
        // "head-4" is what this person types
        format!("records purge {key}"),
        format!("records purge --provider {provider} --yes"),
        format!("records purge --provider {provider} --yes"),
        format!("records purge {key} --yes -o json"),
        format!("records get {key}"),
        format!("records purge {key} --provider {provider}"),
        "records purge".to_owned(),
        "records purge bafybeid4ca2q!".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_snapshot!(story(&Lerna::start(), Reader::Person, &lines));
}

#[test]
fn records_are_purged_as_a_program_sees_it() {
    let key = fixture::CID;
    let lines = [
        format!("records purge {key}"),
        format!("records purge {key} --dry-run -o json"),
        format!("records purge {key} --yes -o ndjson"),
        format!("records purge {key} --yes -o name"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_snapshot!(story(&Lerna::start(), Reader::Pipe, &lines));
}

#[test]
fn a_list_is_read_page_by_page() {
    assert_snapshot!(story(
        &Lerna::start(),
        Reader::Pipe,
        &[
            "records list --page-size 3 -o name",
            "records list --page-size 3 --page-token 3 -o json",
            "records list --page-token 4 -o name",
            "records list --page-size 3 --limit 1",
            "records list --page-token x",
        ]
    ));
}

#[test]
fn a_hydra_that_starts_says_how_far_its_belly_is_read() {
    let mut status = fixture::status();
    status.set_state(hydra_protocol::v1::DaemonState::Warming);
    status.belly_warming = Some(fixture::warming());
    let incomplete_reason = "the belly is still reading the last 24 h: 411000000 of about 581000000 records; what is not \
                             read yet is missing";
    let mut belly = fixture::belly();
    belly.warming = Some(fixture::warming());
    let mut world = World { status, belly, incomplete_reason: incomplete_reason.into(), ..World::default() };
    for head in &mut world.heads {
        head.set_state(HeadState::Warming);
        head.serving_since = None;
        head.state_reason = "the belly: reading the last 24 h: 411000000 of about 581000000 records".into();
    }
    let lerna = Lerna::with(world);
    let lines =
        ["status", "records list --limit 1", "records stat", &format!("records get {}", fixture::CID)];
    let mut text = story(&lerna, Reader::Person, &lines);
    lerna.hydrad.change(|world| {
        world.status.set_state(hydra_protocol::v1::DaemonState::Serving);
        if let Some(warming) = &mut world.status.belly_warming {
            warming.day_read = true;
        }
        for head in &mut world.heads {
            head.set_state(HeadState::Serving);
        }
    });
    text += &story(&lerna, Reader::Person, &["status --check"]);
    assert_snapshot!(text);
}

#[test]
fn version_tells_both_ends() {
    let lerna = Lerna::start();
    let ours = |text: String| text.replace(env!("CARGO_PKG_VERSION"), "OURS");
    assert_snapshot!(ours(story(&lerna, Reader::Pipe, &["version", "version -o json"])));
}

#[test]
fn heads_come_and_go_as_a_person_sees_it() {
    let lerna = Lerna::start();
    assert_snapshot!(story(
        &lerna,
        Reader::Person,
        &[
            "heads add 5 --dry-run",
            "heads add 5",
            "heads stop head-3",
            "status",
            "heads start …WaGszpT",
            "heads rm head-4",
            "heads rm head-0",
            "heads purge 4",
            "heads purge head-0",
            "heads add --index 4",
            "heads add 250",
        ]
    ));
}

#[test]
fn heads_come_and_go_as_a_program_sees_it() {
    let lerna = Lerna::start();
    assert_snapshot!(story(
        &lerna,
        Reader::Pipe,
        &[
            "heads add 2 -o json",
            "heads stop head-3 -o json",
            "heads start head-3 -o name",
            "heads rm head-4",
            "heads rm head-4 --yes -o ndjson",
            "heads purge 4 -o json",
            "heads add --index 4 -q",
            "heads list -q",
            "heads list --columns name,conns --no-headers",
            "heads list -o csv --columns name,connections_in",
        ]
    ));
}

#[test]
fn lists_are_sorted_and_cut() {
    let lerna = Lerna::start();
    assert_snapshot!(story(
        &lerna,
        Reader::Person,
        &[
            "heads list --sort-by -key --limit 2",
            "peers list --sort-by -heads --limit 1",
            "peers list --where connected --limit 2 -q -o name",
            "peers list --where known --limit 1",
            "records list --source prefetched",
            "records list --limit 2 -o name",
            "heads list --sort-by colour",
            "heads list --columns name,colour",
            "heads list -o csv --columns colour",
        ]
    ));
}

#[test]
fn an_empty_answer_says_why() {
    let lerna = Lerna::with(World { heads: vec![], peers: vec![], records: vec![], ..World::default() });
    assert_snapshot!(story(
        &lerna,
        Reader::Person,
        &[
            "heads list",
            "heads show head-9",
            "peers list",
            "records list",
            "records list -o json",
            "records list -o csv",
            "records get bafybeid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem",
            "records get bafybeid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem -o json",
        ]
    ));
}

#[test]
fn a_hydra_without_peers_says_the_first_cause() {
    let mut world = World { status: fixture::status_without_peers(), ..World::default() };
    for head in &mut world.heads {
        head.set_state(HeadState::Warming);
        head.serving_since = None;
        head.state_reason = "20 verified peers are needed".into();
    }
    world.heads[4].set_state(HeadState::Failed);
    world.heads[4].state_reason = "port 30004 on 198.51.100.20 is taken by pid 811 (nginx)".into();
    let lerna = Lerna::with(world);
    assert_snapshot!(
        story(
            &lerna,
            Reader::Person,
            &[
                "status --check",
                "wait heads=5 --timeout 300ms",
                "wait peers=20 --timeout 300ms",
                "wait head-4=serving --timeout 300ms",
            ]
        ) + &lerna.run("status", Reader::Pipe).whole("status")
    );
}

#[test]
fn mistakes_say_what_and_what_to_do() {
    let lerna = Lerna::start();
    assert_snapshot!(story(
        &lerna,
        Reader::Person,
        &[
            "records get bafybeid4ca2q!",
            "records list --key 89x",
            "heads show head-9",
            "heads show 12D3",
            "heads rm head-9 --yes",
            "heads add 0",
            "wait tails=3",
            "status --timeout 3w",
            "status -o csv",
        ]
    ));
}

#[test]
fn a_terminal_without_utf8_gets_ascii() {
    let lerna = Lerna::start();
    let socket = lerna.hydrad.control().display().to_string();
    let mut out = Vec::new();
    let surroundings = hydractl::ui::Surroundings {
        out: Box::new(&mut out),
        err: Box::new(std::io::sink()),
        read_line: || Ok(String::new()),
        terminal: true,
        can_ask: false,
        err_terminal: false,
        variable: |name| (name == "CLICOLOR_FORCE").then(|| "1".into()),
        now: fixture::now,
        input: || Box::new(std::io::empty()),
        screen: || None,
    };
    let line = ["hydractl", "status", "--socket", &socket].map(Into::into);
    assert_eq!(hydractl::cli::execute(line, surroundings), 0);
    let text = String::from_utf8(out).expect("utf-8");
    assert!(text.starts_with("\x1b[32m+\x1b[0m lerna  serving | load 0 normal"), "{text}");
    assert!(text.is_ascii(), "{text}");
}
