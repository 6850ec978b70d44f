//! The local state: what must never be lost.
//!
//! Owns `state.db` in the data directory: the seed, the heads with their indices and ports,
//! settings, and the last routing table. Records are not here: the belly may be deleted at
//! any time, this may not. One daemon at a time (a lock), 0600 in a 0700 directory, one
//! thread for all reads and writes, every answered write is on disk (`synchronous=FULL`).
//!
//! Must not: know what a head does, log key material, decide which index comes next.

mod backup;
mod dir;
mod error;
mod heads;
mod leases;
mod rows;
mod schema;
mod seed;
mod settings;
mod table;
mod worker;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use libp2p::PeerId;
use rusqlite::Connection;

pub use backup::{Restored, backup, restore};
pub use error::StateError;
pub use rows::{HeadRow, HeadStatus, LeaseRow, MAX_AGENT, MAX_PROTOCOLS, PeerRow};
pub use seed::SeedOrigin;

use crate::identity::Seed;
use worker::Worker;

/// The database's name in the data directory.
pub const FILE: &str = "state.db";

/// Most heads kept, removed ones included.
pub const MAX_HEADS: usize = 100_000;

/// Most ids on lease at a time.
pub const MAX_LEASES: usize = 10_000;

/// Most peers of a routing table snapshot.
pub const MAX_TABLE_PEERS: usize = 100_000;

/// Longest key of a setting in bytes.
pub const MAX_SETTING_KEY: usize = 128;

/// Longest value of a setting in bytes.
pub const MAX_SETTING_VALUE: usize = 1024 * 1024;

/// The open state of this daemon. Cheap to clone; the lock is released and the file closed
/// when the last clone is dropped.
#[derive(Clone)]
pub struct State {
    worker: Arc<Worker>,
}

