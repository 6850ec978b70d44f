//! The `hydractl` binary: nothing but the way into the library.

use std::process::ExitCode;

use hydractl::ui::Surroundings;

fn main() -> ExitCode {
    // Answers a shell that completes a line and ends; must come before anything is printed.
    clap_complete::CompleteEnv::with_factory(hydractl::cli::command).complete();
    hydractl::cli::run(std::env::args_os(), Surroundings::of_this_process())
}
