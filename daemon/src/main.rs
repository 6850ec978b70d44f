//! The daemon's program; everything is in the library.

use std::process::ExitCode;

use hydrad::boot;
use hydrad::commands::{Invocation, parse};

/// Gives memory back to the system after a storm, and tells where it went.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match parse() {
        Invocation::Run(config) => boot::run(*config),
        Invocation::Done(code) => code,
    }
}
