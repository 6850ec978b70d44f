//! The life of the daemon: what is opened in which order, and how it ends.

mod dht_source;
mod doors;
mod theme;

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libp2p::identity::Keypair;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::api::control::{Access, Control, ControlError, Socket, SocketError, Told};
use crate::api::http::TokenError;
use crate::api::http::serve::DoorError;
use crate::belly::clock::Clock;
use crate::belly::engine::LogBelly;
use crate::belly::prefetched::{Prefetched, WithPrefetched};
use crate::belly::{Belly, BellyError};
use crate::config::reload::Settings;
use crate::config::{Config, listen};
use crate::dht::{Misses, Service};
use crate::head;
use crate::hydra::{Hydra, Parts, RosterError, notify};
use crate::identity::Sequence;
use crate::limits::{Budget, Machine};
use crate::net::idgen::{Idgen, IdgenError};
use crate::net::transport::TransportError;
use crate::prefetch::{self, Prefetch, bridge};
use crate::routing::{Contacts, Table};
use crate::scout::{self, Scout};
use crate::state::{SeedOrigin, State, StateError};
use crate::telemetry::history::unix_now;
use crate::telemetry::log::{self, BadFilter};
use crate::telemetry::{Archive, AskedFor, Events, History, Keeper, PeerLog};

use self::doors::Doors;

/// Connections of the control socket end within this time at shutdown.
const CONTROL_STOP: Duration = Duration::from_secs(2);

/// The setting in the state that remembers how many heads were configured.
const HEADS_CONFIGURED: &str = "heads.count";

