//! go-libp2p-kad-dht as a client of our heads.

mod scenario;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::{LineNode, Sort, Target};
use hydra_tests::raw::message::kind;
use hydra_tests::raw::{Message, Transport};
use scenario::Pair;
use serde_json::json;

async fn everything_over(transport: Transport) -> anyhow::Result<()> {
    let target = Target::new(3).await?;
    let Some(mut pair) = Pair::join(&target, Sort::Go, transport).await? else { return Ok(()) };
    pair.everything(&target).await
}

#[tokio::test]
async fn go_clients_provide_find_publish_and_resolve_through_heads_over_tcp_and_noise() -> anyhow::Result<()>
{
    everything_over(Transport::TcpNoise).await
}

#[tokio::test]
async fn go_clients_provide_find_publish_and_resolve_through_heads_over_tcp_and_tls() -> anyhow::Result<()> {
    everything_over(Transport::TcpTls).await
}

#[tokio::test]
async fn go_clients_provide_find_publish_and_resolve_through_heads_over_quic() -> anyhow::Result<()> {
    everything_over(Transport::QuicV1).await
}

#[tokio::test]
async fn a_go_client_stores_an_rsa_key_that_another_gets() -> anyhow::Result<()> {
    let target = Target::new(2).await?;
    let Some(mut pair) = Pair::join(&target, Sort::Go, Transport::TcpNoise).await? else { return Ok(()) };
    let put = pair.one.call(json!({"cmd": "put_pk"})).await?;
    let got = pair.other.call(json!({"cmd": "get_pk", "peer": put["peer_id"]})).await?;
    ensure!(got["bytes"].as_u64().unwrap_or(0) > 250, "an RSA key of {got}");
    Ok(())
}

#[tokio::test]
async fn a_go_client_decodes_raw_answers_over_every_transport() -> anyhow::Result<()> {
    let target = Target::new(2).await?;
    let hex = |message: &Message| data_encoding::HEXLOWER.encode(&message.bytes());
    for (transport, security, wire) in [
        (Transport::TcpNoise, "/noise", "tcp"),
        (Transport::TcpTls, "/tls/1.0.0", "tcp"),
        (Transport::QuicV1, "", "quic-v1"),
    ] {
        let Some(mut node) = LineNode::start(Sort::Go, transport, &target.addresses())? else {
            return Ok(());
        };
        let ask = Message::find_node(target.id(1));
        let answer = node
            .call(json!({"cmd": "raw", "frame_hex": hex(&ask), "address": target.address(0, transport)?.to_string()}))
            .await
            .with_context(|| format!("{transport}"))?;
        assert_eq!(answer["type"], "FIND_NODE");
        assert_eq!(answer["closer"][0]["peer_id"], json!(target.id(1).to_string()), "{answer}");
        assert_eq!(answer["security"], security, "{transport}");
        assert_eq!(answer["transport"], wire, "{transport}");
        let refused = node
            .call(json!({"cmd": "raw", "frame_hex": hex(&Message::new(kind::GET_PROVIDERS, vec![1; 81]))}))
            .await;
        ensure!(refused.is_err(), "a key of 81 bytes was answered: {refused:?}");
    }
    Ok(())
}
