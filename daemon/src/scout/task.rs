//! The scout's task.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt as _;
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, Swarm, identify};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::net::dialer::{Dialer, NotDialled, cause};
use crate::net::gate::Gate;
use crate::net::rpc::Rpc;
use crate::net::transport::{TransportError, swarm};
use crate::net::{Behaviour, BehaviourEvent};
use crate::routing::contacts::Side;
use crate::routing::snapshot::Entry;
use crate::scout::bootstrap::{Bootstrap, CONTENT};
use crate::scout::checks::{Checks, Outcome, Question};
use crate::scout::queue::Queue;
use crate::scout::{Candidate, Config, Report, Shared};
use crate::telemetry::{Level, drops};

/// How often overdue checks, the table and the neighbourhoods are looked at.
const TICK: Duration = Duration::from_secs(1);

/// A peer of the table that was not heard of for so long is asked.
const ASK_AFTER: Duration = Duration::from_secs(300);

/// A peer that missed an answer is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Peers asked in one tick.
const ASKS: usize = 16;

/// Between two looks around while the table grows, and when it is content.
const LOOK_SOON: Duration = Duration::from_secs(10);
const LOOK_LATER: Duration = Duration::from_secs(600);

/// Questions of one look around.
const LOOKS: usize = 8;

/// The scout's swarm and books.
pub(super) struct Task {
    config: Config,
    shared: Shared,
    candidates: mpsc::Receiver<Candidate>,
    report: watch::Sender<Report>,
    swarm: Swarm<Behaviour>,
    dialer: Dialer,
    bootstrap: Bootstrap,
    queue: Queue,
    checks: Checks,
    look_next: Instant,
    found_new: bool,
    looked: u64,
    counts: Report,
}

impl Task {
    pub(super) fn new(
        config: Config,
        shared: Shared,
        candidates: mpsc::Receiver<Candidate>,
        report: watch::Sender<Report>,
    ) -> Result<Self, TransportError> {
        let keypair = Keypair::generate_ed25519();
        let rpc = Rpc::new(config.protocol.clone(), Side::Scout, None, Arc::clone(&shared.contacts));
        let behaviour = Behaviour::new(&keypair, Gate::new(Arc::clone(&shared.budget)), rpc);
        Ok(Self {
            swarm: swarm(keypair, behaviour)?,
            dialer: Dialer::new(config.policy, Arc::clone(&shared.ledger), config.many_addresses),
            bootstrap: Bootstrap::new(config.bootstrap.clone()),
            queue: Queue::default(),
            checks: Checks::default(),
            look_next: Instant::now() + LOOK_SOON,
            found_new: false,
            looked: 0,
            counts: Report::default(),
            config,
            shared,
            candidates,
            report,
        })
    }

