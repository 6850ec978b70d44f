//! The echo server: what the transport alone costs.
//!
//! The same transports, settings and standing protocols as a head, and a handler that
//! answers each frame with a prepared one without decoding anything. A server's CPU a
//! request is stated as a multiple of this one's.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use libp2p::identity::Keypair;
use libp2p::swarm::{Stream, StreamProtocol};
use libp2p::{Multiaddr, PeerId};

use super::frame::Framed;
use super::guard::Reach;
use super::keys;
use super::message::{Kind, Message};
use super::node::{Node, NodeConfig, Target};
use super::transport::Security;

/// Bytes of the prepared reply: FIND_NODE with 20 peers of the public network (`reference/peers.md`).
pub const REPLY_BYTES: usize = 3_300;
/// Peers in the prepared reply.
const REPLY_PEERS: usize = 20;

/// What the echo server is made of.
#[derive(Clone, Debug)]
pub struct EchoConfig {
    pub listen: Vec<Multiaddr>,
    pub protocol: StreamProtocol,
    pub reply_bytes: usize,
    /// Whether announcements are answered too. A DHT server does not answer them.
    pub answer_announcements: bool,
    pub reach: Reach,
}

/// A running echo server; it stops when dropped.
pub struct Echo {
    node: Node,
}

impl Echo {
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn start(config: EchoConfig) -> Result<Self> {
        let reply = Bytes::from(prepared(config.reply_bytes).framed());
        let answer_announcements = config.answer_announcements;
        let service = Arc::new(move |_: PeerId, stream: Stream| {
            let reply = reply.clone();
            Box::pin(async move {
                // A stream's end, clean or not, is the client's business.
                drop(echo(stream, &reply, answer_announcements).await);
            }) as _
        });
        let node = Node::start(NodeConfig {
            service: Some(service),
            listen: config.listen,
            agent: concat!("hydra-echo/", env!("CARGO_PKG_VERSION")).to_owned(),
            keypair: Keypair::generate_ed25519(),
            ..NodeConfig::client(Security::Both, config.protocol, config.reach)
        })
        .await?;
        Ok(Self { node })
    }

    /// Where it listens.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let peer = self.node.peer();
        self.node.listening().iter().map(|addr| Target { peer, addr: addr.clone() }).collect()
    }
}

async fn echo(mut stream: Stream, reply: &[u8], answer_announcements: bool) -> std::io::Result<()> {
    stream.ignore_for_keep_alive();
    let mut framed = Framed::new(stream);
    while let Some(request) = framed.read().await? {
        if answer_announcements || !is_announcement(request) {
            framed.write(reply).await?;
            framed.flush().await?;
        }
    }
    framed.close().await
}

/// Every writer puts field 1, the kind, first.
fn is_announcement(request: &[u8]) -> bool {
    matches!(request, [0x08, kind, ..] if i32::from(*kind) == Kind::AddProvider as i32)
}

/// A FIND_NODE reply of [`REPLY_PEERS`] peers and about `bytes` bytes.
fn prepared(bytes: usize) -> Message {
    let mut message = Message::new(Kind::FindNode, Bytes::new());
    message.cluster_level = 1;
    let ids: Vec<PeerId> =
        (0..REPLY_PEERS).map(|_| Keypair::generate_ed25519().public().to_peer_id()).collect();
    let mut addrs = 0;
    loop {
        let addresses = keys::addresses(addrs);
        let mut next = message.clone();
        next.closer = ids.iter().map(|id| keys::peer(id, &addresses, 1)).collect();
        if next.framed().len() > bytes || addrs == 64 {
            return message;
        }
        (message, addrs) = (next, addrs + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prepared_reply_has_the_shape_of_a_real_one() {
        let message = prepared(REPLY_BYTES);
        assert_eq!(message.closer.len(), REPLY_PEERS);
        let len = message.framed().len();
        assert!((3_000..=REPLY_BYTES).contains(&len), "{len}");
    }

    #[test]
    fn announcements_are_told_by_their_first_two_bytes() {
        use prost::Message as _;
        let kinds = [
            Kind::PutValue,
            Kind::GetValue,
            Kind::AddProvider,
            Kind::GetProviders,
            Kind::FindNode,
            Kind::Ping,
        ];
        for kind in kinds {
            let bytes = Message::new(kind, &b"key"[..]).encode_to_vec();
            assert_eq!(is_announcement(&bytes), kind == Kind::AddProvider, "{kind:?}");
        }
    }
}
