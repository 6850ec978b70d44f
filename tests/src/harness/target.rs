//! What the wire tests speak to: a daemon of their own, or servers that somebody names.

use anyhow::{Context as _, ensure};
use libp2p::{Multiaddr, PeerId};

use super::daemon::{Daemon, Options};
use super::process::Usage;
use crate::raw::Transport;
use crate::raw::node::peer_of;

/// Names servers instead of a daemon: multiaddrs with `/p2p/ID`, separated by commas. With
/// it the tests can be checked against another implementation (docs/testing.md).
pub const TARGET: &str = "HYDRA_TEST_TARGET";

/// Some DHT servers.
pub struct Target {
    /// One entry a head: its addresses.
    heads: Vec<Head>,
    daemon: Option<Daemon>,
}

struct Head {
    id: PeerId,
    addresses: Vec<Multiaddr>,
}

impl Target {
    /// The servers that `HYDRA_TEST_TARGET` names, or a daemon with `heads` heads.
    pub async fn new(heads: u32) -> anyhow::Result<Self> {
        match std::env::var(TARGET) {
            Ok(list) => Self::named(&list),
            Err(_) => Self::daemon(Options::heads(heads)).await,
        }
    }

    /// A daemon, whatever the environment says.
    pub async fn daemon(options: Options) -> anyhow::Result<Self> {
        let daemon = options.start().await?;
        let addresses = daemon.addresses().await?.into_iter().map(|head| head.address);
        Ok(Self { heads: group(addresses)?, daemon: Some(daemon) })
    }

    fn named(list: &str) -> anyhow::Result<Self> {
        let addresses: Result<Vec<Multiaddr>, _> =
            list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::parse).collect();
        let heads = group(addresses.with_context(|| format!("{TARGET}: {list}"))?)?;
        ensure!(!heads.is_empty(), "{TARGET} names no address");
        Ok(Self { heads, daemon: None })
    }

    /// The daemon, unless the servers are somebody else's.
    #[must_use]
    pub fn hydra(&self) -> Option<&Daemon> {
        self.daemon.as_ref()
    }

    /// How many heads there are.
    #[must_use]
    pub fn heads(&self) -> usize {
        self.heads.len()
    }

    /// A head's id; heads are counted round, so that a target with one has any number.
    #[must_use]
    pub fn id(&self, head: usize) -> PeerId {
        self.head(head).id
    }

    /// A head's address of that transport.
    pub fn address(&self, head: usize, transport: Transport) -> anyhow::Result<Multiaddr> {
        let found = self.head(head).addresses.iter().find(|address| transport.fits(address));
        found.cloned().with_context(|| format!("head {head} has no address for {transport}"))
    }

    /// All addresses of all heads.
    #[must_use]
    pub fn addresses(&self) -> Vec<Multiaddr> {
        self.heads.iter().flat_map(|head| head.addresses.clone()).collect()
    }

    /// Another head than `head`, when heads share what they know: with servers that are
    /// not ours it is the same one.
    #[must_use]
    pub fn sibling(&self, head: usize) -> usize {
        if self.daemon.is_some() { (head + 1) % self.heads.len() } else { head }
    }

    /// What the daemon uses; `None` for servers that are not ours.
    pub fn usage(&self) -> anyhow::Result<Option<Usage>> {
        self.daemon.as_ref().map(Daemon::usage).transpose()
    }

    fn head(&self, head: usize) -> &Head {
        &self.heads[head % self.heads.len()]
    }
}

fn group(addresses: impl IntoIterator<Item = Multiaddr>) -> anyhow::Result<Vec<Head>> {
    let mut heads: Vec<Head> = Vec::new();
    for address in addresses {
        let id = peer_of(&address)?;
        match heads.iter_mut().find(|head| head.id == id) {
            Some(head) => head.addresses.push(address),
            None => heads.push(Head { id, addresses: vec![address] }),
        }
    }
    Ok(heads)
}
