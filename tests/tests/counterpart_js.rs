//! js-libp2p kad-dht as a client of our heads, alone and beside the Go client.

mod scenario;

use anyhow::Context as _;
use hydra_tests::harness::{LineNode, Sort, Target};
use hydra_tests::raw::Transport;
use scenario::Pair;

async fn everything_over(transport: Transport) -> anyhow::Result<()> {
    let target = Target::new(3).await?;
    let Some(mut pair) = Pair::join(&target, Sort::Js, transport).await? else { return Ok(()) };
    pair.everything(&target).await
}

#[tokio::test]
async fn js_clients_provide_find_publish_and_resolve_through_heads_over_tcp_and_noise() -> anyhow::Result<()>
{
    everything_over(Transport::TcpNoise).await
}

#[tokio::test]
async fn js_clients_provide_find_publish_and_resolve_through_heads_over_tcp_and_tls() -> anyhow::Result<()> {
    everything_over(Transport::TcpTls).await
}

#[tokio::test]
async fn what_one_implementation_stores_the_other_reads_through_the_heads() -> anyhow::Result<()> {
    let target = Target::new(3).await?;
    let heads = target.addresses();
    let Some(mut go) = LineNode::start(Sort::Go, Transport::QuicV1, &heads)? else { return Ok(()) };
    let Some(mut js) = LineNode::start(Sort::Js, Transport::TcpNoise, &heads)? else { return Ok(()) };
    go.join().await?;
    js.join().await?;
    scenario::name(&mut go, &mut js).await.context("a name from Go to js")?;
    scenario::name(&mut js, &mut go).await.context("a name from js to Go")?;
    scenario::provider(&mut js, &mut go).await.context("a provider from js to Go")?;
    scenario::provider(&mut go, &mut js).await.context("a provider from Go to js")
}
