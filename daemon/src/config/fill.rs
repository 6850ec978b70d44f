//! From what was written to a [`Config`]: each value understood, then all checked against
//! each other.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libp2p::Multiaddr;
use serde_json::Value;

use super::addresses::bootstrap;
use super::error::Problem;
use super::origin::{Annotated, Origin};
use super::readers::{
    auto, bytes, level, listen, name, number, quoted, routers, shorten, small, socket, templates, unnamed,
};
use super::settings::{MAX_HEADS, SETTINGS, Setting, find};
use super::shown::Shown;
use super::sources::{Given, Layers, Written};
use super::surroundings::Surroundings;
use super::{
    BellyConfig, Config, ConfigErrors, ControlConfig, DhtConfig, HeadsConfig, IdentityConfig, LimitsConfig,
    ListenConfig, LogConfig, NetworkConfig, PeersConfig, PrefetchConfig, PresenceConfig, ScoutConfig, Source,
    file, paths,
};
use crate::identity::{IndexSet, MAX_INDEX, Seed, Trimmed};
use crate::prefetch::bridge;

/// What is shown of a secret.
const SECRET: &str = "(secret, 32 bytes)";

/// Understands and checks everything.
pub(super) fn fill(layers: Layers, source: Source) -> Result<Config, ConfigErrors> {
    let mut fill = Fill {
        given: layers.given,
        problems: layers.problems,
        warnings: layers.warnings,
        shown: BTreeMap::new(),
    };
    let parts = fill.all(&source);
    match parts {
        Some(mut config) if fill.problems.is_empty() => {
            config.files = layers.files;
            config.warnings = fill.warnings;
            config.origins = SETTINGS.iter().filter_map(|setting| fill.shown.remove(setting.key)).collect();
            Ok(config)
        }
        _ => Err(ConfigErrors(fill.problems)),
    }
}

pub(super) struct Fill {
    given: BTreeMap<&'static str, Vec<Given>>,
    pub(super) problems: Vec<Problem>,
    warnings: Vec<String>,
    shown: BTreeMap<&'static str, Annotated>,
}

impl Fill {
    /// `None` when a value could not be understood; the problems say which.
    fn all(&mut self, source: &Source) -> Option<Config> {
        let at = &source.at;
        let data_dir = self.data_dir(at);
        let name = self.one("name", |text| name(text, at));
        let seed = self.seed(at);
        let idgen = self.idgen(at);
        let indexes = self.indexes();
        let count = self.heads(indexes.as_ref());
        let target = self.one("heads.target", quoted);
        let ips = self.many("listen.ips", listen);
        let port_begin = self.one("listen.port_begin", number(0..=65_535));
        self.ports_suffice(port_begin, count);
        let announce = self.many("listen.announce", templates);
        let no_announce = self.many("listen.no_announce", templates);
        let bootstrap_peers = self.bootstrap();
        let protocol_prefix = self.one("network.protocol_prefix", quoted);
        let address_policy = self.one("network.address_policy", quoted);
        let reachability = self.one("network.reachability", quoted);
        let per_bucket = self.one("presence.per_bucket", number(0..=16));
        let measure_seconds = self.one("presence.measure_seconds", number(10..=86_400));
        let crawl_seconds = self.one("scout.crawl_seconds", number(60..=86_400));
        let parallel = self.one("scout.parallel", number(1..=1024));
        let reply_max = self.one("dht.reply_max", bytes(16 << 10..=4 << 20));
        let belly_index = self.one("belly.index", quoted);
        let max_records = self.one("belly.max_records", auto(number(1000..=10_000_000_000)));
        let belly_memory = self.one("belly.max_memory", auto(bytes(1 << 20..=64 << 40)));
        let belly_disk = self.one("belly.max_disk", auto(bytes(64 << 20..=1024 << 40)));
        let prefetch = self.prefetch();
        let peers = self.peers();
        let control = self.sockets(at, data_dir.as_deref());
        let http = self.http(data_dir.as_deref());
        let routing = self.routing();
        let metrics = self.metrics();
        let max_connections = self.one("limits.max_connections", auto(number(1..=10_000_000)));
        let max_connections_per_ip = self.one("limits.max_connections_per_ip", auto(number(1..=1_000_000)));
        let handshakes_per_second = self.one("limits.handshakes_per_second", number(1..=100_000));
        let max_memory = self.one("limits.max_memory", auto(bytes(64 << 20..=64 << 40)));
        let max_files = self.one("limits.max_files", auto(number(64..=1_000_000_000)));
        let format = self.one("log.format", quoted);
        let level = self.one("log.level", level);
        let ui = self.one("ui.theme", quoted);
        Some(Config {
            data_dir: data_dir?,
            name: name?,
            identity: IdentityConfig { seed: seed?, idgen: idgen?, indexes: indexes? },
            heads: HeadsConfig { count: count?, target: target? },
            listen: ListenConfig {
                ips: ips?,
                port_begin: u16::try_from(port_begin?).ok()?,
                announce: announce?,
                no_announce: no_announce?,
            },
            network: NetworkConfig {
                bootstrap_peers: bootstrap_peers?,
                protocol_prefix: protocol_prefix?,
                address_policy: address_policy?,
                reachability: reachability?,
            },
            presence: PresenceConfig {
                per_bucket: usize::try_from(per_bucket?).ok()?,
                measure_every: Duration::from_secs(measure_seconds?),
            },
            scout: ScoutConfig {
                crawl_every: Duration::from_secs(crawl_seconds?),
                parallel: usize::try_from(parallel?).ok()?,
            },
            dht: DhtConfig { reply_max: reply_max? },
            belly: BellyConfig {
                index: belly_index?,
                max_records: max_records?,
                max_memory: belly_memory?,
                max_disk: belly_disk?,
            },
            prefetch: prefetch?,
            peers: peers?,
            control: control?,
            http: http?,
            routing: routing?,
            metrics: metrics?,
            limits: LimitsConfig {
                max_connections: small(max_connections?)?,
                max_connections_per_ip: small(max_connections_per_ip?)?,
                handshakes_per_second: u32::try_from(handshakes_per_second?).ok()?,
                max_memory: max_memory?,
                max_files: max_files?,
            },
            log: LogConfig { format: format?, level: level? },
            ui: ui?,
            origins: Vec::new(),
            files: Vec::new(),
            source: source.clone(),
            warnings: Vec::new(),
        })
    }

