//! Each flag and each variable of hydra-booster, written down a second time from its own
//! sources, against what a hydrad that is started with it makes of it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Annotated, Config, LoadError, SETTINGS, Surroundings, UiTheme};
use super::*;

const SEED: &str = "hjHT+Yq82BHSWwa1wZDAX/O/JkWDX3Y6xTHRIk+XbFY=";
const PEER: &str = "/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ";

fn at(variables: &[(&str, &str)]) -> Surroundings {
    let set = [("HOME", "/users/ana")].iter().chain(variables);
    Surroundings {
        variables: set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        root: "/nowhere".into(),
        system: false,
        hostname: "lerna".to_owned(),
    }
}

fn load(args: &[&str], variables: &[(&str, &str)]) -> Result<Config, LoadError> {
    Config::load(std::iter::once("hydrad").chain(args.iter().copied()), &at(variables))
}

#[track_caller]
fn good(args: &[&str], variables: &[(&str, &str)]) -> Config {
    load(args, variables).unwrap_or_else(|error| panic!("{args:?} {variables:?}: {error}"))
}

#[track_caller]
fn bad(args: &[&str], variables: &[(&str, &str)]) -> String {
    load(args, variables).err().unwrap_or_else(|| panic!("{args:?} {variables:?} was taken")).to_string()
}

fn row<'a>(config: &'a Config, key: &str) -> &'a Annotated {
    config.origins.iter().find(|row| row.key == key).expect("a setting")
}

/// What a value must come to.
enum Comes {
    /// The setting of the key, with this value.
    To(&'static str, &'static str),
    /// Nothing; one line says so.
    ToNothing,
}
use Comes::{To as Sets, ToNothing};

/// hydra-booster `main.go:39-151`: flag, variable, a value, and what it must come to here.
const ALL: &[(&str, Option<&str>, &str, Comes)] = &[
    ("nheads", Some("HYDRA_NHEADS"), "15", Sets("heads.count", "15")),
    ("random-seed", Some("HYDRA_RANDOM_SEED"), SEED, Sets("identity.seed", "(secret, 32 bytes)")),
    ("id-offset", Some("HYDRA_ID_OFFSET"), "30", Sets("identity.id_offset", "30")),
    (
        "idgen-addr",
        Some("HYDRA_IDGEN_ADDR"),
        "http://127.0.0.1:7779",
        Sets("identity.idgen", "http://127.0.0.1:7779"),
    ),
    ("db", Some("HYDRA_DB"), "/old/belly", Sets("data_dir", "/old/belly.hydrad")),
    ("mem", None, "true", ToNothing),
    ("pstore", Some("HYDRA_PSTORE"), "/old/pstore", ToNothing),
    ("provider-store", Some("HYDRA_PROVIDER_STORE"), "none", ToNothing),
    ("httpapi-addr", None, "127.0.0.1:7780", Sets("http.listen", "127.0.0.1:7780")),
    ("metrics-addr", None, "127.0.0.1:9759", Sets("metrics.listen", "127.0.0.1:9759")),
    ("delegate-timeout", Some("HYDRA_DELEGATED_ROUTING_TIMEOUT"), "500", ToNothing),
    ("enable-relay", None, "true", ToNothing),
    ("port-begin", Some("HYDRA_PORT_BEGIN"), "30000", Sets("listen.port_begin", "30000")),
    ("protocol-prefix", None, "/mynet", Sets("network.protocol_prefix", "/mynet")),
    ("bucket-size", None, "10", ToNothing),
    ("bootstrap-conc", None, "8", ToNothing),
    ("bootstrap-peers", Some("HYDRA_BOOTSTRAP_PEERS"), PEER, Sets("network.bootstrap_peers", PEER)),
    ("stagger", None, "250ms", ToNothing),
    ("ui-theme", None, "gooey", Sets("ui.theme", "gooey")),
    ("name", Some("HYDRA_NAME"), "alasybil", Sets("name", "alasybil")),
    ("disable-prov-gc", Some("HYDRA_DISABLE_PROV_GC"), "true", ToNothing),
    ("disable-providers", None, "true", ToNothing),
    ("disable-values", None, "true", ToNothing),
    ("disable-prefetch", Some("HYDRA_DISABLE_PREFETCH"), "true", Sets("prefetch.scope", "off")),
    ("disable-prov-counts", Some("HYDRA_DISABLE_PROV_COUNTS"), "true", ToNothing),
    ("disable-db-create", Some("HYDRA_DISABLE_DBCREATE"), "true", ToNothing),
    ("disable-rcmgr", Some("DISABLE_RCMGR"), "true", ToNothing),
    ("rcmgr-limits", Some("RCMGR_LIMITS"), "/etc/limits.json", ToNothing),
    ("connmgr-high-water", Some("HYDRA_CONNMGR_HIGH_WATER"), "900", ToNothing),
    ("connmgr-low-water", Some("HYDRA_CONNMGR_LOW_WATER"), "600", ToNothing),
    ("connmgr-grace-period", Some("HYDRA_CONNMGR_GRACE_PERIOD"), "30s", ToNothing),
];

