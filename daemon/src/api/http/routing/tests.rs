//! The endpoints over a real store, a table filled by hand and a network that is made up.

mod endpoints;
mod ipns;
mod limits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use cid::Cid;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use http_body_util::BodyExt as _;
use libp2p::{Multiaddr, PeerId};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::asker::Limits;
use super::lookups::{Lookups, Network};
use super::{Config, Desk, routes};
use crate::api::http::refusal::in_json;
use crate::belly::engine::{LogBelly, LogConfig};
use crate::belly::{Announcement, Belly};
use crate::dht::Service;
use crate::routing::table::Found;
use crate::routing::{Contacts, Table};
use crate::scout::lookup::Provider;
use crate::wire::AddrList;

/// What the network says when it is asked, and how often it was.
#[derive(Default)]
struct World {
    providers: Mutex<Vec<Provider>>,
    addrs: Mutex<Option<AddrList>>,
    closest: Mutex<Vec<(PeerId, AddrList)>>,
    value: Mutex<Option<Vec<u8>>>,
    put: Mutex<Vec<Vec<u8>>>,
    asked: AtomicUsize,
    /// Providers come, and then the look-up does not end.
    endless: Mutex<bool>,
    /// Look-ups that are given up or at their end.
    ended: Arc<AtomicUsize>,
}

struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[derive(Clone, Default)]
struct Fake(Arc<World>);

impl Fake {
    fn asked(&self) -> usize {
        self.0.asked.load(SeqCst)
    }

    fn count(&self) -> Ended {
        self.0.asked.fetch_add(1, SeqCst);
        Ended(Arc::clone(&self.0.ended))
    }
}

impl Network for Fake {
    fn providers(&self, _: &[u8], limit: usize, _: Duration) -> BoxStream<'static, Provider> {
        let ended = self.count();
        let providers = stream::iter(self.0.providers.lock().clone()).take(limit);
        let rest = if *self.0.endless.lock() { stream::pending().boxed() } else { stream::empty().boxed() };
        providers
            .chain(rest)
            .map(move |provider| {
                let _while = &ended;
                provider
            })
            .boxed()
    }

    fn addresses_of(&self, _: PeerId, _: Duration) -> BoxFuture<'static, Option<AddrList>> {
        self.count();
        std::future::ready(self.0.addrs.lock().clone()).boxed()
    }

    fn closest(&self, _: Vec<u8>, _: Duration) -> BoxFuture<'static, Vec<(PeerId, AddrList)>> {
        self.count();
        std::future::ready(self.0.closest.lock().clone()).boxed()
    }

    fn value(&self, _: Vec<u8>, _: Duration) -> BoxFuture<'static, Option<Vec<u8>>> {
        self.count();
        std::future::ready(self.0.value.lock().clone()).boxed()
    }

    fn put_value(&self, _: Vec<u8>, value: Vec<u8>, _: Duration) -> BoxFuture<'static, usize> {
        self.count();
        self.0.put.lock().push(value);
        std::future::ready(1).boxed()
    }
}

/// A door without its listener.
struct Scene {
    routes: Router,
    belly: Arc<dyn Belly>,
    table: Arc<Table>,
    network: Fake,
    _dir: TempDir,
}

/// An answer, whole.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Ids of the records of a list.
    fn ids(&self, field: &str) -> Vec<String> {
        let json = self.json();
        let list = json[field].as_array().unwrap_or_else(|| panic!("no {field}: {json}"));
        list.iter().map(|record| record["ID"].as_str().expect("an ID").to_owned()).collect()
    }

    /// Records of a stream.
    fn lines(&self) -> Vec<Value> {
        assert_eq!(self.header("content-type"), "application/x-ndjson");
        let text = std::str::from_utf8(&self.body).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }
}

fn scene() -> Scene {
    scene_with(Config::default())
}

fn scene_with(config: Config) -> Scene {
    let dir = tempfile::tempdir().expect("a directory");
    let store = LogBelly::open(LogConfig::new(dir.path())).expect("the store opens");
    let belly: Arc<dyn Belly> = Arc::new(store);
    let (table, contacts) = (Arc::new(Table::default()), Arc::new(Contacts::default()));
    let service = Service::new(
        crate::dht::Config::default(),
        Arc::clone(&belly),
        Arc::clone(&table),
        Arc::clone(&contacts),
    );
    let network = Fake::default();
    let desk = Desk {
        belly: Arc::clone(&belly),
        table: Arc::clone(&table),
        contacts,
        service: Arc::new(service),
        lookups: Lookups::new(config, Arc::new(network.clone())),
        limits: Limits::new(config),
    };
    Scene { routes: routes(Arc::new(desk)), belly, table, network, _dir: dir }
}

impl Scene {
    async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.routes.clone().oneshot(request).await.expect("an answer");
        // as the door does
        let (parts, body) = in_json(response).await.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answered {
        let request = headers.iter().fold(Request::get(path), |r, (name, value)| r.header(*name, *value));
        let answered = self.send(request.body(Body::empty()).expect("a request")).await;
        // web pages read every answer
        assert_eq!(answered.header("access-control-allow-origin"), "*", "{path}");
        if !answered.status.is_success() && answered.status != StatusCode::NOT_MODIFIED {
            let json = answered.json();
            assert!(json["error"].as_str().is_some_and(|reason| !reason.is_empty()), "{json}");
        }
        answered
    }

    /// Stores providers of a key, as if they had announced themselves.
    fn announce(&self, key: &[u8], count: usize) -> Vec<PeerId> {
        let peers: Vec<_> = (0..count).map(|_| PeerId::random()).collect();
        for (peer, port) in peers.iter().zip(1_u16..) {
            let addrs =
                addrs(&[&format!("/ip4/8.8.8.8/tcp/{port}"), &format!("/ip4/8.8.8.8/udp/{port}/quic-v1")]);
            let announcement = Announcement { key, provider: *peer, addrs, head: 0, near: true };
            self.belly.add_provider(announcement).expect("stored");
        }
        peers
    }

    /// Puts servers with addresses in groups of their own into the table.
    fn servers(&self, count: u8) {
        for i in 1..=count {
            let found = Found::at(addrs(&[&format!("/ip4/{}.{}.1.1/tcp/4001", 20 + i % 100, i)]));
            self.table.put(PeerId::random(), found).expect("room");
        }
    }
}

fn addrs(list: &[&str]) -> AddrList {
    let list: Vec<Multiaddr> = list.iter().map(|addr| addr.parse().expect("an address")).collect();
    list.iter().collect()
}

/// A fresh CID, and its key in the DHT.
fn content() -> (String, Vec<u8>) {
    let hash = cid::multihash::Multihash::wrap(0x12, &rand::random::<[u8; 32]>()).expect("32 bytes");
    (Cid::new_v1(0x55, hash).to_string(), hash.to_bytes())
}

fn named(addrs: AddrList) -> Provider {
    Provider { peer: PeerId::random(), addrs, from: PeerId::random(), hop: 1 }
}

fn sorted(ids: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    ids.sort();
    ids
}
