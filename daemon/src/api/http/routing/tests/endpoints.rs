//! Providers, peers and closest peers: from what is here, from the network, in both forms.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::*;
use crate::api::http::Origins;
use crate::api::http::serve::{Bounds, Door, open};
use crate::wire::Key256;

const NDJSON: (&str, &str) = ("accept", "application/x-ndjson");

fn providers(cid: &str) -> String {
    format!("/routing/v1/providers/{cid}")
}

#[tokio::test]
async fn what_the_belly_has_is_told_at_once_and_nobody_is_asked() {
    let scene = scene();
    let (cid, key) = content();
    let peers = scene.announce(&key, 10);
    let answered = scene.get(&providers(&cid), &[]).await;
    assert_eq!((answered.status, scene.network.asked()), (StatusCode::OK, 0));
    assert_eq!(sorted(answered.ids("Providers")), sorted(&peers));
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "public, max-age=300, stale-while-revalidate=172800, stale-if-error=172800"),
        ("vary", "Accept"),
    ] {
        assert!(answered.header(name).starts_with(value), "{name}: {}", answered.header(name));
    }
    assert!(answered.header("last-modified").ends_with(" GMT"), "{answered:?}");
    let json = answered.json();
    let record = &json["Providers"][0];
    assert_eq!((&record["Schema"], &record["Protocols"]), (&"peer".into(), &serde_json::json!([])));
    assert_eq!(record["Addrs"].as_array().map(Vec::len), Some(2));
    // CIDv0 and other codecs are the same key
    let hash = cid::multihash::Multihash::from_bytes(&key).expect("a multihash");
    for cid in [Cid::new_v0(hash).expect("v0"), Cid::new_v1(0x70, hash)] {
        assert_eq!(scene.get(&providers(&cid.to_string()), &[]).await.ids("Providers").len(), 10);
    }
}

#[tokio::test]
async fn what_is_not_here_is_looked_up_and_nothing_found_is_an_empty_list() {
    let scene = scene();
    let (cid, _) = content();
    let empty = scene.get(&providers(&cid), &[]).await;
    assert_eq!((empty.status, scene.network.asked()), (StatusCode::OK, 1));
    assert_eq!(empty.json(), serde_json::json!({"Providers": []}));
    assert!(empty.header("cache-control").starts_with("public, max-age=15,"), "{empty:?}");
    let empty = scene.get(&providers(&cid), &[NDJSON]).await;
    assert_eq!((empty.status, empty.lines().len()), (StatusCode::OK, 0));
    assert!(empty.header("cache-control").starts_with("public, max-age=15,"), "{empty:?}");

    // one comes twice, first without an address; of another nobody knows any
    let (known, lost) = (named(addrs(&["/ip4/8.8.4.4/tcp/1"])), named(AddrList::default()));
    let first = Provider { addrs: AddrList::default(), ..known.clone() };
    *scene.network.0.providers.lock() = vec![first, lost.clone(), known.clone()];
    let expected = vec![known.peer.to_string(), lost.peer.to_string()];
    assert_eq!(scene.get(&providers(&cid), &[]).await.ids("Providers"), expected);
    let lines = scene.get(&providers(&cid), &[NDJSON]).await.lines();
    assert_eq!(
        lines.iter().map(|line| line["ID"].as_str().unwrap_or_default()).collect::<Vec<_>>(),
        expected
    );
}

#[tokio::test]
async fn a_stream_goes_on_into_the_network_unless_the_belly_has_plenty() {
    let scene = scene();
    let (cid, key) = content();
    let here = scene.announce(&key, 3);
    let there = named(addrs(&["/ip4/8.8.4.4/tcp/1"]));
    let again = Provider { peer: here[0], ..there.clone() };
    *scene.network.0.providers.lock() = vec![again, there.clone()];
    let lines = scene.get(&providers(&cid), &[NDJSON]).await.lines();
    let ids = lines.iter().map(|line| line["ID"].as_str().expect("an ID"));
    assert_eq!(sorted(ids), sorted(here.iter().chain([&there.peer])));
    let (cid, key) = content();
    scene.announce(&key, 25);
    assert_eq!(scene.get(&providers(&cid), &[NDJSON]).await.lines().len(), 25);
    assert_eq!(scene.network.asked(), 1);
}

