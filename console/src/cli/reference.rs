//! The reference of all commands, `docs/cli.md`, from the same definitions that clap parses with.

use std::fmt::Write as _;

use clap::{Arg, Command};

const INTRODUCTION: &str = "\
<!-- Made from the command line's own definitions: HYDRA_BLESS=1 cargo test -p hydractl --test reference -->
# hydractl

";

/// The whole reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut command = super::command();
    command.build();
    let mut text = INTRODUCTION.to_owned();
    let globals: Vec<&Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).collect();
    paragraph(&mut text, command.get_about());
    text += "## Global options\n\n";
    arguments(&mut text, globals.into_iter());
    paragraph(&mut text, command.get_after_help());
    for subcommand in command.get_subcommands() {
        describe(&mut text, subcommand, "hydractl");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn describe(text: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    if !command.has_subcommands() || !command.is_subcommand_required_set() {
        one(text, command, &name);
    }
    for subcommand in command.get_subcommands() {
        describe(text, subcommand, &name);
    }
}

/// What is run by itself.
fn one(text: &mut String, command: &Command, name: &str) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    _ = write!(text, "## {name}\n\n");
    paragraph(text, command.get_about());
    _ = write!(text, "    {usage}\n\n");
    let own = command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help");
    arguments(text, own);
    if let Some(after) = command.get_after_help() {
        _ = write!(text, "```text\n{after}\n```\n\n");
    }
}

fn arguments<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let mut any = false;
    for argument in arguments.filter(|arg| !arg.is_hide_set() && arg.get_id() != "version") {
        let shown = argument.to_string();
        let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        _ = write!(text, "- {short}`{shown}`: {help}");
        let values = argument.get_possible_values();
        let values: Vec<String> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        if !values.is_empty() && argument.get_action().takes_values() {
            _ = write!(text, " ({})", values.join(", "));
        }
        text.push('\n');
        any = true;
    }
    if any {
        text.push('\n');
    }
}

fn paragraph(text: &mut String, words: Option<&clap::builder::StyledStr>) {
    if let Some(words) = words {
        _ = write!(text, "{words}\n\n");
    }
}
