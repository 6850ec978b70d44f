//! PUT_VALUE and GET_VALUE for `/pk/` and `/ipns/`.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::raw::ipns::{self, Entry, Says};
use hydra_tests::raw::message::{Record, kind};
use hydra_tests::raw::{Message, RawStream};
use libp2p::PeerId;
use libp2p::identity::Keypair;

use crate::scene::{Scene, fresh_key};

const PATH: &str = "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

#[tokio::test]
async fn a_record_comes_back_as_an_echo_and_then_from_every_head() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let put = Message::put_value(ipns::key(&keys), Says::new(PATH, 1).sign(&keys)?.bytes());
    let echo = scene.ask(&put).await?;
    // js-libp2p counts an echo with another record as a failure.
    assert_eq!(without_time(&echo), put);
    let (_other, mut sibling) = scene.sibling().await?;
    let reply = sibling.ask(&Message::new(kind::GET_VALUE, put.key.clone())).await?;
    assert_eq!(reply.key, put.key);
    let record = reply.record.context("no record")?;
    assert_eq!(record.value, put.record.context("ours")?.value);
    assert_eq!(record.key, put.key);
    ensure!(record.time_received.starts_with("20"), "time received is {:?}", record.time_received);
    Ok(())
}

#[tokio::test]
async fn a_record_with_nothing_but_version_two_is_valid() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    accepted(&scene, &keys, &Says::new(PATH, 1).sign_v2(&keys)?).await
}

#[tokio::test]
async fn a_public_key_is_kept_for_the_id_it_hashes_to_and_for_no_other() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let public = Keypair::generate_ed25519().public();
    let key = |id: PeerId| [&b"/pk/"[..], &id.to_bytes()].concat();
    let value = public.encode_protobuf();
    let good = Message::put_value(key(public.to_peer_id()), value.clone());
    assert_eq!(without_time(&scene.ask(&good).await?), good);
    let mut stream = scene.stream().await?;
    assert_eq!(get(&mut stream, &good.key).await?, Some(value.clone()));

    let wrong = Message::put_value(key(PeerId::random()), value.clone());
    scene.refuses_message(&wrong).await?;
    assert_eq!(get(&mut stream, &wrong.key).await?, None);
    scene.refuses_message(&Message::put_value(good.key.clone(), b"no key at all".to_vec())).await?;
    assert_eq!(get(&mut stream, &good.key).await?, Some(value));
    Ok(())
}

#[tokio::test]
async fn the_higher_sequence_wins_and_the_lower_one_ends_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let key = ipns::key(&keys);
    let older = Says::new(PATH, 4).sign(&keys)?.bytes();
    let newer = Says::new(PATH, 5).sign(&keys)?.bytes();
    scene.ask(&Message::put_value(key.clone(), older.clone())).await?;
    scene.ask(&Message::put_value(key.clone(), newer.clone())).await?;
    scene.refuses_message(&Message::put_value(key.clone(), older)).await?;
    assert_eq!(get(&mut scene.stream().await?, &key).await?, Some(newer));
    Ok(())
}

#[tokio::test]
async fn of_equal_sequences_the_later_end_of_life_wins() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let key = ipns::key(&keys);
    let sooner = Says::new(PATH, 1).sign(&keys)?.bytes();
    let later = Says::new(PATH, 1).valid_for(Duration::from_secs(30 * 3600)).sign(&keys)?.bytes();
    scene.ask(&Message::put_value(key.clone(), sooner.clone())).await?;
    scene.ask(&Message::put_value(key.clone(), later.clone())).await?;
    scene.refuses_message(&Message::put_value(key.clone(), sooner)).await?;
    assert_eq!(get(&mut scene.stream().await?, &key).await?, Some(later));
    Ok(())
}

#[tokio::test]
async fn of_records_equal_in_all_else_the_one_with_the_larger_bytes_wins() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let key = ipns::key(&keys);
    let says = Says::new(PATH, 1);
    let mut both =
        [says.sign(&keys)?.bytes(), Says { value: "/ipfs/bafkqaaa".to_owned(), ..says }.sign(&keys)?.bytes()];
    both.sort();
    let [smaller, larger] = both;
    scene.ask(&Message::put_value(key.clone(), smaller.clone())).await?;
    scene.ask(&Message::put_value(key.clone(), larger.clone())).await?;
    scene.refuses_message(&Message::put_value(key.clone(), smaller)).await?;
    assert_eq!(get(&mut scene.stream().await?, &key).await?, Some(larger));
    Ok(())
}

#[tokio::test]
async fn a_record_that_has_expired_is_still_served_but_does_not_defend_its_place() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let key = ipns::key(&keys);
    // Ends are whole seconds: valid for between two and three.
    let brief = Says::new(PATH, 9).valid_for(Duration::from_secs(3)).sign(&keys)?.bytes();
    scene.ask(&Message::put_value(key.clone(), brief.clone())).await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut stream = scene.stream().await?;
    assert_eq!(get(&mut stream, &key).await?, Some(brief));
    let lower = Says::new(PATH, 1).sign(&keys)?.bytes();
    scene.ask(&Message::put_value(key.clone(), lower.clone())).await?;
    assert_eq!(get(&mut stream, &key).await?, Some(lower));
    Ok(())
}

