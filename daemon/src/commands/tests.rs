//! The command line as a whole, without a process.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::state::State;

struct Ran {
    out: String,
    err: String,
    code: Option<ExitCode>,
    config: Option<Box<Config>>,
}

fn hydrad(args: &[&str], home: &Path) -> Ran {
    let at = Surroundings {
        variables: BTreeMap::from([("HOME".to_owned(), home.display().to_string())]),
        root: "/".into(),
        system: false,
        hostname: "lerna".to_owned(),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("hydrad").chain(args.iter().copied());
    let invocation = parse_from(args, &at, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (code, config) = match invocation {
        Invocation::Done(code) => (Some(code), None),
        Invocation::Run(config) => (None, Some(config)),
    };
    Ran { out: text(out), err: text(err), code, config }
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[track_caller]
fn ended(ran: &Ran, code: u8) {
    // ExitCode has no PartialEq; its Debug names the number.
    assert_eq!(
        format!("{:?}", ran.code),
        format!("{:?}", Some(ExitCode::from(code))),
        "{} {}",
        ran.out,
        ran.err
    );
}

#[test]
fn without_a_command_it_runs_with_the_settings_given() {
    let home = home();
    let ran = hydrad(&["--nheads", "5", "--listen", "127.0.0.1,::1", "--port-begin=30000"], home.path());
    let config = ran.config.expect("a configuration");
    assert_eq!((config.heads.count, config.listen.ips.len(), config.listen.port_begin), (5, 2, 30_000));
    assert_eq!(ran.out + &ran.err, "");
}

#[test]
fn a_new_seed_is_the_only_thing_on_stdout() {
    let home = home();
    let ran = hydrad(&["seed", "new"], home.path());
    ended(&ran, 0);
    Seed::parse(&ran.out).expect("a seed");
    assert!(ran.err.contains("--random-seed-file"));
}

#[test]
fn version_goes_to_stdout_and_usage_errors_to_stderr() {
    let home = home();
    let ran = hydrad(&["--version"], home.path());
    ended(&ran, 0);
    assert_eq!(ran.out, format!("hydrad {}\n", env!("CARGO_PKG_VERSION")));
    // as words: where lines end is the terminal's business
    let help = hydrad(&["-h"], home.path()).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("instead of an offset: machine k of n"), "{help}");
    for args in [&["--head", "5"][..], &["state"], &["state", "backup"], &["--print-config=xml"]] {
        let ran = hydrad(args, home.path());
        ended(&ran, 2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}");
    }
}

#[test]
fn a_bad_setting_ends_with_2_and_every_problem() {
    let home = home();
    for extra in [None, Some("--check-config"), Some("--print-config")] {
        let args: Vec<_> = ["--heads", "five", "--log-format", "xml"].into_iter().chain(extra).collect();
        let ran = hydrad(&args, home.path());
        ended(&ran, 2);
        assert_eq!(
            ran.err,
            "error: heads.count in flag --heads: \"five\" is not a whole number; allowed: 0 to 10000, or auto\n\
             error: log.format in flag --log-format: \"xml\" is no log format; allowed: text or json\n"
        );
    }
}

#[test]
fn checking_says_which_files_were_read() {
    let home = home();
    assert_eq!(hydrad(&["--check-config"], home.path()).out, "ok: no file; defaults, variables and flags\n");
    let dir = home.path().join(".config/hydra");
    std::fs::create_dir_all(&dir).expect("made");
    let file = dir.join("hydrad.toml");
    std::fs::write(&file, "[heads]\ncount = 3\n").expect("written");
    let ran = hydrad(&["--check-config"], home.path());
    ended(&ran, 0);
    assert_eq!(ran.out, format!("ok: {}\n", file.display()));
}

#[test]
fn settings_are_printed_for_people_and_for_programs() {
    let home = home();
    let seed = Seed::from_bytes([7; 32]).to_base64();
    let args = ["--random-seed", seed.as_str(), "--heads", "5", "--print-config"];
    let ran = hydrad(&args, home.path());
    ended(&ran, 0);
    assert!(ran.out.starts_with("KEY "), "{}", ran.out);
    assert!(ran.err.contains("warning: --random-seed shows the seed"), "{}", ran.err);
    let json = hydrad(&["--random-seed", &seed, "--heads", "5", "--print-config=json"], home.path());
    let list: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(list["schema"], "hydra.v1/SettingList");
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), config::SETTINGS.len());
    let item = |key: &str| items.iter().find(|item| item["key"] == key).expect("there");
    assert_eq!(
        *item("heads.count"),
        serde_json::json!({"key": "heads.count", "value": 5, "origin": "flag", "flag": "--heads", "overrides": []})
    );
    assert_eq!(item("identity.seed")["value"], "(secret, 32 bytes)");
    assert_eq!(item("dht.reply_max")["value"], 65_536);
    assert!(![&ran.out, &ran.err, &json.out, &json.err].iter().any(|text| text.contains(&seed[..20])));
}

