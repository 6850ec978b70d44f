//! What went wrong for a person or a script: a sentence, hints, and one kind that is the exit
//! code. The only place that knows exit codes.
//!
//! Comes in: errors of the connection, of calls and of the terminal. It prints nothing itself.

use std::io;
use std::process::ExitCode;

use hydra_protocol::client::{ConnectError, opens_to_group};
use tonic::{Code, Status};

use crate::output::text::{neutral, neutral_lines};

/// What kind of failure it is. Scripts see it as the exit code, see [`Kind::exit_code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The operation failed.
    Failed,
    /// The command line is wrong.
    Usage,
    /// There is no daemon to talk to.
    NoDaemon,
    /// Not allowed.
    Permission,
    /// What was asked for is not there.
    NotFound,
    /// It took too long.
    Timeout,
    /// Console and daemon do not speak the same protocol.
    Version,
    /// The hydra is not well, and that was the question.
    Unhealthy,
    /// Ended by SIGINT.
    Interrupted,
    /// Whoever read our output has enough.
    BrokenPipe,
}

impl Kind {
    /// All kinds, for documentation and tests.
    pub const ALL: [Self; 10] = [
        Self::Failed,
        Self::Usage,
        Self::NoDaemon,
        Self::Permission,
        Self::NotFound,
        Self::Timeout,
        Self::Version,
        Self::Unhealthy,
        Self::Interrupted,
        Self::BrokenPipe,
    ];

    /// The exit code of the process. A closed pipe is not a failure: `hydractl … | head` ends well.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoDaemon => 3,
            Self::Permission => 4,
            Self::NotFound => 5,
            Self::Timeout => 6,
            Self::Version => 7,
            Self::Unhealthy => 8,
            Self::Interrupted => 130,
        }
    }
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        Self::from(kind.exit_code())
    }
}

/// A failure as it is told: what happened on what, then what to do next, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    kind: Kind,
    text: String,
    hints: Vec<String>,
}

impl Error {
    /// A failure with its sentence: lower case, no full stop, control characters neutralised.
    #[must_use]
    pub fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        let mut lines = neutral_lines(text.as_ref()).into_iter();
        Self { kind, text: lines.next().unwrap_or_default(), hints: lines.collect() }
    }

    /// An answer of the daemon that lacks what it is about: "a status".
    #[must_use]
    pub fn empty_answer(what: &str) -> Self {
        Self::new(Kind::Failed, format!("hydrad sent {what} without content"))
            .hint("do both ends fit? hydractl version      look: journalctl -u hydrad -n 50")
    }

    /// A failure whose story is already told.
    #[must_use]
    pub const fn told(kind: Kind) -> Self {
        Self { kind, text: String::new(), hints: Vec::new() }
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hints.extend(neutral_lines(hint.as_ref()));
        self
    }

    /// Names the object, where the sentence does not.
    #[must_use]
    pub fn about(mut self, name: &str) -> Self {
        if !self.text.is_empty() && !self.text.contains(name) {
            self.text = format!("{}: {}", neutral(name), self.text);
        }
        self
    }

    /// The kind, and so the exit code.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do next, one line each.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The text for stderr, with its last newline; empty when there is nothing left to say.
    #[must_use]
    pub fn report(&self) -> String {
        if self.text.is_empty() {
            return String::new();
        }
        let mut report = format!("error: {}\n", self.text);
        for hint in &self.hints {
            report += &format!("  {hint}\n");
        }
        report
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::told(Kind::BrokenPipe),
            _ => Self::new(Kind::Failed, format!("cannot write the output: {error}")),
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        let (kind, hints) = advice(&error);
        let new = Self::new(kind, error.to_string());
        hints.into_iter().fold(new, Self::hint)
    }
}

/// Kind and next steps of a failed connection.
fn advice(error: &ConnectError) -> (Kind, Vec<String>) {
    let one = |hint: &str| vec![hint.to_owned()];
    match error {
        ConnectError::NoSocket(_) => (
            Kind::NoDaemon,
            one("start it: sudo systemctl start hydrad      another socket: --socket PATH or HYDRA_SOCKET"),
        ),
        ConnectError::NobodyListens(_) => (
            Kind::NoDaemon,
            one(
                "look: journalctl -u hydrad -n 50      start: sudo systemctl start hydrad (it replaces the socket itself)",
            ),
        ),
        ConnectError::PermissionDenied { mode, owner, .. } if !opens_to_group(*mode) => (
            Kind::Permission,
            vec![format!("sudo -u {owner} hydractl …      reading needs no group: status, top, list, show")],
        ),
        ConnectError::PermissionDenied { in_group: false, needs_relogin: false, user, group, .. } => (
            Kind::Permission,
            vec![format!(
                "sudo usermod -aG {group} {user}, then log out and in      reading needs no group: status, top, list, show"
            )],
        ),
        ConnectError::PermissionDenied { .. } => {
            (Kind::Permission, one("reading needs no group: status, top, list, show"))
        }
        ConnectError::NotASocket(_) => {
            (Kind::NoDaemon, one("name hydrad's socket: --socket PATH or HYDRA_SOCKET"))
        }
        ConnectError::PathTooLong(_) => {
            (Kind::Usage, one("give a shorter path, or a symbolic link to its directory"))
        }
        ConnectError::Timeout { .. } => (
            Kind::Timeout,
            one(
                "hydrad is there and does not answer: journalctl -u hydrad -n 50      wait longer: --timeout 60s",
            ),
        ),
        ConnectError::Version { ours, theirs } => (
            Kind::Version,
            one(match (ours.number(), theirs.number()) {
                (Some(ours), Some(theirs)) if ours > theirs => {
                    "upgrade hydrad, or use the hydractl beside it"
                }
                _ => "upgrade hydractl, or use the one beside hydrad",
            }),
        ),
        ConnectError::Other { .. } => (Kind::NoDaemon, one("another socket: --socket PATH or HYDRA_SOCKET")),
    }
}

/// What a refusal of the daemon is to a script. The whole table; anything new is a failure.
#[must_use]
pub const fn kind_of(code: Code) -> Kind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Kind::Usage,
        Code::Unavailable => Kind::NoDaemon,
        Code::PermissionDenied | Code::Unauthenticated => Kind::Permission,
        Code::NotFound => Kind::NotFound,
        Code::DeadlineExceeded | Code::Cancelled => Kind::Timeout,
        Code::Unimplemented => Kind::Version,
        Code::Ok
        | Code::Unknown
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Internal
        | Code::DataLoss => Kind::Failed,
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        // A status with a cause was made on this side: the connection broke under the call.
        if std::error::Error::source(&status).is_some() {
            return Self::new(Kind::NoDaemon, "the connection to hydrad ended during the call")
                .hint("look: journalctl -u hydrad -n 50");
        }
        let kind = kind_of(status.code());
        match (status.code(), status.message()) {
            (Code::Unimplemented, _) => Self::new(kind, "this hydrad does not know the call").hint(
                "its version: hydractl version      an observe socket only reads: use the control socket",
            ),
            (code, "") => Self::new(kind, format!("hydrad refused: {}", code.description()))
                .hint("look: journalctl -u hydrad -n 50"),
            (_, message) => Self::new(kind, message),
        }
    }
}

#[cfg(test)]
mod tests;
