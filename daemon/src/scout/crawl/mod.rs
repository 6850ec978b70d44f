//! The crawl: keeps the table true.
//!
//! Owns who is visited when: at the start everybody that anybody names, then each peer of the
//! table as often as the network changes ([`pace`]), and once an hour for all that it knows.
//! What a visit tells goes into the table here and nowhere else: a peer enters when it has
//! answered us, and leaves when it does not answer three times in a row. Peers named by
//! others are only visited, politely, each address once an hour until it answers.

mod bootstrap;
mod keys;
mod lost;
mod measure;
mod pace;
mod queue;
mod visit;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use self::bootstrap::{Bootstrap, CONTENT};
use self::lost::Lost;
use self::measure::Measure;
use self::pace::Pace;
use self::queue::Queue;
use self::visit::{Errand, Known, Visit, visit};
use crate::net::RpcError;
use crate::net::dialer::NotDialled;
use crate::routing::contacts::Side;
use crate::routing::table::Found;
use crate::scout::asker::Source;
use crate::scout::lookup::Eyes;
use crate::scout::{Candidate, CrawlReport, Report, Shared};
use crate::state::PeerRow;
use crate::telemetry::{Level, drops};
use crate::wire::{AddrList, Key256};

/// How often it is looked who is due.
const TICK: Duration = Duration::from_secs(1);

/// A peer that missed an answer is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(20);

/// Lost peers looked for in one tick.
const LOOKS: usize = 4;

/// Between two visits to the neighbours of a head.
const NEIGHBOURS: Duration = Duration::from_secs(30);

/// Neighbours visited then.
const NEAREST: usize = 4;

/// Nothing new for so long, and nothing left to visit: all that can be found is known.
const QUIET: Duration = Duration::from_secs(5);

/// How much it does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Config {
    /// Each server is asked once in this time for all it knows.
    pub(super) every: Duration,
    /// Visits at a time.
    pub(super) parallel: usize,
}

/// What comes in.
pub(super) struct Inbox {
    /// Servers that heads saw.
    pub(super) candidates: mpsc::Receiver<Candidate>,
    /// Servers known from an earlier run.
    pub(super) kept: mpsc::Receiver<Vec<PeerRow>>,
}

/// The crawl's books.
pub(super) struct Crawl {
    shared: Arc<Shared>,
    eyes: Arc<Eyes>,
    inbox: Inbox,
    report: watch::Sender<Report>,
    config: Config,
    bootstrap: Bootstrap,
    queue: Queue,
    /// Servers known from an earlier run, to be visited first.
    kept: VecDeque<PeerRow>,
    lost: Lost,
    pace: Pace,
    visits: FuturesUnordered<BoxFuture<'static, Visit>>,
    visiting: HashSet<PeerId>,
    measure: Measure,
    neighbours_next: Instant,
    turn: usize,
    walks_owed: f64,
    /// When something new was last heard of.
    news: Instant,
    began: Instant,
    told: Report,
}