#[tokio::test]
async fn json_ends_at_a_hundred_records_and_a_stream_at_a_thousand() {
    let scene = scene();
    let (cid, key) = content();
    scene.announce(&key, 1010);
    assert_eq!(scene.get(&providers(&cid), &[]).await.ids("Providers").len(), 100);
    assert_eq!(scene.get(&providers(&cid), &[NDJSON]).await.lines().len(), 1000);
}

#[tokio::test]
async fn a_reader_that_leaves_ends_its_look_up() {
    let scene = scene();
    let (cid, _) = content();
    *scene.network.0.endless.lock() = true;
    *scene.network.0.providers.lock() = vec![named(addrs(&["/ip4/8.8.4.4/tcp/1"]))];
    let request = Request::get(providers(&cid)).header(NDJSON.0, NDJSON.1).body(Body::empty());
    let response = scene.routes.clone().oneshot(request.expect("a request")).await.expect("an answer");
    let mut body = response.into_body();
    body.frame().await.expect("the first record").expect("bytes");
    assert_eq!(scene.network.0.ended.load(SeqCst), 0);
    drop(body);
    assert_eq!(scene.network.0.ended.load(SeqCst), 1);
    // and one that waits for a document
    let request = Request::get(providers(&cid)).body(Body::empty()).expect("a request");
    let answer = scene.routes.clone().oneshot(request);
    tokio::time::timeout(Duration::from_millis(200), answer).await.expect_err("it does not end");
    assert_eq!(scene.network.0.ended.load(SeqCst), 2);
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_look_up() {
    let scene = scene();
    *scene.network.0.endless.lock() = true;
    let (_stop, stopping) = watch::channel(false);
    let door = Door {
        name: "routing",
        addrs: vec![([127, 0, 0, 1], 0).into()],
        chosen: true,
        hosts: Vec::new(),
        hosts_setting: "routing.hosts",
        origins: Origins::Any,
        bounds: Bounds { half_close: false, ..Bounds::default() },
    };
    let open = open(door, scene.routes.clone(), stopping).await.expect("a door");
    let mut client = TcpStream::connect(open.addrs()[0]).await.expect("a connection");
    let request = format!("GET {} HTTP/1.1\r\nHost: routing.example\r\n\r\n", providers(&content().0));
    client.write_all(request.as_bytes()).await.expect("sent");
    let until = |what: fn(&Scene) -> bool| {
        let scene = &scene;
        let waiting = async move {
            while !what(scene) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting)
    };
    until(|scene| scene.network.asked() == 1).await.expect("it is looked up");
    assert_eq!(scene.network.0.ended.load(SeqCst), 0);
    drop(client);
    until(|scene| scene.network.0.ended.load(SeqCst) == 1).await.expect("it is given up");
}

#[tokio::test]
async fn filters_choose_records_and_addresses() {
    let scene = scene();
    let (cid, key) = content();
    scene.announce(&key, 2);
    for (query, records, addrs) in [
        ("filter-addrs=tcp", 2, 1),
        ("filter-addrs=tcp,QUIC-V1", 2, 2),
        ("filter-addrs=%21tcp", 2, 1),
        ("filter-addrs=tcp%2Cquic-v1", 2, 2),
        ("filter-protocols=unknown,transport-bitswap", 2, 2),
        ("filter-protocols=", 2, 2),
        ("other=1", 2, 2),
        ("filter-addrs=webtransport", 0, 0),
        ("filter-protocols=transport-bitswap", 0, 0),
    ] {
        let answered = scene.get(&format!("{}?{query}", providers(&cid)), &[]).await;
        let json = answered.json();
        let list = json["Providers"].as_array().expect("a list");
        assert_eq!(list.len(), records, "{query}");
        for record in list {
            assert_eq!(record["Addrs"].as_array().map(Vec::len), Some(addrs), "{query}");
        }
    }
    let long = format!("{}?filter-protocols={}", providers(&cid), "x".repeat(64));
    assert_eq!(scene.get(&long, &[]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_peer_is_told_from_announcements_and_the_table_or_looked_up() {
    let scene = scene();
    let (_, key) = content();
    let announced = scene.announce(&key, 1)[0];
    let server = PeerId::random();
    scene.table.put(server, Found::at(addrs(&["/ip4/8.8.8.8/tcp/77"]))).expect("room");
    for peer in [announced, server] {
        let hash = cid::multihash::Multihash::from_bytes(&peer.to_bytes()).expect("a multihash");
        let cid = Cid::new_v1(0x72, hash).to_string_of_base(cid::multibase::Base::Base36Lower);
        for id in [peer.to_string(), cid.expect("text")] {
            let answered = scene.get(&format!("/routing/v1/peers/{id}"), &[]).await;
            assert_eq!(answered.ids("Peers"), [peer.to_string()]);
            assert_eq!(scene.get(&format!("/routing/v1/peers/{id}"), &[NDJSON]).await.lines().len(), 1);
        }
    }
    assert_eq!(scene.network.asked(), 0);
    let stranger = format!("/routing/v1/peers/{}", PeerId::random());
    assert_eq!(scene.get(&stranger, &[]).await.json(), serde_json::json!({"Peers": []}));
    *scene.network.0.addrs.lock() = Some(addrs(&["/ip4/8.8.4.4/tcp/1"]));
    assert_eq!(scene.get(&stranger, &[]).await.ids("Peers").len(), 1);
    assert_eq!(scene.network.asked(), 2);
}

#[tokio::test]
async fn the_nearest_servers_come_in_their_order() {
    let scene = scene();
    let (cid, key) = content();
    let path = format!("/routing/v1/dht/closest/peers/{cid}");
    let nobody = scene.get(&path, &[]).await;
    assert_eq!((nobody.status, scene.network.asked()), (StatusCode::NOT_FOUND, 1));
    // a small table says nothing of the network
    scene.servers(5);
    let there = (PeerId::random(), addrs(&["/ip4/8.8.4.4/tcp/1"]));
    *scene.network.0.closest.lock() = vec![there];
    assert_eq!(scene.get(&path, &[]).await.ids("Peers").len(), 6);
    assert_eq!(scene.network.asked(), 2);
    scene.servers(220);
    for headers in [&[][..], &[NDJSON]] {
        let answered = scene.get(&path, headers).await;
        let ids = match headers.is_empty() {
            true => answered.ids("Peers"),
            false => answered.lines().iter().map(|l| l["ID"].as_str().expect("an ID").to_owned()).collect(),
        };
        let distance =
            |id: &String| Key256::of_peer(&id.parse().expect("a peer id")).distance(&Key256::of(&key));
        assert_eq!(ids.len(), 20);
        assert!(ids.is_sorted_by_key(distance), "{ids:?}");
    }
    assert_eq!(scene.network.asked(), 2);
    // a peer id is a key, too
    let path = format!("/routing/v1/dht/closest/peers/{}", PeerId::random());
    assert_eq!(scene.get(&path, &[]).await.ids("Peers").len(), 20);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let scene = scene();
    let (cid, _) = content();
    for (path, status) in [
        ("/routing/v1/providers/nonsense", 400),
        ("/routing/v1/providers/%FF", 400),
        ("/routing/v1/peers/nonsense", 400),
        ("/routing/v1/ipns/nonsense", 400),
        ("/routing/v1/dht/closest/peers/nonsense", 400),
        // the specification has no 404 for these
        ("/routing/v1/providers", 400),
        ("/routing/v1/other/x", 400),
        ("/", 400),
    ] {
        assert_eq!(scene.get(path, &[]).await.status.as_u16(), status, "{path}");
    }
    assert_eq!(scene.get(&providers(&cid), &[("accept", "text/html")]).await.status, StatusCode::BAD_REQUEST);
    for method in ["POST", "DELETE", "PUT"] {
        let request = Request::builder().method(method).uri(providers(&cid)).body(Body::empty());
        let answered = scene.send(request.expect("a request")).await;
        assert_eq!(answered.status, StatusCode::NOT_IMPLEMENTED, "{method}");
        assert!(answered.json()["error"].as_str().is_some(), "{method}");
    }
    assert_eq!(scene.network.asked(), 0);
}

#[tokio::test]
async fn large_documents_are_compressed_for_those_who_take_it() {
    let scene = scene();
    let (cid, key) = content();
    scene.announce(&key, 50);
    let plain = scene.get(&providers(&cid), &[]).await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = scene.get(&providers(&cid), &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < plain.body.len() / 2);
    let vary: Vec<_> =
        packed.headers.get_all("vary").iter().filter_map(|value| value.to_str().ok()).collect();
    let vary = vary.join(",").to_ascii_lowercase();
    assert!(vary.contains("accept-encoding") && vary.contains("accept,"), "{vary}");
}
