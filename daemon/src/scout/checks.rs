//! Checks under way: dial, then ask for the peer's own id, then judge the answer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use libp2p::{PeerId, Swarm};
use tokio::sync::oneshot;

use crate::net::dialer::{Dialer, NotDialled};
use crate::net::{Behaviour, Request, RpcError};
use crate::wire::bounds::MAX_CLOSER_READ;
use crate::wire::{AddrList, Kind, Message, Reply};

/// Checks at a time.
pub(super) const MAX_CHECKS: usize = 32;

/// Time for one check, dial included.
const CHECK: Duration = Duration::from_secs(15);

/// A connection of the scout is kept so long after its last use.
const LINGER: Duration = Duration::from_secs(20);

/// Why a peer is asked.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) peer: PeerId,
    pub(super) addrs: AddrList,
    /// The key that FIND_NODE asks for.
    pub(super) key: Vec<u8>,
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) question: Question,
    /// Peers that the answer names, or why there was none.
    pub(super) result: Result<Vec<Named>, String>,
    /// The peer answered, but not this protocol.
    pub(super) unsupported: bool,
}

/// A peer that an answer names, with its raw addresses.
type Named = (PeerId, Vec<Vec<u8>>);

type Asked = BoxFuture<'static, (Question, Result<Vec<u8>, RpcError>)>;

/// The checks under way.
#[derive(Default)]
pub(super) struct Checks {
    dialling: HashMap<PeerId, (Question, Instant)>,
    asked: FuturesUnordered<Asked>,
    used: HashMap<PeerId, Instant>,
}

impl Checks {
    pub(super) fn len(&self) -> usize {
        self.dialling.len() + self.asked.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.len() < MAX_CHECKS
    }

    /// Asks the peer, dialling it first when that is needed. The question comes back when it
    /// cannot be asked.
    pub(super) fn start(
        &mut self,
        question: Question,
        swarm: &mut Swarm<Behaviour>,
        dialer: &mut Dialer,
    ) -> Result<(), Box<(Question, NotDialled)>> {
        if swarm.behaviour().rpc.is_connected(&question.peer) {
            self.ask(question, swarm);
            return Ok(());
        }
        if self.dialling.contains_key(&question.peer) {
            return Err(Box::new((question, NotDialled::Already)));
        }
        match dialer.dial(swarm, question.peer, question.addrs.parsed()) {
            Ok(_) => {
                self.dialling.insert(question.peer, (question, Instant::now() + CHECK));
                Ok(())
            }
            Err(not) => Err(Box::new((question, not))),
        }
    }

    /// A connection is open: a question that waited for it goes out.
    pub(super) fn connected(&mut self, peer: &PeerId, swarm: &mut Swarm<Behaviour>) {
        self.used.insert(*peer, Instant::now());
        if let Some((question, _)) = self.dialling.remove(peer) {
            self.ask(question, swarm);
        }
    }

    /// A dial failed.
    pub(super) fn unreachable(&mut self, peer: &PeerId, cause: String) -> Option<Outcome> {
        let (question, _) = self.dialling.remove(peer)?;
        Some(Outcome { question, result: Err(cause), unsupported: false })
    }

    pub(super) fn disconnected(&mut self, peer: &PeerId) {
        self.used.remove(peer);
    }

    fn ask(&mut self, question: Question, swarm: &mut Swarm<Behaviour>) {
        self.used.insert(question.peer, Instant::now());
        let (reply, answer) = oneshot::channel();
        let frame = Reply::new(Kind::FindNode, &question.key, 0).into_frame();
        swarm.behaviour_mut().rpc.request(question.peer, Request { frame, wants_reply: true, reply });
        self.asked.push(
            async move {
                let answer = tokio::time::timeout(CHECK, answer).await;
                let answer = match answer {
                    Ok(Ok(answer)) => answer,
                    // the connection closed before the request went out
                    Ok(Err(_)) => Err(RpcError::NotConnected),
                    Err(_) => Err(RpcError::Timeout),
                };
                (question, answer)
            }
            .boxed(),
        );
    }

    /// The next answer, or failure to answer; pends while nothing is asked.
    pub(super) async fn next(&mut self) -> Outcome {
        if self.asked.is_empty() {
            std::future::pending::<()>().await;
        }
        let Some((question, answer)) = self.asked.next().await else { return std::future::pending().await };
        let unsupported = matches!(answer, Err(RpcError::Unsupported));
        Outcome {
            question,
            result: answer.map_err(|e| e.to_string()).and_then(|body| read(&body)),
            unsupported,
        }
    }

    /// Dials that took too long, and peers whose connections nobody needs any more.
    pub(super) fn overdue(&mut self, now: Instant) -> (Vec<Outcome>, Vec<PeerId>) {
        let late: Vec<PeerId> =
            self.dialling.iter().filter(|(_, (_, by))| *by <= now).map(|(peer, _)| *peer).collect();
        let outcomes =
            late.iter().filter_map(|peer| self.unreachable(peer, "no answer in time".to_owned())).collect();
        let idle = self.used.iter().filter(|(_, at)| now.saturating_duration_since(**at) >= LINGER);
        (outcomes, idle.map(|(peer, _)| *peer).collect())
    }
}

/// The peers that an answer names.
fn read(body: &[u8]) -> Result<Vec<Named>, String> {
    let message = Message::read(body).map_err(|e| e.to_string())?;
    let peers = message.closer_peers().take(MAX_CLOSER_READ);
    Ok(peers.filter_map(|peer| Some((peer.peer_id()?, peer.addrs().map(<[u8]>::to_vec).collect()))).collect())
}
