//! One head: a key, its ports, its connections and its counters, and nothing else.
//!
//! Owns a swarm and the task that drives it. What heads know is shared and lies in the rooms
//! below; how many heads there are and when they serve is decided in `hydra/`.

mod presence;
mod reach;
mod task;
mod wanted;

use std::net::IpAddr;
use std::sync::Arc;

use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionId, StreamProtocol};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::dht::{Local, Service};
use crate::limits::Budget;
use crate::net::ledger::Ledger;
use crate::net::reachability::{Book, Report};
use crate::net::transport::TransportError;
use crate::routing::{AddressPolicy, Contacts, Table};
use crate::scout::Candidate;
use crate::telemetry::{Events, PeerLog};

/// What a head is made of.
pub struct Config {
    pub index: u32,
    pub keypair: Keypair,
    /// Concrete addresses of this host; one of each family.
    pub listen: Vec<IpAddr>,
    /// For tcp and udp.
    pub port: u16,
    /// What it announces; allowed by the policy.
    pub announce: Vec<Multiaddr>,
}

/// What all heads share.
pub struct Shared {
    pub protocol: StreamProtocol,
    pub policy: AddressPolicy,
    pub service: Arc<Service>,
    pub table: Arc<Table>,
    pub contacts: Arc<Contacts>,
    pub budget: Arc<Budget>,
    pub ledger: Arc<Ledger>,
    pub events: Arc<Events>,
    /// Servers seen by heads, for the scout to check.
    pub candidates: mpsc::Sender<Candidate>,
    /// Who says who they are is written there.
    pub peer_log: Option<PeerLog>,
    /// Servers that a head stays connected with in each farther part of the keyspace.
    pub per_bucket: usize,
    /// Heads find out whether strangers can dial them, and serve only then.
    pub proves_reach: bool,
}

/// What a head knows of its addresses.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Addresses {
    /// What it announces.
    pub announced: Vec<Multiaddr>,
    /// Whether strangers can dial it; `None` where that is not asked.
    pub reach: Option<Report>,
}

impl Addresses {
    /// As far as its addresses are concerned the head may serve.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        self.reach.as_ref().is_none_or(Report::is_reached)
    }

    /// Nobody gets through to the head.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.reach.as_ref().is_some_and(Report::is_shut)
    }
}

/// Where a head is in its life, as far as its own task knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Opening its ports.
    Starting,
    /// Makes connections, does not offer the protocol.
    Warming,
    Serving,
    /// The protocol is taken back, open requests are finished.
    Withdrawn,
    /// Could not open its ports.
    Failed(String),
    /// The task has ended.
    Ended,
}

/// What a head is told.
#[derive(Debug)]
pub enum Command {
    /// Offer the protocol from now on.
    Serve,
    /// Take the protocol back, stay connected.
    Pause,
    /// Take the protocol back, finish what is open, close everything, end. Answers how many
    /// connections were closed.
    Withdraw(oneshot::Sender<u64>),
    /// Close a connection.
    Close(PeerId, ConnectionId),
}

/// Commands waiting for one head.
const COMMANDS: usize = 64;

/// A running head.
pub struct Head {
    pub local: Arc<Local>,
    addresses: watch::Receiver<Addresses>,
    commands: mpsc::Sender<Command>,
    phase: watch::Receiver<Phase>,
    task: JoinHandle<()>,
}

impl Head {
    /// Makes the swarm and starts its task; the ports are opened by the task.
    ///
    /// # Errors
    /// When the transports cannot be set up.
    pub fn start(config: Config, shared: Arc<Shared>) -> Result<Self, TransportError> {
        let local = Arc::new(Local::new(config.index, config.keypair.public().to_peer_id()));
        let known = Addresses {
            announced: config.announce.clone(),
            reach: shared.proves_reach.then(|| Book::new(&config.announce).report()),
        };
        let (knows, addresses) = watch::channel(known);
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (says, phase) = watch::channel(Phase::Starting);
        let task = task::Task::new(config, Arc::clone(&local), shared, inbox, (says, knows))?;
        Ok(Self { local, addresses, commands, phase, task: tokio::spawn(task.run()) })
    }

    #[must_use]
    pub fn name(&self) -> String {
        name(self.local.index)
    }

    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.task.is_finished() { Phase::Ended } else { self.phase.borrow().clone() }
    }

    /// Wakes at each change of the phase.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.clone()
    }

    /// Waits for the ports: `Ok` when they are open.
    ///
    /// # Errors
    /// Why they are not.
    pub async fn opened(&self) -> Result<(), String> {
        let mut phase = self.phase.clone();
        // a task that ended says so by its last phase
        let known = phase.wait_for(|phase| *phase != Phase::Starting).await;
        match known.as_deref() {
            Ok(Phase::Failed(reason)) => Err(reason.clone()),
            Ok(Phase::Ended) | Err(_) => Err("the head ended while it started".to_owned()),
            Ok(_) => Ok(()),
        }
    }

    /// Offers the protocol, once the head is warm. Says whether the head hears of it.
    pub fn serve(&self) -> bool {
        self.commands.try_send(Command::Serve).is_ok()
    }

    /// Takes the protocol back until it may serve again. Says whether the head hears of it.
    pub fn pause(&self) -> bool {
        self.commands.try_send(Command::Pause).is_ok()
    }

    /// What it knows of its addresses now.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses.borrow().clone()
    }

    /// Closes a connection, if the head is not too busy to hear of it.
    pub fn close(&self, peer: PeerId, id: ConnectionId) -> bool {
        self.commands.try_send(Command::Close(peer, id)).is_ok()
    }

    /// Withdraws and ends the head; answers how many connections it closed.
    pub async fn withdraw(self) -> u64 {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Withdraw(done)).await.is_err() {
            return 0;
        }
        let closed = closed.await.unwrap_or(0);
        // the task ends right after its answer
        drop(self.task.await);
        closed
    }
}

/// Name of the head with this index.
#[must_use]
pub fn name(index: u32) -> String {
    format!("head-{index}")
}
