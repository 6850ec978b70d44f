//! `completions`: scripts for shells; and while one types, the names of heads and series from the
//! daemon, and of columns.
//!
//! Never complains and never waits long: a daemon that does not answer at once completes nothing.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::CompletionCandidate;
use clap_complete::{Shell, generate};
use hydra_protocol::client::{Access, Client, candidates, connect_first};
use hydra_protocol::v1::{ListHeadsRequest, ListSeriesRequest};

use crate::error::Error;
use crate::output::columns::{Row, keys};
use crate::output::dto::{
    AskedKey, Event, FetchedProvider, Head, LogLevel, LogLine, Network, Peer, Place, PrefetchKey, PurgedHead,
    Record, Region, Series, Setting, StatsPoint, TopProvider, UniquePeers,
};
use crate::output::text::neutral;
use crate::ui::Ui;

/// With the start of the program below what one notices at a prompt.
const DEADLINE: Duration = Duration::from_millis(150);

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
A script that also completes the names of heads, series and columns, asking the daemon: put one of these into your
shell's start file
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

/// Names of heads that begin as typed, or else their peer ids.
pub(super) fn heads(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let asked = ask(async |client: Client| {
        let request = ListHeadsRequest { page_size: 1_000, page_token: String::new() };
        Some(client.heads().list_heads(request).await.ok()?.into_inner().heads)
    });
    let all = asked.unwrap_or_default().into_iter().map(|head| (neutral(&head.name), neutral(&head.peer_id)));
    let fitting = all.filter_map(|(name, id)| match typed {
        typed if name.starts_with(typed) => Some((name, id)),
        typed if id.starts_with(typed) => Some((id, name)),
        _ => None,
    });
    fitting.map(|(value, help)| CompletionCandidate::new(value).help(Some(help.into()))).collect()
}

/// Names of series that begin as typed.
pub(super) fn series(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let asked = ask(async |client: Client| {
        Some(client.stats().list_series(ListSeriesRequest {}).await.ok()?.into_inner().series)
    });
    let fitting = asked.unwrap_or_default().into_iter().filter(|series| series.name.starts_with(typed));
    fitting
        .map(|series| {
            CompletionCandidate::new(neutral(&series.name)).help(Some(neutral(&series.meaning).into()))
        })
        .collect()
}

/// Names of the columns of the list that is asked for; the last of several joined by commas, and
/// after a minus too.
pub(super) fn columns(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let begun = typed.rfind([',', '-']).map_or(0, |at| at + 1);
    let (before, typed) = typed.split_at(begun);
    let fitting = columns_of(&path_on_the_line()).into_iter().filter(|key| key.starts_with(typed));
    fitting.map(|key| CompletionCandidate::new(format!("{before}{key}"))).collect()
}

/// Columns of what a command lists; several kinds of rows have theirs together.
pub(super) fn columns_of(path: &[String]) -> Vec<&'static str> {
    fn of<R: Row>() -> Vec<&'static str> {
        keys::<R>().collect()
    }
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["heads", "purge"] => of::<PurgedHead>(),
        ["heads", _] => of::<Head>(),
        ["peers", "unique"] => of::<UniquePeers>(),
        ["peers", _] => of::<Peer>(),
        ["records", "list" | "get"] => of::<Record>(),
        ["records", "fetch"] => of::<FetchedProvider>(),
        ["records", "top"] => [of::<AskedKey>(), of::<TopProvider>(), of::<Region>()].concat(),
        ["network", "plan"] => of::<Place>(),
        ["network", ..] => of::<Network>(),
        ["prefetch", "queue"] => of::<PrefetchKey>(),
        ["events"] => of::<Event>(),
        ["log", "tail"] => of::<LogLine>(),
        ["log", "level", _] => of::<LogLevel>(),
        ["config", "show"] => of::<Setting>(),
        ["stats", "list"] => of::<Series>(),
        ["stats", "history"] => of::<StatsPoint>(),
        _ => Vec::new(),
    }
}

/// What the daemon answers within the deadline.
fn ask<T>(question: impl AsyncFnOnce(Client) -> Option<T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = async {
        let sockets = candidates(socket_on_the_line().as_deref());
        question(connect_first(&sockets, Access::Read, DEADLINE).await.ok()?).await
    };
    let answer = runtime.block_on(within_the_deadline(answer));
    runtime.shutdown_background();
    answer
}

async fn within_the_deadline<T>(answer: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(DEADLINE, answer).await.ok().flatten()
}

/// The words of the line that is being completed: the shell hands them over.
fn words() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(2)
}

/// The `--socket` of the line.
fn socket_on_the_line() -> Option<PathBuf> {
    let words: Vec<_> = words().collect();
    let follows = |word: &[OsString]| (word[0] == "--socket").then(|| PathBuf::from(&word[1]));
    words.windows(2).find_map(follows)
}

/// The command of the line: its words that are names of commands, each within the one before.
fn path_on_the_line() -> Vec<String> {
    let mut command = super::command();
    let mut path = Vec::new();
    for word in words() {
        let found = word.to_str().and_then(|word| command.find_subcommand(word)).cloned();
        if let Some(found) = found {
            path.push(found.get_name().to_owned());
            command = found;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        if command.get_arguments().any(|argument| argument.get_long() == Some("sort-by")) {
            found.push(path.to_vec());
        }
        for below in command.get_subcommands() {
            lists(below, &[path, &[below.get_name().to_owned()]].concat(), found);
        }
    }

    #[test]
    fn every_list_that_can_be_sorted_has_columns_to_complete() {
        let mut found = Vec::new();
        lists(&crate::cli::command(), &[], &mut found);
        assert!(found.len() >= 10, "{found:?}");
        for path in found {
            assert!(!columns_of(&path).is_empty(), "{path:?}");
        }
    }
}
