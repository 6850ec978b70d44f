//! `libp2p::kad` as a client of our heads.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::StreamExt;
use hydra_tests::harness::{Target, eventually};
use hydra_tests::raw::Transport;
use hydra_tests::raw::ipns::{self, Says};
use hydra_tests::raw::node::{KAD, peer_of};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, identify, identity::Keypair, noise, tcp, tls, yamux};
use libp2p_kad::store::MemoryStore;
use libp2p_kad::{self as kad, GetProvidersOk, GetRecordOk, QueryId, QueryResult, Quorum, Record, RecordKey};
use tokio_util::task::AbortOnDropHandle;

/// How long a query may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(NetworkBehaviour)]
struct Behaviour {
    kad: kad::Behaviour<MemoryStore>,
    identify: identify::Behaviour,
}

/// A kad client that knows the heads it was given.
struct Node {
    swarm: Swarm<Behaviour>,
    address: Multiaddr,
}

impl Node {
    async fn join(transport: Transport, heads: &[Multiaddr]) -> anyhow::Result<Self> {
        let mut swarm = swarm(transport)?;
        let listen = match transport {
            Transport::QuicV1 => "/ip4/127.0.0.1/udp/0/quic-v1",
            Transport::TcpNoise | Transport::TcpTls => "/ip4/127.0.0.1/tcp/0",
        };
        swarm.listen_on(listen.parse()?)?;
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address;
            }
        };
        // libp2p::kad announces external addresses and no others.
        swarm.add_external_address(address.clone());
        for head in heads.iter().filter(|head| transport.fits(head)) {
            swarm.behaviour_mut().kad.add_address(&peer_of(head)?, head.clone());
        }
        Ok(Self { swarm, address })
    }

    fn id(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    fn kad(&mut self) -> &mut kad::Behaviour<MemoryStore> {
        &mut self.swarm.behaviour_mut().kad
    }

    /// All results of a query, until its last.
    async fn results(&mut self, query: QueryId) -> anyhow::Result<Vec<QueryResult>> {
        let collect = async {
            let mut results = Vec::new();
            loop {
                let event = self.swarm.select_next_some().await;
                if let SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                    id,
                    result,
                    step,
                    ..
                })) = event
                    && id == query
                {
                    results.push(result);
                    if step.last {
                        return results;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, collect).await.context("the query does not end")
    }

    /// Lets the node go on by itself: what it still has to send (`start_providing` ends
    /// before the announcements are out) and whoever dials it need that.
    fn go_on(mut self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                self.swarm.select_next_some().await;
            }
        }))
    }

    async fn provide(&mut self, key: &RecordKey) -> anyhow::Result<()> {
        let query = self.kad().start_providing(key.clone())?;
        match self.results(query).await?.pop() {
            Some(QueryResult::StartProviding(Ok(_))) => Ok(()),
            other => bail!("{other:?}"),
        }
    }

    async fn providers(&mut self, key: &RecordKey) -> anyhow::Result<Vec<PeerId>> {
        let query = self.kad().get_providers(key.clone());
        let mut found = Vec::new();
        for result in self.results(query).await? {
            match result {
                QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) => {
                    found.extend(providers);
                }
                QueryResult::GetProviders(Ok(_)) => {}
                other => bail!("{other:?}"),
            }
        }
        Ok(found)
    }

    async fn put(&mut self, record: Record) -> anyhow::Result<()> {
        let query = self.kad().put_record(record, Quorum::One)?;
        match self.results(query).await?.pop() {
            Some(QueryResult::PutRecord(Ok(_))) => Ok(()),
            other => bail!("{other:?}"),
        }
    }

    async fn get(&mut self, key: &RecordKey) -> anyhow::Result<Record> {
        let query = self.kad().get_record(key.clone());
        let results = self.results(query).await?;
        results
            .iter()
            .find_map(|result| match result {
                QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) => Some(found.record.clone()),
                _ => None,
            })
            .with_context(|| format!("{results:?}"))
    }

    async fn closest(&mut self, to: PeerId) -> anyhow::Result<Vec<kad::PeerInfo>> {
        let query = self.kad().get_closest_peers(to);
        match self.results(query).await?.pop() {
            Some(QueryResult::GetClosestPeers(Ok(found))) => Ok(found.peers),
            other => bail!("{other:?}"),
        }
    }
}

