//! `top`: the live screen. What it shows and how is in [`crate::tui`].

use std::time::Duration;

use clap::Args;

use super::span;
use crate::error::{Error, Kind};
use crate::session::Target;
use crate::tui::{self, Colours, Options, SHORTEST_INTERVAL, Symbols};
use crate::ui::Ui;

#[derive(Args, Debug)]
#[command(
    after_help = "Keys: ? shows them. It stays when the daemon goes away, and goes on when it comes back."
)]
pub(super) struct Arguments {
    /// Without the keys that change the hydra
    #[arg(long)]
    read_only: bool,
    /// Time between updates, 250ms or more
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "1s")]
    interval: Duration,
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &Ui<'_>) -> Result<(), Error> {
    if arguments.interval < SHORTEST_INTERVAL {
        return Err(Error::new(Kind::Usage, "an interval of top is 250ms or more"));
    }
    let options = Options {
        socket: target.socket.clone(),
        read_only: arguments.read_only,
        interval: arguments.interval,
        symbols: if ui.look.utf8 { Symbols::Unicode } else { Symbols::Ascii },
        colours: if ui.look.colour { Colours::Ansi } else { Colours::Mono },
    };
    Ok(tui::run(options).await?)
}
