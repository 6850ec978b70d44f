//! A head to speak to, and a node that speaks.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hydra_tests::harness::Target;
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, RawNode, RawStream, Transport};
use libp2p::{Multiaddr, PeerId};

/// The two heads, and a node connected to the first.
pub(crate) struct Scene {
    pub(crate) target: Target,
    pub(crate) node: RawNode,
    pub(crate) head: PeerId,
}

impl Scene {
    /// Over tcp and noise.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        Self::over(Transport::TcpNoise).await
    }

    pub(crate) async fn over(transport: Transport) -> anyhow::Result<Self> {
        let target = Target::new(2).await?;
        let node = RawNode::new(transport)?;
        let head = node.dial(&target.address(0, transport)?).await?;
        Ok(Self { target, node, head })
    }

    /// A stream to the first head.
    pub(crate) async fn stream(&self) -> anyhow::Result<RawStream> {
        self.node.open(self.head).await
    }

    /// A new node's stream to the head beside the first: what one accepted, all must know.
    pub(crate) async fn sibling(&self) -> anyhow::Result<(RawNode, RawStream)> {
        stranger(&self.target, self.target.sibling(0)).await
    }

    /// Sends bytes on a stream of their own and expects the stream to end without an
    /// answer, and others to be served afterwards.
    pub(crate) async fn refuses(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut stream = self.stream().await?;
        // The head may end the stream while this is still being written.
        let written = stream.write(bytes).await;
        ensure!(stream.ends_within(Duration::from_secs(10)).await, "the stream goes on (write: {written:?})");
        self.answers().await
    }

    /// The same for a message in a good frame.
    pub(crate) async fn refuses_message(&self, message: &Message) -> anyhow::Result<()> {
        self.refuses(&hydra_tests::raw::frame(&message.bytes())).await
    }

    /// One exchange on a stream of its own.
    pub(crate) async fn ask(&self, message: &Message) -> anyhow::Result<Message> {
        self.stream().await?.ask(message).await
    }

    /// The head, over the connection that exists, and its sibling, over a new one, answer
    /// within a second.
    pub(crate) async fn answers(&self) -> anyhow::Result<()> {
        let mut here = self.stream().await?;
        prompt(&mut here).await.context("the head")?;
        let (_node, mut there) = self.sibling().await?;
        prompt(&mut there).await.context("its sibling")
    }
}

/// A node that was not there before, with a stream to a head.
pub(crate) async fn stranger(target: &Target, head: usize) -> anyhow::Result<(RawNode, RawStream)> {
    let node = RawNode::new(Transport::TcpNoise)?;
    let id = node.dial(&target.address(head, Transport::TcpNoise)?).await?;
    let stream = node.open(id).await?;
    Ok((node, stream))
}

/// Three requests, the quickest of which must take less than a second: a machine that
/// runs other tests beside this may be slow once, a head that is stuck is slow always.
pub(crate) async fn prompt(stream: &mut RawStream) -> anyhow::Result<()> {
    let mut quickest = Duration::MAX;
    for attempt in 0..3_u8 {
        let start = Instant::now();
        let key = multihash(&[b"prompt", &[attempt][..]].concat());
        let reply = stream.ask(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
        ensure!(reply.key == key, "the answer is to another request");
        quickest = quickest.min(start.elapsed());
    }
    ensure!(quickest < Duration::from_secs(1), "the quickest of three answers took {quickest:?}");
    Ok(())
}

/// The sha2-256 multihash of some content.
pub(crate) fn multihash(content: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    [&[0x12, 0x20][..], &sha2::Sha256::digest(content)].concat()
}

/// A multihash that no other test uses.
pub(crate) fn fresh_key() -> Vec<u8> {
    multihash(&PeerId::random().to_bytes())
}

pub(crate) fn address(text: &str) -> Multiaddr {
    text.parse().expect("a multiaddr")
}

/// How often a test that repeats itself does so: more under `tests/run --long`.
pub(crate) fn rounds(usual: usize) -> usize {
    if std::env::var_os("HYDRA_LONG_TESTS").is_some() { usual * 20 } else { usual }
}
