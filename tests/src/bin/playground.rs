//! A hydra in a private network on this machine; see `hydra_tests::world::playground`.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    hydra_tests::ended("playground", hydra_tests::world::playground::Playground::parse().run().await)
}
