//! Iterative lookups: towards the peers nearest to a key, from what the table knows.
//!
//! Owns the order of asking ([`walk`]), deadlines and what is made of the answers. Started
//! from the table, a lookup takes one hop when the table is warm. It asks through the scout's
//! identity; our own heads are never asked. Must not write the table: whoever is named is
//! known only once the crawl has verified it.

mod client;
pub mod report;
mod search;
#[cfg(test)]
mod tests;
pub mod walk;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use libp2p::PeerId;
use tokio::sync::mpsc;

pub use report::{Asked, Ended, Outcome, Report};
pub use search::PEER;

use self::search::Search;
use crate::dht::records::{self, Choice, Invalid};
use crate::net::RpcError;
use crate::routing::{AddressPolicy, Contacts, Table};
use crate::scout::asker::{Asker, Question, Source};
use crate::scout::{Candidate, answer};
use crate::telemetry::AskedFor;
use crate::wire::bounds::{K, MAX_CLOSER_READ, MAX_MESSAGE};
use crate::wire::{AddrList, Key256, Kind, Message, Reply};

/// Peers of the table that a lookup starts from.
const START: usize = 2 * K;

/// Most providers of one lookup.
pub const MAX_PROVIDERS: usize = 10_000;

/// Providers read from one answer: 4 MiB of them cost time, not memory.
const MAX_PROVIDERS_READ: usize = 20_000;

/// What lookups see with, shared by all of them.
#[derive(Clone)]
pub(super) struct Eyes {
    pub(super) asker: Asker,
    pub(super) table: Arc<Table>,
    pub(super) contacts: Arc<Contacts>,
    pub(super) policy: AddressPolicy,
    /// The scout.
    pub(super) me: PeerId,
    /// Servers that answered a lookup and are not in the table: for the crawl.
    pub(super) found: mpsc::Sender<Candidate>,
}

impl Eyes {
    fn agent_of(&self, peer: &PeerId) -> Arc<str> {
        let known = self.contacts.get(peer).map(|connected| Arc::clone(&connected.identity.agent));
        let known = known.filter(|agent| !agent.is_empty());
        known.or_else(|| self.table.get(peer).map(|member| member.agent)).unwrap_or_else(|| "".into())
    }

    /// A peer answered a lookup: the crawl visits it when the table does not have it. A full
    /// channel loses nothing that is not heard of again.
    fn answered(&self, peer: PeerId, addrs: &AddrList) {
        if self.table.get(&peer).is_none() {
            self.found.try_send(Candidate { peer, addrs: addrs.clone() }).ok();
        }
    }
}

/// Looks things up in the network. Cheap to clone; each call is driven by its caller and is
/// given up when it is dropped.
#[derive(Clone)]
pub struct Lookup {
    eyes: Arc<Eyes>,
}

/// The peers nearest to a key.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// Those that answered, nearest first, at most k.
    pub peers: Vec<(PeerId, AddrList)>,
    pub report: Report,
}

/// A provider that a peer named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub peer: PeerId,
    /// Allowed by the policy; empty when the peer gave none.
    pub addrs: AddrList,
    /// Who named it, and how far from the table that was.
    pub from: PeerId,
    pub hop: u32,
}

/// A value that was found.
#[derive(Debug, Clone)]
pub struct Value {
    /// The best of the valid ones.
    pub value: Option<Vec<u8>>,
    /// Peers that had a valid one.
    pub holders: usize,
    /// Peers that had one that is not valid.
    pub invalid: usize,
    pub report: Report,
}

/// What came of storing something with the nearest peers.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Who took it; for an announcement, to whom it was sent, since it has no reply.
    pub by: Vec<PeerId>,
    pub failed: Vec<(PeerId, RpcError)>,
    pub report: Report,
}

impl Lookup {
    pub(super) fn new(eyes: Arc<Eyes>) -> Self {
        Self { eyes }
    }

    /// The same; its requests are counted as for this.
    pub(super) fn asking_for(&self, asked_for: AskedFor) -> Self {
        let asker = self.eyes.asker.asking_for(asked_for);
        Self::new(Arc::new(Eyes { asker, ..Eyes::clone(&self.eyes) }))
    }

