//! The hydra: how many heads there are, what state they are in, and how the whole is.
//!
//! Owns the roster of heads and the periodic work (sampling, serving decisions, saving the
//! table, trimming, warnings). Everything that the API shows or changes goes through
//! [`Hydra`]; requests of the DHT never come here.

mod borrow;
mod capacity;
mod causes;
pub mod lease;
mod near;
mod network;
pub mod notify;
pub mod pending;
mod presence;
mod readings;
mod roster;
mod rounds;
mod samples;
mod size;
pub mod target;
pub mod traffic;
mod trim;
mod unique;
mod warming;
mod warnings;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use libp2p::Multiaddr;
use libp2p::swarm::StreamProtocol;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::belly::Belly;
use crate::dht::Service;
use crate::head;
use crate::identity::{IndexSet, Sequence};
use crate::limits::Budget;
use crate::net::idgen::Idgen;
use crate::prefetch::Prefetch;
use crate::routing::{AddressPolicy, Contacts, Table};
use crate::scout::Scout;
use crate::state::State;
use crate::telemetry::doors::Door;
use crate::telemetry::{Archive, Events, History};
use crate::wire::Key256;

pub use capacity::{Choice, NoRoom, Plan};
pub use network::{Check, Finding};
pub use presence::{GroupOfHeads, Lists, Neighbour, Presence};
pub use roster::{HeadState, HeadView, RosterError, Selector};
pub use samples::Averages;
pub use size::Sizes;
pub use target::Target;
pub use warming::Warming;
pub use warnings::{CODES, Warning};

/// Settings of the hydra.
pub struct Config {
    pub name: String,
    pub data_dir: PathBuf,
    pub control_socket: PathBuf,
    /// Indices that heads may take, in this order.
    pub indexes: IndexSet,
    /// 0: free ports, chosen once.
    pub port_begin: u16,
    pub policy: AddressPolicy,
    pub protocol: StreamProtocol,
    /// How long another hydra has an id of our sequence before it must renew it.
    pub lease: Duration,
    /// What the number of heads follows.
    pub target: target::Target,
    /// The servers nearest to each head are asked once in this time whether they list it.
    pub measure_every: Duration,
    /// Nobody to bootstrap from: a hydra of its own, heads serve at once.
    pub alone: bool,
    /// The addresses that the head at this place of the index set listens on.
    pub listen: Listen,
    /// What a head announces that listens on these addresses and this port.
    pub announce: Announce,
}

/// From a place in the index set to the addresses listened on there.
pub type Listen = Box<dyn Fn(usize) -> Vec<IpAddr> + Send + Sync>;

/// From addresses and a port to what is announced.
pub type Announce = Box<dyn Fn(&[IpAddr], u16) -> Vec<Multiaddr> + Send + Sync>;

/// What the hydra stands on; made by `boot`.
pub struct Parts {
    pub state: State,
    pub sequence: Sequence,
    pub belly: Arc<dyn Belly>,
    pub service: Arc<Service>,
    pub table: Arc<Table>,
    pub contacts: Arc<Contacts>,
    pub budget: Arc<Budget>,
    pub events: Arc<Events>,
    pub history: Arc<History>,
    pub archive: Arc<Archive>,
    pub shared: Arc<head::Shared>,
    pub scout: Scout,
    pub prefetch: Prefetch,
    /// Where ids come from when there is no seed.
    pub idgen: Option<Idgen>,
    /// Tells the scout where the heads are.
    pub places: watch::Sender<Vec<Key256>>,
}

