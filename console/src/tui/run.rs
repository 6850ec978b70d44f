//! The loop: waits for keys, messages, signals and time at once; draws only what changed.
//!
//! Keys are drawn at once, at most thirty times a second; values when they come, at most four
//! times a second and once in five while nobody looks. When nothing happens nothing is done.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures::{Stream, StreamExt as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::connection::{self, Target};
use super::recording::Recorder;
use super::state::feed::Ask;
use super::state::{Command, Effect, Message, State};
use super::terminal::{self, Guard, Screen};
use super::view::theme::Theme;
use super::{Error, Options, SHORTEST_INTERVAL, export, input};

/// The least time between two pictures: thirty a second.
const FRAME: Duration = Duration::from_millis(33);
/// The least time between two pictures that only show newer values.
const DATA_FRAME: Duration = SHORTEST_INTERVAL;
/// The same while the terminal does not have the focus.
const UNFOCUSED_FRAME: Duration = Duration::from_secs(5);

/// Shows the screen until someone quits.
///
/// # Errors
/// When there is no terminal, or it fails; the terminal is given back first.
pub async fn run(options: Options) -> Result<(), Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::NotATerminal("standard input"));
    }
    if !io::stdout().is_terminal() {
        return Err(Error::NotATerminal("standard output"));
    }
    let interval = options.interval.max(SHORTEST_INTERVAL);
    let mut signals = Signals::watch().map_err(Error::Signals)?;
    let mut connection = match &options.replay {
        Some(file) => connection::play(file)?,
        None => connection::start(Target { socket: options.socket.clone(), interval }),
    };
    let recorder = options.record.as_deref().map(Recorder::create).transpose()?;
    let guard = Guard::take().map_err(|source| Error::Terminal { operation: "take over", source })?;
    let theme = Theme::new(options.colours, options.symbols);
    let output = terminal::output().map_err(drawing)?;
    let mut screen = Screen::new(io::BufWriter::new(output), theme).map_err(drawing)?;
    let mut state = State::new(interval, options.read_only);
    state.open_with(&options.open).map_err(Error::Open)?;
    let mut looper = Loop::new(state);
    looper.recorder = recorder;
    let mut events = EventStream::new();
    loop {
        let turn = looper
            .turn(&mut screen, &mut events, &mut connection.messages, &connection.commands, signals.next())
            .await?;
        match turn {
            Turn::Quit => {
                drop(guard);
                return looper.end();
            }
            Turn::Suspend => suspend(&guard)?,
            Turn::Resume => {
                guard.resume().map_err(|source| Error::Terminal { operation: "take back", source })?;
                screen.forget().map_err(drawing)?;
                looper.redraw();
            }
        }
    }
}

/// Stops this process until SIGCONT, which comes back as [`Turn::Resume`].
fn suspend(guard: &Guard) -> Result<(), Error> {
    guard.suspend();
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)
        .map_err(|error| Error::Terminal { operation: "suspend on", source: error.into() })
}

fn drawing(source: io::Error) -> Error {
    Error::Terminal { operation: "draw on", source }
}

/// What the loop cannot do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// End.
    Quit,
    /// Give the terminal back and stop.
    Suspend,
    /// The process goes on after a stop.
    Resume,
}

/// The state, and when it is drawn next.
pub struct Loop {
    state: State,
    started: Instant,
    dirty: Option<Instant>,
    drawn: Option<Instant>,
    focused: bool,
    /// What the connection was told to ask for.
    wanted: Vec<Ask>,
    recorder: Option<Recorder>,
    /// Files that are being written: their names, or why not.
    exports: JoinSet<Result<String, String>>,
}

impl Loop {
    /// Nothing is drawn yet.
    #[must_use]
    pub fn new(state: State) -> Self {
        let now = Instant::now();
        Self {
            state,
            started: now,
            dirty: Some(now),
            drawn: None,
            focused: true,
            wanted: Vec::new(),
            recorder: None,
            exports: JoinSet::new(),
        }
    }

    /// Draws everything soon.
    pub fn redraw(&mut self) {
        self.dirty = Some(Instant::now());
    }

