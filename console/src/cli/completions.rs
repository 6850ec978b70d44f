//! `completions`: scripts for shells, and the names of heads while one types.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::CompletionCandidate;
use clap_complete::{Shell, generate};
use hydra_protocol::client::{Access, candidates, connect_first};
use hydra_protocol::v1::ListHeadsRequest;

use crate::error::Error;
use crate::ui::Ui;

/// Nobody notices it at a prompt; a daemon that needs longer completes nothing.
const DEADLINE: Duration = Duration::from_millis(200);

#[derive(Args, Debug)]
#[command(after_help = "\
A script that also completes the names of heads, asking the daemon: put one of these into your shell's start file
  bash  source <(COMPLETE=bash hydractl)
  zsh   source <(COMPLETE=zsh hydractl)
  fish  COMPLETE=fish hydractl | source")]
pub(super) struct Arguments {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(arguments: Arguments, ui: &mut Ui<'_>) -> Result<(), Error> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut super::command(), "hydractl", &mut script);
    ui.out.write_all(&script)?;
    Ok(())
}

/// Names of heads that begin as typed; none when the daemon does not answer at once.
pub(super) fn heads(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let names = runtime.ok().and_then(|runtime| {
        runtime.block_on(async { tokio::time::timeout(DEADLINE, names()).await.ok().flatten() })
    });
    let fitting = names.unwrap_or_default().into_iter().filter(|(name, _)| name.starts_with(typed));
    fitting.map(|(name, id)| CompletionCandidate::new(name).help(Some(id.into()))).collect()
}

async fn names() -> Option<Vec<(String, String)>> {
    let sockets = candidates(socket_on_the_line().as_deref());
    let client = connect_first(&sockets, Access::Read, DEADLINE).await.ok()?;
    let request = ListHeadsRequest { page_size: 1_000, page_token: String::new() };
    let heads = client.heads().list_heads(request).await.ok()?.into_inner().heads;
    Some(heads.into_iter().map(|head| (head.name, head.peer_id)).collect())
}

/// The `--socket` of the line that is being completed: the shell hands the words over.
fn socket_on_the_line() -> Option<PathBuf> {
    let words: Vec<_> = std::env::args_os().collect();
    let follows = |word: &[std::ffi::OsString]| (word[0] == "--socket").then(|| PathBuf::from(&word[1]));
    words.windows(2).find_map(follows)
}
