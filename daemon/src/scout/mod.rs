//! The scout: the one client-mode identity that looks around for all heads.
//!
//! Owns the crawl that keeps the table true, the lookups, and what is known of the network's
//! size. It never serves and announces nothing. One task drives the swarm, one the crawl;
//! lookups are driven by whoever asks for them.

mod answer;
mod asker;
mod crawl;
pub mod lookup;
pub mod size;
mod task;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use libp2p::swarm::StreamProtocol;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub use self::lookup::Lookup;
use self::size::Estimate;
use crate::limits::Budget;
use crate::net::ledger::Ledger;
use crate::net::transport::TransportError;
use crate::routing::{AddressPolicy, Contacts, Table};
use crate::state::PeerRow;
use crate::telemetry::asked::AskedTotals;
use crate::telemetry::{Asked, AskedFor, Events};
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
    /// Each server is asked once in this time for all it knows.
    pub crawl_every: Duration,
    /// Servers visited at a time.
    pub parallel: usize,
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

/// What the scout has found out about the way to the network, and about the network.
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
    pub crawl: CrawlReport,
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

/// How the crawl goes, and what it says of the network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CrawlReport {
    /// Servers heard of that wait for their first visit, or for a later try.
    pub waiting: usize,
    /// Visits under way.
    pub visiting: usize,
    /// Servers of the table that were not yet asked for all they know.
    pub unwalked: usize,
    /// Servers that went and are looked for now and then.
    pub lost: usize,
    /// Between two checks of a server: shorter the faster servers go.
    pub check_every: Duration,
    /// Share of the servers that goes in a minute, measured.
    pub gone_per_minute: f64,
    /// Size of the network, our heads left out, told in two ways.
    pub by_count: Option<Estimate>,
    pub by_distance: Option<Estimate>,
    /// Lookups of random keys that the size by distance rests on.
    pub lookups: usize,
    /// Mean number of hops after which such a lookup knew the nearest peers; 1: all stood in
    /// the table. Our heads are not asked.
    pub hops: Option<f64>,
    /// The same for lookups that start as a client's do, from a Kademlia table of k peers a
    /// bucket; and for those when one of our heads is among the first that are asked.
    pub client_hops: Option<f64>,
    pub client_hops_with_head: Option<f64>,
    /// From the start to the last new server of the first full crawl; `None` until it is
    /// complete.
    pub complete_after: Option<Duration>,
}

/// The running scout.
pub struct Scout {
    report: watch::Receiver<Report>,
    kept: mpsc::Sender<Vec<PeerRow>>,
    lookup: Lookup,
    asked: Arc<Asked>,
    tasks: [JoinHandle<()>; 2],
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
        let (kept, keeps) = mpsc::channel(1);
        let asked = Arc::new(Asked::default());
        let (asker, calls) = asker::Asker::new(Arc::clone(&asked), AskedFor::Clients);
        let shared = Arc::new(shared);
        let (policy, bootstrap) = (config.policy, config.bootstrap.clone());
        let crawl = crawl::Config { every: config.crawl_every, parallel: config.parallel };
        let task = task::Task::new(config, Arc::clone(&shared), calls)?;
        let crawls = asker.apart().asking_for(AskedFor::Crawl);
        let eyes = lookup::Eyes {
            asker,
            table: Arc::clone(&shared.table),
            contacts: Arc::clone(&shared.contacts),
            policy,
            me: task.identity(),
            found: candidates.0,
        };
        let lookup = Lookup::new(Arc::new(eyes.clone()));
        let eyes = Arc::new(lookup::Eyes { asker: crawls, ..eyes });
        let inbox = crawl::Inbox { candidates: candidates.1, kept: keeps };
        let crawl = crawl::Crawl::new(bootstrap, crawl, shared, eyes, inbox, says);
        let tasks = [tokio::spawn(task.run()), tokio::spawn(crawl.run())];
        Ok(Self { report, kept, lookup, asked, tasks })
    }

    #[must_use]
    pub fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// Looks things up in the network; the requests are counted as for this.
    #[must_use]
    pub fn lookup(&self, asked_for: AskedFor) -> Lookup {
        self.lookup.asking_for(asked_for)
    }

    /// Bytes of all answers and of all requests since the start.
    #[must_use]
    pub fn bytes(&self) -> [u64; 2] {
        self.asked.bytes()
    }

    /// What became of the requests since the start.
    #[must_use]
    pub fn asked(&self) -> Vec<AskedTotals> {
        self.asked.totals()
    }

    /// Servers known from an earlier run: each enters the table again when it answers.
    pub async fn restore(&self, kept: Vec<PeerRow>) {
        // the scout may have been stopped meanwhile
        self.kept.send(kept).await.ok();
    }

    /// Ends the scout and its connections.
    pub fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
