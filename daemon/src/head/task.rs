//! The task of a head: drives its swarm, keeps the shared books.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use libp2p::core::transport::ListenerId;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, ping};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::dht::Local;
use crate::head::presence::Presence;
use crate::head::reach::Reach;
use crate::head::{Addresses, Command, Config, Phase, Shared, name};
use crate::net::dialer::Dialer;
use crate::net::gate::Gate;
use crate::net::rpc::{Rpc, Server};
use crate::net::transport::{TransportError, listen_addresses, swarm};
use crate::net::{Behaviour, BehaviourEvent, behaviour};
use crate::routing::AddressPolicy;
use crate::routing::contacts::{MAX_AGENT, Side};
use crate::routing::groups::groups_of;
use crate::scout::Candidate;
use crate::telemetry::peer_log::Line;
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::AddrList;

/// Open requests of a withdrawn head are finished within this time; a little more than the
/// connections' own drain.
const DRAIN: Duration = Duration::from_millis(2500);

/// Ports that do not open in this time will not.
const OPENING: Duration = Duration::from_secs(10);

/// A head's swarm and what it needs.
pub(super) struct Task {
    name: String,
    local: Arc<Local>,
    shared: Arc<Shared>,
    announce: Vec<Multiaddr>,
    listen: Vec<Multiaddr>,
    opening: Vec<ListenerId>,
    swarm: Swarm<Behaviour>,
    dialer: Dialer,
    presence: Presence,
    /// Where it matters whether strangers can dial the head.
    reach: Option<Reach>,
    inbox: mpsc::Receiver<Command>,
    phase: watch::Sender<Phase>,
    addresses: watch::Sender<Addresses>,
}

impl Task {
    pub(super) fn new(
        config: Config,
        local: Arc<Local>,
        shared: Arc<Shared>,
        inbox: mpsc::Receiver<Command>,
        (phase, addresses): (watch::Sender<Phase>, watch::Sender<Addresses>),
    ) -> Result<Self, TransportError> {
        let server = Server { service: Arc::clone(&shared.service), local: Arc::clone(&local) };
        let side = Side::Head(config.index);
        let contacts = Arc::clone(&shared.contacts);
        let rpc = Rpc::new(shared.protocol.clone(), side, Some(Arc::new(server)), contacts);
        let gate = Gate::new(Arc::clone(&shared.budget));
        let mut behaviour = Behaviour::new(&config.keypair, gate, rpc);
        if shared.policy == AddressPolicy::Public {
            behaviour = behaviour.with_reachability(shared.policy);
        }
        let reach = shared.proves_reach.then(|| Reach::new(&config.announce, shared.policy, config.port));
        let dialer = Dialer::new(shared.policy, Arc::clone(&shared.ledger));
        Ok(Self {
            name: name(config.index),
            presence: Presence::new(config.index, shared.per_bucket),
            reach,
            swarm: swarm(config.keypair, behaviour)?,
            listen: config.listen.iter().flat_map(|ip| listen_addresses(*ip, config.port)).collect(),
            opening: Vec::new(),
            announce: config.announce,
            local,
            dialer,
            shared,
            inbox,
            phase,
            addresses,
        })
    }