#[tokio::test]
async fn the_same_record_again_is_accepted() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let put = Message::put_value(ipns::key(&keys), Says::new(PATH, 1).sign(&keys)?.bytes());
    for _ in 0..3 {
        assert_eq!(without_time(&scene.ask(&put).await?), put);
    }
    Ok(())
}

#[tokio::test]
async fn an_expired_record_is_refused() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    refused(&scene, &ipns::key(&keys), Says::new(PATH, 1).expired().sign(&keys)?.bytes()).await
}

#[tokio::test]
async fn a_record_that_another_key_signed_is_refused() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let (owner, forger) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
    let mut forged = Says::new(PATH, 1).sign(&forger)?;
    refused(&scene, &ipns::key(&owner), forged.bytes()).await?;
    // The forger's key beside it must not help.
    forged.pub_key = Some(forger.public().encode_protobuf());
    refused(&scene, &ipns::key(&owner), forged.bytes()).await
}

/// Spoils a record.
type Change = fn(&mut Entry);

#[tokio::test]
async fn a_record_whose_parts_were_changed_is_refused() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let good = Says::new(PATH, 1).sign(&keys)?;
    let changes: [(&str, Change); 9] = [
        ("no V2 signature", |e| e.signature_v2 = None),
        ("no data", |e| e.data = None),
        ("V1 only", |e| (e.signature_v2, e.data) = (None, None)),
        ("another data", |e| e.data.as_mut().expect("there")[20] ^= 1),
        ("another value", |e| e.value = Some(b"/ipfs/other".to_vec())),
        ("another sequence", |e| e.sequence = Some(9)),
        ("another validity", |e| e.validity = Some(b"2099-01-01T00:00:00.000000000Z".to_vec())),
        ("another validity type", |e| e.validity_type = Some(1)),
        ("another TTL", |e| e.ttl = Some(1)),
    ];
    for (what, change) in changes {
        let mut changed = good.clone();
        change(&mut changed);
        refused(&scene, &ipns::key(&keys), changed.bytes()).await.context(what)?;
    }
    accepted(&scene, &keys, &good).await
}

#[tokio::test]
async fn a_record_of_more_than_ten_kibibytes_is_refused() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let long = format!("{PATH}/{}", "x".repeat(11 << 10));
    refused(&scene, &ipns::key(&keys), Says::new(&long, 1).sign_v2(&keys)?.bytes()).await
}

#[tokio::test]
async fn a_record_whose_key_is_not_the_messages_is_refused() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let mut put = Message::put_value(ipns::key(&keys), Says::new(PATH, 1).sign(&keys)?.bytes());
    put.key = ipns::key(&Keypair::generate_ed25519());
    scene.refuses_message(&put).await?;
    put.key = Vec::new();
    scene.refuses_message(&put).await?;
    put.record = None;
    scene.refuses_message(&put).await
}

#[tokio::test]
async fn a_record_for_a_foreign_key_is_refused() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let keys = Keypair::generate_ed25519();
    let value = Says::new(PATH, 1).sign(&keys)?.bytes();
    let foreign = [
        fresh_key(),
        b"/other/name".to_vec(),
        b"/ipns/".to_vec(),
        b"/ipns/not an id".to_vec(),
        b"/".to_vec(),
    ];
    for key in foreign {
        let what = format!("{key:02x?}");
        scene.refuses_message(&Message::put_value(key, value.clone())).await.context(what)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_not_there_is_answered_with_the_key_and_closer_peers() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    for key in [ipns::key(&Keypair::generate_ed25519()), b"/other/x".to_vec(), vec![b'k'; 5000]] {
        let reply = scene.ask(&Message::new(kind::GET_VALUE, key.clone())).await?;
        assert_eq!(reply.key, key);
        ensure!(reply.record.is_none());
        ensure!(!reply.closer.is_empty(), "the head knows its sibling, and must name it");
    }
    scene.refuses_message(&Message::new(kind::GET_VALUE, *b"")).await
}

async fn accepted(scene: &Scene, keys: &Keypair, entry: &Entry) -> anyhow::Result<()> {
    let put = Message::put_value(ipns::key(keys), entry.bytes());
    ensure!(without_time(&scene.ask(&put).await?) == put, "the echo is another message");
    ensure!(get(&mut scene.stream().await?, &put.key).await? == Some(entry.bytes()), "not stored");
    Ok(())
}

async fn refused(scene: &Scene, key: &[u8], value: Vec<u8>) -> anyhow::Result<()> {
    scene.refuses_message(&Message::put_value(key, value)).await?;
    ensure!(get(&mut scene.stream().await?, key).await?.is_none(), "refused, and stored all the same");
    Ok(())
}

async fn get(stream: &mut RawStream, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let reply = stream.ask(&Message::new(kind::GET_VALUE, key)).await?;
    Ok(reply.record.map(|record| record.value))
}

/// The receiver sets the time; senders do not compare it.
fn without_time(message: &Message) -> Message {
    let mut message = message.clone();
    if let Some(Record { time_received, .. }) = &mut message.record {
        time_received.clear();
    }
    message
}
