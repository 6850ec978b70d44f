//! `top`: from arguments to the live screen, its lines, or one picture of it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::error::{Error, Kind};
use crate::picture::{Kind as PictureKind, Theme};
use crate::session::Target;
use crate::tui::input::{keys, user};
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
    /// What to open first, as typed after `:`, such as: prefetch, head 2
    #[arg(value_name = "PAGE")]
    open: Vec<String>,

    /// Without the keys that change the hydra
    #[arg(long)]
    read_only: bool,

    /// Time between updates: 250ms, 1s, 5s; at least 250ms
    #[arg(long, value_name = "TIME", value_parser = super::span::parse, default_value = "1s")]
    interval: Duration,

    /// Times in the zone of this machine instead of UTC
    #[arg(long)]
    local: bool,

    /// Signs to draw with
    #[arg(long, value_enum, default_value_t, hide_default_value = true, value_name = "WHICH")]
    symbols: Signs,

    /// Lines of text instead of a screen: first everything, then what changes
    #[arg(long)]
    plain: bool,

    /// Keys of your own; default ~/.config/hydra/top.toml, if it is there
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// Record what the daemon tells to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replay", "plain", "picture"])]
    record: Option<PathBuf>,

    /// Show a recording in place of a daemon
    #[arg(long, value_name = "FILE", conflicts_with = "plain")]
    replay: Option<PathBuf>,

    /// Write one picture of the screen to this file and end: .svg, .png or .txt
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,

    /// Columns and rows of the picture
    #[arg(long, value_name = "WxH", default_value = "120x36", requires = "picture", value_parser = cells)]
    size: (u16, u16),

    /// The ground of the picture
    #[arg(long, value_enum, default_value_t, requires = "picture", value_name = "WHICH")]
    theme: Theme,
}

/// `120x36`: at most as much as a screen can be.
fn cells(text: &str) -> Result<(u16, u16), String> {
    let parsed =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match parsed {
        Some((width @ 1..=500, height @ 1..=200)) => Ok((width, height)),
        _ => Err("columns and rows such as 120x36, at most 500x200".to_owned()),
    }
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    if arguments.local {
        tui::number::tell_local_times();
    }
    let unicode = match arguments.symbols {
        Signs::Auto => ui.look.utf8 || arguments.picture.is_some(),
        Signs::Unicode => true,
        Signs::Ascii => false,
    };
    let colour = ui.look.colour || arguments.picture.is_some();
    let options = Options {
        socket: target.socket.clone(),
        read_only: arguments.read_only,
        interval: arguments.interval,
        symbols: if unicode { Symbols::Unicode } else { Symbols::Ascii },
        colours: if colour { Colours::Ansi } else { Colours::Mono },
        open: arguments.open.join(" "),
        record: arguments.record,
        replay: arguments.replay,
    };
    if let Some(file) = &arguments.picture {
        return picture(&options, file, arguments.size, arguments.theme, ui).await;
    }
    if arguments.plain {
        return plain(&options, ui).await;
    }
    // What is printed is no data for a pipe; said before anything is connected.
    if !ui.look.terminal || !std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Usage, "top needs a terminal on standard input and output")
            .hint("for scripts: hydractl status, hydractl heads list, hydractl top --plain"));
    }
    own_keys(arguments.keys.as_deref())?;
    tui::run(options).await.map_err(failed)
}

/// Reads the keys that a person chose.
fn own_keys(named: Option<&Path>) -> Result<(), Error> {
    let usual = || user::path(|name| std::env::var_os(name));
    let Some(path) = named.map(Path::to_owned).or_else(usual) else { return Ok(()) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::new(Kind::Failed, format!("read {}: {error}", path.display()))),
    };
    let wrong = |why| Error::new(Kind::Usage, format!("{}: {why}", path.display()));
    keys::choose(user::table(&text).map_err(|why| wrong(why).hint("see docs/console.md, Keys"))?);
    Ok(())
}

fn failed(error: tui::Error) -> Error {
    let kind = match error {
        tui::Error::Open(_) => Kind::Usage,
        tui::Error::Nothing(..) => Kind::NoDaemon,
        _ => Kind::Failed,
    };
    Error::new(kind, error.to_string())
}

async fn plain(options: &Options, ui: &mut Ui<'_>) -> Result<(), Error> {
    let target = tui::connection::Target { socket: options.socket.clone(), interval: options.interval };
    let mut connection = tui::connection::start(target);
    let written = tui::plain::run(&mut connection.messages, options.interval, &mut ui.out).await;
    written.map_err(|error| Error::new(Kind::Failed, format!("write to standard output: {error}")))
}

async fn picture(
    options: &Options,
    file: &Path,
    size: (u16, u16),
    theme: Theme,
    ui: &mut Ui<'_>,
) -> Result<(), Error> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let kind = match ending {
        "svg" => Some(PictureKind::Svg),
        "png" => Some(PictureKind::Png(2)),
        "txt" => None,
        _ => {
            let what = format!("not a picture: {}", file.display());
            return Err(Error::new(Kind::Usage, what).hint("give a file that ends in .svg, .png or .txt"));
        }
    };
    let cells = tui::picture::picture(options, size).await.map_err(failed)?;
    let bytes = match kind {
        Some(kind) => crate::picture::screen::draw(&cells, theme, kind)
            .map_err(|error| Error::new(Kind::Failed, error.to_string()))?,
        None => crate::picture::screen::text(&cells).into_bytes(),
    };
    std::fs::write(file, bytes)
        .map_err(|error| Error::new(Kind::Failed, format!("write {}: {error}", file.display())))?;
    ui.note(&format!("wrote {}, {}×{} cells", file.display(), size.0, size.1));
    Ok(())
}