/// Variables without a flag.
const VARIABLES: &[(&str, &str, Comes)] = &[
    ("GOLOG_LOG_LEVEL", "error,hydra/providers=debug", Sets("log.level", "error")),
    ("HYDRA_DELEGATED_ROUTING_ADDR", "https://x", ToNothing),
    ("HYDRA_REFRAME_ADDR", "https://x", ToNothing),
    ("HYDRA_STORE_THE_INDEX_ADDR", "https://x", ToNothing),
];

#[track_caller]
fn came(config: &Config, name: &str, comes: &Comes, from: &str) {
    let lines = || config.warnings.iter().filter(|line| line.starts_with(&format!("{name} "))).count();
    match comes {
        Sets(key, value) => {
            let row = row(config, key);
            assert_eq!((row.value.as_str(), row.from().as_str()), (*value, from), "{name}");
        }
        ToNothing => assert_eq!(lines(), 1, "{name}: {:?}", config.warnings),
    }
}

#[test]
fn every_flag_of_hydra_booster_starts_a_hydrad_in_each_way_of_writing_it() {
    for (flag, _, value, comes) in ALL {
        let (joined, joined_twice) = (format!("-{flag}={value}"), format!("--{flag}={value}"));
        let (single, double) = (format!("-{flag}"), format!("--{flag}"));
        let truth = *value == "true";
        let ways: [&[&str]; 4] = if truth {
            [&[&joined], &[&joined_twice], &[&single], &[&double]]
        } else {
            [&[&joined], &[&joined_twice], &[&single, value], &[&double, value]]
        };
        for way in ways {
            // the name that the setting has here
            let shown = match *flag {
                "nheads" => "heads",
                "httpapi-addr" => "http-listen",
                "metrics-addr" => "metrics-listen",
                other => other,
            };
            came(&good(way, &[]), &single, comes, &format!("flag --{shown}"));
        }
        if truth {
            let config = good(&[&format!("-{flag}=false")], &[]);
            assert!(config.warnings.is_empty(), "{flag}: {:?}", config.warnings);
        }
    }
    let known: BTreeSet<_> = ALL.iter().map(|(flag, ..)| *flag).collect();
    assert_eq!(known, TABLE.iter().filter_map(|entry| entry.flag).collect());
}

#[test]
fn every_variable_of_hydra_booster_starts_a_hydrad() {
    let with_flags = ALL.iter().filter_map(|(_, name, value, comes)| Some(((*name)?, *value, comes)));
    let all =
        || with_flags.clone().chain(VARIABLES.iter().map(|(name, value, comes)| (*name, *value, comes)));
    for (name, value, comes) in all() {
        came(&good(&[], &[(name, value)]), name, comes, &format!("env {name}"));
        assert!(good(&[], &[(name, "")]).warnings.is_empty(), "{name}, set to nothing");
    }
    let known: BTreeSet<_> = all().map(|(name, ..)| name).collect();
    assert_eq!(known, variables().collect());
    // all at once, as a fleet's unit has them; not a seed and somebody else's ids, which hydra-booster
    // refused as well
    let together = all().filter(|(name, ..)| *name != "HYDRA_IDGEN_ADDR");
    let everything: Vec<_> = together.map(|(name, value, _)| (name, value)).collect();
    assert_eq!(good(&[], &everything).heads.count, 15);
}