    fn setting(key: &str) -> &'static Setting {
        find(key).unwrap_or(&SETTINGS[0])
    }

    /// The value in force.
    pub(super) fn top(&self, key: &str) -> Given {
        let top = self.given.get(key).and_then(|layers| layers.last()).cloned();
        top.unwrap_or(Given { origin: Origin::Default, written: Written::new() })
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.top(key).written.into_iter().next().unwrap_or_default()
    }

    pub(super) fn is_given(&self, key: &str) -> bool {
        self.top(key).origin != Origin::Default && !self.text(key).is_empty()
    }

    /// Understands a setting of one value; the error begins after the value.
    pub(super) fn one<T: Shown>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let setting = Self::setting(key);
        let text = self.text(key);
        let value = read(&text).map_err(|fault| {
            let shown =
                if setting.secret { "the value".to_owned() } else { format!("\"{}\"", shorten(&text)) };
            format!("{shown} {fault}")
        });
        self.understood(key, value)
    }

    /// Understands a list; the error names the item.
    pub(super) fn many<T: Shown>(
        &mut self,
        key: &'static str,
        read: impl Fn(&[String]) -> Result<T, String>,
    ) -> Option<T> {
        let value = read(&self.top(key).written);
        self.understood(key, value)
    }

    fn understood<T: Shown>(&mut self, key: &'static str, value: Result<T, String>) -> Option<T> {
        match value {
            Ok(value) => {
                self.show(key, value.text(), value.json());
                Some(value)
            }
            Err(text) => {
                let text = format!("{text}; allowed: {}", Self::setting(key).allowed);
                self.problems.push(Problem::at(key, &self.top(key).origin, text));
                None
            }
        }
    }

    fn show(&mut self, key: &'static str, value: String, json: Value) {
        let secret = Self::setting(key).secret;
        let layers = self.given.get(key).map(Vec::as_slice).unwrap_or_default();
        let below = layers.iter().rev().skip(1).filter(|given| given.origin != Origin::Default);
        let hidden =
            |given: &Given| if secret { SECRET.to_owned() } else { shorten(&given.written.join(", ")) };
        let overrides = below.map(|given| (given.origin.clone(), hidden(given))).collect();
        let origin = self.top(key).origin;
        self.shown.insert(key, Annotated { key, value, json, origin, note: String::new(), overrides });
    }

    fn data_dir(&mut self, at: &Surroundings) -> Option<PathBuf> {
        self.one("data_dir", |text| match text {
            "auto" => paths::data_dir(at).map_err(|why| format!("finds no place: {why}")),
            "" => Err("is no path".to_owned()),
            text => Ok(text.into()),
        })
    }

    /// The seed, from the setting or from the file; `Some(None)` when there is none.
    fn seed(&mut self, at: &Surroundings) -> Option<Option<Seed>> {
        let (key, file_key) = ("identity.seed", "identity.seed_file");
        let (inline, file) = (self.top(key), self.top(file_key));
        let path = self.text(file_key);
        self.show(key, String::new(), Value::Null);
        self.show(file_key, path.clone(), if path.is_empty() { Value::Null } else { path.clone().into() });
        if self.is_given(key) && self.is_given(file_key) {
            let text = format!("there is also {file_key} in {}; give one of them", file.origin);
            self.problems.push(Problem::at(key, &inline.origin, text));
            return None;
        }
        let (text, origin) = if path.is_empty() {
            (self.text(key), inline.origin)
        } else {
            let origin = Origin::File { path: path.clone().into(), line: None };
            match file::text(&at.real(Path::new(&path))) {
                Ok(text) => (text, origin),
                Err(why) => {
                    let text = format!("{path} {why}");
                    let next = "check the path, and that this user may read it; a new seed: hydrad seed new";
                    self.problems.push(Problem::at(file_key, &file.origin, text).next(next));
                    return None;
                }
            }
        };
        if text.is_empty() && path.is_empty() {
            return Some(None);
        }
        match Seed::parse(&text) {
            Ok((seed, trimmed)) => {
                self.seed_warnings(&origin, &path, at);
                if let Some(shown) = self.shown.get_mut(key) {
                    shown.value = SECRET.to_owned();
                    shown.json = SECRET.into();
                    shown.origin = origin;
                    shown.note = trimmed.to_string();
                }
                Some(Some(seed))
            }
            Err(error) => {
                let trimmed = match Seed::trim(&text).1 {
                    none if none == Trimmed::default() => String::new(),
                    some => format!("{some}, that is fine; "),
                };
                let next =
                    format!("{trimmed}a new one: hydrad seed new      the peer ids will change with it");
                self.problems.push(Problem::at(key, &origin, error.to_string()).next(next));
                None
            }
        }
    }

    fn seed_warnings(&mut self, origin: &Origin, path: &str, at: &Surroundings) {
        if let Origin::Flag(flag) = origin {
            let text = format!(
                "--{flag} shows the seed to everyone who lists this machine's processes; put it into a file and \
                 name that with --random-seed-file"
            );
            self.warnings.push(text);
        }
        let mode = std::fs::metadata(at.real(Path::new(path))).map(|found| found.mode()).unwrap_or(0);
        if !path.is_empty() && mode & 0o007 != 0 {
            let mode = mode & 0o777;
            self.warnings.push(format!(
                "the seed in {path} may be read by everyone (mode {mode:04o}); chmod 0600 {path}"
            ));
        }
    }

    fn indexes(&mut self) -> Option<IndexSet> {
        let (key, offset_key) = ("identity.indexes", "identity.id_offset");
        let offset = self.one(offset_key, number(0..=u64::from(MAX_INDEX)));
        let given = self.is_given(key);
        if given && self.is_given(offset_key) {
            let text =
                format!("there is also {offset_key} in {}; give one of them", self.top(offset_key).origin);
            self.problems.push(Problem::at(key, &self.top(key).origin, text));
            return None;
        }
        if given {
            return self
                .one(key, |text| text.parse::<IndexSet>().map_err(|error| format!("is refused: {error}")));
        }
        self.show(key, String::new(), Value::Null);
        Some(IndexSet::starting_at(u32::try_from(offset?).ok()?))
    }

    fn heads(&mut self, indexes: Option<&IndexSet>) -> Option<u32> {
        let key = "heads.count";
        let written = self.one(key, auto(number(0..=u64::from(MAX_HEADS))))?;
        let indexes = indexes?;
        let count = match written {
            Some(count) => u32::try_from(count).ok()?,
            None => indexes.size().unwrap_or(1),
        };
        if count > indexes.capacity() {
            let text = format!(
                "{count} heads need {count} indices; identity.indexes in {} has {}",
                self.top("identity.indexes").origin,
                indexes.capacity()
            );
            self.problems.push(Problem::at(key, &self.top(key).origin, text));
            return None;
        }
        if count > MAX_HEADS {
            let text = format!(
                "it has {count} indices, more than {MAX_HEADS} heads; say with heads.count how many start"
            );
            self.problems.push(Problem::at("identity.indexes", &self.top("identity.indexes").origin, text));
            return None;
        }
        self.show(key, count.to_string(), count.into());
        Some(count)
    }

    fn prefetch(&mut self) -> Option<PrefetchConfig> {
        let scope = self.one("prefetch.scope", quoted);
        let queue = self.one("prefetch.queue", number(1..=100_000));
        let queue_per_asker = self.one("prefetch.queue_per_asker", number(1..=100_000));
        let lookups = self.one("prefetch.lookups", number(1..=1_000));
        let walks_per_second = self.one("prefetch.walks_per_second", number(1..=10_000));
        let max_records = self.one("prefetch.max_records", number(1_000..=10_000_000));
        let max_memory = self.one("prefetch.max_memory", bytes(1 << 20..=64 << 30));
        let keep_seconds = self.one("prefetch.keep_seconds", number(1..=3_600));
        let routers = self.many("prefetch.routers", routers);
        let inline_ms = self.one("prefetch.inline_milliseconds", number(50..=5_000));
        let requests_per_second = self.one("prefetch.router_requests_per_second", number(1..=10_000));
        let requests = self.one("prefetch.router_requests", number(1..=1_000));
        Some(PrefetchConfig {
            scope: scope?,
            queue: u32::try_from(queue?).ok()?,
            queue_per_asker: u32::try_from(queue_per_asker?).ok()?,
            lookups: u32::try_from(lookups?).ok()?,
            walks_per_second: u32::try_from(walks_per_second?).ok()?,
            max_records: max_records?,
            max_memory: max_memory?,
            keep: Duration::from_secs(keep_seconds?),
            bridge: bridge::Config {
                routers: routers?,
                inline_deadline: Duration::from_millis(inline_ms?),
                requests_per_second: u32::try_from(requests_per_second?).ok()?,
                requests: u32::try_from(requests?).ok()?,
            },
        })
    }

    fn peers(&mut self) -> Option<PeersConfig> {
        let log = self.one("peers.log", |text| match text.ends_with('/') {
            true => Err("is the name of a directory".to_owned()),
            false => Ok(text.to_owned()),
        });
        let log_max_size = self.one("peers.log_max_size", bytes(64 << 10..=1 << 40));
        let log_files = self.one("peers.log_files", number(1..=1_000));
        Some(PeersConfig {
            log: log.map(|path| (!path.is_empty()).then(|| PathBuf::from(path)))?,
            log_max_size: log_max_size?,
            log_files: u32::try_from(log_files?).ok()?,
        })
    }

    /// Shown as written: "default" says more than five long addresses.
    fn bootstrap(&mut self) -> Option<Vec<Multiaddr>> {
        let key = "network.bootstrap_peers";
        let peers = self.many(key, bootstrap)?;
        let written = self.top(key).written.join(", ");
        if let Some(shown) = self.shown.get_mut(key) {
            shown.value = written;
        }
        Some(peers)
    }

    fn ports_suffice(&mut self, begin: Option<u64>, count: Option<u32>) {
        let (Some(begin), Some(count)) = (begin, count) else {
            return;
        };
        let last = begin + u64::from(count).saturating_sub(1);
        if begin != 0 && last > 65_535 {
            let key = "listen.port_begin";
            let most = 65_536 - u64::from(count);
            let text = format!("{count} heads from port {begin} on go to port {last}; the last is 65535");
            let next = format!("begin at {most} or below, or start fewer heads");
            self.problems.push(Problem::at(key, &self.top(key).origin, text).next(next));
        }
    }

    fn sockets(&mut self, at: &Surroundings, data_dir: Option<&Path>) -> Option<ControlConfig> {
        let (key, observe_key) = ("control.socket", "control.observe_socket");
        let data_dir = data_dir?;
        let control = self.one(key, |text| match text {
            "auto" => unnamed(paths::control_socket(at, data_dir)),
            text => socket(text.into()),
        });
        let beside = control.as_deref().map(paths::observe_beside);
        let observe_socket = self.one(observe_key, |text| match text {
            // Where the control socket is refused already, the one beside it is not again.
            "auto" => beside.clone().map_or(Ok(PathBuf::new()), unnamed),
            text => socket(text.into()),
        });
        let (socket, observe_socket) = (control?, observe_socket?);
        if socket == observe_socket {
            let text = format!("it is the same path as {key} in {}; name another", self.top(key).origin);
            self.problems.push(Problem::at(observe_key, &self.top(observe_key).origin, text));
            return None;
        }
        Some(ControlConfig { socket, observe_socket })
    }
}