    pub(super) async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let bootstrap = self.bootstrap.next();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                outcome = self.checks.next() => self.judge(outcome),
                candidate = self.candidates.recv() => match candidate {
                    Some(candidate) => self.consider(candidate),
                    None => return,
                },
                () = sleep_until(bootstrap.unwrap_or_else(tokio::time::Instant::now)), if bootstrap.is_some() => {
                    self.bootstrap.begin(self.config.policy);
                }
                found = self.bootstrap.resolved() => {
                    for candidate in found {
                        if self.is_fresh(&candidate.peer) {
                            self.bootstrap.checked(&candidate.peer, Ok(()), false);
                            continue;
                        }
                        self.queue.forget(&candidate.peer);
                        self.consider(candidate);
                    }
                    self.bootstrap.schedule(self.shared.table.others());
                }
                _ = tick.tick() => self.on_tick(),
            }
            self.start_checks();
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                self.checks.connected(&peer_id, &mut self.swarm);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established: 0, .. } => {
                self.dialer.closed(connection_id);
                self.checks.disconnected(&peer_id);
            }
            SwarmEvent::OutgoingConnectionError { peer_id, connection_id, error, .. } => {
                self.dialer.closed(connection_id);
                let outcome = peer_id.and_then(|peer| self.checks.unreachable(&peer, cause(&error)));
                if let Some(outcome) = outcome {
                    self.judge(outcome);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => {
                let addrs = self.config.policy.admit(&peer_id, info.listen_addrs.iter().map(AsRef::as_ref));
                let protocols = info.protocols.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("\n");
                self.shared.contacts.identified(&peer_id, &info.agent_version, &protocols, addrs);
            }
            _ => {}
        }
    }

    /// A server somebody spoke of: queued unless it is one of ours or known and fresh.
    fn consider(&mut self, candidate: Candidate) {
        if !self.is_fresh(&candidate.peer) && self.queue.push(candidate, Instant::now()) {
            self.found_new = true;
        }
    }

    /// In the table, and asked of late; or one of our heads.
    fn is_fresh(&self, peer: &PeerId) -> bool {
        let known = self.shared.table.get(peer);
        known.is_some_and(|m| m.entry.own || (m.failures == 0 && m.checked.elapsed() < ASK_AFTER))
    }

    fn start_checks(&mut self) {
        while self.checks.has_room() {
            let Some(candidate) = self.queue.pop(Instant::now()) else { return };
            let key = candidate.peer.to_bytes();
            self.ask(Question { peer: candidate.peer, addrs: candidate.addrs, key });
        }
    }

    fn ask(&mut self, question: Question) {
        let Err(not) = self.checks.start(question, &mut self.swarm, &mut self.dialer) else { return };
        let (question, not) = *not;
        match not {
            NotDialled::Already => {}
            NotDialled::Politeness | NotDialled::Budget => self.queue.forget(&question.peer),
            NotDialled::NoAddress => {
                self.judge(Outcome { question, result: Err(not.to_string()), unsupported: false });
            }
        }
    }

    /// A check ended: the table and the books follow.
    fn judge(&mut self, outcome: Outcome) {
        let Outcome { question, result, unsupported } = outcome;
        self.bootstrap.checked(
            &question.peer,
            result.as_ref().map(drop).map_err(String::as_str),
            unsupported,
        );
        match result {
            Ok(peers) => {
                self.counts.answered += 1;
                self.take_in(&question);
                for (peer, addrs) in peers {
                    let addrs = self.config.policy.admit(&peer, addrs.iter().map(Vec::as_slice));
                    if !addrs.is_empty() && peer != *self.swarm.local_peer_id() {
                        self.consider(Candidate { peer, addrs });
                    }
                }
            }
            Err(cause) => {
                self.counts.unanswered += 1;
                tracing::debug!(peer = %question.peer, cause, "server not checked");
                if unsupported {
                    self.shared.table.remove(&question.peer);
                } else if self.shared.table.failed(&question.peer)
                    && self.shared.table.others() + 1 == CONTENT
                {
                    self.bootstrap.ran_low();
                }
            }
        }
    }

    fn take_in(&mut self, question: &Question) {
        let connected = self.shared.contacts.get(&question.peer).unwrap_or_default();
        let addrs = question.addrs.union(&connected.identity.addrs);
        let first = self.shared.table.others() == 0;
        let put = self.shared.table.put(question.peer, addrs, connected.identity.agent, SystemTime::now());
        match put {
            Ok(()) if first => {
                let text = format!("first server of the network answered: {}", question.peer);
                self.shared.events.tell(Level::Good, "scout", "FIRST_PEER", text);
            }
            Ok(()) => {}
            Err(reason) => drops::count(reason),
        }
    }

    fn on_tick(&mut self) {
        let now = Instant::now();
        let (late, idle) = self.checks.overdue(now);
        for outcome in late {
            self.judge(outcome);
        }
        for peer in idle {
            self.checks.disconnected(&peer);
            // one that is gone already is as good as closed
            self.swarm.disconnect_peer_id(peer).ok();
        }
        self.ask_the_silent();
        if now >= self.look_next && self.checks.has_room() {
            self.look_around(now);
        }
        self.tell();
    }

    /// Asks members that were not heard of; a message over any head's connection is as good.
    fn ask_the_silent(&mut self) {
        for entry in self.shared.table.due(ASK_AGAIN, ASKS * 4).into_iter().take(ASKS) {
            let Some(member) = self.shared.table.get(&entry.peer) else { continue };
            if member.failures == 0 && member.checked.elapsed() < ASK_AFTER {
                continue;
            }
            let heard = self.shared.contacts.get(&entry.peer).filter(|c| {
                c.contacts.iter().any(|contact| contact.side != Side::Scout && contact.unused() < ASK_AFTER)
            });
            if let Some(heard) = heard.filter(|_| member.failures == 0) {
                let put =
                    self.shared.table.put(entry.peer, entry.addrs.clone(), member.agent, heard.seen_at());
                if let Err(reason) = put {
                    drops::count(reason);
                }
            } else if self.checks.has_room() {
                self.ask(Question {
                    peer: entry.peer,
                    addrs: entry.addrs.clone(),
                    key: entry.peer.to_bytes(),
                });
            }
        }
    }

    /// Asks members for the neighbourhoods of our heads and for keys all over the keyspace.
    fn look_around(&mut self, now: Instant) {
        let content = self.shared.table.others() >= CONTENT && !self.found_new;
        self.look_next = now + if content { LOOK_LATER } else { LOOK_SOON };
        self.counts.exhausted = !self.found_new && self.queue.len() == 0 && self.looked > 0;
        self.looked += u64::from(self.shared.table.others() > 0);
        self.found_new = false;
        for question in self.questions() {
            if self.checks.has_room() {
                self.ask(question);
            }
        }
    }

    fn questions(&self) -> Vec<Question> {
        let table = self.shared.table.snapshot();
        let heads = self.shared.heads.borrow().clone();
        let mut questions = Vec::new();
        let turn = self.looked as usize;
        for i in 0..LOOKS {
            // every second question is about one of our heads' neighbourhoods
            let own = (!heads.is_empty() && i % 2 == 0).then(|| &heads[(turn * LOOKS + i) / 2 % heads.len()]);
            let random = PeerId::random();
            let place = own.copied().unwrap_or_else(|| crate::wire::Key256::of_peer(&random));
            let near: Vec<&Arc<Entry>> = table.closest(&place, 8).into_iter().filter(|e| !e.own).collect();
            let Some(entry) = near.get((turn + i) % near.len().max(1)) else { continue };
            // a head's own id is asked for by a peer near to it; any key there serves
            let key = if own.is_some() { entry.peer.to_bytes() } else { random.to_bytes() };
            questions.push(Question { peer: entry.peer, addrs: entry.addrs.clone(), key });
        }
        questions
    }

    fn tell(&mut self) {
        let report = Report {
            bootstrap: self.bootstrap.report(),
            checking: self.queue.len() + self.checks.len(),
            ..self.counts.clone()
        };
        if *self.report.borrow() != report {
            self.report.send_replace(report);
        }
    }
}