#[test]
fn each_entry_names_a_setting_that_there_is() {
    for entry in TABLE {
        if let Some(key) = entry.key() {
            assert!(find(key).is_some(), "{key} of {:?} is no setting", entry.flag);
        }
    }
    // a variable that a setting reads by itself goes where the table says
    for setting in SETTINGS {
        for name in setting.variables.iter().filter(|name| variables().any(|other| other == **name)) {
            let entry = TABLE.iter().find(|entry| entry.variable == Some(name)).expect("there");
            assert_eq!(entry.key(), Some(setting.key), "{name}");
        }
    }
}

#[test]
fn gos_way_of_writing_flags_is_read() {
    let config = good(&["-nheads=0x10", "--port-begin", "030000", "-name", "x", "-ui-theme=loud"], &[]);
    assert_eq!((config.heads.count, config.listen.port_begin, config.name.as_str()), (16, 12_288, "x"));
    assert_eq!(config.ui, UiTheme::Logey);
    // the last of a flag that comes twice
    assert_eq!(good(&["-nheads=3", "-mem", "-nheads", "4"], &[]).heads.count, 4);
    // not given, in its words
    let config = good(
        &["-nheads=-1", "-port-begin", "-1", "-id-offset=-7", "-bootstrap-peers="],
        &[("HYDRA_NHEADS", "5")],
    );
    assert_eq!((config.heads.count, config.listen.port_begin), (5, 0));
    assert_eq!(
        (row(&config, "identity.id_offset").value.as_str(), config.network.bootstrap_peers.len()),
        ("0", 5)
    );
    // Go's flags end at the first word that is none
    let config = good(&["-nheads=2", "-mem", "false", "-nheads=9"], &[]);
    assert_eq!(config.heads.count, 2);
    assert!(
        config.warnings.iter().any(|line| line.starts_with("\"false\" is no flag")),
        "{:?}",
        config.warnings
    );
    // ours among them, with one dash too
    let config = good(&["-data-dir", "/d", "--heads=3", "-mem=false", "-log-level=warn"], &[]);
    assert_eq!((config.heads.count, config.log.level.as_str()), (3, "warn"));
    for (args, part) in [
        (&["-mem=yes"][..], "error: -mem: \"yes\" is neither true nor false"),
        (&["-connmgr-low-water=many"], "error: -connmgr-low-water: \"many\" is not a whole number"),
        (&["-nheads=-2"], "heads.count in flag --heads: \"-2\" is out of range"),
        (&["-nheads"], "a value is required"),
        (&["-nheds=3"], "unexpected argument"),
        (&["stray"], "unexpected argument 'stray'"),
    ] {
        let message = bad(args, &[]);
        assert!(message.contains(part), "{args:?}: {message}");
    }
}

#[test]
fn an_engine_that_is_not_built_is_refused_by_name_and_its_address_is_not_repeated() {
    for (url, engine) in
        [("postgresql://hydra:secret@db/hydra", "PostgreSQL"), ("dynamodb://table=secret", "DynamoDB")]
    {
        for message in [bad(&["-db", url], &[]), bad(&[], &[("HYDRA_DB", url)])] {
            assert!(
                message.contains(engine) && message.contains("not built yet\n  leave it out"),
                "{message}"
            );
            assert!(!message.contains("secret"), "{message}");
        }
        // the stronger one does not ask for it
        good(&["-mem", "-db", url], &[]);
        good(&["-db=/old/belly"], &[("HYDRA_DB", url)]);
    }
    for url in ["dynamodb://table=x,ttl=24h,queryLimit=10000", "https://cid.contact"] {
        let message = bad(&[], &[("HYDRA_PROVIDER_STORE", url)]);
        assert!(
            message.starts_with("error: HYDRA_PROVIDER_STORE: ") && message.contains("leave it out"),
            "{message}"
        );
    }
}

