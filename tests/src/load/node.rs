//! One identity on the wire: a swarm on a task of its own, driven by commands.
//!
//! Owns the swarm's life and who is connected. Comes in: dial, open a stream, close.
//! Goes out: connections, streams, who identified itself. Knows no DHT.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, Stream, StreamProtocol, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::guard::{Guard, Reach};
use super::streams::{OpenError, Opened, Service, Streams};
use super::transport::{Behaviour, BehaviourEvent, Security, swarm};

/// Longest wait for a connection, for identify and for a stream.
const PATIENCE: Duration = Duration::from_secs(10);
/// Commands waiting for the swarm; more make the sender wait.
const QUEUE: usize = 256;

/// A server's address with its peer id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub peer: PeerId,
    /// Without the `/p2p` at its end.
    pub addr: Multiaddr,
}

impl Target {
    #[must_use]
    pub fn is_quic(&self) -> bool {
        self.addr.iter().any(|part| matches!(part, Protocol::QuicV1))
    }
}

impl std::str::FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut addr: Multiaddr = text.parse().with_context(|| format!("{text:?} is no multiaddr"))?;
        let Some(Protocol::P2p(peer)) = addr.pop() else {
            bail!("{text:?} has no /p2p/<peer id> at its end: a target is an address with its peer id");
        };
        Ok(Self { peer, addr })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/p2p/{}", self.addr, self.peer)
    }
}

/// What a node is made of.
pub struct NodeConfig {
    pub keypair: Keypair,
    pub security: Security,
    pub agent: String,
    pub protocol: StreamProtocol,
    /// Serves inbound streams; `None` is a client, which does not offer the protocol.
    pub service: Option<Service>,
    pub listen: Vec<Multiaddr>,
    pub reach: Reach,
    /// Told of each peer that identified itself; a full channel drops the news.
    pub identified: Option<mpsc::Sender<Identified>>,
}

impl NodeConfig {
    /// A client with an identity of its own.
    #[must_use]
    pub fn client(security: Security, protocol: StreamProtocol, reach: Reach) -> Self {
        Self {
            keypair: Keypair::generate_ed25519(),
            security,
            agent: concat!("hydra-load/", env!("CARGO_PKG_VERSION")).to_owned(),
            protocol,
            service: None,
            listen: Vec::new(),
            reach,
            identified: None,
        }
    }
}

/// What identify told of a peer.
#[derive(Clone, Debug)]
pub struct Identified {
    pub peer: PeerId,
    pub agent: String,
    pub addrs: Vec<Multiaddr>,
    pub protocols: Vec<StreamProtocol>,
}

enum Command {
    Dial(Target, oneshot::Sender<Result<Dialled>>),
    Open(PeerId, ConnectionId, Opened),
    Close(ConnectionId),
}

struct Dialled {
    id: ConnectionId,
    state: watch::Receiver<State>,
}

/// A connection's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Established,
    Identified,
    Closed,
}