impl State {
    /// Makes or opens the state in `dir`. Blocks: it is called once, at the start.
    ///
    /// # Errors
    /// A directory or file that cannot be used, another daemon that holds it, a damaged
    /// file or one of a newer version; each says what to do.
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        let lock = dir::prepare(dir)?;
        let path = dir.join(FILE);
        if !dir::own_file(&path)? {
            schema::make(&path)?;
        }
        let connection = schema::open(&path)?;
        Ok(Self { worker: Arc::new(Worker::start(connection, lock, path)?) })
    }

    /// Where the state is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.worker.path()
    }

    /// The seed to use from now on: the configured one; or else the one made at an earlier
    /// start; or else a new one, which is kept.
    ///
    /// # Errors
    /// [`StateError::OtherSeed`] when heads were made from a different seed.
    pub async fn seed(&self, configured: Option<Seed>) -> Result<(Seed, SeedOrigin), StateError> {
        self.run("choose the seed in", move |db, path| seed::choose(db, path, configured)).await
    }

    /// All heads by index, removed ones whose index is still reserved included.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn heads(&self) -> Result<Vec<HeadRow>, StateError> {
        self.run("read the heads in", |db, path| heads::all(db, path)).await
    }

    /// Adds heads, all or none. A removed head with the same index and peer id comes back.
    ///
    /// # Errors
    /// [`StateError::IndexTaken`], [`StateError::PortTaken`], [`StateError::TooManyHeads`],
    /// or a failed write; then nothing was added.
    pub async fn add_heads(&self, rows: Vec<HeadRow>) -> Result<(), StateError> {
        self.run("add heads in", move |db, path| heads::add(db, path, &rows)).await
    }

    /// Sets the status of one head.
    ///
    /// # Errors
    /// [`StateError::NoHead`], or a failed write.
    pub async fn set_status(&self, index: u32, status: HeadStatus) -> Result<(), StateError> {
        self.run("set a head's status in", move |db, path| heads::set_status(db, path, index, status)).await
    }

    /// Gives a head other addresses or another port.
    ///
    /// # Errors
    /// [`StateError::NoHead`], [`StateError::PortTaken`], or a failed write.
    pub async fn set_endpoint(&self, index: u32, listen: Vec<IpAddr>, port: u16) -> Result<(), StateError> {
        let work =
            move |db: &mut Connection, path: &Path| heads::set_endpoint(db, path, index, &listen, port);
        self.run("move a head in", work).await
    }

    /// Gives up the reserved index of a removed head.
    ///
    /// # Errors
    /// [`StateError::NoHead`], [`StateError::NotRemoved`], or a failed write.
    pub async fn purge(&self, index: u32) -> Result<(), StateError> {
        self.run("purge a head in", move |db, path| heads::purge(db, path, index)).await
    }

    /// Ids that others hold, by index.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn leases(&self) -> Result<Vec<LeaseRow>, StateError> {
        self.run("read the leases in", |db, _| leases::all(db, SystemTime::now())).await
    }

    /// Keeps a new lease.
    ///
    /// # Errors
    /// [`StateError::TooManyLeases`], or a failed write, also when the index is on lease.
    pub async fn add_lease(&self, row: LeaseRow) -> Result<(), StateError> {
        self.run("add a lease in", move |db, _| leases::add(db, &row)).await
    }

    /// Has leases that have not run out end at `expires`; answers whose.
    ///
    /// # Errors
    /// When the write fails; then none is renewed.
    pub async fn renew_leases(
        &self,
        peers: Vec<PeerId>,
        expires: SystemTime,
    ) -> Result<Vec<PeerId>, StateError> {
        let now = SystemTime::now();
        self.run("renew leases in", move |db, _| leases::renew(db, &peers, now, expires)).await
    }

    /// Ends a lease; says whether there was one.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn end_lease(&self, peer: PeerId) -> Result<bool, StateError> {
        self.run("end a lease in", move |db, _| leases::remove(db, &peer)).await
    }

    /// Keys that another hydra lent us, by our own index: private keys as protobufs.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn borrowed(&self) -> Result<Vec<(u32, Vec<u8>)>, StateError> {
        self.run("read the keys on lease in", |db, _| leases::borrowed(db)).await
    }

    /// Keeps a key that was lent, or with `None` forgets it.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn set_borrowed(&self, index: u32, key: Option<Vec<u8>>) -> Result<(), StateError> {
        self.run("keep a key on lease in", move |db, _| leases::set_borrowed(db, index, key.as_deref())).await
    }

    /// Replaces the routing table snapshot, whole or not at all.
    ///
    /// # Errors
    /// [`StateError::TooManyPeers`], or a failed write; then the old snapshot stands.
    pub async fn save_table(&self, rows: Vec<PeerRow>) -> Result<(), StateError> {
        self.run("write the routing table in", move |db, path| table::save(db, path, &rows)).await
    }

    /// The routing table as last saved. Rows that do not decode are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn load_table(&self) -> Result<Vec<PeerRow>, StateError> {
        self.run("read the routing table in", |db, path| table::load(db, path)).await
    }

    /// A setting, `None` when it was never set.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn setting(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let key = key.to_owned();
        self.run("read a setting in", move |db, path| settings::get(db, path, &key)).await
    }

    /// Keeps a setting, or with `None` forgets it. At most [`MAX_SETTING_VALUE`] bytes.
    ///
    /// # Errors
    /// [`StateError::SettingTooLarge`], [`StateError::SettingReserved`] for names that belong
    /// to this room, or a failed write.
    pub async fn set_setting(&self, key: &str, value: Option<Vec<u8>>) -> Result<(), StateError> {
        let key = key.to_owned();
        self.run("write a setting in", move |db, path| settings::set(db, path, &key, value.as_deref())).await
    }

    /// Does one piece of work on the state's thread.
    async fn run<T, F>(&self, operation: &'static str, work: F) -> Result<T, StateError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection, &Path) -> Result<T, Failure> + Send + 'static,
    {
        let path: PathBuf = self.path().to_owned();
        let stopped = || StateError::Stopped { path: self.path().to_owned() };
        let work = move |db: &mut Connection| work(db, &path).map_err(|failure| failure.at(operation, &path));
        self.worker.run(work).await.ok_or_else(stopped)?
    }
}

/// What a piece of work fails with: a decision of its own, or SQLite.
#[derive(Debug)]
enum Failure {
    Refused(StateError),
    Sql(rusqlite::Error),
}

impl Failure {
    fn at(self, operation: &'static str, path: &Path) -> StateError {
        match self {
            Self::Refused(error) => error,
            Self::Sql(source) => StateError::sql(operation, path, source),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sql(source)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::Refused(error)
    }
}