    pub(super) async fn run(mut self) {
        if let Err(reason) = self.open() {
            return self.fail(&reason);
        }
        let opened_by = Instant::now() + OPENING;
        loop {
            let presence = sleep_until(self.presence.next());
            let reach = sleep_until(self.reach.as_ref().map_or(opened_by, Reach::next));
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                command = self.inbox.recv() => match command {
                    Some(Command::Serve) => self.serve(),
                    Some(Command::Pause) => self.pause(),
                    Some(Command::Close(peer, id)) => self.swarm.behaviour_mut().rpc.close(peer, id),
                    Some(Command::Withdraw(done)) => return self.withdraw(Some(done)).await,
                    None => return self.withdraw(None).await,
                },
                () = presence, if self.opening.is_empty() => {
                    self.presence.step(&self.local, &self.shared, &mut self.swarm, &mut self.dialer);
                }
                () = reach, if self.reach.is_some() && self.opening.is_empty() => self.look_at_reach(),
                () = sleep_until(opened_by), if !self.opening.is_empty() => {
                    return self.fail("its ports did not open in 10 s");
                }
            }
            if matches!(*self.phase.borrow(), Phase::Failed(_)) {
                return;
            }
        }
    }

    fn open(&mut self) -> Result<(), String> {
        for address in std::mem::take(&mut self.listen) {
            let listener =
                self.swarm.listen_on(address.clone()).map_err(|e| format!("listen on {address}: {e}"))?;
            self.opening.push(listener);
        }
        for address in std::mem::take(&mut self.announce) {
            self.swarm.add_external_address(address);
        }
        Ok(())
    }

    /// Whoever tries it again tells of it, too.
    fn fail(&self, reason: &str) {
        self.phase.send_replace(Phase::Failed(reason.to_owned()));
    }

    fn serve(&mut self) {
        if *self.phase.borrow() == Phase::Warming {
            self.offer(true);
            self.shared.table.put_own(self.local.peer, self.announced());
            self.phase.send_replace(Phase::Serving);
        }
    }

    /// Strangers no longer get through: a server that cannot be dialled is in everybody's way.
    fn pause(&mut self) {
        if *self.phase.borrow() == Phase::Serving {
            self.offer(false);
            self.shared.table.remove(&self.local.peer);
            self.phase.send_replace(Phase::Warming);
        }
    }

    /// Offers what only a server that can be reached should: the DHT, and to dial others back.
    fn offer(&mut self, offers: bool) {
        let behaviour = self.swarm.behaviour_mut();
        behaviour.rpc.serve(offers);
        if let Some(reachability) = behaviour.reachability.as_mut() {
            reachability.offer(offers);
        }
    }

    /// What it announces, as replies carry it.
    fn announced(&self) -> AddrList {
        self.addresses.borrow().announced.iter().collect()
    }

    /// Asks peers to dial the head, and tells what is known by now.
    fn look_at_reach(&mut self) {
        let (Some(reach), Some(asks)) =
            (self.reach.as_mut(), self.swarm.behaviour_mut().reachability.as_mut())
        else {
            return;
        };
        reach.step(asks);
        self.tell_reach();
    }

    fn tell_reach(&mut self) {
        let Some(reach) = &self.reach else { return };
        let known = self.addresses.borrow().clone();
        let new = Addresses { announced: reach.announced(), reach: Some(reach.report()) };
        if new == known {
            return;
        }
        if new.announced != known.announced {
            for gone in known.announced.iter().filter(|addr| !new.announced.contains(addr)) {
                self.swarm.remove_external_address(gone);
            }
            for more in new.announced.iter().filter(|addr| !known.announced.contains(addr)) {
                self.swarm.add_external_address(more.clone());
            }
            let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
            self.swarm.behaviour_mut().identify.push(peers);
            let listed = new.announced.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.shared.events.good(&self.name, format!("announces what peers proved: {listed}"));
        }
        self.addresses.send_replace(new);
        if *self.phase.borrow() == Phase::Serving && known.announced != self.addresses.borrow().announced {
            self.shared.table.put_own(self.local.peer, self.announced());
        }
    }

    /// Takes the protocol back, serves what is under way, closes everything.
    async fn withdraw(mut self, done: Option<oneshot::Sender<u64>>) {
        self.shared.table.remove(&self.local.peer);
        let served = *self.phase.borrow() == Phase::Serving;
        self.phase.send_replace(Phase::Withdrawn);
        self.offer(false);
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        let open = self.swarm.behaviour().rpc.contacts().count() as u64;
        if served && open > 0 {
            self.drive(DRAIN).await;
        }
        for peer in peers {
            // one that is gone already is as good as closed
            self.swarm.disconnect_peer_id(peer).ok();
        }
        self.drive(Duration::from_millis(200)).await;
        self.phase.send_replace(Phase::Ended);
        drop(self.swarm);
        if let Some(done) = done {
            done.send(open).ok();
        }
    }

    async fn drive(&mut self, time: Duration) {
        let end = sleep(time);
        tokio::pin!(end);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                () = &mut end => return,
            }
            if self.swarm.network_info().connection_counters().num_connections() == 0 {
                return;
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { listener_id, .. } => self.opened(listener_id),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                let reason = reason.err().map_or_else(|| "closed".to_owned(), |e| e.to_string());
                self.fail(&format!("listener {addresses:?}: {reason}"));
            }
            SwarmEvent::ListenerError { listener_id, error } if self.opening.contains(&listener_id) => {
                self.fail(&format!("listener: {error}"));
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                let remote = endpoint.get_remote_address();
                match endpoint.is_dialer() {
                    true => self.dialer.opened(connection_id, remote),
                    false => self.dialer.came(connection_id, peer_id, remote),
                }
            }
            SwarmEvent::ConnectionClosed { connection_id, .. }
            | SwarmEvent::OutgoingConnectionError { connection_id, .. } => self.dialer.closed(connection_id),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                connection_id,
                peer_id,
                info,
            })) => {
                identified(&self.shared, peer_id, &info);
                self.log_peer(connection_id, peer_id, &info);
                let mut contacts = self.swarm.behaviour().rpc.contacts();
                let contact = contacts.find(|contact| contact.id == connection_id);
                if let Some((reach, contact)) = self.reach.as_mut().zip(contact) {
                    reach.seen(&info, contact);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Reachability(event)) => {
                if let Some(reach) = &mut self.reach {
                    reach.answered(&event);
                    self.tell_reach();
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.pinged(&event),
            _ => {}
        }
    }

    fn log_peer(&self, connection: ConnectionId, peer: PeerId, info: &identify::Info) {
        let Some(log) = &self.shared.peer_log else { return };
        let mut contacts = self.swarm.behaviour().rpc.contacts();
        let remote = contacts.find(|contact| contact.id == connection).map(|contact| &contact.remote);
        let groups = groups_of(&remote.into_iter().collect());
        let agent = &info.agent_version;
        log.write(Line {
            at: SystemTime::now(),
            peer: peer.to_base58(),
            agent: agent[..agent.floor_char_boundary(MAX_AGENT)].to_owned(),
            head: self.name.clone(),
            address_group: groups.iter().next().map(|group| group.to_string()),
        });
    }

    fn opened(&mut self, listener: ListenerId) {
        let before = self.opening.len();
        self.opening.retain(|other| *other != listener);
        if before > 0 && self.opening.is_empty() {
            self.phase.send_replace(Phase::Warming);
        }
    }

    fn pinged(&mut self, event: &ping::Event) {
        let rpc = &mut self.swarm.behaviour_mut().rpc;
        match &event.result {
            Ok(rtt) => {
                if let Some(contact) = rpc.contacts().find(|contact| contact.id == event.connection) {
                    contact.set_rtt(*rtt);
                }
            }
            // the peer is gone without a word
            Err(ping::Failure::Timeout) => rpc.close(event.peer, event.connection),
            Err(_) => {}
        }
    }
}

/// Keeps what a peer said of itself; a server is handed to the scout to be checked.
fn identified(shared: &Shared, peer: PeerId, info: &identify::Info) {
    let addrs = behaviour::identified(&shared.contacts, shared.policy, &peer, info);
    if info.protocols.contains(&shared.protocol) {
        if !addrs.is_empty() && shared.candidates.try_send(Candidate { peer, addrs }).is_err() {
            drops::count(Reason::CandidateQueue);
        }
    } else if shared.table.get(&peer).is_some_and(|member| !member.entry.own) {
        shared.table.remove(&peer);
    }
}
