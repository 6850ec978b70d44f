//! `man`: a manual page for each command, from the same definitions that clap parses with.
//!
//! Comes in: a command line's definition. Goes out: pages in the macros of man(7). Formats
//! nothing itself: man does.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Arg, Args, Command};

use super::completions::columns_of;
use crate::error::{Error, Kind};
use crate::tui::input::keys;
use crate::ui::Ui;

/// The daemon's page, made by the same code where both are known: `tests/tests/manual.rs`.
const DAEMON: &str = include_str!("../../../assets/man/hydrad.8");

/// Programs of people.
const USER: u8 = 1;

/// What the whole program looks at, beside its options.
const SURROUNDINGS: &str = "\
.SH ENVIRONMENT
.TP
.B HYDRA_SOCKET
The control socket, where \\fB\\-\\-socket\\fR names none.
.TP
.BR HYDRA_PAGER \", \" PAGER
What pages long answers on a terminal; empty or cat for nothing. Without them less \\-FRX.
.TP
.BR NO_COLOR \", \" CLICOLOR_FORCE \", \" TERM
No colour when the first is set or the last is dumb; colour everywhere with the second.
.TP
.BR LC_ALL \", \" LC_CTYPE \", \" LANG
Symbols are ASCII where these do not say UTF\\-8.
.SH FILES
.TP
.I /run/hydra/control.sock
The control socket of a daemon that is a system service; observe.sock beside it only reads and needs no group.
";

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Read one:     hydractl man heads list | man -l -
Install all:  sudo hydractl man --to /usr/local/share/man")]
pub(super) struct Arguments {
    /// Of which command; without it of hydractl
    #[arg(value_name = "COMMAND", conflicts_with = "to")]
    command: Vec<String>,
    /// Write all pages below this directory: man1/hydractl-….1, and hydrad's man8/hydrad.8
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    to: Option<PathBuf>,
}

/// A manual page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// As `man` knows it: hydractl-heads-list.
    pub name: String,
    /// Section of the manual.
    pub section: u8,
    /// In the macros of man(7).
    pub text: String,
}

pub(super) fn run(arguments: &Arguments, ui: &mut Ui<'_>) -> Result<(), Error> {
    let pages = pages();
    let Some(directory) = &arguments.to else {
        let name = [&["hydractl".to_owned()], &arguments.command[..]].concat().join("-");
        let page = pages.iter().find(|page| page.name == name).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("no command {}", arguments.command.join(" ")))
                .hint("all there are: hydractl --help")
        })?;
        ui.out.write_all(page.text.as_bytes())?;
        return Ok(());
    };
    let daemon = Page { name: "hydrad".to_owned(), section: 8, text: DAEMON.to_owned() };
    let pages: Vec<Page> = pages.into_iter().chain([daemon]).collect();
    for page in &pages {
        write(directory, page)?;
    }
    ui.note(&format!("{} pages below {}", pages.len(), directory.display()));
    Ok(())
}

fn write(directory: &Path, page: &Page) -> Result<(), Error> {
    let section = directory.join(format!("man{}", page.section));
    let file = section.join(format!("{}.{}", page.name, page.section));
    fs::create_dir_all(&section).and_then(|()| fs::write(&file, &page.text)).map_err(|error| {
        Error::new(Kind::Failed, format!("cannot write {}: {error}", file.display()))
            .hint("check that you may write there: sudo hydractl man --to /usr/local/share/man")
    })
}

/// The pages of all commands of this program, its own first.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut command = super::command();
    command.build();
    let mut pages = Vec::new();
    walk(&command, &[], &mut pages);
    pages
}

fn walk(command: &Command, above: &[&str], pages: &mut Vec<Page>) {
    let path = [above, &[command.get_name()]].concat();
    pages.push(one(command, &path));
    for below in command.get_subcommands() {
        walk(below, &path, pages);
    }
}

/// A page of a command and the options of its own.
fn one(command: &Command, path: &[&str]) -> Page {
    let root = path.len() == 1;
    let mut text = begin(command, path, USER);
    let below: Vec<&Command> = command.get_subcommands().collect();
    if !below.is_empty() {
        text += ".SH COMMANDS\n";
        for command in &below {
            let name = [path, &[command.get_name()]].concat().join("-");
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            _ = write!(text, ".TP\n.BR {} ({USER})\n{}\n", escape(&name), lines(&about));
        }
    }
    let own = |arg: &&Arg| root || !arg.is_global_set();
    text += &options(command, "OPTIONS", own);
    let words: Vec<String> = path[1..].iter().map(|&word| word.to_owned()).collect();
    let columns = columns_of(&words);
    let chooses = command.get_arguments().any(|arg| arg.get_long() == Some("sort-by"));
    if chooses && !columns.is_empty() {
        _ = write!(text, ".SH COLUMNS\n{}\n", lines(&columns.join(", ")));
    }
    text += &notes(command);
    if root {
        text += SURROUNDINGS;
    }
    if path == ["hydractl", "top"] {
        text += &keys();
    }
    text += ".SH SEE ALSO\n";
    let mut others: Vec<String> = if root { Vec::new() } else { vec![path[..path.len() - 1].join("-")] };
    if path.len() > 2 {
        others.insert(0, path[0].to_owned());
    }
    for other in others {
        _ = writeln!(text, ".BR {} ({USER}),", escape(&other));
    }
    text += ".BR hydrad (8)\n";
    Page { name: path.join("-"), section: USER, text }
}

