//! Loading as a whole: layers, origins, refusals, and what is generated from the table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// A directory that stands for `/`, and what is set around the process.
struct World {
    root: TempDir,
    at: Surroundings,
}

fn world(variables: &[(&str, &str)]) -> World {
    let root = tempfile::tempdir().expect("a directory");
    let set = [("HOME", "/users/ana")].iter().chain(variables);
    let variables = set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let at =
        Surroundings { variables, root: root.path().into(), system: false, hostname: "lerna".to_owned() };
    World { root, at }
}

impl World {
    fn file(self, path: &str, text: &str) -> Self {
        let real = self.root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(real.parent().expect("a parent")).expect("made");
        fs::write(real, text).expect("written");
        self
    }

    fn load(&self, args: &[&str]) -> Result<Config, LoadError> {
        Config::load(std::iter::once("hydrad").chain(args.iter().copied()), &self.at)
    }

    fn good(&self, args: &[&str]) -> Config {
        self.load(args).expect("a configuration")
    }

    fn bad(&self, args: &[&str]) -> String {
        self.load(args).expect_err("refused").to_string()
    }
}

fn row<'a>(config: &'a Config, key: &str) -> &'a Annotated {
    config.origins.iter().find(|row| row.key == key).expect("a setting")
}

fn from(config: &Config, key: &str) -> String {
    let row = row(config, key);
    format!("{} | {}", row.value, row.from())
}

fn fixtures(name: &str) -> Vec<(PathBuf, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name);
    let mut files: Vec<_> =
        fs::read_dir(dir).expect("the fixtures").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() > 3, "{name} has fixtures");
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect()
}

const SEED: &str = "hjHT+Yq82BHSWwa1wZDAX/O/JkWDX3Y6xTHRIk+XbFY=";

#[test]
fn nothing_given_is_the_defaults_of_a_user() {
    let config = world(&[]).good(&[]);
    assert_eq!(config.data_dir, Path::new("/users/ana/.local/state/hydra"));
    assert_eq!(config.control.socket, Path::new("/users/ana/.local/state/hydra/control.sock"));
    assert_eq!(config.name, "lerna");
    assert_eq!((config.heads.count, config.listen.port_begin), (1, 0));
    assert_eq!(config.identity.indexes.to_string(), "0..");
    assert!(config.identity.seed.is_none());
    assert_eq!(config.listen.ips, [ListenIp::Auto]);
    assert_eq!(config.network.bootstrap_peers.len(), 5);
    assert_eq!(config.network.protocol_prefix.kad_protocol(), "/ipfs/kad/1.0.0");
    assert_eq!(config.network.address_policy, AddressPolicy::Public);
    assert_eq!(config.dht.reply_max, Bytes(64 * 1024));
    assert_eq!(config.limits.connections_per_ip(100), 800);
    assert_eq!(config.limits.connections_per_ip(1), 64);
    assert!(config.warnings.is_empty() && config.files.is_empty());
    let keys: Vec<_> = config.origins.iter().map(|row| row.key).collect();
    assert_eq!(keys, SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>());
    assert!(config.origins.iter().all(|row| row.origin == Origin::Default));
}

#[test]
fn a_flag_wins_over_a_variable_over_a_fragment_over_the_file() {
    let file = "[heads]\ncount = 2\n\n[listen]\nport_begin = 4000\n";
    let world = world(&[("HYDRA_PORT_BEGIN", "30000"), ("HYDRA_NHEADS", "4")])
        .file("/users/ana/.config/hydra/hydrad.toml", file)
        .file(
            "/users/ana/.config/hydra/conf.d/20-b.toml",
            "dht.reply_max = \"128 KiB\"\n[heads]\ncount = 33\n",
        )
        .file("/users/ana/.config/hydra/conf.d/10-a.toml", "[heads]\ncount = 3")
        .file("/users/ana/.config/hydra/conf.d/notes.txt", "not read");
    let config = world.good(&["--heads", "5"]);
    let dir = "/users/ana/.config/hydra";
    assert_eq!(
        from(&config, "heads.count"),
        "5 | flag --heads, over env HYDRA_NHEADS (4), over 20-b.toml:3 (33), over 10-a.toml:2 (3), \
         over hydrad.toml:2 (2)"
    );
    assert_eq!(from(&config, "listen.port_begin"), "30000 | env HYDRA_PORT_BEGIN, over hydrad.toml:5 (4000)");
    assert_eq!(from(&config, "dht.reply_max"), format!("128 KiB | {dir}/conf.d/20-b.toml:1"));
    assert_eq!(config.files.len(), 3);
    assert_eq!(row(&config, "heads.count").to_json()["overrides"][1]["line"], 3);
}

