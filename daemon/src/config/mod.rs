//! Settings: where they come from and what they come to.
//!
//! Owns names, defaults and ranges (`settings.rs`), the order flag > environment > file >
//! default, the origin of each value, and the words when something is wrong. In come the
//! arguments and the [`Surroundings`]; out goes a [`Config`] of real types, or every problem
//! at once. It opens no socket, makes no directory and starts nothing.
//!
//! A list given by a stronger source replaces the weaker one's; it does not add to it. The
//! files are `hydrad.toml` and then `conf.d/*.toml` beside it in the order of names.

mod addresses;
mod doors;
mod error;
mod file;
mod fill;
mod idgen;
pub mod listen;
mod origin;
mod paths;
pub mod predecessor;
mod readers;
mod reference;
pub mod reload;
pub mod rooms;
mod settings;
mod show;
mod shown;
mod sources;
mod surroundings;
mod told;
mod values;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use libp2p::Multiaddr;

use crate::prefetch::bridge;

pub use addresses::{AddressTemplate, PUBLIC_BOOTSTRAP};
pub use doors::{DoorConfig, HttpConfig, MetricsConfig, RoutingConfig};
pub use error::{ConfigErrors, Problem};
pub use idgen::IdgenConfig;
pub use listen::ListenIp;
pub use origin::{Annotated, Origin};
pub use paths::MAX_SOCKET_PATH;
pub use reference::{EXAMPLE, example, markdown};
pub use settings::{Kind, MAX_HEADS, SECTIONS, SETTINGS, Setting};
pub use show::{table, to_json};
pub use sources::{CONFIG_VARIABLE, Flags, arguments};
pub use surroundings::Surroundings;
pub use values::{
    AddressPolicy, BellyIndex, Bytes, LogFormat, MAX_PREFIX, PrefetchScope, ProtocolPrefix, Reachability,
    UiTheme,
};

use crate::hydra::Target;
use crate::identity::{IndexSet, Seed};

/// All settings, checked, each on its own and against the others.
#[derive(Debug, Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    pub name: String,
    pub identity: IdentityConfig,
    pub heads: HeadsConfig,
    pub listen: ListenConfig,
    pub network: NetworkConfig,
    pub presence: PresenceConfig,
    pub scout: ScoutConfig,
    pub dht: DhtConfig,
    pub belly: BellyConfig,
    pub prefetch: PrefetchConfig,
    pub peers: PeersConfig,
    pub control: ControlConfig,
    pub http: HttpConfig,
    pub routing: RoutingConfig,
    pub metrics: MetricsConfig,
    pub limits: LimitsConfig,
    pub log: LogConfig,
    /// What it prints by itself.
    pub ui: UiTheme,
    /// Each setting as text, with where it came from, in the order of [`SETTINGS`].
    pub origins: Vec<Annotated>,
    /// Files that were read, weakest first.
    pub files: Vec<PathBuf>,
    /// For reading it all again.
    pub source: Source,
    /// What is allowed but probably not meant; to be logged at start.
    pub warnings: Vec<String>,
}

/// What the settings were read from, apart from files.
#[derive(Clone)]
pub struct Source {
    pub flags: Flags,
    pub at: Surroundings,
}

impl std::fmt::Debug for Source {
    /// A seed may stand among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// `None`: the one kept in the state, or a new one.
    pub seed: Option<Seed>,
    /// Where ids come from instead of a seed.
    pub idgen: Option<IdgenConfig>,
    /// Indices that heads may take, in this order.
    pub indexes: IndexSet,
}

#[derive(Debug, Clone, Copy)]
pub struct HeadsConfig {
    /// Heads to bring up.
    pub count: u32,
    /// What their number follows while it runs.
    pub target: Target,
}

#[derive(Debug, Clone)]
pub struct ListenConfig {
    /// To be made concrete by [`listen::resolve`].
    pub ips: Vec<ListenIp>,
    /// 0: free ports, chosen once.
    pub port_begin: u16,
    /// Empty: what is listened on.
    pub announce: Vec<AddressTemplate>,
    pub no_announce: Vec<AddressTemplate>,
}

