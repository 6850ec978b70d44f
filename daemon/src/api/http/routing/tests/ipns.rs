//! Names: records that are here, there, newer, expired, and those that are put.

use std::time::SystemTime;

use libp2p::identity::Keypair;

use super::*;
use crate::dht::records::ipns_key;
use crate::dht::records::testing::IpnsRecord;

const RECORD: &str = "application/vnd.ipfs.ipns-record";
const HOUR: Duration = Duration::from_secs(3600);

struct Name {
    key: Keypair,
    peer: PeerId,
}

impl Name {
    fn new() -> Self {
        let key = Keypair::generate_ed25519();
        Self { peer: key.public().to_peer_id(), key }
    }

    fn path(&self) -> String {
        let hash = cid::multihash::Multihash::from_bytes(&self.peer.to_bytes()).expect("a multihash");
        let name = Cid::new_v1(0x72, hash).to_string_of_base(cid::multibase::Base::Base36Lower);
        format!("/routing/v1/ipns/{}", name.expect("text"))
    }

    /// With a TTL of five minutes.
    fn record(&self, sequence: u64, until: SystemTime) -> Vec<u8> {
        IpnsRecord::new("/ipfs/bafkqaaa", sequence, until).sign(&self.key).expect("signed")
    }
}

impl Scene {
    async fn put(&self, path: &str, kind: &str, body: Vec<u8>) -> Answered {
        let request = Request::put(path).header("content-type", kind).body(Body::from(body));
        self.send(request.expect("a request")).await
    }
}

#[tokio::test]
async fn a_record_that_is_put_is_kept_told_and_sent_on() {
    let (scene, name) = (scene(), Name::new());
    let record = name.record(1, SystemTime::now() + HOUR);
    let put = scene.put(&name.path(), RECORD, record.clone()).await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    assert_eq!(*scene.network.0.put.lock(), std::slice::from_ref(&record));
    // every head answers with it
    let kept = scene.belly.value(&ipns_key(&name.peer)).await.expect("readable").expect("kept");
    assert_eq!(kept.value, record);
    let asked = scene.network.asked();
    for path in [name.path(), format!("/routing/v1/ipns/{}", name.peer)] {
        let got = scene.get(&path, &[("accept", RECORD)]).await;
        assert_eq!((got.status, got.header("content-type"), &got.body), (StatusCode::OK, RECORD, &record));
    }
    assert_eq!(scene.network.asked(), asked, "it is fresh");
    let got = scene.get(&name.path(), &[]).await;
    let cache = got.header("cache-control");
    assert!(cache.starts_with("public, max-age=300, stale-while-revalidate=32"), "{cache}");
    assert!(
        got.header("expires").ends_with("GMT") && got.header("last-modified").ends_with("GMT"),
        "{got:?}"
    );
    let same = scene.get(&name.path(), &[("if-none-match", got.header("etag"))]).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    // the same again is no fault, an older one is
    assert_eq!(scene.put(&name.path(), RECORD, record).await.status, StatusCode::OK);
    let older = name.record(0, SystemTime::now() + HOUR);
    let refused = scene.put(&name.path(), RECORD, older).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.json()["error"].as_str().is_some_and(|reason| reason.contains("newer")), "{refused:?}");
}

#[tokio::test]
async fn what_is_not_a_record_of_the_name_is_not_put() {
    let (scene, name, other) = (scene(), Name::new(), Name::new());
    let good = name.record(1, SystemTime::now() + HOUR);
    let expired = name.record(1, SystemTime::now() - HOUR);
    for (kind, body, status) in [
        ("application/json", good.clone(), 406),
        ("", good.clone(), 406),
        (RECORD, other.record(1, SystemTime::now() + HOUR), 400),
        (RECORD, expired, 400),
        (RECORD, Vec::new(), 400),
        (RECORD, b"nonsense".to_vec(), 400),
        (RECORD, vec![0; 11 << 10], 400),
    ] {
        let answered = scene.put(&name.path(), kind, body).await;
        assert_eq!(answered.status.as_u16(), status, "{kind}");
        assert!(answered.json()["error"].as_str().is_some_and(|reason| reason.len() > 20), "{answered:?}");
    }
    let content = format!("/routing/v1/ipns/{}", content().0);
    assert_eq!(scene.put(&content, RECORD, good).await.status, StatusCode::BAD_REQUEST);
    assert!(scene.network.0.put.lock().is_empty());
    assert_eq!(scene.belly.value(&ipns_key(&name.peer)).await.expect("readable"), None);
}

#[tokio::test]
async fn no_record_is_an_answer_of_another_type_and_others_are_not_taken() {
    let (scene, name) = (scene(), Name::new());
    let nothing = scene.get(&name.path(), &[("accept", RECORD)]).await;
    assert_eq!(
        (nothing.status, nothing.header("content-type")),
        (StatusCode::OK, "text/plain; charset=utf-8")
    );
    assert!(nothing.header("cache-control").starts_with("public, max-age=15,"), "{nothing:?}");
    let refused = scene.get(&name.path(), &[("accept", "application/json")]).await;
    assert_eq!(refused.status, StatusCode::NOT_ACCEPTABLE);
    assert!(refused.json()["error"].as_str().is_some_and(|reason| reason.contains(RECORD)));
    // what the network has
    let record = name.record(3, SystemTime::now() + Duration::from_secs(100));
    *scene.network.0.value.lock() = Some(record.clone());
    let got = scene.get(&name.path(), &[("accept", "*/*")]).await;
    assert_eq!(got.body, record);
    // its end comes before its time to live does
    assert!(got.header("cache-control").contains("stale-while-revalidate=0,"), "{got:?}");
}

#[tokio::test]
async fn a_record_past_its_time_to_live_is_checked_with_the_network() {
    let (scene, name) = (scene(), Name::new());
    let until = SystemTime::now() + HOUR;
    // without a time to live it is fresh for a minute; with one of a nanosecond never
    let sign = |sequence| {
        let mut record = IpnsRecord::new("/ipfs/bafkqaaa", sequence, until);
        record.ttl = 1;
        record.sign(&name.key).expect("signed")
    };
    assert_eq!(scene.put(&name.path(), RECORD, sign(5)).await.status, StatusCode::OK);
    for (there, expected) in [(None, 5), (Some(4), 5), (Some(6), 6)] {
        *scene.network.0.value.lock() = there.map(sign);
        assert_eq!(scene.get(&name.path(), &[]).await.body, sign(expected), "{there:?}");
    }
}
