//! Opening a door: listeners, a bounded number of connections, and an end.
//!
//! Owns what every door has in common; what is behind it is the router's. Time bounds are kept
//! by one sweeper a door, not by timers in each connection.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::connections::{Connections, Place};
use super::guard::{Guard, Origins};
use super::rates::{Rate, Rates};
use super::request::{Client, Handling};
use super::stream::Watched;
use crate::telemetry::doors;

/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 64;

/// Of an answer that the client does not take, so much is kept for each HTTP/2 request.
const SEND_BUFFER: usize = 64 << 10;

/// Open answers have this long to end at shutdown.
const STOP: Duration = Duration::from_secs(2);

/// The kernel has no descriptor or no memory for a new connection: tried again after this.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// What a connection that finds no place is told.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    connection: close\r\nretry-after: 1\r\ncontent-length: 90\r\n\r\n\
    {\"error\":\"all connections of this door are busy; connect again in a second\",\"status\":503}\n";

/// What is taken of one client, and of all.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections open at a time.
    pub connections: usize,
    /// Bytes of a request's line and headers.
    pub head: usize,
    /// Time from a head's first byte to its last.
    pub head_time: Duration,
    /// Bytes of a request's body.
    pub body: usize,
    /// Time for the body to come.
    pub body_time: Duration,
    /// Time until an answer begins.
    pub answer: Duration,
    /// Time without a request after which a connection is closed.
    pub idle: Duration,
    /// Time in which the client takes no part of its answer (64 KiB at most).
    pub progress: Duration,
    /// Requests a second of one client address.
    pub rate: Option<Rate>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 1024,
            head: 32 << 10,
            head_time: Duration::from_secs(10),
            body: 64 << 10,
            body_time: Duration::from_secs(15),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            progress: Duration::from_secs(30),
            rate: None,
        }
    }
}

/// A door to open.
#[derive(Debug, Clone)]
pub struct Door {
    /// In `status`, logs and metrics, such as `http`; also the section of its settings.
    pub name: &'static str,
    /// Where it listens; a port of 0 is any.
    pub addrs: Vec<SocketAddr>,
    /// The operator named the addresses: without them the daemon is not what was asked for.
    pub chosen: bool,
    /// Names by which it is reached, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// The setting that holds `hosts`.
    pub hosts_setting: &'static str,
    pub origins: Origins,
    pub bounds: Bounds,
}

/// A door could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("listen on {addr} for {door} ({door}.listen): {source}{}", next(.source))]
pub struct DoorError {
    door: &'static str,
    addr: SocketAddr,
    source: io::Error,
}

impl DoorError {
    /// Another program has the address.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

fn next(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: stop it, or choose another port",
        io::ErrorKind::AddrNotAvailable => "; this host does not have that address",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need CAP_NET_BIND_SERVICE",
        _ => "",
    }
}

/// A door that is open.
pub struct Open {
    /// As operators see it.
    pub view: Arc<doors::Door>,
    tasks: Vec<JoinHandle<()>>,
}

impl Open {
    /// Where it listens.
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.view.addrs
    }

    /// Waits until the last answer has ended, or two seconds after `stop`; what is still open
    /// then is cut.
    pub async fn stopped(self) {
        for task in self.tasks {
            // a task that panicked has ended, too
            task.await.ok();
        }
    }
}

/// Listens on all addresses of a door and answers until `stop` says so. All or none: when one
/// address cannot be had, none is listened on.
///
/// # Errors
/// Which address, and why.
pub async fn open(door: Door, router: Router, stop: watch::Receiver<bool>) -> Result<Open, DoorError> {
    let mut listeners = Vec::new();
    for addr in door.addrs {
        let failed = |source| DoorError { door: door.name, addr, source };
        listeners.push(TcpListener::bind(addr).await.map_err(failed)?);
    }
    let addrs = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let view = Arc::new(doors::Door::new(door.name, addrs));
    let hosts = door.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    let handling = Arc::new(Handling {
        router,
        guard: Guard { hosts, origins: door.origins, hosts_setting: door.hosts_setting },
        rates: door.bounds.rate.map(Rates::new),
        bounds: door.bounds,
        counters: Arc::clone(&view),
    });
    let connections = Connections::new(door.bounds);
    let (swept, mut until) = (Arc::clone(&connections), stop.clone());
    let sweeper = tokio::spawn(async move {
        tokio::select! {
            () = stopped(&mut until) => {}
            () = swept.sweep() => {}
        }
    });
    let listening = listeners.into_iter().map(|listener| {
        let listening =
            Listening { listener, handling: Arc::clone(&handling), connections: Arc::clone(&connections) };
        tokio::spawn(listening.run(stop.clone()))
    });
    let tasks = listening.chain([sweeper]).collect();
    Ok(Open { view, tasks })
}

struct Listening {
    listener: TcpListener,
    handling: Arc<Handling>,
    connections: Arc<Connections>,
}

impl Listening {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        let ends = stop.clone();
        loop {
            tokio::select! {
                () = stopped(&mut stop) => break,
                Some(_) = tasks.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, from)) => self.admit(stream, from, &ends, &mut tasks),
                    Err(error) => {
                        tracing::debug!(%error, "accept a connection");
                        tokio::time::sleep(EXHAUSTED).await;
                    }
                }
            }
            self.handling.counters.connections(self.connections.count());
        }
        drop(self.listener);
        let ended = async { while tasks.join_next().await.is_some() {} };
        // what is left is cut when the set goes
        tokio::time::timeout(STOP, ended).await.ok();
        self.handling.counters.connections(0);
    }

    fn admit(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        stop: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) {
        let Some(place) = self.connections.admit() else {
            // a courtesy: the buffer of a new connection has room
            stream.into_std().and_then(|mut stream| stream.write(NO_PLACE)).ok();
            return;
        };
        let Ok(at) = stream.local_addr() else { return };
        stream.set_nodelay(true).ok();
        let connection =
            connection(stream, Client { from, at }, place, Arc::clone(&self.handling), stop.clone());
        tasks.spawn(connection);
    }
}

/// Waits for the end, which also comes when nobody can say it any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.ok();
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    client: Client,
    place: Place,
    handling: Arc<Handling>,
    mut stop: watch::Receiver<bool>,
) {
    let activity = Arc::clone(&place.activity);
    let bounds = handling.bounds;
    let service =
        service_fn(|request| Arc::clone(&handling).answer(request, client, Arc::clone(&place.activity)));
    let mut builder = Builder::new(TokioExecutor::new());
    // a client that has sent its request may close its side and still wants the answer
    builder.http1().half_close(true).max_buf_size(bounds.head.max(8192));
    builder
        .http2()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(bounds.head).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER);
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)));
    let serving = builder.serve_connection(io, service);
    tokio::pin!(serving);
    let mut leaving = false;
    loop {
        tokio::select! {
            served = &mut serving => {
                if let Err(error) = served {
                    tracing::debug!(%error, from = %client.from, "an HTTP connection ended");
                }
                return;
            }
            () = activity.end.cancelled() => return,
            () = activity.leave.cancelled(), if !leaving => {}
            () = stopped(&mut stop), if !leaving => {}
        }
        leaving = true;
        serving.as_mut().graceful_shutdown();
    }
}
