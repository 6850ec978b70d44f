//! The task that owns the channel to the daemon: it connects, subscribes, carries commands, and
//! tries again for ever when the daemon is gone.
//!
//! Goes out: messages, over a bounded channel; a screen that is slow slows this task, and the
//! daemon counts what it leaves out. Comes in: commands. No one waits for this task.

mod backoff;
mod call;
mod cause;
mod feed;
mod fetch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hydra_protocol::client::{self, Access, Client};
use hydra_protocol::v1::{WatchStatusRequest, WatchStatusResponse};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::Streaming;

use self::backoff::Backoff;
use self::feed::Rounds;
use super::recording::{self, Player};
use super::state::{Answer, Cause, Command, Message};

/// Messages that may wait for the screen.
const MESSAGES: usize = 16;
/// Commands that may wait for the connection.
const COMMANDS: usize = 16;
/// Commands that may be with the daemon at once.
const CALLS: usize = 8;
/// How long a try may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The least silence after which a daemon that should have spoken counts as gone.
const SILENCE: Duration = Duration::from_secs(15);

/// What to connect to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The socket; without one they are looked for as the other commands do.
    pub socket: Option<PathBuf>,
    /// Time between updates.
    pub interval: Duration,
}

/// The ends of a running connection.
#[derive(Debug)]
pub struct Connection {
    /// What it has to say.
    pub messages: mpsc::Receiver<Message>,
    /// What it is to do.
    pub commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the task.
#[must_use]
pub fn start(target: Target) -> Connection {
    let (tell, messages) = mpsc::channel(MESSAGES);
    let (commands, ask) = mpsc::channel(COMMANDS);
    let task = tokio::spawn(async move {
        // Ends when the other side is gone: nobody is left to tell.
        Task { target, tell, ask, backoff: Backoff::default(), rounds: Rounds::default() }
            .run()
            .await
            .unwrap_or_default();
    });
    Connection { messages, commands, task }
}

/// Plays a recording in place of a daemon.
///
/// # Errors
/// When the file cannot be read, or is no recording.
pub fn play(path: &Path) -> Result<Connection, recording::Error> {
    let entries = recording::read(path)?;
    let (tell, messages) = mpsc::channel(MESSAGES);
    let (commands, heard) = mpsc::channel(COMMANDS);
    let task = tokio::spawn(Player::new(entries, tell, heard).run());
    Ok(Connection { messages, commands, task })
}

/// The screen is gone.
#[derive(Debug)]
struct Gone;

struct Task {
    target: Target,
    tell: mpsc::Sender<Message>,
    ask: mpsc::Receiver<Command>,
    backoff: Backoff,
    /// What the open page asks again and again.
    rounds: Rounds,
}

impl Task {
    async fn run(mut self) -> Result<(), Gone> {
        loop {
            self.tell(Message::Connecting).await?;
            let cause = match self.subscribe().await {
                Ok((client, updates)) => self.serve(client, updates).await?,
                Err(cause) => cause,
            };
            let (attempt, pause) = self.backoff.fail();
            self.tell(Message::Down { cause, attempt, retry_in: pause }).await?;
            self.pause(Instant::now() + pause).await?;
        }
    }

    async fn tell(&self, message: Message) -> Result<(), Gone> {
        self.tell.send(message).await.map_err(|_| Gone)
    }

    async fn subscribe(&self) -> Result<(Client, Streaming<WatchStatusResponse>), Cause> {
        let sockets = client::candidates(self.target.socket.as_deref());
        let client = client::connect_first(&sockets, Access::Read, CONNECT_WITHIN)
            .await
            .map_err(|error| cause::of_connect(&error))?;
        let request = WatchStatusRequest { interval_seconds: self.target.interval.as_secs_f64() };
        let watch = async { client.status().watch_status(request).await };
        match timeout(CONNECT_WITHIN, watch).await {
            Ok(Ok(updates)) => Ok((client, updates.into_inner())),
            Ok(Err(status)) => Err(cause::of_status(client.socket(), &status)),
            Err(_) => Err(cause::of_silence(client.socket(), CONNECT_WITHIN)),
        }
    }

    /// Carries updates and commands until the daemon is gone; says why it is.
    async fn serve(
        &mut self,
        client: Client,
        mut updates: Streaming<WatchStatusResponse>,
    ) -> Result<Cause, Gone> {
        let patience = SILENCE.max(self.target.interval * 5);
        let mut calls = JoinSet::new();
        let mut heard = Instant::now();
        self.rounds.begin();
        let mut clock = 0;
        self.tell(Message::Connected { control: !client.is_read_only() }).await?;
        loop {
            tokio::select! {
                update = updates.message() => match update {
                    Ok(Some(update)) => {
                        heard = Instant::now();
                        self.backoff.reset();
                        if let Some(at) = update.status.as_ref().and_then(|status| status.at) {
                            clock = at.seconds;
                        }
                        self.tell(Message::Update(Box::new(update))).await?;
                    }
                    Ok(None) => return Ok(cause::of_end(client.socket())),
                    Err(status) => return Ok(cause::of_status(client.socket(), &status)),
                },
                () = sleep_until(heard + patience) => return Ok(cause::of_silence(client.socket(), patience)),
                command = self.ask.recv() => match command.ok_or(Gone)? {
                    Command::RetryNow => self.rounds.hasten(),
                    Command::Want(asks) => self.rounds.want(asks),
                    command if calls.len() >= CALLS => {
                        self.decline(command, "too many commands wait for the daemon; nothing was sent").await?;
                    }
                    Command::Fetch(key) => {
                        let (client, tell) = (client.clone(), self.tell.clone());
                        calls.spawn(async move {
                            fetch::run(&client, key, &tell).await;
                            None
                        });
                    }
                    command => {
                        let (client, tell) = (client.clone(), self.tell.clone());
                        calls.spawn(async move {
                            let answer = call::ask(&client, command).await;
                            // Refused only when the screen is gone.
                            tell.send(Message::Answer(Box::new(answer))).await.unwrap_or_default();
                            None
                        });
                    }
                },
                () = sleep_until(self.rounds.next()), if clock > 0 && calls.len() < CALLS => {
                    if let Some(ask) = self.rounds.take() {
                        let (client, tell) = (client.clone(), self.tell.clone());
                        calls.spawn(async move {
                            let result = feed::answer(&client, &ask, clock).await;
                            let told = Message::Told { ask: ask.clone(), result: result.map(Box::new) };
                            tell.send(told).await.unwrap_or_default();
                            Some(ask)
                        });
                    }
                }
                Some(done) = calls.join_next() => {
                    if let Ok(Some(ask)) = done {
                        self.rounds.done(&ask);
                    }
                }
            }
        }
    }

    /// Waits for the time of the next try, or for someone who cannot wait.
    async fn pause(&mut self, until: Instant) -> Result<(), Gone> {
        loop {
            tokio::select! {
                () = sleep_until(until) => return Ok(()),
                command = self.ask.recv() => match command.ok_or(Gone)? {
                    Command::RetryNow => return Ok(()),
                    Command::Want(asks) => self.rounds.want(asks),
                    command => self.decline(command, "no daemon; nothing was sent").await?,
                },
            }
        }
    }

    async fn decline(&self, command: Command, why: &str) -> Result<(), Gone> {
        self.tell(Message::Answer(Box::new(Answer { command, result: Err(why.to_owned()) }))).await
    }
}
