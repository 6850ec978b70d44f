//! The belly: the one record store of all heads.
//!
//! Owns who provides what, where they are and until when, and the value records. It
//! knows no closeness (it is told `near`), no wire messages and no peers' connections;
//! keys, ports and settings are in `state/`.

pub mod clock;
mod database;
mod demand;
pub mod engine;
mod index;
mod log;
pub mod offline;
pub mod prefetched;
mod providers;
mod segments;
mod sum;
mod values;

pub use database::BellyError;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use libp2p::PeerId;

use crate::telemetry::latency::Snapshot;
use crate::wire::{AddrList, Key256};

/// How long a provider record is served (kad-dht `amino/defaults.go`, `DefaultProvideValidity`).
pub const PROVIDER_VALIDITY: Duration = Duration::from_secs(48 * 3600);

/// How long a provider's addresses are served (`DefaultProviderAddrTTL`).
pub const ADDRS_VALIDITY: Duration = Duration::from_secs(24 * 3600);

/// How long a value record is served after it came (`DefaultMaxRecordAge`).
pub const VALUE_VALIDITY: Duration = Duration::from_secs(48 * 3600);

/// A crash loses at most what was accepted in this time: groups are committed that often.
pub const UNSAVED_MAX: Duration = Duration::from_secs(1);

/// The longest key of a provider record (kad-dht `handlers.go`), in bytes.
pub const MAX_PROVIDER_KEY: usize = 80;

/// The record store, as the heads, the API and the tests see it.
///
/// Calls never block: what cannot be answered from memory is a [`Answer::Later`]. A
/// record is readable through every head as soon as [`Belly::add_provider`] returned.
pub trait Belly: Send + Sync + 'static {
    /// Takes in one announcement, or refreshes it.
    ///
    /// # Errors
    /// The reason for not taking it; it is counted.
    fn add_provider(&self, announcement: Announcement<'_>) -> Result<(), Refused>;

    /// Unexpired providers of a key, those with addresses first, at most `limit`: a random
    /// sample when there are more.
    fn providers(&self, key: &[u8], limit: usize) -> Answer<Vec<Provider>>;

    /// Addresses that this provider announced on any key within [`ADDRS_VALIDITY`].
    fn addresses_of(&self, provider: &PeerId) -> Answer<Option<AddrList>>;

    /// Stores a value record; answers when it is on disk.
    fn put_value(&self, key: Bytes, value: Bytes) -> Answer<Result<(), Refused>>;

    /// The value record of a key, with the time it came; none when older than [`VALUE_VALIDITY`].
    fn value(&self, key: &[u8]) -> Answer<Result<Option<Value>, Unavailable>>;

    /// Records after the cursor, at most `limit`, the newest hour first, in an order of
    /// the store's own. No record comes twice; one that is announced again while the
    /// list is read may be passed over. The first page sees all that was accepted. A
    /// page may have few records or none and yet a cursor: looking for them took long
    /// enough. The cursor of the last page is `None`. When the store cannot write, what
    /// is on disk is listed.
    fn page(&self, query: Query, after: Option<Cursor>, limit: usize) -> Answer<Result<Page, Unavailable>>;

    /// Counts of what is kept, in constant time.
    fn counts(&self) -> Counts;

    /// How the store is, in constant time.
    fn health(&self) -> Health;

    /// Everything accepted is on disk when this answers.
    fn flush(&self) -> Answer<Result<(), Unavailable>>;

    /// How far the store is with reading what it had before the start; `None` when it
    /// has all. Until the last day is read, a head should not offer the protocol.
    fn warming(&self) -> Option<Progress> {
        None
    }

    /// Providers with the most records, most first, at most `n`.
    fn top_providers(&self, _n: usize) -> Vec<(PeerId, u32)> {
        Vec::new()
    }

    /// Records of one provider, in constant time; expired ones are counted for up to a minute more.
    fn records_of(&self, _provider: &PeerId) -> u32 {
        0
    }

    /// How many providers a key has, in constant time; does not count as asking for it.
    fn providers_of(&self, _key: &[u8]) -> usize {
        0
    }

    /// What the records take and how old they are. Looks at each part of the index: some
    /// milliseconds with 100 million records.
    fn footprint(&self) -> Footprint {
        Footprint::default()
    }

    /// Keys asked for most since the start, recent hours counting more; at most `n`.
    fn most_asked(&self, _n: usize) -> Vec<AskedKey> {
        Vec::new()
    }

    /// The load of each of the [`REGIONS`] of the keyspace since the start.
    fn regions(&self) -> Vec<Region> {
        Vec::new()
    }

    /// Forgets all records of a key or a provider that were announced until now, on disk
    /// too. Answers with their number.
    fn purge(&self, _what: Purge) -> Answer<Result<u64, Unavailable>> {
        Answer::now(Err(Unavailable("this store cannot purge".to_owned())))
    }

    /// What was written and what ended, since the start.
    fn books(&self) -> Books {
        Books::default()
    }

    /// How often something was refused or lost, by reason, since the start.
    fn drops(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// Equal parts of the keyspace whose load is counted: by the first byte of a key's place.
pub const REGIONS: usize = 256;

/// How far a start is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records read.
    pub records: u64,
    /// Records that the files are thought to have.
    pub expected: u64,
    /// Of the records read, those of the last 24 hours' files, which come first.
    pub day_records: u64,
    /// Records that these files are thought to have.
    pub day_expected: u64,
    /// What was announced in the last 24 hours is there.
    pub day: bool,
}

/// What a store's records take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Records in the index in memory, expired ones that are not yet swept included.
    pub index_entries: u64,
    /// Memory of the index, in bytes.
    pub index_bytes: u64,
    /// The longest that a part of the index could not be used because it grew or was swept.
    pub index_longest_pass: Duration,
    /// Records that are answered from segments on disk.
    pub segment_records: u64,
    /// Memory of the segments' filters and directories, in bytes.
    pub segment_bytes: u64,
    /// The newest first.
    pub generations: Vec<Generation>,
}