#[test]
fn the_data_directory_beside_the_old_records_yields_to_whatever_else_names_one() {
    let config = good(&["-db=hydra-belly/"], &[]);
    assert_eq!(config.data_dir.as_os_str(), "hydra-belly.hydrad");
    assert!(
        config.warnings[0].contains("hydrad import --from hydra-belly --data-dir DIR"),
        "{:?}",
        config.warnings
    );
    let named = good(&["-db=/old"], &[("HYDRA_DATA_DIR", "/mine")]);
    assert_eq!(row(&named, "data_dir").from(), "env HYDRA_DATA_DIR, over flag --db (/old.hydrad)");
    let unit = good(&[], &[("HYDRA_DB", "/old"), ("STATE_DIRECTORY", "/var/lib/hydrad")]);
    assert_eq!(unit.data_dir.as_os_str(), "/var/lib/hydrad");
}

#[test]
fn a_flag_wins_over_its_variable_and_ours_over_theirs() {
    let config = good(&["-disable-prefetch"], &[("HYDRA_PREFETCH_SCOPE", "near")]);
    assert_eq!(
        row(&config, "prefetch.scope").from(),
        "flag --disable-prefetch, over env HYDRA_PREFETCH_SCOPE (near)"
    );
    let config = good(&["--prefetch-scope=near", "-disable-prefetch"], &[]);
    assert_eq!(row(&config, "prefetch.scope").value, "near");
    // as there: truth values were joined by "or"
    let config = good(&["-disable-prefetch=false"], &[("HYDRA_DISABLE_PREFETCH", "1")]);
    assert_eq!(row(&config, "prefetch.scope").from(), "env HYDRA_DISABLE_PREFETCH");
    let config = good(&[], &[("GOLOG_LOG_LEVEL", "debug"), ("HYDRA_LOG_LEVEL", "warn")]);
    assert_eq!(config.log.level, "warn");
}

#[test]
fn the_words_around_ours_stay_as_they_are() {
    let spelt = |args: &[&str]| -> Vec<String> {
        let all = spell(std::iter::once("hydrad").chain(args.iter().copied()));
        all.into_iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect()
    };
    let ours = ["--heads", "5", "--print-config", "--listen=::1", "--config", "-mem"];
    assert_eq!(spelt(&ours), ours);
    assert_eq!(spelt(&["-mem", "state", "backup", "-mem"]), ["--mem=true", "state", "backup", "-mem"]);
    assert_eq!(spelt(&["--heads", "5", "belly", "check"]), ["--heads", "5", "belly", "check"]);
    assert_eq!(spelt(&["-print-config=json", "-V"]), ["--print-config=json", "-V"]);
}

#[test]
fn the_table_of_the_documentation_is_fresh() {
    const BEGIN: &str = "<!-- flags and variables: HYDRA_BLESS=1 cargo test --lib config -->\n";
    const END: &str = "<!-- end of flags and variables -->\n";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/moving-from-hydra-booster.md");
    let text = std::fs::read_to_string(&path).expect("the documentation");
    let (head, rest) = text.split_once(BEGIN).expect("the beginning is marked");
    let (_, tail) = rest.split_once(END).expect("the end is marked");
    let expected = format!("{head}{BEGIN}\n{}\n{END}{tail}", markdown());
    if std::env::var_os("HYDRA_BLESS").is_some() {
        std::fs::write(&path, &expected).expect("written");
    } else {
        assert!(text == expected, "stale: run HYDRA_BLESS=1 cargo test --lib config");
    }
}

proptest::proptest! {
    #[test]
    fn no_command_line_makes_it_panic(args in proptest::collection::vec("-{0,2}[a-z-]{0,12}=?\\PC{0,6}", 0..6)) {
        drop(load(&args.iter().map(String::as_str).collect::<Vec<_>>(), &[]));
    }

    #[test]
    fn no_value_makes_it_panic(which in 0..TABLE.len(), value in "[-0-9a-z_/:=,.]{0,20}|\\PC{0,20}") {
        let entry = &TABLE[which];
        if let Some(flag) = entry.flag {
            drop(load(&[&format!("-{flag}={value}")], &[]));
        }
        drop(listen(&BTreeMap::new(), &at(&[(entry.variable.unwrap_or("X"), value.as_str())])));
    }
}
