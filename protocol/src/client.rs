//! The client side of the control socket: connects, checks that both ends speak the same
//! protocol, and explains why it could not.
//!
//! Comes in: a path and a time limit. Goes out: a [`Client`], or a [`ConnectError`] that says
//! what is the matter with the socket. It prints nothing, never retries beyond its time limit
//! and knows nothing of commands or screens.
//!
//! One [`Client`] is one connection. When the daemon goes away its calls end with
//! `UNAVAILABLE` and stay that way; connect again, so that the handshake is repeated with
//! whatever came back.

mod account;
mod error;
mod socket;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

pub use account::{SocketAccess, socket_access};
pub use error::{ConnectError, SpokenVersion, opens_to_group};
pub use socket::{
    MAX_SOCKET_PATH_BYTES, SOCKET_VARIABLE, SYSTEM_SOCKET, candidates, candidates_from, observe_beside,
};

use crate::v1::belly_service_client::BellyServiceClient;
use crate::v1::config_service_client::ConfigServiceClient;
use crate::v1::event_service_client::EventServiceClient;
use crate::v1::head_service_client::HeadServiceClient;
use crate::v1::log_service_client::LogServiceClient;
use crate::v1::network_service_client::NetworkServiceClient;
use crate::v1::peer_service_client::PeerServiceClient;
use crate::v1::prefetch_service_client::PrefetchServiceClient;
use crate::v1::record_service_client::RecordServiceClient;
use crate::v1::stats_service_client::StatsServiceClient;
use crate::v1::status_service_client::StatusServiceClient;
use crate::v1::{GetVersionRequest, GetVersionResponse};

/// The largest reply a client takes, in bytes. Pages and chunks stay below 1 MiB; only the
/// snapshot of `WatchStatus`, which holds every head, grows beyond it: 16 MiB are about
/// 30,000 heads. The default of tonic, 4 MiB, ends larger hydras in an endless reconnect.
pub const MAX_REPLY_BYTES: usize = 16 << 20;

/// How much of a stream may be under way before the reader must say that it goes on, in bytes.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;

/// Pause before the next try while the daemon's queue of new connections is full.
const BACKLOG_PAUSE: Duration = Duration::from_millis(10);

/// What a caller is going to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only read. Who may not open the control socket gets the observe socket beside it.
    Read,
    /// Change the hydra: nothing but the control socket will do.
    Control,
}

/// A connection to a daemon that speaks our protocol. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    socket: Arc<Path>,
    version: Arc<str>,
    read_only: bool,
}