    /// The identity that asks.
    #[must_use]
    pub fn identity(&self) -> PeerId {
        self.eyes.me
    }

    /// The peers nearest to a key (FIND_NODE).
    pub async fn find_node(&self, key: &[u8], deadline: Duration) -> Nearest {
        let mut search = self.search(Kind::FindNode, key, deadline);
        while search.step().await.is_some() {}
        Nearest { peers: search.closest(), report: search.report().clone() }
    }

    /// As [`Self::find_node`], but from what a client at that place of the keyspace would know
    /// instead of all the table.
    pub(in crate::scout) async fn find_node_as(
        &self,
        client: &Key256,
        key: &[u8],
        deadline: Duration,
    ) -> Nearest {
        let known = client::knows(&self.eyes.table.snapshot(), client, &Key256::of(key));
        let mut search = Search::from(Arc::clone(&self.eyes), Kind::FindNode, key, known, deadline);
        while search.step().await.is_some() {}
        Nearest { peers: search.closest(), report: search.report().clone() }
    }

    /// The addresses of a peer, server or not: ends with the first peer that has some.
    pub async fn find_peer(&self, peer: &PeerId, deadline: Duration) -> (Option<AddrList>, Report) {
        let mut search = self.search(Kind::FindNode, &peer.to_bytes(), deadline);
        let mut addrs = None;
        while let Some(found) = search.step().await {
            addrs = found.closer.into_iter().find(|(named, _)| named == peer).map(|(_, addrs)| addrs);
            if addrs.is_some() {
                search.hit(found.hop);
                search.enough();
                break;
            }
        }
        (addrs, search.report().clone())
    }

    /// Asks one peer of the table whom it knows near to a key (FIND_NODE); our own heads are
    /// not left out.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn closer(
        &self,
        peer: PeerId,
        addrs: AddrList,
        key: &[u8],
    ) -> Result<Vec<(PeerId, AddrList)>, RpcError> {
        let question = Question::about(Kind::FindNode, key);
        let answered = self.eyes.asker.ask(peer, addrs, Source::Own, &question, PEER).await?;
        let message = answer::read(&answered.body)?;
        let named = message.closer_peers().take(MAX_CLOSER_READ);
        let named = named.filter_map(|named| {
            let peer = named.peer_id()?;
            Some((peer, self.eyes.policy.admit(&peer, named.addrs())))
        });
        Ok(named.collect())
    }

    /// The providers of a key (GET_PROVIDERS), as they are found; at most `limit`, itself at
    /// most [`MAX_PROVIDERS`].
    #[must_use]
    pub fn providers(&self, key: &[u8], limit: usize, deadline: Duration) -> Providers {
        let search = self.search(Kind::GetProviders, key, deadline);
        let limit = limit.clamp(1, MAX_PROVIDERS);
        Providers { search, ready: VecDeque::new(), known: HashMap::new(), limit }
    }

    /// The value of a key (GET_VALUE): the best of what the nearest peers have, by the rules
    /// of its namespace. Ends early when `enough` peers had a valid one.
    pub async fn value(&self, key: &[u8], enough: usize, deadline: Duration) -> Value {
        let mut search = self.search(Kind::GetValue, key, deadline);
        let (mut best, mut holders, mut invalid) = (None::<Vec<u8>>, 0, 0);
        while let Some(found) = search.step().await {
            let Ok(message) = answer::read(&found.body) else { continue };
            let Some(value) = message.record.filter(|r| !r.value.is_empty() && r.key == key) else {
                continue;
            };
            let (value, now) = (value.value, SystemTime::now());
            if records::validate(key, value, now).is_err() {
                invalid += 1;
                continue;
            }
            holders += 1;
            search.hit(found.hop);
            let better =
                best.as_ref().is_none_or(|best| records::select(key, value, best, now) == Choice::New);
            if better {
                best = Some(value.to_vec());
            }
            if holders >= enough.max(1) {
                search.enough();
            }
        }
        Value { value: best, holders, invalid, report: search.report().clone() }
    }

    /// Puts a value to the nearest peers (PUT_VALUE).
    ///
    /// # Errors
    /// When the value is not valid for the key; then nobody was asked.
    pub async fn put_value(&self, key: &[u8], value: &[u8], deadline: Duration) -> Result<Stored, Invalid> {
        records::validate(key, value, SystemTime::now())?;
        let mut message = Reply::new(Kind::PutValue, key, 0);
        message.record(key, value, "");
        let question = Question { kind: Kind::PutValue, frame: message.into_frame() };
        let took = |body: &[u8]| {
            let echo = Message::read(body).ok().and_then(|echo| echo.record);
            if echo.is_some_and(|echo| echo.value == value) { Ok(()) } else { Err(RpcError::BadAnswer) }
        };
        Ok(self.store(key, &question, deadline, took).await)
    }

    /// Announces the scout itself as a provider to the nearest peers (ADD_PROVIDER): servers
    /// take only what names the identity that sent it.
    pub async fn add_provider(&self, key: &[u8], addrs: &AddrList, deadline: Duration) -> Stored {
        let mut message = Reply::new(Kind::AddProvider, key, 0);
        message.provider_peer(&self.eyes.me, addrs, MAX_MESSAGE);
        let question = Question { kind: Kind::AddProvider, frame: message.into_frame() };
        self.store(key, &question, deadline, |_| Ok(())).await
    }

    async fn store(
        &self,
        key: &[u8],
        question: &Question,
        deadline: Duration,
        took: impl Fn(&[u8]) -> Result<(), RpcError>,
    ) -> Stored {
        let mut search = self.search(Kind::FindNode, key, deadline);
        while search.step().await.is_some() {}
        let patience = PEER.min(search.left());
        let asker = &self.eyes.asker;
        let mut asking: FuturesUnordered<_> = search
            .closest()
            .into_iter()
            .map(|(peer, addrs)| async move {
                (peer, asker.ask(peer, addrs, Source::Own, question, patience).await)
            })
            .collect();
        let (mut by, mut failed) = (Vec::new(), Vec::new());
        while let Some((peer, answered)) = asking.next().await {
            match answered.and_then(|answered| took(&answered.body)) {
                Ok(()) => by.push(peer),
                Err(error) => failed.push((peer, error)),
            }
        }
        Stored { by, failed, report: search.report().clone() }
    }

    fn search(&self, kind: Kind, key: &[u8], deadline: Duration) -> Search {
        Search::new(Arc::clone(&self.eyes), kind, key, deadline)
    }
}