/// The daemon as its operators see it.
pub struct Hydra {
    pub config: Config,
    pub state: State,
    pub belly: Arc<dyn Belly>,
    pub service: Arc<Service>,
    pub table: Arc<Table>,
    pub contacts: Arc<Contacts>,
    pub budget: Arc<Budget>,
    pub events: Arc<Events>,
    pub history: Arc<History>,
    pub archive: Arc<Archive>,
    pub scout: Scout,
    pub prefetch: Prefetch,
    /// Doors for other programs that are open.
    pub doors: Mutex<Vec<Arc<Door>>>,
    /// Doors that could not be opened yet, and why.
    closed_doors: Mutex<BTreeMap<&'static str, String>>,
    pub started: Instant,
    pub started_at: SystemTime,
    roster: roster::Roster,
    idgen: Option<Idgen>,
    samples: Mutex<samples::Samples>,
    warnings: Mutex<warnings::Warnings>,
    meter: Mutex<warming::Meter>,
    target: target::Shown,
    /// What the number of heads follows.
    aim: watch::Sender<Target>,
    /// What the files say now and does not run, in words.
    pending: Mutex<pending::Pending>,
    /// By index of the head.
    presence: Mutex<HashMap<u32, presence::Measured>>,
    phase: watch::Sender<Phase>,
}

/// Where the daemon is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Running,
    Draining,
}

/// The state that operators see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonState {
    Starting,
    /// Up, no head serves yet.
    Warming,
    Serving,
    /// Nobody to talk to.
    NoPeers,
    Draining,
}

impl DaemonState {
    /// The word in screens and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Warming => "warming",
            Self::Serving => "serving",
            Self::NoPeers => "no peers",
            Self::Draining => "draining",
        }
    }
}

/// Time for all heads to withdraw at shutdown.
const WITHDRAW: Duration = Duration::from_secs(20);

impl Hydra {
    #[must_use]
    pub fn new(config: Config, parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            roster: roster::Roster::new(parts.sequence, parts.shared, parts.places),
            idgen: parts.idgen,
            aim: watch::channel(config.target).0,
            pending: Mutex::default(),
            config,
            state: parts.state,
            belly: parts.belly,
            service: parts.service,
            table: parts.table,
            contacts: parts.contacts,
            budget: parts.budget,
            events: parts.events,
            history: parts.history,
            archive: parts.archive,
            scout: parts.scout,
            prefetch: parts.prefetch,
            doors: Mutex::default(),
            closed_doors: Mutex::default(),
            started: Instant::now(),
            started_at: SystemTime::now(),
            samples: Mutex::default(),
            warnings: Mutex::default(),
            meter: Mutex::default(),
            target: Mutex::default(),
            presence: Mutex::default(),
            phase: watch::channel(Phase::Starting).0,
        })
    }

    /// The heads are up, as far as they can be.
    pub fn running(&self) {
        self.phase.send_replace(Phase::Running);
    }

    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    #[must_use]
    pub fn daemon_state(&self) -> DaemonState {
        match self.phase() {
            Phase::Starting => DaemonState::Starting,
            Phase::Draining => DaemonState::Draining,
            Phase::Running if self.nobody_answers() => DaemonState::NoPeers,
            Phase::Running if self.roster.serving() > 0 => DaemonState::Serving,
            Phase::Running => DaemonState::Warming,
        }
    }

    /// A door for other programs is open.
    pub fn door_is_open(&self, door: &Arc<Door>) {
        self.doors.lock().push(Arc::clone(door));
        if self.closed_doors.lock().remove(door.name).is_some() {
            self.events.good("hydrad", format!("the door {} is open", door.name));
        }
    }

    /// A door could not be opened; it is tried again.
    pub fn door_is_closed(&self, name: &'static str, why: String) {
        self.closed_doors.lock().insert(name, why);
    }

    /// Withdraws all heads, saves the table, flushes the belly.
    pub async fn shutdown(&self) {
        self.phase.send_replace(Phase::Draining);
        self.events.good("hydrad", "draining: heads withdraw, open requests are finished");
        if tokio::time::timeout(WITHDRAW, self.roster.withdraw_all()).await.is_err() {
            tracing::warn!("heads did not withdraw in {} s and are dropped", WITHDRAW.as_secs());
        }
        self.scout.stop();
        self.save_table().await;
        self.save_unique().await;
        if let Err(error) = self.belly.flush().await {
            tracing::error!(%error, "the belly's last records could not be written");
        }
    }
}