/// One page of a program with all its commands.
#[must_use]
pub fn whole(mut command: Command, section: u8) -> Page {
    command.build();
    let name = command.get_name().to_owned();
    let mut text = begin(&command, &[&name], section);
    text += &options(&command, "OPTIONS", |_| true);
    text += &notes(&command);
    let mut commands = String::new();
    inner(&command, &name, &mut commands);
    if !commands.is_empty() {
        text += ".SH COMMANDS\n";
        text += &commands;
    }
    text += ".SH SEE ALSO\n.BR hydractl (1)\n";
    Page { name, section, text }
}

fn inner(command: &Command, above: &str, text: &mut String) {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let name = format!("{above} {}", below.get_name());
        if !below.is_subcommand_required_set() {
            let usage = usage(below, &name);
            let about = below.get_about().map(ToString::to_string).unwrap_or_default();
            _ = write!(text, ".SS {}\n.B {usage}\n.PP\n{}\n", escape(&name), lines(&about));
            for arg in below.get_arguments().filter(|arg| shown(arg) && !arg.is_global_set()) {
                text.push_str(&argument(arg));
            }
        }
        inner(below, &name, text);
    }
}

/// Title, name, synopsis and description.
fn begin(command: &Command, path: &[&str], section: u8) -> String {
    let name = path.join("-");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let long = command.get_long_about().map_or_else(|| about.clone(), ToString::to_string);
    format!(
        ".TH {} {section} \"\" \"{} {version}\" \"Hydra\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n.SH DESCRIPTION\n{}\n",
        escape(&name.to_uppercase()),
        path[0],
        escape(&name),
        escape(&about),
        usage(command, &path.join(" ")),
        lines(&long)
    )
}

fn usage(command: &Command, name: &str) -> String {
    let usage = command.clone().bin_name(name).render_usage().to_string();
    let words: Vec<&str> = usage.trim_start_matches("Usage:").split_whitespace().collect();
    escape(&words.join(" "))
}

fn shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version")
}

fn options(command: &Command, title: &str, of: impl Fn(&&Arg) -> bool) -> String {
    let text: String = command.get_arguments().filter(|arg| shown(arg) && of(arg)).map(argument).collect();
    let global = command.get_arguments().any(|arg| arg.is_global_set() && !of(&arg));
    let more = if global { ".PP\nThe options of every command are in\n.BR hydractl (1).\n" } else { "" };
    if text.is_empty() && more.is_empty() { String::new() } else { format!(".SH {title}\n{text}{more}") }
}

/// An option: how it is written, what it does, what it may be.
fn argument(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let mut help =
        arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let values = arg.get_possible_values();
    let values: Vec<&str> =
        values.iter().filter(|value| !value.is_hide_set()).map(PossibleValue::get_name).collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        help += &format!(" ({})", values.join(", "));
    }
    format!(".TP\n.B {}\n{}\n", escape(&format!("{short}{arg}")), lines(&help))
}

/// The keys of the live screen, from the table that it acts by.
fn keys() -> String {
    let key = |row: &keys::Binding| format!(".TP\n.B {}\n{}\n", escape(row.keys), lines(row.help));
    let rows: String = keys::TABLE.iter().map(key).collect();
    format!(".SH KEYS\n{rows}")
}

/// What stands below the help, as it stands there.
fn notes(command: &Command) -> String {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if after.is_empty() {
        return String::new();
    }
    format!(".SH NOTES\n.nf\n{}\n.fi\n", lines(&after))
}

/// Text of several lines; a blank one begins a paragraph.
fn lines(text: &str) -> String {
    let line = |line: &str| if line.trim().is_empty() { ".PP".to_owned() } else { escape(line) };
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Text that means nothing to roff: no escapes, no requests, and minus signs that can be pasted.
fn escape(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_a_request() {
        assert_eq!(escape(".TH x"), "\\&.TH x");
        assert_eq!(escape("'quoted'"), "\\&'quoted'");
        assert_eq!(escape("a\\b --yes"), "a\\eb \\-\\-yes");
        assert_eq!(lines("one\n\n.two\n"), "one\n.PP\n\\&.two");
    }
}
