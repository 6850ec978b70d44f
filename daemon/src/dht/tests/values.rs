//! PUT_VALUE and GET_VALUE.

use libp2p::identity::Keypair;

use super::*;
use crate::dht::records::testing::IpnsRecord;
use crate::dht::records::{ipns_key, pk_key};
use crate::wire::field::Fields;

fn keypair() -> Keypair {
    Keypair::ed25519_from_bytes([1; 32]).expect("32 bytes are a key")
}

fn name() -> Vec<u8> {
    ipns_key(&keypair().public().to_peer_id())
}

/// A record that is valid for so many hours from now; it expired when that is negative.
fn record(sequence: u64, hours: i64) -> Vec<u8> {
    let span = HOUR * u32::try_from(hours.abs()).expect("few hours");
    let eol = if hours < 0 { SystemTime::now() - span } else { SystemTime::now() + span };
    IpnsRecord::new("/ipfs/bafkqaaa", sequence, eol).sign(&keypair()).expect("signs")
}

fn put_under(key: &[u8], record_key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    put_bytes(&mut record, 1, record_key);
    put_bytes(&mut record, 2, value);
    let mut out = request(Kind::PutValue, key);
    put_bytes(&mut out, 3, &record);
    out
}

fn put(key: &[u8], value: &[u8]) -> Vec<u8> {
    put_under(key, key, value)
}

fn get(key: &[u8]) -> Vec<u8> {
    request(Kind::GetValue, key)
}

impl Scene {
    async fn stored(&self, key: &[u8]) -> Option<Vec<u8>> {
        let reply = self.answer(1, &somebody(), &get(key)).await;
        let record = reply.read().record?;
        assert_eq!((record.key, reply.read().key), (key, key));
        Some(record.value.to_vec())
    }
}

#[tokio::test]
async fn a_valid_record_is_echoed_byte_for_byte_and_every_head_has_it() {
    let scene = scene();
    scene.servers(30);
    let value = record(7, 24);
    let mut expected = put(&name(), &value);
    put_bytes(&mut expected, 666, b"unknown");
    let mut sent = expected.clone();
    put_bytes(&mut sent, 8, &encode_peer(&peer(1), &addrs(&["/ip4/1.2.3.4/tcp/1"])));
    assert_eq!(scene.answer(0, &somebody(), &sent).await.body, expected);
    assert_eq!(scene.stored(&name()).await, Some(value));
    let reply = scene.answer(1, &somebody(), &get(&name())).await;
    assert_eq!(reply.closer().len(), 20);
}

#[tokio::test]
async fn a_record_says_when_it_came() {
    let scene = scene();
    scene.answer(0, &somebody(), &put(&name(), &record(7, 24))).await;
    let reply = scene.answer(0, &somebody(), &get(&name())).await;
    let field = |message: &[u8], number| {
        let mut fields = Fields::new(message).map(|field| field.expect("a field"));
        match fields.find(|field| field.number == number).map(|field| field.value) {
            Some(crate::wire::field::Value::Bytes(bytes)) => bytes.to_vec(),
            other => panic!("{number}: {other:?}"),
        }
    };
    let time = String::from_utf8(field(&field(&reply.body, 3), 5)).expect("text");
    let time: jiff::Timestamp = time.parse().expect("RFC 3339");
    assert!((jiff::Timestamp::now().as_second() - time.as_second()).abs() < 60);
}

#[tokio::test]
async fn a_public_key_is_kept_under_its_hash_only() {
    let scene = scene();
    let rsa_like = Keypair::generate_secp256k1();
    let (key, value) = (pk_key(&rsa_like.public().to_peer_id()), rsa_like.public().encode_protobuf());
    assert_eq!(scene.answer(0, &somebody(), &put(&key, &value)).await.body, put(&key, &value));
    assert_eq!(scene.stored(&key).await, Some(value.clone()));
    let other = pk_key(&peer(1));
    assert_eq!(scene.refusal(0, &somebody(), &put(&other, &value)).await, Reason::RecordInvalid);
}

#[tokio::test]
async fn a_request_without_a_record_or_for_another_key_is_refused() {
    let scene = scene();
    let value = record(7, 24);
    for raw in [
        request(Kind::PutValue, &name()),
        put_under(&name(), b"/ipns/other", &value),
        put_under(b"", b"", &value),
        put_under(b"", &name(), &value),
        put_under(&name(), b"", &value),
        vec![],
    ] {
        assert_eq!(scene.refusal(0, &somebody(), &raw).await, Reason::RequestRefused);
    }
    assert_eq!(scene.stored(&name()).await, None);
}

#[tokio::test]
async fn what_is_not_valid_is_refused() {
    let scene = scene();
    let good = record(7, 24);
    let mut forged = good.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let of_another = Keypair::ed25519_from_bytes([2; 32]).expect("a key");
    let other_name = ipns_key(&of_another.public().to_peer_id());
    for (key, value) in [
        (name(), forged),
        (name(), record(7, -1)),
        (name(), vec![]),
        (name(), vec![0; 11 << 10]),
        (other_name, good.clone()),
        (b"/other/name".to_vec(), good.clone()),
        (b"no namespace".to_vec(), good.clone()),
        (b"/ipns/no id".to_vec(), good),
    ] {
        assert_eq!(scene.refusal(0, &somebody(), &put(&key, &value)).await, Reason::RecordInvalid);
        assert_eq!(scene.stored(&key).await, None);
    }
}