#[test]
fn the_predecessors_variables_are_understood() {
    let peer = PUBLIC_BOOTSTRAP[1];
    let world = world(&[
        ("HYDRA_NHEADS", "15"),
        ("HYDRA_RANDOM_SEED", SEED),
        ("HYDRA_ID_OFFSET", "30"),
        ("HYDRA_PORT_BEGIN", "30000"),
        ("HYDRA_BOOTSTRAP_PEERS", &format!("{peer}, {}", PUBLIC_BOOTSTRAP[4])),
        ("HYDRA_NAME", "alasybil"),
        ("HYDRA_DB", "/old/belly"),
        ("HYDRA_HEDAS", "9"),
        ("HYDRA_SOCKET", "/x"),
        ("HYDRA_PORT", "tcp://10.0.0.1:1"),
    ]);
    let config = world.good(&[]);
    assert_eq!((config.heads.count, config.name.as_str()), (15, "alasybil"));
    assert_eq!(config.identity.indexes.iter().next(), Some(30));
    assert_eq!(config.identity.seed.expect("a seed").to_base64(), SEED);
    assert_eq!(config.network.bootstrap_peers.len(), 2);
    let warnings = config.warnings.join("\n");
    assert!(
        warnings.contains("HYDRA_DB of hydra-booster: the LevelDB in /old/belly is not read"),
        "{warnings}"
    );
    assert_eq!(config.data_dir, Path::new("/old/belly.hydrad"));
    assert!(warnings.contains("HYDRA_HEDAS is no setting of hydrad and ignored; did you mean HYDRA_HEADS?"));
    assert_eq!(config.warnings.len(), 2, "{warnings}");
}

#[test]
fn two_names_of_a_variable_must_agree() {
    let message = world(&[("HYDRA_HEADS", "5"), ("HYDRA_NHEADS", "6")]).bad(&[]);
    assert_eq!(
        message,
        "error: heads.count in env HYDRA_HEADS: HYDRA_NHEADS says another value; set one of them"
    );
    assert_eq!(world(&[("HYDRA_HEADS", "5"), ("HYDRA_NHEADS", "5")]).good(&[]).heads.count, 5);
    assert_eq!(world(&[("HYDRA_HEADS", ""), ("HYDRA_NHEADS", "6")]).good(&[]).heads.count, 6);
}

#[test]
fn a_service_finds_its_directories_where_systemd_made_them() {
    let mut world = world(&[]);
    world.at.system = true;
    let config = world.good(&[]);
    assert_eq!(config.data_dir, Path::new("/var/lib/hydrad"));
    assert_eq!(config.control.socket, Path::new("/run/hydra/control.sock"));
    assert_eq!(config.control.observe_socket, Path::new("/run/hydra/observe.sock"));
    let set = [
        ("STATE_DIRECTORY", "/srv/state:/srv/other"),
        ("RUNTIME_DIRECTORY", "/run/mine"),
        ("CONFIGURATION_DIRECTORY", "/etc/mine"),
    ];
    let world = self::world(&set).file("/etc/mine/hydrad.toml", "name = \"from-mine\"");
    let config = world.good(&[]);
    assert_eq!(config.data_dir, Path::new("/srv/state"));
    assert_eq!(config.control.socket, Path::new("/run/mine/control.sock"));
    assert_eq!(config.name, "from-mine");
}

