//! One picture of the screen, without a terminal: for documentation, reports and scripts.

use std::time::Duration;

use ratatui::buffer::Buffer;
use tokio::time::{Instant, timeout_at};

use super::connection::{self, Target};
use super::recording;
use super::state::{Command, Link, Message, State};
use super::view::{self, theme::Theme};
use super::{Error, Options};

/// How long the daemon may take to tell what the picture shows.
const WITHIN: Duration = Duration::from_secs(10);

/// The screen in so many cells, columns and rows: at the end of a recording, or of the daemon now.
///
/// # Errors
/// When the recording cannot be read, or nothing comes from the daemon.
pub async fn picture(options: &Options, size: (u16, u16)) -> Result<Buffer, Error> {
    let mut state = State::new(options.interval, true);
    match &options.replay {
        Some(file) => {
            for entry in recording::read(file)? {
                let entry = entry?;
                state.apply(entry.message, entry.after);
            }
            state.open_with(&options.open).map_err(Error::Open)?;
        }
        None => live(&mut state, options).await?,
    }
    Ok(view::buffer(&state, size, &Theme::new(options.colours, options.symbols)))
}

/// Listens until everything is there that the page asks for.
async fn live(state: &mut State, options: &Options) -> Result<(), Error> {
    let target = Target { socket: options.socket.clone(), interval: options.interval };
    let mut connection = connection::start(target);
    let until = Instant::now() + WITHIN;
    let mut opened = false;
    let mut missing = Vec::new();
    while !opened || !missing.is_empty() {
        let message = timeout_at(until, connection.messages.recv()).await;
        let Ok(Some(message)) = message else { return Err(nothing(state)) };
        if let Message::Told { ask, .. } = &message {
            missing.retain(|other| other != ask);
        }
        state.apply(message, Duration::ZERO);
        if !opened && state.shown().is_some() {
            opened = true;
            state.open_with(&options.open).map_err(Error::Open)?;
            missing = state.wants();
            // the queue is empty: nothing else sends
            connection.commands.try_send(Command::Want(missing.clone())).unwrap_or_default();
        }
    }
    Ok(())
}

fn nothing(state: &State) -> Error {
    let why = match state.link() {
        Link::Down { cause, .. } => format!("{} {}", cause.what, cause.advice),
        Link::Connecting | Link::Live { .. } => "it is busy".to_owned(),
    };
    Error::Nothing(WITHIN.as_secs(), why)
}
