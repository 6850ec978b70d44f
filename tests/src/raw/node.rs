//! One identity with one transport: dials, and opens streams.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use futures::StreamExt;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent, dial_opts::DialOpts};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, identity::Keypair, ping};
use libp2p::{noise, tcp, tls, yamux};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::open::{Opened, Opener};
use super::stream::{PATIENCE, RawStream};

/// The protocol of the Amino DHT.
pub const KAD: StreamProtocol = StreamProtocol::new("/ipfs/kad/1.0.0");

/// How to reach a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// tcp, noise, yamux.
    TcpNoise,
    /// tcp, tls, yamux.
    TcpTls,
    /// QUIC version 1.
    QuicV1,
}

impl Transport {
    /// All that a head must serve.
    pub const ALL: [Self; 3] = [Self::TcpNoise, Self::TcpTls, Self::QuicV1];

    /// True when the address is of this transport.
    #[must_use]
    pub fn fits(self, address: &Multiaddr) -> bool {
        let quic = address.iter().any(|part| part == Protocol::QuicV1);
        quic == (self == Self::QuicV1)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TcpNoise => "tcp-noise",
            Self::TcpTls => "tcp-tls",
            Self::QuicV1 => "quic-v1",
        })
    }
}

/// Commands that wait for one node; tests that open hundreds of streams at once fit.
const COMMANDS: usize = 4096;

/// A node that the tests speak through. It closes its connections when dropped.
pub struct RawNode {
    id: PeerId,
    keypair: Keypair,
    commands: mpsc::Sender<Command>,
    _task: AbortOnDropHandle<()>,
}

enum Command {
    Dial(Multiaddr, oneshot::Sender<Result<PeerId, String>>),
    Open(PeerId, StreamProtocol, Opened),
    Protocols(PeerId, oneshot::Sender<identify::Info>),
    Disconnect(PeerId),
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    opener: Opener,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

impl RawNode {
    /// A node with an identity of its own, that listens nowhere.
    pub fn new(transport: Transport) -> anyhow::Result<Self> {
        Self::with_agent(transport, "hydra-tests")
    }

    /// A node with an identity of its own that calls itself `agent` in identify.
    pub fn with_agent(transport: Transport, agent: &str) -> anyhow::Result<Self> {
        let keypair = Keypair::generate_ed25519();
        let swarm = swarm(transport, keypair.clone(), agent.to_owned())?;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let id = *swarm.local_peer_id();
        let task = AbortOnDropHandle::new(tokio::spawn(run(swarm, receiver)));
        Ok(Self { id, keypair, commands, _task: task })
    }

    /// This node's id.
    #[must_use]
    pub fn id(&self) -> PeerId {
        self.id
    }

    /// This node's keys.
    #[must_use]
    pub fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    /// Dials an address that ends in `/p2p/ID`; gives that id.
    pub async fn dial(&self, address: &Multiaddr) -> anyhow::Result<PeerId> {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::Dial(address.clone(), sender))?;
        let answer = tokio::time::timeout(PATIENCE, receiver).await.context("dial timed out")?;
        answer?.map_err(|error| anyhow!("dial {address}: {error}"))
    }

    /// Opens a stream of `/ipfs/kad/1.0.0` to a peer that was dialled.
    pub async fn open(&self, peer: PeerId) -> anyhow::Result<RawStream> {
        self.open_protocol(peer, KAD).await
    }

    /// Opens a stream of any protocol.
    pub async fn open_protocol(&self, peer: PeerId, protocol: StreamProtocol) -> anyhow::Result<RawStream> {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::Open(peer, protocol.clone(), sender))?;
        let answer = tokio::time::timeout(PATIENCE, receiver).await.context("opening a stream timed out")?;
        let stream = answer.context("not connected")?.map_err(|error| anyhow!("open {protocol}: {error}"))?;
        Ok(RawStream::new(stream))
    }

    /// What a connected peer said of itself by identify.
    pub async fn identified(&self, peer: PeerId) -> anyhow::Result<identify::Info> {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::Protocols(peer, sender))?;
        Ok(tokio::time::timeout(PATIENCE, receiver).await.context("no identify came")??)
    }

    /// Closes all connections to a peer.
    pub fn disconnect(&self, peer: PeerId) -> anyhow::Result<()> {
        self.command(Command::Disconnect(peer))
    }

    fn command(&self, command: Command) -> anyhow::Result<()> {
        self.commands.try_send(command).map_err(|e| anyhow!("the raw node's task: {e}"))
    }
}