    /// Runs until something comes up that is not the loop's to do.
    ///
    /// # Errors
    /// When the terminal fails, or the connection task is gone.
    pub async fn turn<W: Write>(
        &mut self,
        screen: &mut Screen<W>,
        events: &mut (impl Stream<Item = io::Result<Event>> + Unpin),
        messages: &mut mpsc::Receiver<Message>,
        commands: &mpsc::Sender<Command>,
        signal: impl Future<Output = Turn>,
    ) -> Result<Turn, Error> {
        tokio::pin!(signal);
        loop {
            self.want(commands);
            let far = Instant::now() + Duration::from_secs(3_600);
            let frame = self.dirty.unwrap_or(far);
            let tick = self.state.next_tick().map_or(far, |at| self.started + at);
            tokio::select! {
                biased;
                turn = &mut signal => return Ok(turn),
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        if let Some(turn) = self.event(&event, screen, commands)? {
                            return Ok(turn);
                        }
                    }
                    Some(Err(source)) => return Err(Error::Terminal { operation: "read", source }),
                    // The terminal is gone.
                    None => return Ok(Turn::Quit),
                },
                () = sleep_until(frame), if self.dirty.is_some() => {
                    self.state.tick(self.now());
                    screen.draw(&self.state).map_err(drawing)?;
                    self.drawn = Some(Instant::now());
                    self.dirty = None;
                }
                message = messages.recv() => {
                    let message = message.ok_or(Error::ConnectionEnded)?;
                    let pace = if self.is_news(&message) { FRAME } else { self.data_pace() };
                    if let Some(recorder) = &mut self.recorder {
                        recorder.take(&message, self.started.elapsed());
                    }
                    let shown = !self.state.is_frozen() || !matches!(message, Message::Update(_));
                    self.state.apply(message, self.now());
                    if shown {
                        self.draw_within(pace);
                    }
                }
                Some(done) = self.exports.join_next() => {
                    let done = done.unwrap_or_else(|_| Err("the file was not written".to_owned()));
                    self.state.apply(Message::Exported(done), self.now());
                    self.draw_within(FRAME);
                }
                () = sleep_until(tick) => {
                    self.state.tick(self.now());
                    self.draw_within(self.data_pace());
                }
            }
        }
    }

    fn event<W: Write>(
        &mut self,
        event: &Event,
        screen: &mut Screen<W>,
        commands: &mpsc::Sender<Command>,
    ) -> Result<Option<Turn>, Error> {
        match event {
            Event::FocusGained => {
                self.focused = true;
                self.draw_within(FRAME);
                return Ok(None);
            }
            Event::FocusLost => {
                self.focused = false;
                return Ok(None);
            }
            Event::Key(_) | Event::Mouse(_) | Event::Paste(_) | Event::Resize(..) => {}
        }
        self.state.tick(self.now());
        let (changed, effects) = input::take(&mut self.state, event);
        if changed {
            self.draw_within(FRAME);
        }
        for effect in effects {
            match effect {
                Effect::Send(command) => {
                    if let Err(refused) = commands.try_send(command) {
                        self.state.refuse(&refused.into_inner());
                    }
                }
                Effect::Copy(text) => screen.copy(&text).map_err(drawing)?,
                Effect::Export(export) => {
                    let picture = screen.picture(&self.state).map_err(drawing)?;
                    self.exports.spawn_blocking(move || export::write(export, &picture));
                }
                Effect::NextTheme => screen.next_theme(),
                Effect::Suspend => return Ok(Some(Turn::Suspend)),
                Effect::Quit => return Ok(Some(Turn::Quit)),
            }
        }
        Ok(None)
    }

    /// The first answer to a question, what became of an action, or a change of the link: drawn at
    /// once. What is only newer keeps the pace of values.
    fn is_news(&self, message: &Message) -> bool {
        match message {
            Message::Update(_) => false,
            Message::Told { ask, .. } => {
                self.state.shown().is_none_or(|hydra| hydra.feeds.received(ask).is_none())
            }
            _ => true,
        }
    }

    /// Tells the connection when the open page needs something else; when it has no time for
    /// that now, the next turn tries again.
    fn want(&mut self, commands: &mpsc::Sender<Command>) {
        let wants = self.state.wants();
        if wants != self.wanted && commands.try_send(Command::Want(wants.clone())).is_ok() {
            self.wanted = wants;
        }
    }

    /// Writes what was recorded.
    fn end(self) -> Result<(), Error> {
        match self.recorder.map(Recorder::finish) {
            None | Some(Ok(0)) => Ok(()),
            Some(Ok(missed)) => Err(Error::RecordingCut(missed)),
            Some(Err(error)) => Err(Error::NotRecorded(error)),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn data_pace(&self) -> Duration {
        if self.focused { DATA_FRAME } else { UNFOCUSED_FRAME }
    }

    /// Draws as soon as `pace` has passed since the last picture.
    fn draw_within(&mut self, pace: Duration) {
        let now = Instant::now();
        let at = self.drawn.map_or(now, |drawn| (drawn + pace).max(now));
        self.dirty = Some(self.dirty.map_or(at, |dirty| dirty.min(at)));
    }
}

/// The signals that concern a screen.
struct Signals {
    end: [Signal; 3],
    stop: Signal,
    go_on: Signal,
}

impl Signals {
    fn watch() -> io::Result<Self> {
        let stop = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
        let go_on = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Ok(Self {
            end: [
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::interrupt())?,
            ],
            stop: signal(stop)?,
            go_on: signal(go_on)?,
        })
    }

    async fn next(&mut self) -> Turn {
        let [terminate, hangup, interrupt] = &mut self.end;
        tokio::select! {
            _ = terminate.recv() => Turn::Quit,
            _ = hangup.recv() => Turn::Quit,
            _ = interrupt.recv() => Turn::Quit,
            _ = self.stop.recv() => Turn::Suspend,
            _ = self.go_on.recv() => Turn::Resume,
        }
    }
}
