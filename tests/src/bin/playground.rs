//! A hydra in a private network on this machine; see `hydra_tests::world::playground`.

use clap::Parser as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    hydra_tests::world::playground::Playground::parse().run().await
}