#[test]
fn a_user_finds_the_xdg_directories() {
    let set = [("XDG_RUNTIME_DIR", "/run/user/7"), ("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "/c")];
    let world = world(&set).file("/c/hydra/hydrad.toml", "name = \"n\"");
    let config = world.good(&["--control-socket", "/tmp/mine.sock"]);
    assert_eq!(config.data_dir, Path::new("/s/hydra"));
    assert_eq!(config.control.observe_socket, Path::new("/tmp/observe.sock"));
    assert_eq!(world.good(&[]).control.observe_socket, Path::new("/run/user/7/hydra/observe.sock"));
    let mut nowhere = self::world(&[]);
    nowhere.at.variables.clear();
    let message = nowhere.bad(&[]);
    assert!(message.starts_with("error: data_dir in default: \"auto\" finds no place"), "{message}");
}

#[test]
fn a_seed_file_is_trimmed_and_that_is_said() {
    let world = world(&[]).file("/etc/hydra/seed", &format!("{SEED}\n"));
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(world.root.path().join("etc/hydra/seed"), private).expect("chmod");
    let args = ["--random-seed-file", "/etc/hydra/seed"];
    let config = world.good(&args);
    assert_eq!(
        from(&config, "identity.seed"),
        "(secret, 32 bytes) | /etc/hydra/seed (trailing newline trimmed)"
    );
    assert_eq!(from(&config, "identity.seed_file"), "/etc/hydra/seed | flag --random-seed-file");
    assert!(config.warnings.is_empty());
    assert!(!format!("{config:?}").contains(&SEED[..10]));
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(world.root.path().join("etc/hydra/seed"), open).expect("chmod");
    assert!(world.good(&args).warnings[0].contains("may be read by everyone (mode 0644)"));
}

#[test]
fn a_bad_seed_says_how_long_it_is_and_not_what_it_is() {
    let short = data_encoding::BASE64.encode(&[0x5a; 30]);
    let world = world(&[]).file("/etc/hydra/seed", &format!("{short}\n"));
    assert_eq!(
        world.bad(&["--random-seed-file", "/etc/hydra/seed"]),
        "error: identity.seed in /etc/hydra/seed: 40 characters are 30 bytes; a seed is 32, 44 of base64\n  \
         trailing newline trimmed, that is fine; a new one: hydrad seed new      the peer ids will change with it"
    );
    let message = world.bad(&["--random-seed", &short]);
    assert!(message.contains("40 characters are 30 bytes") && !message.contains(&short), "{message}");
    let message = world.bad(&["--random-seed-file", "/etc/hydra/none"]);
    assert!(
        message.contains("identity.seed_file in flag --random-seed-file: /etc/hydra/none cannot be read")
    );
    // A secret that a stronger source overrides stays secret.
    let config =
        self::world(&[("HYDRA_RANDOM_SEED", SEED)]).good(&["--random-seed", &SEED.replace('h', "i")]);
    assert!(!show::table(&config).contains(&SEED[..10]) && !show::to_json(&config).contains(&SEED[..10]));
}

#[test]
fn a_named_file_must_be_there_and_the_usual_one_need_not() {
    let message = world(&[("HYDRA_CONFIG", "/nowhere.toml")]).bad(&[]);
    assert!(message.starts_with("error: /nowhere.toml: cannot be read: No such file"), "{message}");
    let world = world(&[]).file("/x.toml", "name = \"x\"").file("/conf.d/y.toml", "[heads]\ncount = 2");
    let config = world.good(&["--config", "/x.toml"]);
    assert_eq!((config.name.as_str(), config.heads.count), ("x", 2));
    let mut long = "#".repeat(1024 * 1024);
    long.push_str("\nname = \"x\"");
    assert!(
        self::world(&[])
            .file("/x.toml", &long)
            .bad(&["--config", "/x.toml"])
            .contains("more than 1048576 bytes")
    );
}

#[test]
fn contradictions_name_both_places() {
    let world = world(&[("HYDRA_ID_OFFSET", "5")]).file("/c.toml", "[identity]\nindexes = \"0..4\"");
    assert_eq!(
        world.bad(&["--config", "/c.toml"]),
        "error: identity.indexes in /c.toml:2: there is also identity.id_offset in env HYDRA_ID_OFFSET; \
         give one of them"
    );
    let world = self::world(&[("HYDRA_RANDOM_SEED", SEED)]);
    assert_eq!(
        world.bad(&["--random-seed-file", "/seed"]),
        "error: identity.seed in env HYDRA_RANDOM_SEED: there is also identity.seed_file in flag \
         --random-seed-file; give one of them"
    );
    let world = self::world(&[]);
    assert_eq!(
        world.bad(&["--indexes", "0..4", "--heads", "6"]),
        "error: heads.count in flag --heads: 6 heads need 6 indices; identity.indexes in flag --indexes has 5"
    );
    assert_eq!(world.good(&["--indexes", "0..4"]).heads.count, 5);
    assert_eq!(world.good(&["--indexes", "1..:2"]).heads.count, 1);
    assert_eq!(world.good(&["--indexes", "0..9", "--heads", "3"]).heads.count, 3);
    assert!(world.bad(&["--indexes", "0..99999"]).contains("more than 10000 heads"));
    assert_eq!(
        world.bad(&["--port-begin", "65530", "--heads", "10"]),
        "error: listen.port_begin in flag --port-begin: 10 heads from port 65530 on go to port 65539; the last \
         is 65535\n  begin at 65526 or below, or start fewer heads"
    );
    assert_eq!(world.good(&["--port-begin", "65526", "--heads", "10"]).listen.port_begin, 65_526);
    let message = world.bad(&["--control-socket", "/a.sock", "--observe-socket", "/a.sock"]);
    assert!(message.contains("it is the same path as control.socket in flag --control-socket"), "{message}");
}

#[test]
fn a_socket_path_that_the_kernel_would_cut_is_refused_with_its_length() {
    let world = world(&[]);
    let fits = format!("/{}", "s".repeat(106));
    assert_eq!(
        world.good(&["--control-socket", &fits, "--observe-socket", "/o"]).control.socket,
        Path::new(&fits)
    );
    let long = format!("{fits}s");
    let message = world.bad(&["--control-socket", &long]);
    assert!(message.contains("has 108 bytes; the kernel takes 107 of a socket's path"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    let message = world.bad(&["--data-dir", &format!("/{}", "d".repeat(120))]);
    assert!(message.contains("control.socket in default: \"auto\" stands for /ddd"), "{message}");
}

#[test]
fn each_file_of_valid_configs_loads_to_what_it_says() {
    for (path, text) in fixtures("valid_configs") {
        let world = world(&[]).file("/c.toml", &text).file("/seed", SEED);
        let config = world.good(&["--config", "/c.toml"]);
        let expected: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# expected: ")).collect();
        assert!(!expected.is_empty(), "{} says what it expects", path.display());
        for line in expected {
            let (key, value) = line.split_once(" =").expect("key = value");
            assert_eq!(row(&config, key).value, value.trim(), "{key} of {}", path.display());
        }
    }
}

#[test]
fn each_file_of_invalid_configs_gives_the_error_it_says() {
    for (path, text) in fixtures("invalid_configs") {
        let world = world(&[]).file("/c.toml", &text);
        let message = world.bad(&["--config", "/c.toml"]);
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# expected: "));
        let expected = expected.expect("the first line says what is expected").replace("\\n", "\n");
        assert_eq!(message, expected, "{}", path.display());
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let world = world(&[]).file("/c.toml", "nme = \"x\"\n[heads]\ncount = 1.5\n[log]\nformat = \"xml\"\n");
    let message = world.bad(&["--config", "/c.toml", "--port-begin", "70000"]);
    assert_eq!(message.matches("error: ").count(), 4, "{message}");
}

/// The example with every setting switched on.
fn uncommented() -> String {
    let setting =
        |line: &str| line.starts_with('#') && line.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase);
    let lines = EXAMPLE.lines().map(|line| if setting(line) { &line[1..] } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_example_file_is_fresh_and_loads_to_the_defaults() {
    bless("assets/hydrad.example.toml", &example());
    let all = uncommented();
    let table: toml::Table = all.parse().expect("TOML");
    let keys: BTreeSet<String> = table
        .iter()
        .flat_map(|(key, value)| match value.as_table() {
            Some(section) => section.keys().map(|inner| format!("{key}.{inner}")).collect(),
            None => vec![key.clone()],
        })
        .collect();
    assert_eq!(keys, SETTINGS.iter().map(|setting| setting.key.to_owned()).collect());
    let world = world(&[]).file("/all.toml", &all).file("/none.toml", EXAMPLE);
    let values = |config: &Config| {
        config.origins.iter().map(|row| (row.key, row.json.clone())).collect::<BTreeMap<_, _>>()
    };
    let defaults = values(&world.good(&[]));
    assert_eq!(values(&world.good(&["--config", "/all.toml"])), defaults);
    assert_eq!(values(&world.good(&["--config", "/none.toml"])), defaults);
}

#[test]
fn the_table_of_the_documentation_is_fresh() {
    const BEGIN: &str = "<!-- settings: HYDRA_BLESS=1 cargo test -p hydrad config -->\n";
    const END: &str = "<!-- end of settings -->\n";
    let path = "docs/configuration.md";
    let text = fs::read_to_string(repository(path)).expect("the documentation");
    let (head, rest) = text.split_once(BEGIN).expect("the beginning is marked");
    let (_, tail) = rest.split_once(END).expect("the end is marked");
    bless(path, &format!("{head}{BEGIN}{}\n{END}{tail}", markdown()));
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Compares a file with what it should be, or with `HYDRA_BLESS=1` writes it.
fn bless(path: &str, expected: &str) {
    if std::env::var_os("HYDRA_BLESS").is_some() {
        fs::write(repository(path), expected).expect("written");
    }
    let found = fs::read_to_string(repository(path)).unwrap_or_default();
    assert!(found == expected, "{path} is stale: run HYDRA_BLESS=1 cargo test -p hydrad config");
}

#[test]
fn names_of_settings_are_unique_everywhere() {
    let unique =
        |names: Vec<&str>| assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    unique(SETTINGS.iter().map(|setting| setting.key).collect());
    unique(SETTINGS.iter().flat_map(|setting| setting.variables).copied().collect());
    let flags = SETTINGS.iter().flat_map(|setting| setting.flag_alias.into_iter().chain([setting.flag]));
    unique(flags.chain(["config", "check-config", "print-config"]).collect());
    for setting in SETTINGS {
        assert!(SECTIONS.iter().any(|(section, _)| *section == setting.parts().0), "{}", setting.key);
        let own = format!("HYDRA_{}", setting.flag.to_uppercase().replace('-', "_"));
        assert_eq!(setting.variables[0], own);
    }
}

#[test]
fn the_table_for_people_shows_key_value_and_origin() {
    let config = world(&[("HYDRA_PORT_BEGIN", "30000")]).good(&["--bootstrap-peers", "none"]);
    let table = show::table(&config);
    let line = |key: &str| {
        let line = table.lines().find(|line| line.starts_with(key)).expect("a line");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("KEY"), "KEY VALUE FROM");
    assert_eq!(line("listen.port_begin"), "listen.port_begin 30000 env HYDRA_PORT_BEGIN");
    assert_eq!(line("network.bootstrap_peers"), "network.bootstrap_peers none flag --bootstrap-peers");
    assert_eq!(line("identity.seed "), "identity.seed none default");
    assert_eq!(line("data_dir"), "data_dir /users/ana/.local/state/hydra default");
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "(\\PC{0,20}\n|[a-z_.]{0,12} ?= ?[-0-9a-z\"\\[\\],{}:/.]{0,20}\n|\\[[a-z.]{0,9}\\]\n){0,6}") {
        let world = world(&[]).file("/c.toml", &text);
        drop(world.load(&["--config", "/c.toml"]));
    }

    #[test]
    fn no_value_makes_it_panic(which in 0..SETTINGS.len(), value in "[-0-9a-zKMGi/:.{},+= ]{0,40}|\\PC{0,40}") {
        let setting = &SETTINGS[which];
        let world = world(&[(setting.variables[0], &value)]);
        if let Err(error) = world.load(&[]) {
            let message = error.to_string();
            proptest::prop_assert!(message.starts_with("error: "), "{}", message);
            proptest::prop_assert!(!message.chars().any(|c| c.is_control() && c != '\n'), "{:?}", message);
        }
    }
}