/// A running node. Dropping it ends its task and its connections.
pub struct Node {
    peer: PeerId,
    listening: Vec<Multiaddr>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Node {
    /// Opens the ports and starts the task; returns when all addresses listen.
    ///
    /// # Errors
    /// When an address is out of reach or cannot be listened on.
    pub async fn start(config: NodeConfig) -> Result<Self> {
        let peer = config.keypair.public().to_peer_id();
        let streams = Streams::new(config.protocol, config.service);
        let mut swarm = swarm(config.keypair, config.security, &config.agent, Guard(config.reach), streams)?;
        for addr in &config.listen {
            ensure!(config.reach.allows(addr), "listen on {addr}: out of reach ({:?})", config.reach);
            swarm.listen_on(addr.clone()).with_context(|| format!("listen on {addr}"))?;
        }
        let mut listening = Vec::new();
        while listening.len() < config.listen.len() {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => {
                    // A server with no dial-back: on loopback what it listens on is what it is reached at.
                    swarm.add_external_address(address.clone());
                    listening.push(address);
                }
                SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                    bail!(
                        "listen on {:?}: closed: {reason:?}",
                        if addresses.is_empty() { config.listen } else { addresses }
                    );
                }
                _ => {}
            }
        }
        let (commands, inbox) = mpsc::channel(QUEUE);
        let task =
            Task { swarm, dials: HashMap::new(), connections: HashMap::new(), identified: config.identified };
        Ok(Self { peer, listening, commands, task: tokio::spawn(task.run(inbox)) })
    }

    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// The addresses with the ports that the system chose, without `/p2p`.
    #[must_use]
    pub fn listening(&self) -> &[Multiaddr] {
        &self.listening
    }

    /// A new connection, even when there is one to this peer already.
    ///
    /// # Errors
    /// When the dial is denied, refused or takes longer than ten seconds.
    pub async fn connect(&self, target: &Target) -> Result<Connection> {
        let (answer, dialled) = oneshot::channel();
        let sent = self.commands.send(Command::Dial(target.clone(), answer)).await;
        ensure!(sent.is_ok(), "connect to {target}: the node has stopped");
        let dialled = match tokio::time::timeout(PATIENCE, dialled).await {
            Ok(Ok(dialled)) => dialled.with_context(|| format!("connect to {target}"))?,
            Ok(Err(_)) => bail!("connect to {target}: the node has stopped"),
            Err(_) => bail!("connect to {target}: no connection after {PATIENCE:?}"),
        };
        let Dialled { id, state } = dialled;
        Ok(Connection { peer: target.peer, id, state, commands: self.commands.clone() })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection that this node opened. It lasts until [`Self::close`], the node's end,
/// or the other side's will; dropping this handle does not end it.
#[derive(Clone)]
pub struct Connection {
    peer: PeerId,
    id: ConnectionId,
    state: watch::Receiver<State>,
    commands: mpsc::Sender<Command>,
}

impl Connection {
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        *self.state.borrow() != State::Closed && self.state.has_changed().is_ok()
    }

    /// Returns when the other side has told who it is.
    ///
    /// # Errors
    /// When the connection ends first, or after ten seconds.
    pub async fn identified(&self) -> Result<()> {
        let state = self.wait(State::Identified).await.context("identify: nothing after ten seconds")?;
        ensure!(state == State::Identified, "identify: the connection ended");
        Ok(())
    }

    /// A negotiated stream.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(&self) -> Result<Stream, OpenError> {
        let (answer, opened) = oneshot::channel();
        let command = Command::Open(self.peer, self.id, answer);
        if self.commands.send(command).await.is_err() {
            return Err(OpenError::Closed);
        }
        match tokio::time::timeout(PATIENCE, opened).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(OpenError::Closed),
            Err(_) => Err(OpenError::Timeout),
        }
    }

    /// Ends the connection and returns when it has ended.
    pub async fn close(self) {
        if self.commands.send(Command::Close(self.id)).await.is_ok() {
            // After the patience the connection is left to the node's end.
            self.wait(State::Closed).await;
        }
    }

    async fn wait(&self, least: State) -> Option<State> {
        let mut state = self.state.clone();
        let waited = tokio::time::timeout(PATIENCE, state.wait_for(|s| *s >= least)).await;
        match waited {
            Ok(Ok(state)) => Some(*state),
            Ok(Err(_)) => Some(State::Closed),
            Err(_) => None,
        }
    }
}

struct Task {
    swarm: Swarm<Behaviour>,
    dials: HashMap<ConnectionId, oneshot::Sender<Result<Dialled>>>,
    connections: HashMap<ConnectionId, watch::Sender<State>>,
    identified: Option<mpsc::Sender<Identified>>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut open = true;
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                // With no handle left the node goes on serving until its task is aborted.
                command = inbox.recv(), if open => match command {
                    Some(command) => self.on_command(command),
                    None => open = false,
                },
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Dial(target, answer) => {
                let opts = DialOpts::peer_id(target.peer)
                    .condition(PeerCondition::Always)
                    .addresses(vec![target.addr])
                    .allocate_new_port()
                    .build();
                let id = opts.connection_id();
                match self.swarm.dial(opts) {
                    Ok(()) => drop(self.dials.insert(id, answer)),
                    Err(error) => drop(answer.send(Err(error.into()))),
                }
            }
            Command::Open(peer, id, answer) => self.swarm.behaviour_mut().streams.open(peer, id, answer),
            Command::Close(id) => drop(self.swarm.close_connection(id)),
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                if let Some(answer) = self.dials.remove(&connection_id) {
                    let (sender, state) = watch::channel(State::Established);
                    if answer.send(Ok(Dialled { id: connection_id, state })).is_ok() {
                        self.connections.insert(connection_id, sender);
                    } else {
                        // Nobody waits any more.
                        self.swarm.close_connection(connection_id);
                    }
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(answer) = self.dials.remove(&connection_id) {
                    drop(answer.send(Err(error.into())));
                }
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                if let Some(state) = self.connections.remove(&connection_id) {
                    state.send_replace(State::Closed);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                connection_id,
                peer_id,
                info,
            })) => {
                if let Some(state) = self.connections.get(&connection_id) {
                    state.send_replace(State::Identified);
                }
                if let Some(news) = &self.identified {
                    let told = Identified {
                        peer: peer_id,
                        agent: info.agent_version,
                        addrs: info.listen_addrs,
                        protocols: info.protocols,
                    };
                    // A reader that lags learns of the peer the next time it identifies.
                    drop(news.try_send(told));
                }
            }
            _ => {}
        }
    }
}
