//! A hydra in a private network on this machine; see `hydra_tests::world::playground`.

use std::process::ExitCode;

use clap::Parser as _;
use hydra_tests::world::playground::{BE_HYDRAD, Playground};
use hydrad::boot;
use hydrad::commands::{Invocation, parse_from};
use hydrad::config::Surroundings;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if args.nth(1).is_some_and(|role| role == BE_HYDRAD) {
        return be_hydrad(args);
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => hydra_tests::ended("playground", runtime.block_on(Playground::parse().run())),
        Err(error) => hydra_tests::ended("playground", Err(error.into())),
    }
}

/// The daemon's own `main`, so that one `cargo run` builds all that is needed.
fn be_hydrad(args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let args = std::iter::once("hydrad".into()).chain(args);
    let at = Surroundings::of_this_process();
    // a statement of its own, so that the outputs are not locked while the daemon runs
    let invocation = parse_from(args, &at, &mut std::io::stdout().lock(), &mut std::io::stderr().lock());
    match invocation {
        Invocation::Run(config) => boot::run(*config),
        Invocation::Done(code) => code,
    }
}
