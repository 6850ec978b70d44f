//! A connection to the daemon with the time limits of this command.
//!
//! Every call goes through [`Session::call`], so that none waits for ever.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use hydra_protocol::client::{Access, Client, candidates, connect_first};
use tonic::{Response, Status};

use crate::error::{Error, Kind};

/// How long an answer to a question may take, when nothing else is asked for.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a change may take: a head that withdraws finishes its requests first, and a call
/// that is given up may still have its effect.
pub const CHANGE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may take at most: a daemon on the same machine answers or does not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the daemon is and how long to wait for it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// `--socket`.
    pub socket: Option<PathBuf>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
}

impl Target {
    /// Connects.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn open(&self, access: Access) -> Result<Session, Error> {
        let timeout = self.timeout.unwrap_or(match access {
            Access::Read => READ_TIMEOUT,
            Access::Control => CHANGE_TIMEOUT,
        });
        let sockets = candidates(self.socket.as_deref());
        let client = connect_first(&sockets, access, timeout.min(CONNECT_TIMEOUT)).await?;
        Ok(Session { client, timeout, access })
    }
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Session {
    /// For making calls; await them through [`Session::call`].
    pub client: Client,
    timeout: Duration,
    access: Access,
}

impl Session {
    /// Awaits an answer, or the next message of a stream, as long as the time limit allows.
    ///
    /// # Errors
    /// The daemon's refusal, or the time limit.
    pub async fn within<T, E: Into<Error>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(self.too_late()),
        }
    }

    /// Awaits the answer to a call.
    ///
    /// # Errors
    /// The daemon's refusal, or the time limit.
    pub async fn call<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Error> {
        self.within(call).await.map(Response::into_inner)
    }

    fn too_late(&self) -> Error {
        let error = Error::new(
            Kind::Timeout,
            format!("no answer from hydrad within {} s", self.timeout.as_secs_f64()),
        );
        match self.access {
            Access::Read => error.hint("wait longer: --timeout 60s      look: journalctl -u hydrad -n 50"),
            Access::Control => error.hint("the change may have been made: hydractl heads list"),
        }
    }
}
