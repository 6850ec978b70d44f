//! One light peer: a DHT server with a small table and store, and a client of others.
//!
//! Owns its node, what it knows ([`Mind`]) and one stream a peer that it asks, as Go's
//! clients keep it. What it answers stands in `answer`, how it walks in `lookup`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use libp2p::identity::Keypair;
use libp2p::swarm::{Stream, StreamProtocol};
use libp2p::{Multiaddr, PeerId};
use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::answer::{Refused, answer};
use super::store::Store;
use super::table::{Known, Table};
use crate::load::frame::Framed;
use crate::load::guard::Reach;
use crate::load::message::{Kind, Message};
use crate::load::node::{Connection, Identified, Node, NodeConfig, Target};
use crate::load::transport::Security;

/// What identify tells of a light peer begins with this.
pub(super) const AGENT: &str = "light-peer/";
/// Go's patience with a reply and with an idle stream.
const REPLY_PATIENCE: Duration = Duration::from_secs(10);
const STREAM_IDLE: Duration = Duration::from_secs(60);
/// Peers asked over a kept stream; beyond, all are dropped and made anew.
const MOST_LINKS: usize = 1_000;
/// News of identified peers waiting to be read.
const NEWS: usize = 64;

/// What a light peer knows.
pub(super) struct Mind {
    pub(super) peer: PeerId,
    /// Addresses beyond are not taken.
    pub(super) reach: Reach,
    addrs: OnceLock<Vec<Multiaddr>>,
    table: RwLock<Table>,
    store: Mutex<Store>,
}

impl Mind {
    pub(super) fn new(peer: PeerId, reach: Reach) -> Self {
        Self { peer, reach, addrs: OnceLock::new(), table: RwLock::default(), store: Mutex::default() }
    }

    // A panic while a lock is held leaves whole entries behind: the data is still good.
    pub(super) fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read()
    }

    pub(super) fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write()
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }

    /// As FIND_NODE for this peer's own id tells it.
    pub(super) fn myself(&self) -> Option<Known> {
        let addrs = self.addrs.get()?.clone();
        Some(Known { peer: self.peer, addrs, agent: String::new() })
    }
}

/// A light peer.
pub struct LightPeer {
    pub(super) mind: Arc<Mind>,
    keypair: Keypair,
    agent: String,
    node: Node,
    links: Mutex<HashMap<PeerId, Arc<tokio::sync::Mutex<Link>>>>,
    learner: JoinHandle<()>,
}

#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    stream: Option<Framed<Stream>>,
}

