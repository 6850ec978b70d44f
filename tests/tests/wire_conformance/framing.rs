//! Lengths, streams, protobuf: everything below the meaning of a message.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::{Target, daemon::Options};
use hydra_tests::raw::message::{Peer, kind};
use hydra_tests::raw::{Answer, Message, RawNode, Transport, frame};
use prost::Message as _;

use crate::scene::{Scene, fresh_key};

const MAX: usize = 4 << 20;

#[tokio::test]
async fn every_transport_carries_the_protocol_and_identify_names_it() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let scene = Scene::over(transport).await?;
        let reply =
            scene.ask(&Message::new(kind::PING, *b"")).await.with_context(|| format!("{transport}"))?;
        assert_eq!(reply.kind, kind::PING, "{transport}");
        let info = scene.node.identified(scene.head).await?;
        let named: Vec<&str> = info.protocols.iter().map(AsRef::as_ref).collect();
        for protocol in ["/ipfs/kad/1.0.0", "/ipfs/ping/1.0.0", "/ipfs/id/1.0.0"] {
            assert!(named.contains(&protocol), "{transport}: identify names {named:?}");
        }
        if scene.target.hydra().is_some() {
            let agent = &info.agent_version;
            assert_eq!(agent, &format!("hydrad/{}", env!("CARGO_PKG_VERSION")), "{transport}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn requests_written_in_one_piece_are_answered_in_order() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let scene = Scene::over(transport).await?;
        let keys: Vec<Vec<u8>> = (0..40).map(|_| fresh_key()).collect();
        let all: Vec<u8> =
            keys.iter().flat_map(|k| frame(&Message::new(kind::GET_PROVIDERS, k.clone()).bytes())).collect();
        let mut stream = scene.stream().await?;
        stream.write(&all).await?;
        for key in &keys {
            assert_eq!(&stream.reply().await?.key, key, "{transport}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn streams_of_one_connection_are_answered_independently() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut stuck = scene.stream().await?;
    // Half of a message: this stream waits for the rest.
    stuck.write(&frame(&Message::new(kind::PING, vec![7; 100]).bytes())[..50]).await?;
    scene.answers().await?;
    stuck.write(&frame(&Message::new(kind::PING, vec![7; 100]).bytes())[50..]).await?;
    assert_eq!(stuck.reply().await?.key, vec![7; 100]);
    Ok(())
}

#[tokio::test]
async fn a_half_closed_request_is_answered() -> anyhow::Result<()> {
    for transport in Transport::ALL {
        let scene = Scene::over(transport).await?;
        let mut stream = scene.stream().await?;
        let key = fresh_key();
        stream.send(&Message::new(kind::GET_PROVIDERS, key.clone())).await?;
        stream.half_close().await?;
        assert_eq!(stream.reply().await.with_context(|| format!("{transport}"))?.key, key);
        assert!(stream.ends_within(Duration::from_secs(10)).await, "{transport}: the head closes in turn");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_in_single_bytes_is_answered() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut stream = scene.stream().await?;
    let key = fresh_key();
    for byte in frame(&Message::new(kind::GET_PROVIDERS, key.clone()).bytes()) {
        stream.write(&[byte]).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(stream.reply().await?.key, key);
    Ok(())
}

#[tokio::test]
async fn a_stream_without_requests_is_ended_after_a_minute_and_not_before() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut stream = scene.stream().await?;
    stream.ask(&Message::new(kind::PING, *b"")).await?;
    // Closing earlier would cost both sides negotiations: Go keeps one stream and reuses it.
    let early = stream.answer_within(Duration::from_secs(50)).await;
    ensure!(matches!(early, Answer::Silence), "before 50 s: {early:?}");
    ensure!(stream.ends_within(Duration::from_secs(40)).await, "after 90 s it is still open");
    scene.answers().await
}

#[tokio::test]
async fn heads_serve_ipv6_as_they_serve_ipv4() -> anyhow::Result<()> {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        hydra_tests::harness::binaries::skip("this machine has no IPv6 loopback");
        return Ok(());
    }
    let target = Target::daemon(Options::heads(2).listen("::1")).await?;
    for transport in Transport::ALL {
        let node = RawNode::new(transport)?;
        let head = node.dial(&target.address(0, transport)?).await?;
        let reply = node.open(head).await?.ask(&Message::find_node(target.id(1))).await?;
        let sibling = reply.closer.first().context("no peers at all")?.multiaddrs();
        ensure!(sibling.iter().any(|a| a.to_string().starts_with("/ip6/::1/")), "{transport}: {sibling:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_length_that_is_not_minimal_ends_the_stream() -> anyhow::Result<()> {
    // 2 as two bytes, then PING.
    Scene::new().await?.refuses(&[0x82, 0x00, 0x08, 0x05]).await
}

#[tokio::test]
async fn a_length_of_ten_bytes_ends_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.refuses(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).await?;
    scene.refuses(&[0x80; 64]).await
}

#[tokio::test]
async fn a_length_beyond_all_memory_ends_the_stream() -> anyhow::Result<()> {
    Scene::new().await?.refuses(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).await
}

#[tokio::test]
async fn a_message_of_no_bytes_ends_the_stream() -> anyhow::Result<()> {
    // It would be a PUT_VALUE without a key.
    Scene::new().await?.refuses(&[0x00]).await
}

#[tokio::test]
async fn a_message_of_four_mebibytes_is_answered_and_one_byte_more_ends_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let largest = padded(&Message::new(kind::GET_PROVIDERS, key.clone()), MAX);
    assert_eq!(largest.len(), MAX);
    let mut stream = scene.stream().await?;
    stream.write(&frame(&largest)).await?;
    assert_eq!(stream.reply().await?.key, key);
    scene.refuses(&frame(&padded(&Message::new(kind::GET_PROVIDERS, key), MAX + 1))).await
}

#[tokio::test]
async fn the_length_of_a_message_that_is_too_long_is_enough_to_end_the_stream() -> anyhow::Result<()> {
    // The head must not wait for, nor make room for, what it will not take.
    let scene = Scene::new().await?;
    let mut length = unsigned_varint::encode::usize_buffer();
    scene.refuses(unsigned_varint::encode::usize(MAX + 1, &mut length)).await
}

#[tokio::test]
async fn garbage_in_a_good_frame_ends_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let garbage: [&[u8]; 5] = [
        &[0xff; 40],
        // A wire type that does not exist.
        &[0x0f, 0x01],
        // A key said to be longer than the message.
        &[0x08, 0x05, 0x12, 0x7f, 0x01],
        // The type as bytes.
        &[0x0a, 0x02, 0x08, 0x05],
        // The end of a group that never began.
        &[0x08, 0x05, 0x0c],
    ];
    for bytes in garbage {
        scene.refuses(&frame(bytes)).await.with_context(|| format!("{bytes:02x?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn types_that_do_not_exist_end_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    for unknown in [6, 77, i32::MAX, -1, i32::MIN] {
        scene
            .refuses_message(&Message::new(unknown, fresh_key()))
            .await
            .with_context(|| format!("{unknown}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn connection_values_that_do_not_exist_are_no_error() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    for connection in [4, 1000, -1, i32::MIN] {
        let mut message = Message::new(kind::GET_PROVIDERS, fresh_key());
        message.closer.push(Peer { connection, ..Peer::new(scene.node.id(), &[]) });
        assert_eq!(scene.ask(&message).await?.key, message.key, "{connection}");
    }
    Ok(())
}

#[tokio::test]
async fn a_time_received_that_is_not_text_ends_the_stream() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut message = Message::new(kind::GET_VALUE, *b"/pk/x").bytes();
    message.extend([0x1a, 0x04, 0x2a, 0x02, 0xff, 0xfe]);
    scene.refuses(&frame(&message)).await
}

#[tokio::test]
async fn of_a_field_given_twice_the_last_one_counts() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let (first, last) = (fresh_key(), fresh_key());
    let mut message = Message::new(kind::GET_PROVIDERS, first).bytes();
    message.extend(Message::new(kind::GET_PROVIDERS, last.clone()).bytes());
    assert_eq!(reply_to(&scene, &message).await?.key, last);
    Ok(())
}

#[tokio::test]
async fn fields_that_are_not_known_are_skipped_groups_among_them() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let key = fresh_key();
    let mut message = Message::new(kind::GET_PROVIDERS, key.clone()).bytes();
    message.extend(UNKNOWN);
    assert_eq!(reply_to(&scene, &message).await?.key, key);
    Ok(())
}

#[tokio::test]
async fn a_ping_comes_back_with_its_unknown_fields_and_without_its_peers() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let mut ping = Message::new(kind::PING, *b"hello");
    ping.cluster_level_raw = 7;
    let plain = [ping.bytes(), UNKNOWN.to_vec()].concat();
    ping.closer.push(Peer::new(scene.node.id(), &[]));
    ping.providers.push(Peer::new(scene.node.id(), &[]));
    let mut stream = scene.stream().await?;
    stream.write(&frame(&[ping.bytes(), UNKNOWN.to_vec()].concat())).await?;
    let Answer::Frame(answer) = stream.answer().await else { anyhow::bail!("no answer") };
    assert_eq!(Message::decode(&answer[..])?, Message::decode(&plain[..])?);
    ensure!(answer.ends_with(&UNKNOWN), "the unknown fields are gone: {answer:02x?}");
    Ok(())
}

#[tokio::test]
async fn the_cluster_level_is_taken_back_as_go_does() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    for (sent, answered, echoed) in [(7, 7, 7), (1, 1, 1), (0, 1, 0), (-3, 1, -3)] {
        for kind in [kind::GET_PROVIDERS, kind::FIND_NODE, kind::GET_VALUE] {
            let message = Message { cluster_level_raw: sent, ..Message::new(kind, fresh_key()) };
            assert_eq!(scene.ask(&message).await?.cluster_level_raw, answered, "{kind}, {sent}");
        }
        let message = Message { cluster_level_raw: sent, ..Message::new(kind::PING, *b"") };
        assert_eq!(scene.ask(&message).await?.cluster_level_raw, echoed, "PING, {sent}");
    }
    Ok(())
}

/// Field 50 as a varint, field 51 as bytes, field 52 as a group that holds field 1.
const UNKNOWN: [u8; 15] =
    [0x90, 0x03, 0x2a, 0x9a, 0x03, 0x03, b'a', b'b', b'c', 0xa3, 0x03, 0x08, 0x01, 0xa4, 0x03];

async fn reply_to(scene: &Scene, message: &[u8]) -> anyhow::Result<Message> {
    let mut stream = scene.stream().await?;
    stream.write(&frame(message)).await?;
    stream.reply().await
}

/// The message with an unknown field behind it that makes it exactly `len` bytes long.
fn padded(message: &Message, len: usize) -> Vec<u8> {
    let mut bytes = message.bytes();
    // Field 100, length-delimited, with a length of four bytes.
    let filler = len - bytes.len() - 2 - 4;
    bytes.extend([0xa2, 0x06]);
    let mut buffer = unsigned_varint::encode::usize_buffer();
    let length = unsigned_varint::encode::usize(filler, &mut buffer);
    assert_eq!(length.len(), 4, "the filler's length takes four bytes");
    bytes.extend(length);
    bytes.resize(len, 0x55);
    bytes
}
