//! Taking in the records of hydra-booster's LevelDB.
//!
//! Its keys are `/providers/KEY/PEER` with a time, and `/KEY` with a value record, KEY and PEER in
//! base32 (go-libp2p-kad-dht `providers/providers_manager.go` and `dht.go`). It kept who has a key
//! and not where: the records come without addresses, so that askers look the peer up by its id.
//! Times are kept, and what is over is left out. The database is only read.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use libp2p::PeerId;

use super::leveldb::{LevelDb, LevelDbError};
use super::{OfflineError, Tell};
use crate::belly::clock::from_millis;
use crate::belly::engine::{LogBelly, LogConfig};
use crate::belly::{
    Announcement, Answer, Belly, MAX_PROVIDER_KEY, PROVIDER_VALIDITY, Refused, VALUE_VALIDITY,
};
use crate::wire::AddrList;
use crate::wire::field::{Fields, Value};

/// Entries between two words on how far it is.
const STEP: u64 = 4096;

/// Values that are being written at a time.
const VALUES_AHEAD: usize = 64;

/// The head of a record that none of ours took.
const NO_HEAD: u32 = u16::MAX as u32;

/// The rules for value records, which another room has.
pub trait Rules {
    /// Whether a value may stand under a key.
    fn valid(&self, key: &[u8], value: &[u8]) -> bool;

    /// Whether a valid value takes the place of the one that is there.
    fn better(&self, key: &[u8], new: &[u8], old: &[u8]) -> bool;
}

/// What became of the entries of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    pub providers: u64,
    pub values: u64,
    /// Their time is over.
    pub expired: u64,
    /// Others that were not taken, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Blocks of the database that are broken, and files without a readable index.
    pub damaged_blocks: u64,
    pub damaged_files: u64,
}

/// Takes the records of the LevelDB in `from`, each once with its newest time. Tells bytes.
///
/// # Errors
/// A daemon runs on the store or on the database, or a file cannot be read.
pub fn move_in(
    config: LogConfig,
    from: &Path,
    rules: &dyn Rules,
    tell: Tell<'_>,
) -> Result<Moved, OfflineError> {
    let mut source = LevelDb::open(from)?;
    let now = from_millis(config.clock.millis());
    let belly = LogBelly::open(config)?;
    let mut mover = Mover { belly: &belly, rules, now, moved: Moved::default(), ahead: VecDeque::new() };
    let mut count = 0;
    while let Some((key, value)) = source.next() {
        mover.entry(&key, &value);
        count += 1;
        if count % STEP == 0 {
            tell(source.tally.done.min(source.tally.of), source.tally.of);
        }
    }
    mover.wait(0);
    let mut moved = mover.moved;
    let flushed = futures::executor::block_on(belly.flush());
    flushed.map_err(|error| OfflineError::Read(error.to_string()))?;
    (moved.damaged_blocks, moved.damaged_files) = (source.tally.blocks, source.tally.files);
    Ok(moved)
}

impl From<LevelDbError> for OfflineError {
    fn from(error: LevelDbError) -> Self {
        Self::Predecessor(error)
    }
}

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Provider { key: Vec<u8>, provider: PeerId, announced: SystemTime },
    Value { key: Vec<u8>, value: Vec<u8>, received: SystemTime },
}

impl Entry {
    /// Reads an entry, or says why it is none.
    fn read(name: &[u8], value: &[u8]) -> Result<Self, &'static str> {
        let base32 = |text: &[u8]| BASE32_NOPAD.decode(text).map_err(|_| "the name is not base32");
        let rest = name.strip_prefix(b"/").ok_or("of another program")?;
        if let Some(rest) = rest.strip_prefix(b"providers/") {
            let slash = rest.iter().position(|byte| *byte == b'/').ok_or("the name has no provider")?;
            let (key, provider) = rest.split_at(slash);
            let key = base32(key)?;
            if key.is_empty() || key.len() > MAX_PROVIDER_KEY {
                return Err("the key has not 1 to 80 bytes");
            }
            let provider = base32(provider.get(1..).unwrap_or_default())?;
            let provider = PeerId::from_bytes(&provider).map_err(|_| "the provider is no peer id")?;
            let announced = zigzag_nanos(value).ok_or("the time cannot be read")?;
            return Ok(Self::Provider { key, provider, announced });
        }
        // a name of several parts is a peer store's, or another program's
        if rest.is_empty() || rest.contains(&b'/') {
            return Err("of another program");
        }
        let key = base32(rest)?;
        let [own, value, received] = record(value).ok_or("the value record cannot be read")?;
        if own != key {
            return Err("the value record is of another key");
        }
        let received = std::str::from_utf8(received).ok().and_then(|text| text.parse::<Timestamp>().ok());
        let received = received.ok_or("the time cannot be read")?.into();
        Ok(Self::Value { value: value.to_vec(), key, received })
    }
}

