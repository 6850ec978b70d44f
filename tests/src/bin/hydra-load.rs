//! The load generator; see `hydra_tests::load`.

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    hydra_tests::ended("hydra-load", hydra_tests::load::args::Cli::parse().execute().await)
}
