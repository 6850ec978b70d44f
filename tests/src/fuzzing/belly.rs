//! A record store of two maps: the same for the same calls, and made anew for each input.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hydrad::belly::{
    Announcement, Answer, Belly, Counts, Cursor, Health, MAX_PROVIDER_KEY, Page, Provider, Query, Refused,
    Unavailable, Value,
};
use hydrad::wire::AddrList;
use libp2p::PeerId;
use parking_lot::{Mutex, MutexGuard};

/// Most providers of a key: few, so that a fuzzer finds what happens then.
const MAX_PER_KEY: usize = 40;

/// What was announced and put.
#[derive(Default)]
pub(super) struct MapBelly(Mutex<Maps>);

#[derive(Default)]
struct Maps {
    providers: BTreeMap<Vec<u8>, Vec<PeerId>>,
    addrs: BTreeMap<PeerId, AddrList>,
    values: BTreeMap<Vec<u8>, Bytes>,
}

impl MapBelly {
    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.0.lock()
    }

    /// When everything came.
    pub(super) fn received() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }
}

impl Belly for MapBelly {
    fn add_provider(&self, announcement: Announcement<'_>) -> Result<(), Refused> {
        let Announcement { key, provider, addrs, .. } = announcement;
        assert!((1..=MAX_PROVIDER_KEY).contains(&key.len()), "the service checks the key");
        let mut maps = self.maps();
        let union = maps.addrs.get(&provider).map_or(addrs.clone(), |older| addrs.union(older));
        maps.addrs.insert(provider, union);
        let of_key = maps.providers.entry(key.to_vec()).or_default();
        if of_key.contains(&provider) {
            return Ok(());
        }
        if of_key.len() == MAX_PER_KEY {
            return Err(Refused::KeyFull);
        }
        of_key.push(provider);
        Ok(())
    }

    fn providers(&self, key: &[u8], limit: usize) -> Answer<Vec<Provider>> {
        let maps = self.maps();
        let peers = maps.providers.get(key).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<_> = peers
            .iter()
            .map(|peer| Provider { peer: *peer, addrs: maps.addrs.get(peer).cloned().unwrap_or_default() })
            .collect();
        found.sort_by_key(|provider| provider.addrs.is_empty());
        found.truncate(limit);
        Answer::now(found)
    }

    fn addresses_of(&self, provider: &PeerId) -> Answer<Option<AddrList>> {
        Answer::now(self.maps().addrs.get(provider).filter(|addrs| !addrs.is_empty()).cloned())
    }

    fn put_value(&self, key: Bytes, value: Bytes) -> Answer<Result<(), Refused>> {
        self.maps().values.insert(key.into(), value);
        Answer::now(Ok(()))
    }

    fn value(&self, key: &[u8]) -> Answer<Result<Option<Value>, Unavailable>> {
        let value = self.maps().values.get(key).cloned();
        Answer::now(Ok(value.map(|value| Value { value, received: Self::received() })))
    }

    fn page(&self, _: Query, _: Option<Cursor>, _: usize) -> Answer<Result<Page, Unavailable>> {
        Answer::now(Err(Unavailable("this store has no lists".to_owned())))
    }

    fn counts(&self) -> Counts {
        Counts::default()
    }

    fn health(&self) -> Health {
        Health::default()
    }

    fn flush(&self) -> Answer<Result<(), Unavailable>> {
        Answer::now(Ok(()))
    }
}