#[test]
fn the_state_is_backed_up_and_restored_by_commands() {
    let home = home();
    let path = |name: &str| home.path().join(name).display().to_string();
    drop(State::open(&home.path().join("data")).expect("a state"));
    let ran = hydrad(&["state", "backup", &path("file"), "--data-dir", &path("data")], home.path());
    ended(&ran, 0);
    assert_eq!(ran.out, format!("{} written: the state of {} with 0 heads\n", path("file"), path("data")));
    let ran = hydrad(&["--data-dir", &path("new"), "state", "restore", &path("file")], home.path());
    ended(&ran, 0);
    assert!(home.path().join("new").join(state::FILE).exists());
    let ran = hydrad(&["state", "restore", &path("file"), "--data-dir", &path("new")], home.path());
    ended(&ran, 1);
    assert!(ran.err.starts_with("error: ") && ran.err.contains("--force"), "{}", ran.err);
    let ran =
        hydrad(&["state", "restore", &path("file"), "--force", "--data-dir", &path("new")], home.path());
    ended(&ran, 0);
    assert!(ran.err.contains("state.db.replaced"), "{}", ran.err);
    let held = State::open(&home.path().join("new")).expect("a state");
    let ran =
        hydrad(&["state", "restore", &path("file"), "--force", "--data-dir", &path("new")], home.path());
    ended(&ran, 1);
    assert!(ran.err.contains("is in use by"), "{}", ran.err);
    drop(held);
}

#[test]
fn the_command_line_is_consistent() {
    command().debug_assert();
}

#[test]
fn go_s_way_of_writing_flags_ends_where_a_command_of_ours_begins() {
    let command = command();
    let mut names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).chain(["help"]).collect();
    names.sort_unstable();
    assert_eq!(names, predecessor::COMMANDS);
}

#[test]
fn a_command_line_of_hydra_booster_is_checked_and_shown() {
    let home = home();
    let ran = hydrad(
        &["-nheads", "5", "-disable-prefetch", "-stagger=1s", "-mem=false", "-print-config"],
        home.path(),
    );
    ended(&ran, 0);
    let line = ran.out.lines().find(|line| line.starts_with("prefetch.scope")).expect("a line");
    assert!(line.ends_with("flag --disable-prefetch"), "{line}");
    assert_eq!(ran.err.matches("warning: ").count(), 1, "{}", ran.err);
    assert!(ran.err.starts_with("warning: -stagger of hydra-booster has no meaning here. "), "{}", ran.err);
    let ran = hydrad(&["-db", "postgresql://x", "--check-config"], home.path());
    ended(&ran, 2);
    assert!(
        ran.err.starts_with("error: -db: PostgreSQL as the record store is not built yet"),
        "{}",
        ran.err
    );
}

#[test]
fn an_import_says_what_it_was_given_instead_of_a_database() {
    let home = home();
    let ran = hydrad(&["import", "--from", &home.path().display().to_string()], home.path());
    ended(&ran, 1);
    assert!(ran.err.contains("is no LevelDB") && ran.out.is_empty(), "{}", ran.err);
    ended(&hydrad(&["import"], home.path()), 2);
}
