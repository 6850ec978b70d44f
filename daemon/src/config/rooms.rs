//! From settings to the configuration that each room owns.

use std::net::IpAddr;
use std::path::PathBuf;

use libp2p::Multiaddr;
use libp2p::swarm::StreamProtocol;

use crate::api::http::{Origins, serve};
use crate::api::metrics;
use crate::belly::engine::{IndexMode, LogConfig};
use crate::belly::prefetched::Limits;
use crate::config::{AddressPolicy, BellyIndex, Config, LogFormat, PrefetchScope, Reachability, listen};
use crate::limits::{Machine, budget, dir_bytes, disk_free};
use crate::net::transport::listen_addresses;
use crate::telemetry::{log, peer_log};
use crate::wire::class::class;
use crate::{dht, hydra, prefetch, routing, scout};

/// Share of the machine's memory for the process.
const MEMORY: f64 = 0.9;

/// Shares of that for records and for connections; the rest is for tables, caches and history.
const MEMORY_RECORDS: f64 = 0.55;
const MEMORY_CONNECTIONS: f64 = 0.25;
const MEMORY_PROVIDERS: f64 = 0.08;

/// What a provider with five addresses costs, in bytes.
const PROVIDER_BYTES: f64 = 512.0;

/// Providers known at least and at most, whatever the memory.
const PROVIDERS: (u64, u64) = (10_000, 4_000_000);

/// Connections of scrapers at a time.
const SCRAPERS: usize = 64;

/// Share of the disk for records.
const DISK_RECORDS: f64 = 0.9;

/// What a connection costs at most (a QUIC one), in bytes.
const CONNECTION_BYTES: f64 = 95.0 * 1024.0;

/// Share of the descriptors for connections.
const FILES_CONNECTIONS: f64 = 0.9;

/// Connections half open at one time: a handshake holds some 20 KiB.
const HANDSHAKES_OPEN: usize = 4096;

impl Config {
    #[must_use]
    pub fn policy(&self) -> routing::AddressPolicy {
        match self.network.address_policy {
            AddressPolicy::Public => routing::AddressPolicy::Public,
            AddressPolicy::Any => routing::AddressPolicy::Any,
        }
    }

    /// Heads serve only once a peer dialled them back: on a public network that has others.
    #[must_use]
    pub fn proves_reach(&self) -> bool {
        self.network.address_policy == AddressPolicy::Public
            && self.network.reachability == Reachability::Auto
            && !self.network.bootstrap_peers.is_empty()
    }

    /// The DHT protocol; a prefix was checked when it was read.
    #[must_use]
    pub fn protocol(&self) -> StreamProtocol {
        let name = self.network.protocol_prefix.kad_protocol();
        StreamProtocol::try_from_owned(name).unwrap_or(StreamProtocol::new("/ipfs/kad/1.0.0"))
    }

    #[must_use]
    pub fn log_format(&self) -> log::Format {
        match self.log.format {
            LogFormat::Text => log::Format::Human,
            LogFormat::Json => log::Format::Json,
        }
    }

    /// Memory of the process, in bytes.
    #[must_use]
    pub fn memory(&self, machine: &Machine) -> u64 {
        self.limits.max_memory.map_or((machine.memory as f64 * MEMORY) as u64, |bytes| bytes.0)
    }

    #[must_use]
    pub fn budget(&self, machine: &Machine) -> budget::Config {
        let memory = self.memory(machine);
        let files = self.limits.max_files.unwrap_or(machine.files).min(machine.files);
        let by_memory = memory as f64 * MEMORY_CONNECTIONS / CONNECTION_BYTES;
        let connections = by_memory.min(files as f64 * FILES_CONNECTIONS) as usize;
        let rate = f64::from(self.limits.handshakes_per_second);
        budget::Config {
            connections: self.limits.max_connections.map_or(connections, |n| n as usize),
            connections_per_ip: self.limits.connections_per_ip(self.heads.count) as usize,
            handshakes_per_second: rate,
            handshakes_open: HANDSHAKES_OPEN,
            files,
            memory,
        }
    }

    #[must_use]
    pub fn service(&self) -> dht::Config {
        let reply_max = usize::try_from(self.dht.reply_max.0).unwrap_or(usize::MAX);
        dht::Config { policy: self.policy(), reply_max, ..dht::Config::default() }
    }

    #[must_use]
    pub fn belly(&self, machine: &Machine) -> LogConfig {
        let whole = self.memory(machine) as f64;
        let memory = self.belly.max_memory.map_or((whole * MEMORY_RECORDS) as u64, |bytes| bytes.0);
        let max_disk = self.belly.max_disk.map_or_else(
            || ((disk_free(&self.belly_dir()) + dir_bytes(&self.belly_dir())) as f64 * DISK_RECORDS) as u64,
            |bytes| bytes.0,
        );
        let index = match self.belly.index {
            BellyIndex::Auto => IndexMode::Auto,
            BellyIndex::Memory => IndexMode::Memory,
            BellyIndex::Segments => IndexMode::Segments,
        };
        let mut config = LogConfig::new(self.belly_dir()).with_memory(memory).with_index(index, max_disk);
        if let Some(records) = self.belly.max_records {
            config.max_records = config.max_records.min(records);
        }
        let providers = (whole * MEMORY_PROVIDERS / PROVIDER_BYTES) as u64;
        config.max_providers = providers.clamp(PROVIDERS.0, PROVIDERS.1);
        config
    }