/// The daemon did not come up.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error(transparent)]
    Log(#[from] BadFilter),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Belly(#[from] BellyError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Door(#[from] DoorError),
    #[error(transparent)]
    Bridge(#[from] bridge::NoClient),
    #[error(transparent)]
    Idgen(#[from] IdgenError),
    #[error(
        "the heads in the data directory have their ids on lease, and identity.idgen is not set: set it again, or \
         begin with an empty --data-dir"
    )]
    Borrowed,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Heads(#[from] RosterError),
    #[error("open the peer log {0} (peers.log): {1}")]
    PeerLog(PathBuf, std::io::Error),
    #[error("no address to listen on; set listen.ips")]
    NoAddress,
    #[error("start the runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// The daemon, up.
pub struct Daemon {
    pub hydra: Arc<Hydra>,
    pub settings: Arc<Settings>,
    control: Vec<Control>,
    doors: Doors,
    stop: watch::Sender<bool>,
    keeper: Keeper,
}

/// Runs the daemon until it is told to end; what went wrong stands on stderr.
#[must_use]
pub fn run(config: Config) -> ExitCode {
    let ended = Runtime::new().map_err(BootError::from).and_then(|runtime| {
        let ended = runtime.block_on(serve(config));
        runtime.shutdown_timeout(Duration::from_secs(1));
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the log may not be up, and a person waits for this line")]
fn complain(error: &BootError) {
    tracing::error!(%error, "hydrad did not start");
    if std::io::stderr().is_terminal() || !tracing::enabled!(tracing::Level::ERROR) {
        eprintln!("error: {error}");
    }
}

async fn serve(config: Config) -> Result<(), BootError> {
    // first of all: a signal must not find the default, which is to die without a word
    let (mut stop, mut hangup) = (Stop::watch()?, signal(SignalKind::hangup())?);
    log::init(config.log_format(), &config.log.level)?;
    return_memory();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let theme = config.ui;
    let daemon = tokio::select! {
        daemon = boot(config) => daemon?,
        () = stop.asked() => {
            tracing::info!("told to end while it started: hydrad has ended");
            return Ok(());
        }
    };
    tracing::info!("{}", greeting(&daemon.hydra));
    theme::show(theme, &daemon.hydra);
    notify::ready(&daemon.hydra.summary());
    loop {
        tokio::select! {
            () = stop.asked() => break,
            _ = hangup.recv() => reload(&daemon).await,
        }
    }
    notify::stopping();
    tokio::select! {
        () = daemon.shutdown() => {}
        () = stop.asked() => tracing::warn!("told to end a second time: ended at once"),
    }
    Ok(())
}

/// Reads the settings again, as SIGHUP asks for; what came of it is told as an event.
async fn reload(daemon: &Daemon) {
    notify::reloading();
    let settings = Arc::clone(&daemon.settings);
    match tokio::task::spawn_blocking(move || settings.reload()).await {
        Ok(Ok(reloaded)) => tracing::debug!(changes = reloaded.changes.len(), "SIGHUP: settings reloaded"),
        Ok(Err(errors)) => tracing::debug!(%errors, "SIGHUP: the settings are no good"),
        Err(error) => tracing::error!(%error, "SIGHUP: the settings were not reloaded"),
    }
    notify::ready(&daemon.hydra.summary());
}

/// Lets jemalloc give memory back while the daemon is idle, not only when it allocates.
fn return_memory() {
    if let Err(error) = tikv_jemalloc_ctl::background_thread::write(true) {
        tracing::debug!(%error, "memory is given back only on use");
    }
}

/// Opens everything, in this order: state, belly, scout, prefetch, control sockets, heads.
///
/// # Errors
/// What did not open, and what to do.
pub async fn boot(config: Config) -> Result<Daemon, BootError> {
    let machine = Machine::read();
    let ips = listen::resolve(&config.listen.ips, config.network.address_policy);
    if ips.is_empty() {
        return Err(BootError::NoAddress);
    }
    let (events, history) = (Arc::new(Events::default()), Arc::new(History::default()));

    let state = State::open(&config.data_dir)?;
    let (archive, keeper) = keep_history(&config, &events, &history).await?;
    let (sequence, idgen, origin) = identities(&config, &state).await?;
    let belly_config = config.belly(&machine);
    // migrations and the tables of providers; the records are read while it serves
    let opening = tokio::task::spawn_blocking(move || LogBelly::open_warming(belly_config));
    let opened = notify::while_starting("opening the belly", opening).await;
    let store = Arc::new(opened.map_err(std::io::Error::other)??);
    let cache = Arc::new(Prefetched::new(config.prefetched(), Clock::system()));
    let belly: Arc<dyn Belly> = Arc::new(WithPrefetched::new(store, Arc::clone(&cache)));

    let (table, contacts) = (Arc::new(Table::default()), Arc::new(Contacts::default()));
    let budget = Budget::new(config.budget(&machine));
    let service =
        Service::new(config.service(), Arc::clone(&belly), Arc::clone(&table), Arc::clone(&contacts));
    let (misses, intake) = Misses::channel();
    let service = Arc::new(service.with_misses(Arc::clone(&misses)));
    let peer_log = match config.peer_log() {
        Some(log) => {
            let path = log.path.clone();
            Some(PeerLog::start(log).map_err(|error| BootError::PeerLog(path, error))?)
        }
        None => None,
    };
    let (candidates, heard) = mpsc::channel(scout::CANDIDATES);
    let (places, heads) = watch::channel(Vec::new());
    let ledger = Arc::default();
    let shared = Arc::new(head::Shared {
        protocol: config.protocol(),
        policy: config.policy(),
        service: Arc::clone(&service),
        table: Arc::clone(&table),
        contacts: Arc::clone(&contacts),
        budget: Arc::clone(&budget),
        ledger: Arc::clone(&ledger),
        events: Arc::clone(&events),
        candidates: candidates.clone(),
        peer_log,
        per_bucket: config.presence.per_bucket,
        proves_reach: config.proves_reach(),
    });
    let eyes = scout::Shared {
        table: Arc::clone(&table),
        contacts: Arc::clone(&contacts),
        budget: Arc::clone(&budget),
        ledger,
        events: Arc::clone(&events),
        heads,
    };
    let scout = Scout::start(config.scout(), eyes, (candidates, heard))?;
    misses.except(scout.lookup(AskedFor::Prefetch).identity());
    let mut sources = vec![dht_source::dht(scout.lookup(AskedFor::Prefetch))];
    sources.extend(bridge::sources(&config.prefetch.bridge, config.policy())?);
    let parts = prefetch::Parts { misses, intake, cache, policy: config.policy(), sources };
    let prefetch = Prefetch::start(config.prefetch(), parts);
    let parts = Parts {
        state,
        sequence,
        belly,
        service,
        table,
        contacts,
        budget,
        events,
        history,
        archive,
        shared,
        scout,
        prefetch,
        places,
        idgen,
    };
    let hydra = Hydra::new(config.hydra(ips), parts);
    hydra.restore_unique().await;
    if origin == SeedOrigin::Made {
        let text = "a new seed was made and is kept in state.db: back it up with `hydrad state backup FILE`";
        hydra.events.good("hydrad", text);
    }

    let (stop, stopping) = watch::channel(false);
    let settings = Settings::new(config.clone(), Arc::clone(&hydra));
    let told = Told { metrics: config.metrics().1, settings: Arc::clone(&settings) as _ };
    let mut control = Vec::new();
    for (path, access) in
        [(&config.control.socket, Access::Control), (&config.control.observe_socket, Access::Observe)]
    {
        control
            .push(Control::serve(Socket::open(path, access)?, &hydra, told.clone(), stopping.clone()).await?);
    }

    let count = config.heads.count;
    let wanted = wanted_heads(&hydra.state, count).await?;
    let all_there = notify::while_starting("bringing up the heads", hydra.restore_heads(wanted)).await?;
    // heads that could not be added are wanted at the next start, too
    if all_there {
        hydra.state.set_setting(HEADS_CONFIGURED, Some(count.to_be_bytes().to_vec())).await?;
    }
    // after the heads: a door at any free port must not take the one that a head keeps
    let doors = Doors::open(&config, &hydra, &stopping).await?;
    hydra.running();
    hydra.serve_at_once().await;
    tokio::spawn(Arc::clone(&hydra).rounds());
    tokio::spawn(Arc::clone(&hydra).follow_target());
    tokio::spawn(Arc::clone(&settings).watch());
    let borrowing = Arc::clone(&hydra);
    tokio::spawn(async move { borrowing.keep_borrowed_ids().await });
    tokio::spawn(notify::watchdog(Arc::clone(&hydra)));
    let restoring = Arc::clone(&hydra);
    tokio::spawn(async move { restoring.restore_table().await });
    for service in &control {
        service.ready().await;
    }
    Ok(Daemon { hydra, settings, control, doors, stop, keeper })
}

/// Reads the history of earlier runs, from the directory that the state has locked by now.
async fn keep_history(
    config: &Config,
    events: &Arc<Events>,
    history: &Arc<History>,
) -> Result<(Arc<Archive>, Keeper), BootError> {
    let (dir, events, history) = (config.data_dir.clone(), Arc::clone(events), Arc::clone(history));
    let reading = tokio::task::spawn_blocking(move || {
        let archive = Arc::new(Archive::default());
        let keeper = Keeper::start(&dir, Arc::clone(&archive), events);
        history.restore(&archive.seconds(unix_now()));
        (archive, keeper)
    });
    Ok(reading.await.map_err(std::io::Error::other)?)
}

/// Where the heads' ids come from: the seed, or the hydra that lends them.
async fn identities(
    config: &Config,
    state: &State,
) -> Result<(Sequence, Option<Idgen>, SeedOrigin), BootError> {
    let borrowed = state.borrowed().await?;
    let Some(idgen) = &config.identity.idgen else {
        if !borrowed.is_empty() {
            return Err(BootError::Borrowed);
        }
        let (seed, origin) = state.seed(config.identity.seed.clone()).await?;
        return Ok((Sequence::new(seed), None, origin));
    };
    let keys =
        borrowed.iter().filter_map(|row| Some((row.index, Keypair::from_protobuf_encoding(&row.key).ok()?)));
    let client = Idgen::new(&idgen.address, idgen.token.clone())?;
    Ok((Sequence::lent(keys), Some(client), SeedOrigin::Kept))
}

/// Heads to bring up: the configured number when it is new; otherwise what the operator has
/// made of it since.
async fn wanted_heads(state: &State, configured: u32) -> Result<u32, StateError> {
    let known = state.setting(HEADS_CONFIGURED).await?;
    let unchanged = known.as_deref() == Some(configured.to_be_bytes().as_slice());
    Ok(if unchanged { 0 } else { configured })
}

/// What a person wants to read first.
fn greeting(hydra: &Hydra) -> String {
    const SHOWN: usize = 10;
    let mut text = format!("hydrad {} is up: {}", env!("CARGO_PKG_VERSION"), hydra.summary());
    let heads = hydra.heads();
    for head in heads.iter().take(SHOWN) {
        let ports =
            head.listen.iter().map(|ip| format!("{ip} port {}", head.port)).collect::<Vec<_>>().join(", ");
        // writing to a String does not fail
        write!(text, "\n  {:<8} {}  {ports} tcp+udp", head.name(), head.peer).ok();
    }
    if heads.len() > SHOWN {
        write!(text, "\n  and {} more heads", heads.len() - SHOWN).ok();
    }
    if let Some(waiting) = heads.iter().find(|head| !head.reason.is_empty()) {
        write!(text, "\n  waiting: {}", waiting.reason).ok();
    }
    write!(text, "\n  control socket: {}", hydra.config.control_socket.display()).ok();
    for door in hydra.doors.lock().iter() {
        let addrs = door.addrs.iter().map(|addr| format!("http://{addr}")).collect::<Vec<_>>().join(", ");
        write!(text, "\n  {}: {addrs}", door.name).ok();
    }
    write!(text, "\n  look: hydractl --socket {} status", hydra.config.control_socket.display()).ok();
    text
}

impl Daemon {
    /// Withdraws the heads, saves and flushes everything, closes the sockets.
    pub async fn shutdown(self) {
        self.hydra.shutdown().await;
        self.stop.send_replace(true);
        for control in self.control {
            control.stopped(CONTROL_STOP).await;
        }
        self.doors.stopped().await;
        let keeper = self.keeper;
        if let Err(error) = tokio::task::spawn_blocking(move || keeper.stop()).await {
            tracing::error!(%error, "the history's last minute could not be written");
        }
        tracing::info!("hydrad has ended");
    }
}

/// SIGTERM and SIGINT; each is told once, also when nobody waited for it yet.
struct Stop {
    term: Signal,
    int: Signal,
}

impl Stop {
    fn watch() -> Result<Self, BootError> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