fn swarm(transport: Transport) -> anyhow::Result<Swarm<Behaviour>> {
    let behaviour = |key: &Keypair| {
        let id = key.public().to_peer_id();
        let mut kad = kad::Behaviour::with_config(id, MemoryStore::new(id), kad::Config::new(KAD));
        kad.set_mode(Some(kad::Mode::Client));
        let identify = identify::Behaviour::new(identify::Config::new("ipfs/0.1.0".to_owned(), key.public()));
        Behaviour { kad, identify }
    };
    let builder = SwarmBuilder::with_new_identity().with_tokio();
    let (tcp, mux) = (tcp::Config::default().nodelay(true), yamux::Config::default);
    Ok(match transport {
        Transport::TcpNoise => {
            builder.with_tcp(tcp, noise::Config::new, mux)?.with_behaviour(behaviour)?.build()
        }
        Transport::TcpTls => builder.with_tcp(tcp, tls::Config::new, mux)?.with_behaviour(behaviour)?.build(),
        Transport::QuicV1 => builder.with_quic().with_behaviour(behaviour)?.build(),
    })
}

#[tokio::test]
async fn rust_clients_provide_and_find_providers_through_heads() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let target = Target::new(3).await?;
        let (mut one, mut other) = pair(&target, transport).await?;
        let key = RecordKey::new(&PeerId::random().to_bytes());
        one.provide(&key).await.with_context(|| format!("provide over {transport}"))?;
        let id = one.id();
        let _one = one.go_on();
        let other = tokio::sync::Mutex::new(&mut other);
        // ADD_PROVIDER has no acknowledgement.
        eventually(Duration::from_secs(20), || async {
            let found = other.lock().await.providers(&key).await?;
            ensure!(found.contains(&id), "{id} is not among {found:?}");
            Ok(())
        })
        .await
        .with_context(|| format!("find over {transport}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn rust_clients_put_and_get_an_ipns_record_through_heads() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let target = Target::new(3).await?;
        let (mut one, mut other) = pair(&target, transport).await?;
        let keys = Keypair::generate_ed25519();
        let value = Says::new("/ipfs/bafkqaaa", 3).sign(&keys)?.bytes();
        let key = RecordKey::new(&ipns::key(&keys));
        one.put(Record::new(key.clone(), value.clone()))
            .await
            .with_context(|| format!("put over {transport}"))?;
        let got = other.get(&key).await.with_context(|| format!("get over {transport}"))?;
        assert_eq!(got.value, value, "{transport}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rust_client_is_refused_a_record_that_is_not_valid() -> anyhow::Result<()> {
    let target = Target::new(2).await?;
    let (mut one, _) = pair(&target, Transport::TcpNoise).await?;
    let keys = Keypair::generate_ed25519();
    let value = Says::new("/ipfs/bafkqaaa", 3).expired().sign(&keys)?.bytes();
    let put = one.put(Record::new(RecordKey::new(&ipns::key(&keys)), value)).await;
    ensure!(put.is_err(), "an expired record was acknowledged");
    Ok(())
}

#[tokio::test]
async fn a_rust_client_that_knows_one_head_finds_the_others_and_whoever_announced_itself()
-> anyhow::Result<()> {
    for transport in Transport::ALL {
        let target = Target::new(2).await?;
        let first = [target.address(0, transport)?];
        let mut one = Node::join(transport, &first).await?;
        let other = target.id(1);
        let found = one.closest(other).await.with_context(|| format!("{transport}"))?;
        let head = found.iter().find(|peer| peer.peer_id == other).with_context(|| format!("{found:?}"))?;
        ensure!(!head.addrs.is_empty(), "{transport}: the other head comes without addresses");

        one.provide(&RecordKey::new(&PeerId::random().to_bytes())).await?;
        let id = one.id();
        let address = one.address.clone();
        let _one = one.go_on();
        let mut seeker = Node::join(transport, &first).await?;
        eventually_known(&mut seeker, id, &address).await.with_context(|| format!("{transport}"))?;
    }
    Ok(())
}

/// Waits until a look-up for `id` makes its address known to the node.
async fn eventually_known(node: &mut Node, id: PeerId, address: &Multiaddr) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let query = node.kad().get_closest_peers(id);
        // The peer serves no DHT, so it is no result of the query; that it was dialled says
        // that a head told where it is.
        let dialled = async {
            loop {
                match node.swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } if peer_id == id => {
                        return Some(endpoint.get_remote_address().clone());
                    }
                    SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                        id,
                        step,
                        ..
                    })) if id == query && step.last => return None,
                    _ => {}
                }
            }
        };
        if let Some(at) = tokio::time::timeout(PATIENCE, dialled).await.context("the query does not end")? {
            ensure!(at.to_string().starts_with(&address.to_string()), "dialled {at}, it is at {address}");
            return Ok(());
        }
        ensure!(tokio::time::Instant::now() < deadline, "no head tells where {id} is");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn pair(target: &Target, transport: Transport) -> anyhow::Result<(Node, Node)> {
    let heads = target.addresses();
    Ok((Node::join(transport, &heads).await?, Node::join(transport, &heads).await?))
}