impl LightPeer {
    pub(super) async fn start(
        listen: Vec<Multiaddr>,
        reach: Reach,
        protocol: StreamProtocol,
    ) -> Result<Arc<Self>> {
        let keypair = Keypair::generate_ed25519();
        let mind = Arc::new(Mind::new(keypair.public().to_peer_id(), reach));
        let serving = Arc::clone(&mind);
        let service = Arc::new(move |from: PeerId, stream: Stream| {
            let mind = Arc::clone(&serving);
            // Whatever ends a stream is the asker's business: a light peer keeps no log.
            Box::pin(async move { drop(serve(&mind, from, stream).await) }) as _
        });
        let (news, told) = mpsc::channel(NEWS);
        let agent = format!("{AGENT}{}", env!("CARGO_PKG_VERSION"));
        let node = Node::start(NodeConfig {
            keypair: keypair.clone(),
            security: Security::Both,
            agent: agent.clone(),
            protocol: protocol.clone(),
            service: Some(service),
            listen,
            reach,
            identified: Some(news),
        })
        .await?;
        // Set once, here, before anybody can ask.
        mind.addrs.get_or_init(|| node.listening().to_vec());
        let learner = tokio::spawn(learn(Arc::clone(&mind), protocol, told));
        Ok(Arc::new(Self { mind, keypair, agent, node, links: Mutex::default(), learner }))
    }

    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.mind.peer
    }

    #[must_use]
    pub fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Where it listens, without `/p2p`.
    #[must_use]
    pub fn addresses(&self) -> &[Multiaddr] {
        self.node.listening()
    }

    /// Puts a server into the table; addresses out of reach are left out.
    pub fn introduce(&self, peer: PeerId, addrs: Vec<Multiaddr>, agent: &str) {
        learned(&self.mind, Known { peer, addrs, agent: agent.to_owned() });
    }

    /// All that the table holds.
    #[must_use]
    pub fn known(&self) -> Vec<Known> {
        self.mind.table().all().cloned().collect()
    }

    /// Asks one peer; `None` for an announcement, which has no reply. Keeps the stream, and
    /// tries once more on a fresh one when the kept one is dead.
    ///
    /// # Errors
    /// When the peer cannot be reached, resets the stream, or is silent for ten seconds.
    pub async fn request(&self, to: &Known, message: &Message) -> Result<Option<Message>> {
        let link = self.link(to.peer);
        let mut link = link.lock().await;
        let kept = link.stream.is_some();
        let result = self.exchange(&mut link, to, message).await;
        let result = match result {
            Err(_) if kept => self.exchange(&mut link, to, message).await,
            result => result,
        };
        result.with_context(|| format!("ask {}", to.peer))
    }

    async fn exchange(&self, link: &mut Link, to: &Known, message: &Message) -> Result<Option<Message>> {
        // Put back only when all went well: a failed stream may hold half a reply.
        let mut stream = match link.stream.take() {
            Some(stream) => stream,
            None => {
                let connection = self.connection(link, to).await?;
                Framed::new(connection.open().await?)
            }
        };
        stream.write(&message.framed()).await?;
        stream.flush().await?;
        if message.kind == Kind::AddProvider as i32 {
            link.stream = Some(stream);
            return Ok(None);
        }
        let body = tokio::time::timeout(REPLY_PATIENCE, stream.read()).await.context("no reply")??;
        let reply = Message::decode(body.context("the stream ended without a reply")?)?;
        link.stream = Some(stream);
        Ok(Some(reply))
    }

    async fn connection(&self, link: &mut Link, to: &Known) -> Result<Connection> {
        if let Some(connection) = link.connection.as_ref().filter(|c| c.is_open()) {
            return Ok(connection.clone());
        }
        let mut failed = Vec::new();
        for addr in &to.addrs {
            match self.node.connect(&Target { peer: to.peer, addr: addr.clone() }).await {
                Ok(connection) => {
                    link.connection = Some(connection.clone());
                    return Ok(connection);
                }
                Err(error) => failed.push(format!("{error:#}")),
            }
        }
        bail!("no address of {} answers: {}", to.peer, failed.join("; "))
    }

    fn link(&self, peer: PeerId) -> Arc<tokio::sync::Mutex<Link>> {
        let mut links = self.links.lock();
        if links.len() >= MOST_LINKS && !links.contains_key(&peer) {
            links.clear();
        }
        Arc::clone(links.entry(peer).or_default())
    }
}

impl Drop for LightPeer {
    fn drop(&mut self) {
        self.learner.abort();
    }
}

/// Every peer that identifies itself as a DHT server enters the table.
async fn learn(mind: Arc<Mind>, protocol: StreamProtocol, mut told: mpsc::Receiver<Identified>) {
    while let Some(Identified { peer, agent, addrs, protocols }) = told.recv().await {
        if protocols.contains(&protocol) {
            learned(&mind, Known { peer, addrs, agent });
        }
    }
}

fn learned(mind: &Mind, mut known: Known) {
    known.addrs.retain(|addr| mind.reach.allows(addr));
    if known.peer != mind.peer && !known.addrs.is_empty() {
        mind.table_mut().add(known);
    }
}

async fn serve(mind: &Mind, from: PeerId, stream: Stream) -> Result<()> {
    let mut framed = Framed::new(stream);
    loop {
        let Some(body) = tokio::time::timeout(STREAM_IDLE, framed.read()).await?? else { break };
        let message = Message::decode(body)?;
        match answer(mind, from, message) {
            Ok(Some(reply)) => {
                framed.write(&reply.framed()).await?;
                framed.flush().await?;
            }
            Ok(None) => {}
            Err(Refused) => bail!("refused"),
        }
    }
    Ok(framed.close().await?)
}
