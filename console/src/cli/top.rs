//! `top`: from arguments to the live screen.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;

use crate::error::{Error, Kind};
use crate::session::Target;
use crate::tui::{self, Colours, Options, Symbols};
use crate::ui::Ui;

/// Which signs to draw with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Signs {
    /// What the locale allows.
    #[default]
    Auto,
    /// Signs, blocks and braille.
    Unicode,
    /// ASCII only, also for wide ambiguous cells.
    Ascii,
}

#[derive(Args, Clone, Debug)]
pub(super) struct Arguments {
    /// Without the keys that change the hydra
    #[arg(long)]
    read_only: bool,

    /// Time between updates: 250ms, 1s, 5s; at least 250ms
    #[arg(long, value_name = "TIME", value_parser = super::span::parse, default_value = "1s")]
    interval: Duration,

    /// Signs to draw with
    #[arg(long, value_enum, default_value_t, hide_default_value = true, value_name = "WHICH")]
    symbols: Signs,
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let unicode = match arguments.symbols {
        Signs::Auto => ui.look.utf8,
        Signs::Unicode => true,
        Signs::Ascii => false,
    };
    let options = Options {
        socket: target.socket.clone(),
        read_only: arguments.read_only,
        interval: arguments.interval,
        symbols: if unicode { Symbols::Unicode } else { Symbols::Ascii },
        colours: if ui.look.colour { Colours::Ansi } else { Colours::Mono },
    };
    // What is printed is no data for a pipe; said before anything is connected.
    if !ui.look.terminal || !std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Usage, "top needs a terminal on standard input and output")
            .hint("for scripts: hydractl status, hydractl heads list"));
    }
    tui::run(options).await.map_err(|error| Error::new(Kind::Failed, error.to_string()))
}
