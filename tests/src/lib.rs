//! What the tests of the whole system stand on: the harness that runs real daemons and
//! counterparts, a raw client that can say anything on the wire, the load generator and the
//! private network.

pub mod fuzzing;
pub mod harness;
pub mod load;
pub mod raw;
pub mod world;

/// A tool's exit code; says on stderr what went wrong, without a backtrace.
#[allow(clippy::print_stderr, reason = "the last words of a command-line tool")]
pub fn ended(tool: &str, result: anyhow::Result<()>) -> std::process::ExitCode {
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{tool}: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