#[tokio::test]
async fn a_higher_sequence_replaces_and_a_lower_one_is_refused() {
    let scene = scene();
    for (sequence, taken) in [(5, true), (4, false), (6, true), (5, false)] {
        let raw = put(&name(), &record(sequence, 24));
        match scene.ask(0, &somebody(), &raw).await {
            Served::Reply(_) => assert!(taken, "{sequence}"),
            Served::Reset(reason) => assert_eq!((reason, taken), (Reason::RecordOld, false), "{sequence}"),
            Served::Silent => panic!("not answered"),
        }
    }
    let kept = scene.stored(&name()).await.expect("a record");
    // of one sequence, the one that is valid longer
    let longer = record(6, 48);
    scene.answer(0, &somebody(), &put(&name(), &longer)).await;
    assert_eq!(scene.refusal(0, &somebody(), &put(&name(), &kept)).await, Reason::RecordOld);
    assert_eq!(scene.stored(&name()).await, Some(longer));
}

#[tokio::test]
async fn the_same_record_again_begins_its_two_days_anew() {
    let scene = scene();
    let value = record(7, 500);
    scene.answer(0, &somebody(), &put(&name(), &value)).await;
    scene.clock.advance(40 * HOUR);
    assert_eq!(scene.answer(0, &somebody(), &put(&name(), &value)).await.body, put(&name(), &value));
    scene.clock.advance(40 * HOUR);
    assert_eq!(scene.stored(&name()).await, Some(value));
    scene.clock.advance(10 * HOUR);
    assert_eq!(scene.stored(&name()).await, None);
}

#[tokio::test]
async fn an_expired_record_is_still_given_but_yields_to_a_lower_sequence() {
    let scene = scene();
    let (old, new) = (record(9, -1), record(3, 24));
    scene.service.belly.put_value(name().into(), old.clone().into()).await.expect("stored");
    assert_eq!(scene.stored(&name()).await, Some(old));
    scene.answer(0, &somebody(), &put(&name(), &new)).await;
    assert_eq!(scene.stored(&name()).await, Some(new));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_records_put_at_once_the_best_stays() {
    let scene = Arc::new(scene());
    let tasks: Vec<_> = (0..40u64)
        .map(|n| {
            let scene = Arc::clone(&scene);
            tokio::spawn(async move {
                let raw = put(&name(), &record(n * 17 % 40, 24));
                matches!(scene.ask((n % 2) as usize, &somebody(), &raw).await, Served::Reply(_))
            })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += usize::from(task.await.expect("no panic"));
    }
    assert!(taken > 0);
    assert_eq!(scene.refusal(0, &somebody(), &put(&name(), &record(38, 24))).await, Reason::RecordOld);
    scene.answer(0, &somebody(), &put(&name(), &record(40, 24))).await;
}

#[tokio::test]
async fn checks_are_limited_and_what_is_over_is_refused_unread() {
    let scene = scene_with(Config { validations_per_second: 0.001, ..Config::default() }, |belly| belly);
    let raw = put(&name(), &record(7, 24));
    scene.answer(0, &somebody(), &raw).await;
    assert_eq!(scene.refusal(0, &somebody(), &raw).await, Reason::ValidationRate);
    // what breaks a rule before the check costs none
    assert_eq!(scene.refusal(0, &somebody(), &request(Kind::PutValue, KEY)).await, Reason::RequestRefused);
}

#[tokio::test]
async fn any_key_but_an_empty_one_may_be_asked_for() {
    let scene = scene();
    scene.servers(30);
    assert_eq!(scene.refusal(0, &somebody(), &get(b"")).await, Reason::RequestRefused);
    for key in [b"/other/key".to_vec(), vec![7; 5_000], vec![7; 64 << 10]] {
        let reply = scene.answer(0, &somebody(), &get(&key)).await;
        assert!(reply.read().record.is_none());
        assert_eq!(reply.read().key, key);
    }
    assert_eq!(scene.answer(0, &somebody(), &get(&[7; 5_000])).await.closer().len(), 20);
}

#[tokio::test]
async fn a_key_that_would_make_the_reply_too_long_is_refused() {
    let scene = scene();
    scene.servers(30);
    let most = crate::wire::bounds::MAX_MESSAGE;
    // the request has kind and key, the reply a cluster level too
    let longest = vec![7; most - 9];
    let reply = scene.answer(0, &somebody(), &get(&longest)).await;
    assert_eq!(reply.body.len(), most);
    let longer = vec![7; most - 8];
    assert!(get(&longer).len() <= most);
    assert_eq!(scene.refusal(0, &somebody(), &get(&longer)).await, Reason::RequestRefused);
}