/// The records that were announced in one hour, near our heads or far from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation {
    /// When its hour began.
    pub hour: SystemTime,
    pub near: bool,
    /// Those in force: announced in this hour and in no later one.
    pub records: u64,
    /// Of them, those that are answered from a segment on disk.
    pub segment_records: u64,
    /// False when the disk did not take them: they are in memory only.
    pub disk: bool,
}

/// A key that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedKey {
    pub key: Bytes,
    /// May be too great, by at most `error`.
    pub asked: u64,
    pub missed: u64,
    pub error: u64,
}

/// What happened in a part of the keyspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Region {
    pub reads: u64,
    pub misses: u64,
    pub writes: u64,
}

/// What to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purge {
    Key(Bytes),
    Provider(PeerId),
}

/// What ADD_PROVIDER brings; validated and address-filtered by the caller.
#[derive(Debug, Clone)]
pub struct Announcement<'a> {
    /// 1 to [`MAX_PROVIDER_KEY`] bytes.
    pub key: &'a [u8],
    pub provider: PeerId,
    /// May be empty: a provider behind a relay has no address that the policy allows.
    pub addrs: AddrList,
    /// Index of the head that accepted it.
    pub head: u32,
    /// One of our heads is within the 2k closest known peers of the key.
    pub near: bool,
}

/// One provider of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub peer: PeerId,
    /// Empty when the addresses lapsed.
    pub addrs: AddrList,
}

/// A value record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub value: Bytes,
    pub received: SystemTime,
}

/// What to page through; conditions are joined by "and".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Records of this key only.
    pub key: Option<Bytes>,
    /// Records whose key's place starts with these bits.
    pub prefix: Option<KeyPrefix>,
    /// Records of this provider only.
    pub provider: Option<PeerId>,
    /// Prefetched records only, or announced ones only.
    pub prefetched: Option<bool>,
}

/// Where a record is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Sent to one of our heads by the provider.
    Announced,
    /// Looked up by this daemon, at the source of this name.
    Prefetched(Arc<str>),
}

/// The first `bits` bits of a place in the keyspace; the rest of `key` is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPrefix {
    pub key: Key256,
    pub bits: u16,
}

/// Where a page ended, in the store's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Bytes);

#[derive(Debug, Clone, Default)]
pub struct Page {
    pub records: Vec<Record>,
    pub next: Option<Cursor>,
}

/// One provider record, as lists show it.
#[derive(Debug, Clone)]
pub struct Record {
    pub key: Bytes,
    pub provider: PeerId,
    pub source: Source,
    /// The head that accepted it; `None` for a prefetched one, and when it would take too
    /// long to find out.
    pub head: Option<u32>,
    /// One of our heads was near the key then.
    pub near: bool,
    /// When it was announced first in the hour of the latest announcement: rounded down to
    /// the minute, and to the hour when there is no `head`. Never in the future.
    pub announced: SystemTime,
    /// [`PROVIDER_VALIDITY`] after `announced`: until then it is served for certain, and at
    /// most an hour longer.
    pub expires: SystemTime,
    pub addrs: AddrList,
    pub addrs_expire: Option<SystemTime>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Provider records; those that expired are counted for up to a minute more.
    pub records: u64,
    /// Of them, those that were near one of our heads when they were announced.
    pub near: u64,
    /// Distinct providers known.
    pub providers: u64,
    pub values: u64,
    /// Accepted, not yet on disk.
    pub unsaved: u64,
    /// Prefetched records; not among `records`, never on disk.
    pub prefetched: u64,
}

/// What a store counts, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// Times of commits.
    pub commits: Snapshot,
    /// Provider records written to disk; one that is announced again within its hour is not
    /// written again.
    pub written: u64,
    /// Provider records whose time was over.
    pub expired: u64,
    /// Provider records that were refused, or given up before their time, for want of room.
    pub dropped: u64,
}

/// How the store is.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// What is wrong, in words for the operator; `None` when all is well.
    pub trouble: Option<String>,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes on disk that the store may use; `None` when that is not limited.
    pub max_disk: Option<u64>,
    /// 99th percentile of the last minute's commits.
    pub commit_p99: Option<Duration>,
}

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the key has {0} bytes; a provider record's key has 1 to 80")]
    KeyLength(usize),
    /// The key has as many providers as one key may have.
    #[error("the key has all the providers it may have")]
    KeyFull,
    /// One provider may not fill the store.
    #[error("the provider has its share of the store")]
    ProviderFull,
    /// Memory or disk budget reached.
    #[error("the store is full")]
    StoreFull,
    /// More is coming than can be written.
    #[error("the writer is behind")]
    Behind,
    #[error("the value has {0} bytes, more than a value record may have")]
    ValueTooLarge(usize),
    #[error("the store cannot be written")]
    Unavailable,
}

/// The store could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// An answer that is there at once when memory has it, without an allocation.
#[must_use = "an answer that is not awaited is lost"]
pub enum Answer<T> {
    Now(Option<T>),
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Answer<T> {
    pub fn now(value: T) -> Self {
        Self::Now(Some(value))
    }

    pub fn later(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Later(Box::pin(future))
    }
}

impl<T: Unpin> Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            Self::Now(value) => value.take().map_or(Poll::Pending, Poll::Ready),
            Self::Later(future) => future.as_mut().poll(cx),
        }
    }
}