/// Providers as they are found; dropped, the lookup is given up.
pub struct Providers {
    search: Search,
    ready: VecDeque<Provider>,
    /// Each, and whether it came with addresses.
    known: HashMap<PeerId, bool>,
    limit: usize,
}

impl Providers {
    /// The next provider. One that came without addresses comes again when somebody knows
    /// where it is.
    pub async fn next(&mut self) -> Option<Provider> {
        while self.ready.is_empty() {
            let found = self.search.step().await?;
            let Ok(message) = answer::read(&found.body) else { continue };
            let policy = self.search.policy();
            for named in message.provider_peers().take(MAX_PROVIDERS_READ) {
                let Some(peer) = named.peer_id() else { continue };
                let full = self.known.len() >= self.limit;
                match self.known.get(&peer) {
                    Some(true) => continue,
                    None if full => continue,
                    _ => {}
                }
                let addrs = policy.admit(&peer, named.addrs());
                if self.known.insert(peer, !addrs.is_empty()).is_some() && addrs.is_empty() {
                    continue;
                }
                self.ready.push_back(Provider { peer, addrs, from: found.from, hop: found.hop });
            }
            if !self.ready.is_empty() {
                self.search.hit(found.hop);
            }
            if self.known.len() >= self.limit {
                self.search.enough();
            }
        }
        self.ready.pop_front()
    }

    /// All of them, each once, with the addresses of whoever knew some.
    pub async fn collect(mut self) -> (Vec<Provider>, Report) {
        let mut all: Vec<Provider> = Vec::new();
        let mut places = HashMap::new();
        while let Some(provider) = self.next().await {
            match places.get(&provider.peer) {
                Some(at) => all[*at] = provider,
                None => {
                    places.insert(provider.peer, all.len());
                    all.push(provider);
                }
            }
        }
        let report = self.search.report().clone();
        (all, report)
    }

    /// What was done so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        self.search.report()
    }
}
