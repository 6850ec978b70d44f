//! The table of hydra-booster's flags and variables: what each comes to here.
//!
//! Reading them, `docs/moving-from-hydra-booster.md` and the tests follow from it.

use super::words::{self, Translated};

/// One thing that hydra-booster could be told.
#[derive(Debug)]
pub struct Entry {
    /// Without its dash; `None` for what was a variable only.
    pub flag: Option<&'static str>,
    pub variable: Option<&'static str>,
    pub kind: Kind,
    /// hydra-booster's own.
    pub default: &'static str,
    pub to: To,
    /// What a value comes to.
    pub read: fn(&str) -> Translated,
    /// What became of it, for the documentation, and for whoever gives it without effect.
    pub told: &'static str,
}

/// How Go read the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A flag that may stand alone.
    Bool,
    Number,
    Text,
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Nowhere.
    Nothing,
    /// The setting of this key.
    Setting(&'static str),
    /// The setting of this key, if nothing else gives that.
    Fallback(&'static str),
}

impl Entry {
    /// The key of the setting that it gives.
    #[must_use]
    pub fn key(&self) -> Option<&'static str> {
        match self.to {
            To::Nothing => None,
            To::Setting(key) | To::Fallback(key) => Some(key),
        }
    }
}

const fn entry(
    (flag, variable): (&'static str, Option<&'static str>),
    kind: Kind,
    default: &'static str,
    (to, read): (To, fn(&str) -> Translated),
    told: &'static str,
) -> Entry {
    Entry { flag: Some(flag), variable, kind, default, to, read, told }
}

/// A variable that no flag went with.
const fn variable(name: &'static str, to: To, read: fn(&str) -> Translated, told: &'static str) -> Entry {
    Entry { flag: None, variable: Some(name), kind: Kind::Text, default: "", to, read, told }
}

const SAME: &str = "The same.";

const fn same(key: &'static str) -> (To, fn(&str) -> Translated) {
    (To::Setting(key), words::same)
}

const NOTHING: (To, fn(&str) -> Translated) = (To::Nothing, words::nothing);

