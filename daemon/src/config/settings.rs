//! What a setting is. All of them stand in the one table `settings/table.rs`: the only place
//! where a name, a default or a range stands.
//!
//! Flags, variables, file keys, the example file, docs/configuration.md, the words in errors
//! and what a reload may change follow from it.

mod table;

pub use table::SETTINGS;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name in files: `section.key`, or `key` at the top.
    pub key: &'static str,
    /// Long flag without the dashes.
    pub flag: &'static str,
    /// Another name of the flag.
    pub flag_alias: Option<&'static str>,
    /// Environment variables: ours first, then the predecessor's.
    pub variables: &'static [&'static str],
    pub kind: Kind,
    /// As it would be written in a variable.
    pub default: &'static str,
    /// What may stand there, in words.
    pub allowed: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Never shown.
    pub secret: bool,
    /// A reload changes it while the daemon runs; any other needs a restart.
    pub live: bool,
}

/// How a value is written in a TOML file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An integer; a string where a word such as `auto` is allowed.
    Number,
    /// A string, or an integer.
    Mixed,
    /// An integer of bytes, or a string with a unit.
    Size,
    /// An array of strings, or one string. In variables and flags, joined by commas.
    List,
    /// true or false. A flag alone is true; `--flag=false` is false.
    Switch,
}

/// Sections in the order of the documentation, each with what it is about.
pub const SECTIONS: &[(&str, &str)] = &[
    ("", "The daemon as a whole"),
    ("identity", "Whose peer ids the heads have"),
    ("heads", "The heads"),
    ("listen", "Where heads listen, and what they announce"),
    ("network", "Which network the hydra belongs to"),
    ("presence", "Being known to other peers"),
    ("scout", "Looking around in the network"),
    ("dht", "Answering"),
    ("belly", "The record store"),
    ("prefetch", "Looking up what is asked for and not here"),
    ("peers", "Counting and logging peers"),
    ("control", "The sockets for hydractl"),
    ("http", "The HTTP API: heads, records, peers and ids for programs and scripts"),
    ("routing", "Delegated Routing: the DHT over HTTP for light clients and other routers"),
    ("metrics", "Metrics for Prometheus, and whether the daemon is ready"),
    ("limits", "What the daemon may use; `auto` follows the machine"),
    ("log", "What is logged, and how"),
    ("ui", "What it prints by itself, as hydra-booster did"),
];

/// Most heads that a configuration may ask for.
pub const MAX_HEADS: u32 = 10_000;

/// The setting of a key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

impl Setting {
    /// Section and name, such as ("heads", "count"); the section is empty at the top.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.key.split_once('.').unwrap_or(("", self.key))
    }
}
