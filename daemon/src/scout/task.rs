//! The scout's hands: drives its swarm, dials whom questions are for, sends them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, Swarm, identify};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::net::dialer::{Dialer, NotDialled, cause};
use crate::net::gate::Gate;
use crate::net::rpc::Rpc;
use crate::net::transport::{TransportError, swarm};
use crate::net::{Behaviour, BehaviourEvent, Request, RpcError, Word, behaviour};
use crate::routing::contacts::Side;
use crate::scout::asker::{Call, Source};
use crate::scout::{Config, Shared};

/// How often idle connections are looked at.
const TICK: Duration = Duration::from_secs(1);

/// A connection is kept so long after its last question: another often follows.
const LINGER: Duration = Duration::from_secs(5);

/// Connections kept without a question under way; the longest unused are closed.
const MAX_IDLE: usize = 128;

/// Questions that wait for one dial.
const MAX_WAITING: usize = 16;

/// The scout's swarm, and who waits for which dial.
pub(super) struct Task {
    config: Config,
    shared: Arc<Shared>,
    calls: mpsc::Receiver<Call>,
    swarm: Swarm<Behaviour>,
    dialer: Dialer,
    waiting: HashMap<PeerId, Vec<Call>>,
    used: HashMap<PeerId, Instant>,
}

impl Task {
    pub(super) fn new(
        config: Config,
        shared: Arc<Shared>,
        calls: mpsc::Receiver<Call>,
    ) -> Result<Self, TransportError> {
        let keypair = Keypair::generate_ed25519();
        let rpc = Rpc::new(config.protocol.clone(), Side::Scout, None, Arc::clone(&shared.contacts));
        let behaviour = Behaviour::new(&keypair, Gate::new(Arc::clone(&shared.budget)), rpc);
        Ok(Self {
            swarm: swarm(keypair, behaviour)?,
            dialer: Dialer::new(config.policy, Arc::clone(&shared.ledger)),
            waiting: HashMap::new(),
            used: HashMap::new(),
            config,
            shared,
            calls,
        })
    }

    pub(super) fn identity(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    pub(super) async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                call = self.calls.recv() => match call {
                    Some(call) => self.on_call(call),
                    None => return,
                },
                _ = tick.tick() => self.close_idle(),
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.dialer.opened(connection_id, endpoint.get_remote_address());
                self.used.insert(peer_id, Instant::now());
                for call in self.waiting.remove(&peer_id).unwrap_or_default() {
                    self.send(call);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.dialer.closed(connection_id);
                if num_established == 0 {
                    self.used.remove(&peer_id);
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id, connection_id, error, .. } => {
                self.dialer.closed(connection_id);
                let calls = peer_id.and_then(|peer| self.waiting.remove(&peer)).unwrap_or_default();
                for call in calls {
                    fail(call, RpcError::Unreachable(cause(&error)));
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => {
                behaviour::identified(&self.shared.contacts, self.config.policy, &peer_id, &info);
            }
            _ => {}
        }
    }

    /// Sends a question, or dials first; whoever gave it up meanwhile is not dialled for.
    fn on_call(&mut self, call: Call) {
        if call.reply.is_closed() {
            return;
        }
        if self.swarm.behaviour().rpc.is_connected(&call.peer) {
            return self.send(call);
        }
        if let Some(waiting) = self.waiting.get_mut(&call.peer) {
            if waiting.len() < MAX_WAITING {
                waiting.push(call);
            } else {
                fail(call, RpcError::Busy);
            }
            return;
        }
        let from = match call.source {
            Source::Stranger => self.speaks_from(&call.peer),
            Source::Operator | Source::Own => Vec::new(),
        };
        let word = match call.source {
            Source::Operator => Word::Operator,
            Source::Own => Word::Own,
            Source::Stranger => Word::Stranger { from: &from },
        };
        match self.dialer.dial(&mut self.swarm, call.peer, call.addrs.parsed(), word) {
            // an attempt that is ending tells its end soon
            Ok(_) | Err(NotDialled::Already) => drop(self.waiting.insert(call.peer, vec![call])),
            Err(not) => fail(call, not.into()),
        }
    }

    /// Hosts from which the peer is connected to our heads.
    fn speaks_from(&self, peer: &PeerId) -> Vec<IpAddr> {
        let connected = self.shared.contacts.get(peer).unwrap_or_default();
        let inbound = connected.contacts.iter().filter(|contact| contact.inbound);
        inbound
            .filter_map(|contact| match contact.remote.iter().next() {
                Some(Protocol::Ip4(ip)) => Some(IpAddr::V4(ip)),
                Some(Protocol::Ip6(ip)) => Some(IpAddr::V6(ip).to_canonical()),
                _ => None,
            })
            .collect()
    }

    fn send(&mut self, call: Call) {
        self.used.insert(call.peer, Instant::now());
        let Call { peer, frame, wants_reply, max_reply, reply, .. } = call;
        self.swarm.behaviour_mut().rpc.request(peer, Request { frame, wants_reply, max_reply, reply });
    }

    fn close_idle(&mut self) {
        self.waiting.retain(|_, calls| {
            calls.retain(|call| !call.reply.is_closed());
            !calls.is_empty()
        });
        let mut used: Vec<(Instant, PeerId)> = self.used.iter().map(|(peer, at)| (*at, *peer)).collect();
        used.sort_unstable();
        let over = used.len().saturating_sub(MAX_IDLE);
        for (n, (at, peer)) in used.into_iter().enumerate() {
            let unused = at.elapsed();
            if unused >= LINGER || (n < over && unused >= TICK) {
                self.used.remove(&peer);
                // one that is gone already is as good as closed
                self.swarm.disconnect_peer_id(peer).ok();
            }
        }
    }
}

fn fail(call: Call, error: RpcError) {
    // the asker may have gone
    drop(call.reply.send(Err(error)));
}