impl Crawl {
    pub(super) fn new(
        bootstrap: Vec<Multiaddr>,
        config: Config,
        shared: Arc<Shared>,
        eyes: Arc<Eyes>,
        inbox: Inbox,
        report: watch::Sender<Report>,
    ) -> Self {
        let now = Instant::now();
        Self {
            shared,
            eyes,
            inbox,
            report,
            config,
            bootstrap: Bootstrap::new(bootstrap),
            queue: Queue::default(),
            kept: VecDeque::new(),
            lost: Lost::default(),
            pace: Pace::new(now),
            visits: FuturesUnordered::new(),
            visiting: HashSet::new(),
            measure: Measure::new(config.every, now),
            neighbours_next: now + NEIGHBOURS,
            turn: 0,
            walks_owed: 0.0,
            news: now,
            began: now,
            told: Report::default(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let bootstrap = self.bootstrap.next();
            tokio::select! {
                Some(visit) = self.visits.next(), if !self.visits.is_empty() => self.judge(visit),
                () = self.measure.probed() => {}
                candidate = self.inbox.candidates.recv() => match candidate {
                    Some(Candidate { peer, addrs }) => self.consider(peer, addrs, None),
                    None => return,
                },
                Some(kept) = self.inbox.kept.recv() => self.kept.extend(kept),
                () = sleep_until(bootstrap.unwrap_or_else(tokio::time::Instant::now)), if bootstrap.is_some() => {
                    self.bootstrap.begin(self.eyes.policy);
                }
                found = self.bootstrap.resolved() => self.resolved(found),
                _ = tick.tick() => self.on_tick(),
            }
            self.start_visits();
        }
    }

    fn resolved(&mut self, found: Vec<Candidate>) {
        for Candidate { peer, addrs } in found {
            if self.is_fresh(&peer) {
                self.bootstrap.checked(&peer, Ok(()), false);
                continue;
            }
            self.queue.forget(&peer);
            let errand = Errand { peer, addrs, source: Source::Operator, walk: true, walked: None };
            self.queue.push(errand, None, Instant::now());
        }
        self.bootstrap.schedule(self.shared.table.others());
    }

    /// The next server known from an earlier run: it enters the table again when it answers, and
    /// need not be asked anew for all it knows when that was done within the hour.
    fn next_kept(&mut self) -> Option<Errand> {
        loop {
            let row = self.kept.pop_front()?;
            if self.is_fresh(&row.peer_id) {
                continue;
            }
            let walked = row.walked.filter(|_| !walk_is_due(row.walked, self.config.every));
            let (peer, addrs, walk) = (row.peer_id, row.addrs, walked.is_none());
            return Some(Errand { peer, addrs, source: Source::Own, walk, walked });
        }
    }

    /// A server somebody spoke of: queued unless it is one of ours, known or known to be gone.
    fn consider(&mut self, peer: PeerId, addrs: AddrList, namer: Option<PeerId>) {
        let now = Instant::now();
        if self.is_fresh(&peer) || self.visiting.contains(&peer) {
            return;
        }
        // the peer itself, seen by a head, is no rumour
        let rumour = namer.is_some();
        if rumour && (self.lost.rests(&peer, now) || self.shared.table.get(&peer).is_some()) {
            return;
        }
        let errand = Errand { peer, addrs, source: Source::Stranger, walk: true, walked: None };
        if self.queue.push(errand, namer, now) {
            self.news = now;
        }
    }

    /// In the table and not missed; or one of our heads.
    fn is_fresh(&self, peer: &PeerId) -> bool {
        self.shared.table.get(peer).is_some_and(|member| member.entry.own || member.failures == 0)
    }

    fn start_visits(&mut self) {
        while self.visits.len() < self.config.parallel {
            let next = self.next_kept().or_else(|| self.queue.pop(Instant::now()));
            let Some(errand) = next else { return };
            self.start(errand);
        }
    }

    fn start(&mut self, errand: Errand) {
        if self.visiting.insert(errand.peer) {
            self.visits.push(Box::pin(visit(Arc::clone(&self.eyes), errand)));
        }
    }

    /// A visit ended: the table and the books follow.
    fn judge(&mut self, visit: Visit) {
        let Visit { errand, result } = visit;
        let (peer, now) = (errand.peer, Instant::now());
        self.visiting.remove(&peer);
        if let Err(RpcError::NotDialled(NotDialled::Politeness | NotDialled::Budget) | RpcError::Busy) =
            &result
        {
            // nothing is known of the peer by this
            if !self.shared.table.put_off(&peer) {
                self.queue.defer(errand, now);
            }
            return;
        }
        let claimed = matches!(result, Err(RpcError::NotDialled(NotDialled::Claimed)));
        if claimed && errand.source == Source::Stranger {
            return;
        }
        let unsupported = matches!(result, Err(RpcError::Unsupported));
        let failure = result.as_ref().err().map(ToString::to_string);
        self.bootstrap.checked(&peer, failure.as_deref().map_or(Ok(()), Err), unsupported);
        let before = self.shared.table.get(&peer).filter(|member| !member.entry.own);
        if let Some(member) = before.filter(|member| member.failures == 0) {
            self.pace.checked(member.seen.elapsed(), result.is_ok(), now);
        }
        match result {
            Ok(known) => self.answered(&errand, known),
            Err(error) => {
                self.told.unanswered += 1;
                tracing::debug!(%peer, %error, "visited a server in vain");
                if unsupported {
                    self.shared.table.remove(&peer);
                    self.lost.found(&peer);
                } else {
                    self.missed(errand, now);
                }
            }
        }
    }

    fn missed(&mut self, errand: Errand, now: Instant) {
        let left = self.shared.table.failed(&errand.peer);
        if left || self.lost.contains(&errand.peer) {
            self.lost.missed(errand.peer, errand.addrs, now);
        }
        if left && self.shared.table.others() + 1 == CONTENT {
            self.bootstrap.ran_low();
        }
    }

    fn answered(&mut self, errand: &Errand, known: Known) {
        self.told.answered += 1;
        self.lost.found(&errand.peer);
        self.take_in(errand, &known);
        let half = Key256::of_peer(&errand.peer).0[31] & 1 == 1;
        self.shared.table.named(known.named.keys(), half);
        for (peer, addrs) in known.named {
            self.consider(peer, addrs, Some(errand.peer));
        }
    }

    fn take_in(&mut self, errand: &Errand, known: &Known) {
        let connected = self.shared.contacts.get(&errand.peer).unwrap_or_default();
        let addrs = self.addresses(errand, &connected.identity.addrs);
        let first = self.shared.table.others() == 0;
        let found = Found {
            addrs,
            agent: Arc::clone(&connected.identity.agent),
            protocols: Arc::clone(&connected.identity.protocols),
            seen_at: SystemTime::now(),
            latency: Some(known.latency),
            walked: if known.walked { Some(SystemTime::now()) } else { errand.walked },
        };
        match self.shared.table.put(errand.peer, found) {
            Ok(()) if first => {
                let text = format!("first server of the network answered: {}", errand.peer);
                self.shared.events.tell(Level::Good, "scout", "FIRST_PEER", text);
            }
            Ok(()) => {}
            Err(reason) => {
                drops::count(reason);
                self.measure.refused(errand.peer, Instant::now());
            }
        }
    }

    /// Where the peer is: where it was reached first, then what it says of itself, and what
    /// others said only while it says nothing.
    fn addresses(&self, errand: &Errand, itself: &AddrList) -> AddrList {
        let reached = |addr: &Multiaddr| self.shared.ledger.is_reached(&errand.peer, addr);
        let all = itself.union(&errand.addrs);
        let first: Vec<Multiaddr> = all.parsed().filter(reached).collect();
        let first: AddrList = first.iter().collect();
        first.union(if itself.is_empty() { &errand.addrs } else { itself })
    }

    fn on_tick(&mut self) {
        let now = Instant::now();
        self.visit_the_due();
        let room = self.config.parallel.saturating_sub(self.visits.len()).min(LOOKS);
        for (peer, addrs) in self.lost.due(room, now) {
            self.start(Errand { peer, addrs, source: Source::Own, walk: false, walked: None });
        }
        if now >= self.neighbours_next {
            self.neighbours_next = now + NEIGHBOURS;
            self.visit_neighbours();
        }
        if self.shared.table.others() >= CONTENT {
            self.measure.probe(&self.eyes, now);
        }
        self.tell(now);
    }

    /// Visits members that were not heard of; a message over any head's connection is as good.
    fn visit_the_due(&mut self) {
        let others = self.shared.table.others();
        let interval = self.pace.interval(others, Instant::now());
        // the hour's walks are spread over it, with room to catch up
        self.walks_owed = (self.walks_owed + 1.5 * others as f64 / self.config.every.as_secs_f64())
            .min(self.config.parallel as f64);
        let room = self.config.parallel.saturating_sub(self.visits.len());
        for member in self.shared.table.due(interval, ASK_AGAIN, 2 * room) {
            if self.visits.len() >= self.config.parallel {
                return;
            }
            let peer = member.entry.peer;
            let walk = walk_is_due(member.walked(), self.config.every) && self.walks_owed >= 1.0;
            if member.failures == 0 && !walk && self.heard_of(&peer, interval) {
                self.shared.table.renew(&peer);
                continue;
            }
            self.walks_owed -= f64::from(u8::from(walk));
            let addrs = member.entry.addrs.clone();
            self.start(Errand { peer, addrs, source: Source::Own, walk, walked: member.walked() });
        }
    }

    /// The peer sent something to a head within this time.
    fn heard_of(&self, peer: &PeerId, within: Duration) -> bool {
        let connected = self.shared.contacts.get(peer).unwrap_or_default();
        connected.contacts.iter().any(|contact| contact.side != Side::Scout && contact.unused() < within)
    }

    /// Asks the nearest of one head, in turn, whom they know near to them.
    fn visit_neighbours(&mut self) {
        let heads = self.shared.heads.borrow().clone();
        let Some(place) = heads.get(self.turn % heads.len().max(1)) else { return };
        self.turn += 1;
        let snapshot = Arc::clone(&self.shared.table.snapshot());
        for entry in snapshot.closest_others(place, NEAREST) {
            let member = self.shared.table.get(&entry.peer);
            let asked = member.as_ref().is_none_or(|member| member.checked.elapsed() < NEIGHBOURS);
            if !asked && self.visits.len() < self.config.parallel {
                let walked = member.and_then(|member| member.walked());
                let (peer, addrs) = (entry.peer, entry.addrs.clone());
                self.start(Errand { peer, addrs, source: Source::Own, walk: false, walked });
            }
        }
    }

    fn tell(&mut self, now: Instant) {
        let (others, round) = (self.shared.table.others(), self.shared.table.round());
        let quiet = now.saturating_duration_since(self.news) >= QUIET;
        let all_walked = others > 0 && round.unwalked == 0;
        let waiting = self.kept.len() + self.queue.len();
        if all_walked && waiting == 0 && quiet && self.told.crawl.complete_after.is_none() {
            let took = self.news.saturating_duration_since(self.began);
            self.told.crawl.complete_after = Some(took);
            let text = format!("the first crawl is complete: {others} servers answered");
            self.shared.events.tell(Level::Good, "scout", "CRAWL_COMPLETE", text);
        }
        let [hops, client_hops, client_hops_with_head] = self.measure.hops();
        let crawl = CrawlReport {
            waiting,
            visiting: self.visits.len(),
            unwalked: round.unwalked,
            lost: self.lost.len(),
            check_every: self.pace.interval(others, now),
            gone_per_minute: 60.0 * self.pace.rate(),
            by_count: self.measure.by_count(&round.seen, now),
            by_distance: self.measure.by_distance(now),
            lookups: self.measure.lookups(),
            hops,
            client_hops,
            client_hops_with_head,
            complete_after: self.told.crawl.complete_after,
        };
        let nothing_left = waiting == 0 && (self.visits.is_empty() || self.told.exhausted);
        self.told.exhausted = all_walked && quiet && nothing_left;
        let report = Report {
            bootstrap: self.bootstrap.report(),
            checking: waiting + self.visits.len(),
            crawl,
            ..self.told.clone()
        };
        self.told.crawl = report.crawl.clone();
        if *self.report.borrow() != report {
            self.report.send_replace(report);
        }
    }
}

/// Whether a server that was asked for all it knows at that time is to be asked again. A time in
/// the future was before the clock was set back: it says nothing.
fn walk_is_due(walked: Option<SystemTime>, every: Duration) -> bool {
    walked.is_none_or(|at| at.elapsed().map_or(true, |age| age >= every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_due_after_its_time_and_when_the_clock_was_set_back() {
        let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
        assert!(walk_is_due(None, hour));
        assert!(!walk_is_due(Some(now), hour));
        assert!(walk_is_due(Some(now - hour), hour));
        assert!(walk_is_due(Some(now + 24 * hour), hour));
    }
}