/// All of them, in the order of hydra-booster's own list.
pub const TABLE: &[Entry] = &[
    entry(
        ("nheads", Some("HYDRA_NHEADS")),
        Kind::Number,
        "1",
        (To::Setting("heads.count"), words::unless_minus_one),
        SAME,
    ),
    entry(
        ("random-seed", Some("HYDRA_RANDOM_SEED")),
        Kind::Text,
        "",
        same("identity.seed"),
        "The same, and the same peer ids. Better in a file: --random-seed-file.",
    ),
    entry(
        ("id-offset", Some("HYDRA_ID_OFFSET")),
        Kind::Number,
        "0",
        (To::Setting("identity.id_offset"), words::offset),
        "The same.",
    ),
    entry(
        ("idgen-addr", Some("HYDRA_IDGEN_ADDR")),
        Kind::Text,
        "",
        same("identity.idgen"),
        "The same: the URL of the server that hands out ids.",
    ),
    entry(
        ("db", Some("HYDRA_DB")),
        Kind::Text,
        "hydra-belly",
        (To::Fallback("data_dir"), words::db),
        "hydrad has a record store of its own and leaves the LevelDB as it is: the data directory is PATH.hydrad \
         beside it, unless something else says where it is (--data-dir, a file, systemd's StateDirectory=). Bring \
         the records over once, before the first start: hydrad import --from PATH --data-dir PATH.hydrad. \
         postgresql:// and dynamodb:// are refused: these engines are not built yet.",
    ),
    entry(
        ("mem", None),
        Kind::Bool,
        "false",
        NOTHING,
        "Records are answered from memory and written to the data directory behind that. To forget them at each \
         stop, put the data directory on a tmpfs.",
    ),
    entry(
        ("pstore", Some("HYDRA_PSTORE")),
        Kind::Text,
        "",
        NOTHING,
        "All heads share one routing table and one list of addresses; both are kept in the data directory.",
    ),
    entry(
        ("provider-store", Some("HYDRA_PROVIDER_STORE")),
        Kind::Text,
        "",
        (To::Nothing, words::provider_store),
        "Provider records are in the belly, with their addresses; there is no store that forgets (none). \
         dynamodb:// and https:// are refused: that would be another store than the one that was asked for.",
    ),
    entry(
        ("httpapi-addr", None),
        Kind::Text,
        "127.0.0.1:7779",
        same("http.listen"),
        "The same doors, with bounds and reasons.",
    ),
    entry(
        ("metrics-addr", None),
        Kind::Text,
        "127.0.0.1:9758",
        same("metrics.listen"),
        "The same; no pprof and no expvar behind it.",
    ),
    entry(
        ("delegate-timeout", Some("HYDRA_DELEGATED_ROUTING_TIMEOUT")),
        Kind::Number,
        "1000",
        NOTHING,
        "It was the deadline of -provider-store=https://, which is refused.",
    ),
    entry(
        ("enable-relay", None),
        Kind::Bool,
        "false",
        NOTHING,
        "It changed nothing there either: no relay service was started.",
    ),
    entry(
        ("port-begin", Some("HYDRA_PORT_BEGIN")),
        Kind::Number,
        "0",
        (To::Setting("listen.port_begin"), words::unless_minus_one),
        "The same, for tcp and for quic-v1. With 0 each head takes a free port once and keeps it.",
    ),
    entry(("protocol-prefix", None), Kind::Text, "/ipfs", same("network.protocol_prefix"), SAME),
    entry(
        ("bucket-size", None),
        Kind::Number,
        "20",
        NOTHING,
        "Answers name the 20 nearest, as the network's specification has it, whatever the prefix.",
    ),
    entry(
        ("bootstrap-conc", None),
        Kind::Number,
        "32",
        NOTHING,
        "Heads do not bootstrap one by one: the scout looks around for all of them (scout.parallel).",
    ),
    entry(
        ("bootstrap-peers", Some("HYDRA_BOOTSTRAP_PEERS")),
        Kind::Text,
        "",
        same("network.bootstrap_peers"),
        "The same; `none` is possible, too.",
    ),
    entry(
        ("stagger", None),
        Kind::Text,
        "0",
        NOTHING,
        "Heads come up as fast as their connections may be made; nothing waits between them.",
    ),
    entry(
        ("ui-theme", None),
        Kind::Text,
        "logey",
        (To::Setting("ui.theme"), words::theme),
        "logey prints its line every 5 s, now on stdout; gooey says how to start `hydractl top`, which took its place; \
         none, and saying nothing, is silent.",
    ),
    entry(
        ("name", Some("HYDRA_NAME")),
        Kind::Text,
        "",
        same("name"),
        "The same, of letters, digits, '.', '_' and '-'; no longer needed for a start.",
    ),
    entry(
        ("disable-prov-gc", Some("HYDRA_DISABLE_PROV_GC")),
        Kind::Bool,
        "false",
        NOTHING,
        "There is no scan to switch off: an hour whose time is over is one file that is deleted.",
    ),
    entry(
        ("disable-providers", None),
        Kind::Bool,
        "false",
        NOTHING,
        "Heads always take and tell provider records.",
    ),
    entry(
        ("disable-values", None),
        Kind::Bool,
        "false",
        NOTHING,
        "Heads always take and tell IPNS records and public keys.",
    ),
    entry(
        ("disable-prefetch", Some("HYDRA_DISABLE_PREFETCH")),
        Kind::Bool,
        "false",
        (To::Setting("prefetch.scope"), words::prefetch_off),
        "The same as --prefetch-scope off.",
    ),
    entry(
        ("disable-prov-counts", Some("HYDRA_DISABLE_PROV_COUNTS")),
        Kind::Bool,
        "false",
        NOTHING,
        "Counting costs nothing: the numbers are kept up as records come and go.",
    ),
    entry(
        ("disable-db-create", Some("HYDRA_DISABLE_DBCREATE")),
        Kind::Bool,
        "false",
        NOTHING,
        "It was for PostgreSQL only.",
    ),
    entry(
        ("disable-rcmgr", Some("DISABLE_RCMGR")),
        Kind::Bool,
        "false",
        NOTHING,
        "There is no resource manager for each head, but one set of limits for all (limits.*).",
    ),
    entry(
        ("rcmgr-limits", Some("RCMGR_LIMITS")),
        Kind::Text,
        "",
        NOTHING,
        "The file is not read: there is one set of limits for all heads (limits.*), and it follows the machine.",
    ),
    entry(
        ("connmgr-high-water", Some("HYDRA_CONNMGR_HIGH_WATER")),
        Kind::Number,
        "1800",
        NOTHING,
        "It was for each head; limits.max_connections is for all heads together and follows the machine.",
    ),
    entry(
        ("connmgr-low-water", Some("HYDRA_CONNMGR_LOW_WATER")),
        Kind::Number,
        "1200",
        NOTHING,
        "Connections are given up one by one as better ones come, not down to a mark.",
    ),
    entry(
        ("connmgr-grace-period", Some("HYDRA_CONNMGR_GRACE_PERIOD")),
        Kind::Text,
        "60s",
        NOTHING,
        "Connections are given up by what they are good for, not by their age alone.",
    ),
    variable(
        "GOLOG_LOG_LEVEL",
        To::Setting("log.level"),
        words::log_level,
        "The level; parts of it that name Go's subsystems are left out.",
    ),
    variable(
        "HYDRA_DELEGATED_ROUTING_ADDR",
        To::Nothing,
        words::nothing,
        "hydra-booster itself had stopped reading it.",
    ),
    variable(
        "HYDRA_REFRAME_ADDR",
        To::Nothing,
        words::nothing,
        "hydra-booster itself had stopped reading it.",
    ),
    variable(
        "HYDRA_STORE_THE_INDEX_ADDR",
        To::Nothing,
        words::nothing,
        "hydra-booster itself had stopped reading it.",
    ),
];

/// The entry of a flag.
pub(super) fn of_flag(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.flag == Some(name))
}