    #[must_use]
    pub fn prefetch(&self) -> prefetch::Config {
        prefetch::Config {
            scope: match self.prefetch.scope {
                PrefetchScope::Any => prefetch::Scope::Any,
                PrefetchScope::Near => prefetch::Scope::Near,
                PrefetchScope::Off => prefetch::Scope::Off,
            },
            keys: self.prefetch.queue,
            lookups: self.prefetch.lookups,
            keys_per_asker: self.prefetch.queue_per_asker,
            walks_per_second: self.prefetch.walks_per_second,
        }
    }

    /// Where peers are logged, if they are.
    #[must_use]
    pub fn peer_log(&self) -> Option<peer_log::Config> {
        Some(peer_log::Config {
            path: self.peers.log.clone()?,
            max_bytes: self.peers.log_max_size.0,
            files: self.peers.log_files,
        })
    }

    /// Bounds of the cache of looked-up records.
    #[must_use]
    pub fn prefetched(&self) -> Limits {
        Limits {
            records: self.prefetch.max_records,
            bytes: self.prefetch.max_memory.0,
            life: self.prefetch.keep,
        }
    }

    /// The belly may be deleted at any time; the state beside it may not.
    #[must_use]
    pub fn belly_dir(&self) -> PathBuf {
        self.data_dir.join("belly")
    }

    #[must_use]
    pub fn scout(&self) -> scout::Config {
        scout::Config {
            protocol: self.protocol(),
            policy: self.policy(),
            bootstrap: self.network.bootstrap_peers.clone(),
            crawl_every: self.scout.crawl_every,
            parallel: self.scout.parallel,
        }
    }

    /// The door of the HTTP API, unless it is off.
    #[must_use]
    pub fn http(&self) -> Option<serve::Door> {
        let bounds = serve::Bounds { connections: self.http.max_connections, ..serve::Bounds::default() };
        self.http.door.open("http", "http.hosts", Origins::Same, bounds)
    }

    /// The door of Delegated Routing, unless it is off. Everybody is told the same there, so
    /// everybody's web pages may ask.
    #[must_use]
    pub fn routing(&self) -> Option<serve::Door> {
        let connections = self.routing.max_connections;
        let bounds = serve::Bounds { connections, half_close: false, ..serve::Bounds::default() };
        self.routing.door.open("routing", "routing.hosts", Origins::Any, bounds)
    }

    /// The door of the metrics, unless it is off, and what is told there.
    #[must_use]
    pub fn metrics(&self) -> (Option<serve::Door>, metrics::Config) {
        let bounds = serve::Bounds { connections: SCRAPERS, body: 0, ..serve::Bounds::default() };
        let door = self.metrics.door.open("metrics", "metrics.hosts", Origins::Same, bounds);
        let (per_head, compatibility) = (self.metrics.per_head, self.metrics.compatibility);
        (door, metrics::Config { per_head, compatibility })
    }

    #[must_use]
    pub fn hydra(&self, ips: Vec<IpAddr>) -> hydra::Config {
        let (settings, policy) = (self.listen.clone(), self.policy());
        hydra::Config {
            name: self.name.clone(),
            data_dir: self.data_dir.clone(),
            control_socket: self.control.socket.clone(),
            indexes: self.identity.indexes.clone(),
            port_begin: self.listen.port_begin,
            policy,
            protocol: self.protocol(),
            lease: self.http.idgen_lease,
            target: self.heads.target,
            measure_every: self.presence.measure_every,
            alone: self.network.bootstrap_peers.is_empty(),
            listen: Box::new(move |place| listen::spread(&ips, place)),
            announce: Box::new(move |ips, port| announced(&settings, policy, ips, port)),
        }
    }
}

/// What a head says of itself: the templates, or where it listens; less what is not to be
/// announced and what the policy forbids.
fn announced(
    settings: &super::ListenConfig,
    policy: routing::AddressPolicy,
    ips: &[IpAddr],
    port: u16,
) -> Vec<Multiaddr> {
    let mut addresses: Vec<Multiaddr> = Vec::new();
    for ip in ips {
        let own = if settings.announce.is_empty() {
            listen_addresses(*ip, port).to_vec()
        } else {
            settings.announce.iter().filter_map(|template| template.expand(*ip, port)).collect()
        };
        let hidden = |address: &Multiaddr| settings.no_announce.iter().any(|t| t.covers(address, *ip, port));
        let allowed =
            |address: &Multiaddr| class(address.as_ref()).is_some_and(|class| policy.allows(&class));
        addresses.extend(own.into_iter().filter(|address| allowed(address) && !hidden(address)));
    }
    let mut seen = std::collections::HashSet::new();
    addresses.retain(|address| seen.insert(address.clone()));
    addresses
}
