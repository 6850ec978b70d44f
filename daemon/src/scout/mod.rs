//! The scout: the one client-mode identity that looks around for all heads.
//!
//! Plain version: it bootstraps, checks the servers it hears of (dial, identify, an answered
//! FIND_NODE for their own id), puts them into the table and keeps asking those it knows.
//! It never serves and announces nothing.

mod bootstrap;
mod checks;
mod queue;
mod task;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use libp2p::swarm::StreamProtocol;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::limits::Budget;
use crate::net::ledger::Ledger;
use crate::net::transport::TransportError;
use crate::routing::{AddressPolicy, Contacts, Table};
use crate::telemetry::Events;
use crate::wire::{AddrList, Key256};

/// A server that somebody heard of, to be checked.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub peer: PeerId,
    /// Allowed by the policy.
    pub addrs: AddrList,
}

/// Candidates told by heads that wait for the scout.
pub const CANDIDATES: usize = 1024;

/// What the scout works with.
pub struct Config {
    pub protocol: StreamProtocol,
    pub policy: AddressPolicy,
    /// Each ends in `/p2p/ID`; empty: nobody to start from.
    pub bootstrap: Vec<Multiaddr>,
    /// More than one listen address: dials leave by QUIC.
    pub many_addresses: bool,
}

/// The shared things it reads and writes.
pub struct Shared {
    pub table: Arc<Table>,
    pub contacts: Arc<Contacts>,
    pub budget: Arc<Budget>,
    pub ledger: Arc<Ledger>,
    pub events: Arc<Events>,
    /// Where the heads are in the keyspace: their neighbourhoods are explored.
    pub heads: watch::Receiver<Vec<Key256>>,
}

/// What the scout has found out about the way to the network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    pub bootstrap: BootstrapReport,
    /// Servers waiting to be checked or being checked.
    pub checking: usize,
    /// Checks since start that were answered, and that were not.
    pub answered: u64,
    pub unanswered: u64,
    /// Nothing is left to check and the last look around gave nobody new.
    pub exhausted: bool,
}

/// How bootstrapping goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BootstrapReport {
    /// Bootstrap peers configured.
    pub peers: usize,
    /// Of the last round: how many answered.
    pub answered: usize,
    /// Of the last round: answered, but do not speak our protocol.
    pub other_network: usize,
    pub rounds: u64,
    pub last_round_at: Option<SystemTime>,
    pub next_round_in: Option<Duration>,
    /// The last failure, in words.
    pub last_error: Option<String>,
}

/// The running scout.
pub struct Scout {
    report: watch::Receiver<Report>,
    candidates: mpsc::Sender<Candidate>,
    task: JoinHandle<()>,
}

impl Scout {
    /// Starts the scout; `candidates` is what heads tell it.
    ///
    /// # Errors
    /// When its transports cannot be set up.
    pub fn start(
        config: Config,
        shared: Shared,
        candidates: (mpsc::Sender<Candidate>, mpsc::Receiver<Candidate>),
    ) -> Result<Self, TransportError> {
        let (says, report) = watch::channel(Report::default());
        let task = task::Task::new(config, shared, candidates.1, says)?;
        Ok(Self { report, candidates: candidates.0, task: tokio::spawn(task.run()) })
    }

    #[must_use]
    pub fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// Servers known from elsewhere, such as the saved table.
    pub async fn check(&self, candidates: impl IntoIterator<Item = Candidate>) {
        for candidate in candidates {
            if self.candidates.send(candidate).await.is_err() {
                return;
            }
        }
    }

    /// Ends the scout and its connections.
    pub fn stop(&self) {
        self.task.abort();
    }
}