/// Key, value and time of a `Record` of the DHT's protobuf.
fn record(bytes: &[u8]) -> Option<[&[u8]; 3]> {
    let (mut key, mut value, mut received): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    for field in Fields::new(bytes) {
        match field.ok().map(|field| (field.number, field.value))? {
            (1, Value::Bytes(bytes)) => key = bytes,
            (2, Value::Bytes(bytes)) => value = bytes,
            (5, Value::Bytes(bytes)) => received = bytes,
            _ => {}
        }
    }
    Some([key, value, received])
}

/// Go's `binary.PutVarint` of nanoseconds since 1970.
fn zigzag_nanos(bytes: &[u8]) -> Option<SystemTime> {
    let (raw, rest) = unsigned_varint::decode::u64(bytes).ok()?;
    // the sign is the lowest bit: before 1970 nothing was announced
    (rest.is_empty() && raw & 1 == 0).then(|| UNIX_EPOCH + Duration::from_nanos(raw >> 1))
}

struct Mover<'a> {
    belly: &'a LogBelly,
    rules: &'a dyn Rules,
    now: SystemTime,
    moved: Moved,
    /// Values on their way to the disk.
    ahead: VecDeque<Answer<Result<(), Refused>>>,
}

impl Mover<'_> {
    fn entry(&mut self, name: &[u8], value: &[u8]) {
        match Entry::read(name, value) {
            Ok(Entry::Provider { key, provider, announced }) => self.provider(&key, provider, announced),
            Ok(Entry::Value { key, value, received }) => self.value(key, value, received),
            Err(why) => self.refuse(why),
        }
    }

    fn refuse(&mut self, why: &'static str) {
        *self.moved.refused.entry(why).or_default() += 1;
    }

    fn is_over(&self, came: SystemTime, validity: Duration) -> bool {
        self.now.duration_since(came).is_ok_and(|age| age >= validity)
    }

    fn provider(&mut self, key: &[u8], provider: PeerId, announced: SystemTime) {
        if self.is_over(announced, PROVIDER_VALIDITY) {
            self.moved.expired += 1;
            return;
        }
        // near, for it is not known: near records are kept before far ones
        let announcement =
            Announcement { key, provider, addrs: AddrList::default(), head: NO_HEAD, near: true };
        let at = announced.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match self.belly.add_at(&announcement, u32::try_from(at).unwrap_or(u32::MAX)) {
            Ok(true) => self.moved.providers += 1,
            Ok(false) => self.moved.expired += 1,
            Err(refused) => self.refuse(reason(refused)),
        }
    }

    fn value(&mut self, key: Vec<u8>, value: Vec<u8>, received: SystemTime) {
        if self.is_over(received, VALUE_VALIDITY) {
            self.moved.expired += 1;
            return;
        }
        if !self.rules.valid(&key, &value) {
            return self.refuse("the value record is not valid, or no longer");
        }
        match futures::executor::block_on(self.belly.value(&key)) {
            Err(_) => return self.refuse("the store is in trouble"),
            Ok(Some(old)) if !self.rules.better(&key, &value, &old.value) => {
                return self.refuse("a value record as new is there");
            }
            Ok(_) => {}
        }
        self.wait(VALUES_AHEAD);
        self.ahead.push_back(self.belly.put_value_at(Bytes::from(key), Bytes::from(value), received));
    }

    /// Until so many values are on their way at most.
    fn wait(&mut self, most: usize) {
        while self.ahead.len() > most {
            let Some(answer) = self.ahead.pop_front() else { return };
            match futures::executor::block_on(answer) {
                Ok(()) => self.moved.values += 1,
                Err(refused) => self.refuse(reason(refused)),
            }
        }
    }
}

fn reason(refused: Refused) -> &'static str {
    match refused {
        Refused::KeyLength(_) => "the key has not 1 to 80 bytes",
        Refused::ValueTooLarge(_) => "the value record is too large",
        Refused::KeyFull => "the key has as many providers as are kept",
        Refused::ProviderFull => "the provider has its share of the store",
        Refused::StoreFull => "the store is full (belly.max_records, belly.max_memory, belly.max_disk)",
        _ => "the store is in trouble",
    }
}