#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Each ends in `/p2p/ID`; a peer may stand there with several addresses.
    pub bootstrap_peers: Vec<Multiaddr>,
    pub protocol_prefix: ProtocolPrefix,
    pub address_policy: AddressPolicy,
    pub reachability: Reachability,
}

#[derive(Debug, Clone, Copy)]
pub struct PresenceConfig {
    /// Servers that a head stays connected with in each farther part of the keyspace.
    pub per_bucket: usize,
    /// The nearest of each head are asked once in this time whether they list it.
    pub measure_every: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct ScoutConfig {
    /// Each server is asked once in this time for all it knows.
    pub crawl_every: Duration,
    /// Servers visited at a time.
    pub parallel: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct DhtConfig {
    /// Largest reply to GET_PROVIDERS.
    pub reply_max: Bytes,
}

#[derive(Debug, Clone, Copy)]
pub struct BellyConfig {
    /// Where records are looked up.
    pub index: BellyIndex,
    /// Most provider records.
    pub max_records: Option<u64>,
    /// Of the index of records.
    pub max_memory: Option<Bytes>,
    pub max_disk: Option<Bytes>,
}

#[derive(Debug, Clone)]
pub struct PrefetchConfig {
    pub scope: PrefetchScope,
    /// Keys that wait.
    pub queue: u32,
    /// Keys of one asker, waiting or in flight.
    pub queue_per_asker: u32,
    /// Keys in flight.
    pub lookups: u32,
    pub walks_per_second: u32,
    pub max_records: u64,
    /// Of the records.
    pub max_memory: Bytes,
    /// How long a looked-up record is served.
    pub keep: Duration,
    /// Delegated routers that are asked beside the DHT.
    pub bridge: bridge::Config,
}

#[derive(Debug, Clone)]
pub struct PeersConfig {
    /// `None`: no log of peers.
    pub log: Option<PathBuf>,
    pub log_max_size: Bytes,
    /// The current one included.
    pub log_files: u32,
}

#[derive(Debug, Clone)]
pub struct ControlConfig {
    pub socket: PathBuf,
    pub observe_socket: PathBuf,
}

/// `None` follows the machine.
#[derive(Debug, Clone, Copy)]
pub struct LimitsConfig {
    pub max_connections: Option<u32>,
    /// See [`LimitsConfig::connections_per_ip`].
    pub max_connections_per_ip: Option<u32>,
    /// Incoming, of all heads together.
    pub handshakes_per_second: u32,
    pub max_memory: Option<Bytes>,
    pub max_files: Option<u64>,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    pub format: LogFormat,
    /// Directives that `tracing_subscriber::EnvFilter` takes.
    pub level: String,
}

impl LimitsConfig {
    /// Most connections with one public address. A peer may well hold one to each head, and
    /// Go peers allow 8 an address to each of theirs.
    #[must_use]
    pub fn connections_per_ip(&self, heads: u32) -> u32 {
        self.max_connections_per_ip.unwrap_or_else(|| heads.saturating_mul(8).max(64))
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command line is not one.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

impl Config {
    /// The configuration of these arguments (the program's name first) in these surroundings.
    ///
    /// # Errors
    /// Unknown flags, or everything that is wrong with the settings.
    pub fn load<I, T>(args: I, at: &Surroundings) -> Result<Self, LoadError>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let command = clap::Command::new("hydrad").args(arguments());
        let matches = command.try_get_matches_from(predecessor::spell(args))?;
        Ok(Self::of(&Flags::of(&matches), at)?)
    }

    /// The configuration of flags that were parsed already.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn of(flags: &Flags, at: &Surroundings) -> Result<Self, ConfigErrors> {
        fill::fill(sources::gather(flags, at), Source { flags: flags.clone(), at: at.clone() })
    }
}