fn swarm(transport: Transport, keypair: Keypair, agent: String) -> anyhow::Result<Swarm<Behaviour>> {
    let behaviour = move |key: &Keypair| Behaviour {
        opener: Opener::default(),
        identify: identify::Behaviour::new(
            identify::Config::new("ipfs/0.1.0".to_owned(), key.public()).with_agent_version(agent),
        ),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_secs(3600))),
    };
    let idle = |config: libp2p::swarm::Config| config.with_idle_connection_timeout(Duration::from_secs(3600));
    let builder = SwarmBuilder::with_existing_identity(keypair).with_tokio();
    let (tcp, mux) = (tcp::Config::default().nodelay(true), yamux::Config::default);
    Ok(match transport {
        Transport::TcpNoise => builder
            .with_tcp(tcp, noise::Config::new, mux)?
            .with_behaviour(behaviour)?
            .with_swarm_config(idle)
            .build(),
        Transport::TcpTls => builder
            .with_tcp(tcp, tls::Config::new, mux)?
            .with_behaviour(behaviour)?
            .with_swarm_config(idle)
            .build(),
        Transport::QuicV1 => builder.with_quic().with_behaviour(behaviour)?.with_swarm_config(idle).build(),
    })
}

#[derive(Default)]
struct Waiting {
    dials: Vec<(libp2p::swarm::ConnectionId, oneshot::Sender<Result<PeerId, String>>)>,
    identify: Vec<(PeerId, oneshot::Sender<identify::Info>)>,
    known: Vec<identify::Info>,
}

async fn run(mut swarm: Swarm<Behaviour>, mut commands: mpsc::Receiver<Command>) {
    let mut waiting = Waiting::default();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => obey(&mut swarm, &mut waiting, command),
                None => return,
            },
            event = swarm.select_next_some() => note(&mut waiting, event),
        }
    }
}

fn obey(swarm: &mut Swarm<Behaviour>, waiting: &mut Waiting, command: Command) {
    // Whoever asked may have given up: an answer that nobody takes is dropped.
    match command {
        Command::Dial(address, answer) => {
            let options = DialOpts::unknown_peer_id().address(address).build();
            let id = options.connection_id();
            match swarm.dial(options) {
                Ok(()) => waiting.dials.push((id, answer)),
                Err(error) => drop(answer.send(Err(error.to_string()))),
            }
        }
        Command::Open(peer, protocol, opened) => {
            if swarm.is_connected(&peer) {
                swarm.behaviour_mut().opener.open(peer, protocol, opened);
            } else {
                drop(opened.send(Err("not connected".to_owned())));
            }
        }
        Command::Protocols(peer, answer) => match waiting.known.iter().find(|i| id_of(i) == peer) {
            Some(info) => drop(answer.send(info.clone())),
            None => waiting.identify.push((peer, answer)),
        },
        Command::Disconnect(peer) => drop(swarm.disconnect_peer_id(peer)),
    }
}

fn note(waiting: &mut Waiting, event: SwarmEvent<BehaviourEvent>) {
    match event {
        SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
            settle(waiting, connection_id, Ok(peer_id));
        }
        SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
            settle(waiting, connection_id, Err(error.to_string()));
        }
        SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { info, .. })) => {
            let peer = id_of(&info);
            for (_, answer) in waiting.identify.extract_if(.., |(wanted, _)| *wanted == peer) {
                drop(answer.send(info.clone()));
            }
            waiting.known.retain(|known| id_of(known) != peer);
            waiting.known.push(info);
        }
        _ => {}
    }
}

fn settle(waiting: &mut Waiting, id: libp2p::swarm::ConnectionId, result: Result<PeerId, String>) {
    if let Some(at) = waiting.dials.iter().position(|(dial, _)| *dial == id) {
        drop(waiting.dials.swap_remove(at).1.send(result));
    }
}

fn id_of(info: &identify::Info) -> PeerId {
    info.public_key.to_peer_id()
}

/// The id at the end of an address.
pub fn peer_of(address: &Multiaddr) -> anyhow::Result<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(id)) => Ok(id),
        _ => bail!("{address} does not end in /p2p/ID"),
    }
}
