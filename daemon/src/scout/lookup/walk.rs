//! Whom a lookup asks next, and when it is at its end.
//!
//! Pure: no clock, no network. In come what peers answered or that they did not; out come the
//! next peer to ask and the closest that answered. Strangers' answers cannot make it ask more
//! than [`MAX_ASKED`] peers or keep more than [`MAX_HEARD`] besides. The rules are those of
//! kad-dht `query.go`, but for one: who only names peers that do not answer is no longer
//! believed.

use libp2p::PeerId;

use crate::wire::bounds::K;
use crate::wire::{AddrList, Key256};

/// Peers asked at a time (kad-dht `amino.DefaultConcurrency`).
pub const ALPHA: usize = 10;

/// The walk is near its end when so many of the closest have answered
/// (`amino.DefaultResiliency`).
pub const BETA: usize = 3;

/// Peers asked in one walk.
pub const MAX_ASKED: usize = 120;

/// Peers heard of and not asked, kept in one walk; the farthest go first.
pub const MAX_HEARD: usize = 120;

/// A peer of whose names so many did not answer, and none did, is not believed further.
const FALSE_NAMES: u8 = 6;

/// A walk towards a key.
#[derive(Debug)]
pub struct Walk {
    target: Key256,
    /// By ascending distance.
    nodes: Vec<Node>,
    asked: usize,
    asking: usize,
}

#[derive(Debug)]
struct Node {
    distance: [u8; 32],
    peer: PeerId,
    addrs: AddrList,
    state: State,
    /// 1: known at the start; else one more than who named it.
    hop: u32,
    /// Who alone spoke of it.
    namer: Option<PeerId>,
    /// Of those that only it named: did not answer, and did.
    silent: u8,
    alive: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Heard,
    Asked,
    Answered,
    Failed,
}

/// A peer to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    pub peer: PeerId,
    pub addrs: AddrList,
    /// How far from the start: 1 is a peer known at the start.
    pub hop: u32,
}

impl Walk {
    /// A walk that starts from these peers.
    pub fn new(target: Key256, start: impl IntoIterator<Item = (PeerId, AddrList)>) -> Self {
        let mut walk = Self { target, nodes: Vec::new(), asked: 0, asking: 0 };
        for (peer, addrs) in start {
            walk.hear(peer, addrs, 1, None);
        }
        walk.trim();
        walk
    }

    /// The next peer to ask now, which then counts as asked. `None`: wait for answers, or the
    /// walk [`Self::is_done`].
    pub fn ask_next(&mut self) -> Option<Next> {
        if self.asking >= ALPHA || self.asked >= MAX_ASKED {
            return None;
        }
        let mut standing = self.nodes.iter_mut().filter(|node| node.state != State::Failed).take(K);
        let node = standing.find(|node| node.state == State::Heard)?;
        node.state = State::Asked;
        self.asked += 1;
        self.asking += 1;
        Some(Next { peer: node.peer, addrs: node.addrs.clone(), hop: node.hop })
    }

    /// An asked peer answered and named these. Gives the addresses at which it was asked.
    pub fn answered(
        &mut self,
        peer: &PeerId,
        named: impl IntoIterator<Item = (PeerId, AddrList)>,
    ) -> Option<AddrList> {
        let node = self.ended(peer, State::Answered)?;
        let (hop, namer, asked_at) = (node.hop + 1, node.namer, node.addrs.clone());
        if let Some(namer) = namer.and_then(|namer| self.find(&namer)) {
            namer.alive = namer.alive.saturating_add(1);
        }
        for (other, addrs) in named {
            self.hear(other, addrs, hop, Some(*peer));
        }
        self.trim();
        Some(asked_at)
    }

    /// An asked peer did not answer.
    pub fn failed(&mut self, peer: &PeerId) {
        let Some(node) = self.ended(peer, State::Failed) else { return };
        let Some(namer) = node.namer else { return };
        let Some(node) = self.find(&namer) else { return };
        node.silent = node.silent.saturating_add(1);
        if node.silent >= FALSE_NAMES && node.alive == 0 {
            self.nodes.retain(|node| node.state != State::Heard || node.namer != Some(namer));
        }
    }

    /// Nothing is left to ask or to wait for: the closest that stand have all answered, or as
    /// many were asked as may be.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let mut waits = self.closest_standing().filter(|node| node.state != State::Answered);
        if self.asked >= MAX_ASKED { self.asking == 0 } else { waits.next().is_none() }
    }

    /// The [`BETA`] closest have answered and nobody is left to ask: what is still awaited
    /// hardly changes the result.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let beta = self.closest_standing().take(BETA).all(|node| node.state == State::Answered);
        let asks = self.asked < MAX_ASKED && self.closest_standing().any(|node| node.state == State::Heard);
        beta && !asks
    }

    /// The k closest that answered, closest first.
    pub fn closest(&self) -> impl Iterator<Item = (&PeerId, &AddrList)> {
        let answered = self.nodes.iter().filter(|node| node.state == State::Answered);
        answered.take(K).map(|node| (&node.peer, &node.addrs))
    }

    /// Peers asked so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// Peers whose answer is awaited.
    #[must_use]
    pub fn asking(&self) -> usize {
        self.asking
    }

    /// The k closest of those that have not failed.
    fn closest_standing(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.state != State::Failed).take(K)
    }

    fn find(&mut self, peer: &PeerId) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.peer == *peer)
    }

    fn ended(&mut self, peer: &PeerId, state: State) -> Option<&Node> {
        let at = self.nodes.iter().position(|node| node.peer == *peer && node.state == State::Asked)?;
        self.asking -= 1;
        self.nodes[at].state = state;
        Some(&self.nodes[at])
    }

    fn hear(&mut self, peer: PeerId, addrs: AddrList, hop: u32, namer: Option<PeerId>) {
        if addrs.is_empty() {
            return;
        }
        let distance = Key256::of_peer(&peer).distance(&self.target);
        match self.nodes.binary_search_by_key(&distance, |node| node.distance) {
            Ok(at) => {
                let node = &mut self.nodes[at];
                if node.state == State::Heard && node.namer != namer {
                    node.namer = None;
                    node.addrs = node.addrs.union(&addrs);
                }
            }
            Err(at) => {
                let state = State::Heard;
                self.nodes.insert(at, Node { distance, peer, addrs, state, hop, namer, silent: 0, alive: 0 });
            }
        }
    }

    /// Forgets the farthest of those that were only heard of.
    fn trim(&mut self) {
        let heard = self.nodes.iter().filter(|node| node.state == State::Heard).count();
        let mut left = MAX_HEARD.min(heard);
        self.nodes.retain(|node| {
            let keep = node.state != State::Heard || left > 0;
            left -= usize::from(keep && node.state == State::Heard);
            keep
        });
    }

    /// Peers kept, for tests of the bound.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.nodes.len()
    }
}