impl Client {
    /// Status, version and the watch.
    #[must_use]
    pub fn status(&self) -> StatusServiceClient<Channel> {
        StatusServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// Heads.
    #[must_use]
    pub fn heads(&self) -> HeadServiceClient<Channel> {
        HeadServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// Peers.
    #[must_use]
    pub fn peers(&self) -> PeerServiceClient<Channel> {
        PeerServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// Provider records.
    #[must_use]
    pub fn records(&self) -> RecordServiceClient<Channel> {
        RecordServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// Keys that are looked up elsewhere.
    #[must_use]
    pub fn prefetch(&self) -> PrefetchServiceClient<Channel> {
        PrefetchServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// The belly as a whole.
    #[must_use]
    pub fn belly(&self) -> BellyServiceClient<Channel> {
        BellyServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> ConfigServiceClient<Channel> {
        ConfigServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// What happened.
    #[must_use]
    pub fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// The daemon's log.
    #[must_use]
    pub fn log(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> NetworkServiceClient<Channel> {
        NetworkServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// What was.
    #[must_use]
    pub fn stats(&self) -> StatsServiceClient<Channel> {
        StatsServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// The socket this connection was made on.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Version of the daemon, e.g. "1.0.0". A stranger's text: neutralise it before printing.
    #[must_use]
    pub fn daemon_version(&self) -> &str {
        &self.version
    }

    /// True on an observe socket, which has no mutating methods. Told by the socket's name, as
    /// the protocol does not say: false means "not known to be".
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}

/// Connects to the daemon at `socket` and checks that it speaks [`crate::API`], all within `timeout`.
///
/// # Errors
/// Says what is the matter with the socket; see [`ConnectError`].
pub async fn connect(socket: &Path, timeout: Duration) -> Result<Client, ConnectError> {
    if socket.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
        return Err(ConnectError::PathTooLong(socket.to_owned()));
    }
    let timed_out = || ConnectError::Timeout { path: socket.to_owned(), after: timeout };
    let attempt = async {
        let stream = dial(socket).await?;
        let channel = speak(socket, stream).await?;
        let version = handshake(socket, channel.clone(), timeout).await?;
        Ok(Client {
            channel,
            socket: socket.into(),
            version: version.version.into(),
            read_only: socket::is_observe(socket),
        })
    };
    tokio::time::timeout(timeout, attempt).await.unwrap_or_else(|_| Err(timed_out()))
}

/// Tries `sockets` in turn and takes the first that answers; `timeout` holds for each.
///
/// A socket that does not exist is passed over in silence, anything else is remembered: the
/// first error that says more than "there is none" is the one returned. With
/// [`Access::Read`] a socket that may not be opened is replaced by the observe socket beside it.
///
/// # Errors
/// As [`connect`]; [`ConnectError::NoSocket`] with the last path when none exists.
pub async fn connect_first(
    sockets: &[PathBuf],
    access: Access,
    timeout: Duration,
) -> Result<Client, ConnectError> {
    let mut telling = None;
    let mut absent = None;
    for socket in sockets {
        match connect_for(socket, access, timeout).await {
            Ok(client) => return Ok(client),
            Err(error @ ConnectError::NoSocket(_)) => absent = Some(error),
            Err(error) => telling = telling.or(Some(error)),
        }
    }
    Err(telling.or(absent).unwrap_or_else(|| ConnectError::NoSocket(SYSTEM_SOCKET.into())))
}

async fn connect_for(socket: &Path, access: Access, timeout: Duration) -> Result<Client, ConnectError> {
    let refused = match connect(socket, timeout).await {
        Err(error @ ConnectError::PermissionDenied { .. }) if access == Access::Read => error,
        outcome => return outcome,
    };
    match observe_beside(socket) {
        Some(observe) => connect(&observe, timeout).await.map_err(|error| match error {
            // The observe socket is not there, or shut as well: what the operator asked for was
            // the control socket, so that is what is talked about.
            ConnectError::NoSocket(_) | ConnectError::PermissionDenied { .. } => refused,
            other => other,
        }),
        None => Err(refused),
    }
}

/// Opens the socket. A full queue of new connections is waited for, as long as the caller's time
/// limit allows; everything else is final.
async fn dial(socket: &Path) -> Result<UnixStream, ConnectError> {
    loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                tokio::time::sleep(BACKLOG_PAUSE).await;
            }
            Err(error) => return Err(error::explain(socket, error)),
        }
    }
}

/// HTTP/2 over a stream that is already open. The connector gives the stream away once; a
/// second dial, which tonic would do in the background, is refused.
async fn speak(socket: &Path, stream: UnixStream) -> Result<Channel, ConnectError> {
    let mut stream = Some(stream);
    let connector = tower::service_fn(move |_| {
        std::future::ready(
            stream
                .take()
                .map(TokioIo::new)
                .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotConnected, "the connection ended")),
        )
    });
    // The authority is required by HTTP/2 and means nothing on a Unix socket.
    Endpoint::from_static("http://hydrad.invalid")
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(STREAM_WINDOW_BYTES)
        .connect_with_connector(connector)
        .await
        .map_err(|error| ConnectError::Other { path: socket.to_owned(), text: error::innermost(&error) })
}

async fn handshake(
    socket: &Path,
    channel: Channel,
    timeout: Duration,
) -> Result<GetVersionResponse, ConnectError> {
    let mut request = Request::new(GetVersionRequest {});
    request.set_timeout(timeout);
    let reply = StatusServiceClient::new(channel).get_version(request).await;
    let version = match reply {
        Ok(reply) => reply.into_inner(),
        Err(status) => {
            return Err(match status.code() {
                Code::Unimplemented => ConnectError::Version {
                    ours: SpokenVersion::ours(),
                    theirs: SpokenVersion { program: String::new(), api: String::new() },
                },
                Code::DeadlineExceeded | Code::Cancelled => {
                    ConnectError::Timeout { path: socket.to_owned(), after: timeout }
                }
                _ => ConnectError::Other {
                    path: socket.to_owned(),
                    text: format!("what listens there does not answer as hydrad does: {}", status.message()),
                },
            });
        }
    };
    if version.api == crate::API {
        Ok(version)
    } else {
        Err(ConnectError::Version {
            ours: SpokenVersion::ours(),
            theirs: SpokenVersion { program: version.version, api: version.api },
        })
    }
}

#[cfg(test)]
mod tests;
