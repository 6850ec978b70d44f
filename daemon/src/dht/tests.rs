//! The service at its seam, over a real store and a table filled by hand: each rule of
//! kad-dht's `handlers.go`, one by one, and any bytes.

mod any_bytes;
mod find_node;
mod providers;
mod values;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use libp2p::multihash::Multihash;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tempfile::TempDir;

use super::{Config, Local, Served, Service};
use crate::belly::clock::Clock;
use crate::belly::engine::{LogBelly, LogConfig};
use crate::routing::contacts::{Contact, Contacts, Side};
use crate::routing::table::{Found, Table};
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::field::{put_bytes, put_number};
use crate::wire::frame::{Cut, cut};
use crate::wire::message::encode_peer;
use crate::wire::{AddrList, Kind, Message};

const HOUR: Duration = Duration::from_secs(3600);

/// A sha2-256 multihash: what a provider record's key looks like.
const KEY: &[u8] = b"\x12\x2001234567890123456789012345678901";

/// A service, what it stands on, and two of its heads.
struct Scene {
    service: Service,
    table: Arc<Table>,
    contacts: Arc<Contacts>,
    clock: Clock,
    heads: [Local; 2],
    _dir: TempDir,
}

fn scene() -> Scene {
    scene_with(Config::default(), |config| config)
}

fn scene_with(config: Config, of: impl FnOnce(LogConfig) -> LogConfig) -> Scene {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(SystemTime::now());
    let belly = of(LogConfig { clock: clock.clone(), ..LogConfig::new(dir.path()) });
    let belly = Arc::new(LogBelly::open(belly).expect("the store opens"));
    let (table, contacts) = (Arc::new(Table::default()), Arc::new(Contacts::default()));
    let service = Service::new(config, belly, Arc::clone(&table), Arc::clone(&contacts));
    let heads = [Local::new(0, peer(1_000)), Local::new(1, peer(1_001))];
    Scene { service, table, contacts, clock, heads, _dir: dir }
}

impl Scene {
    async fn ask(&self, head: usize, from: &Contact, request: &[u8]) -> Served {
        let request = Message::read(request).expect("a message");
        self.service.handle(&self.heads[head], from, request).await
    }

    /// Sends a request that is answered.
    async fn answer(&self, head: usize, from: &Contact, request: &[u8]) -> Answered {
        match self.ask(head, from, request).await {
            Served::Reply(frame) => Answered::of(frame.as_ref()),
            Served::Reset(reason) => panic!("refused: {reason:?}"),
            Served::Silent => panic!("not answered"),
        }
    }

    /// Sends a request that is refused; the reason.
    async fn refusal(&self, head: usize, from: &Contact, request: &[u8]) -> Reason {
        match self.ask(head, from, request).await {
            Served::Reset(reason) => reason,
            Served::Reply(_) => panic!("answered"),
            Served::Silent => panic!("not refused"),
        }
    }

    /// Announces the asker itself as a provider.
    async fn announce(&self, head: usize, from: &Contact, key: &[u8], list: &[&str]) -> Served {
        self.ask(head, from, &add_provider(key, &[(from.peer, addrs(list))])).await
    }

    /// Puts servers with addresses in groups of their own into the table.
    fn servers(&self, n: u32) {
        for i in 0..n {
            self.server(peer(i), &[&public(i)]);
        }
    }

    /// Servers with about 1,000 bytes of addresses each.
    fn long_servers(&self, n: u32) {
        for i in 0..n {
            let name = format!("{}.{}.example", "a".repeat(55), "b".repeat(60));
            let list: Vec<String> =
                (0..7).map(|port| format!("/dns4/{name}/tcp/{}", 10 * i + port + 1)).collect();
            self.server(peer(i), &list.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    fn server(&self, peer: PeerId, list: &[&str]) {
        self.table.put(peer, Found::at(addrs(list))).expect("there is room");
    }

    /// Connects a peer to the first head; it says of itself what identify would tell.
    fn connected(&self, peer: PeerId, agent: &str, list: &[&str]) -> Arc<Contact> {
        let contact = Arc::new(asker(peer));
        self.contacts.opened(Arc::clone(&contact));
        self.contacts.identified(&peer, agent, "", addrs(list));
        contact
    }
}

/// A reply as an asker reads it.
struct Answered {
    body: Vec<u8>,
}

impl Answered {
    fn of(frame: &[u8]) -> Self {
        let Ok(Cut::Whole { start, end }) = cut(frame) else { panic!("no frame: {frame:02x?}") };
        assert_eq!(end, frame.len());
        Self { body: frame[start..].to_vec() }
    }

    fn read(&self) -> Message<'_> {
        Message::read(&self.body).expect("a reply is a message")
    }

    fn closer(&self) -> Vec<(PeerId, AddrList)> {
        let of = |peer: crate::wire::message::Peer<'_>| {
            (peer.peer_id().expect("an id"), AddrList::from_raw(peer.addrs()))
        };
        self.read().closer_peers().map(of).collect()
    }

    fn closer_ids(&self) -> Vec<PeerId> {
        self.closer().into_iter().map(|(peer, _)| peer).collect()
    }

    fn providers(&self) -> Vec<(PeerId, AddrList)> {
        let of = |peer: crate::wire::message::Peer<'_>| {
            (peer.peer_id().expect("an id"), AddrList::from_raw(peer.addrs()))
        };
        self.read().provider_peers().map(of).collect()
    }
}

/// A peer that is the same in every run.
fn peer(n: u32) -> PeerId {
    let mut digest = [7; 32];
    digest[28..].copy_from_slice(&n.to_be_bytes());
    let hash = Multihash::wrap(0x12, &digest).expect("32 bytes fit");
    PeerId::from_multihash(hash).expect("SHA-256 is a peer id")
}

/// A public address in an IP group that no other number below 15,000 has.
fn public(n: u32) -> String {
    format!("/ip4/{}.{}.1.1/tcp/4001", 20 + n / 250 % 10 * 2 + n / 2_500, n % 250)
}

fn addrs(list: &[&str]) -> AddrList {
    let list: Vec<Multiaddr> = list.iter().map(|text| text.parse().expect("a multiaddr")).collect();
    list.iter().collect()
}

/// A peer that is connected, seen from the connection's task.
fn asker(peer: PeerId) -> Contact {
    let remote = "/ip4/1.2.3.4/tcp/4001".parse().expect("a multiaddr");
    Contact::new(ConnectionId::new_unchecked(1), peer, Side::Head(0), true, remote)
}

/// Somebody who asks and is nowhere else.
fn somebody() -> Contact {
    asker(peer(9_999))
}

fn request(kind: Kind, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 1, kind as u64);
    put_bytes(&mut out, 2, key);
    out
}

fn add_provider(key: &[u8], entries: &[(PeerId, AddrList)]) -> Vec<u8> {
    let mut out = request(Kind::AddProvider, key);
    for (peer, addrs) in entries {
        put_bytes(&mut out, 9, &encode_peer(peer, addrs));
    }
    out
}

/// How often something was not done, in this whole process: other tests count too.
fn counted(reason: Reason) -> u64 {
    drops::counts().find(|(counted, _)| *counted == reason).map_or(0, |(_, n)| n)
}
