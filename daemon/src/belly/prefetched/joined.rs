//! The store and the cache as one belly: the index is asked first.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use libp2p::PeerId;

use super::shard::{Found, Kept};
use super::{Place, Prefetched};
use crate::belly::clock::from_millis;
use crate::belly::{
    Announcement, Answer, AskedKey, Belly, Books, Counts, Cursor, Footprint, Health, KeyPrefix, Page,
    Progress, Provider, Purge, Query, Record, Refused, Region, Source, Unavailable, Value,
};
use crate::wire::{AddrList, Key256};

/// What a cursor begins with: the rest is the store's own, or a place in the cache.
const IN_STORE: u8 = 0;
const IN_CACHE: u8 = 1;

/// Keys of the cache that are looked at for one page.
const LOOKED_AT: usize = 10_000;

/// A store that also answers with what was prefetched.
pub struct WithPrefetched {
    store: Arc<dyn Belly>,
    cache: Arc<Prefetched>,
}

impl WithPrefetched {
    #[must_use]
    pub fn new(store: Arc<dyn Belly>, cache: Arc<Prefetched>) -> Self {
        Self { store, cache }
    }
}

impl Belly for WithPrefetched {
    fn add_provider(&self, announcement: Announcement<'_>) -> Result<(), Refused> {
        let (key, provider) = (announcement.key, announcement.provider);
        self.store.add_provider(announcement)?;
        self.cache.announced(key, &provider);
        Ok(())
    }

    fn providers(&self, key: &[u8], limit: usize) -> Answer<Vec<Provider>> {
        let add = move |mut found: Vec<Provider>, cache: &Prefetched, key: &[u8]| {
            let more = cache.providers(key, &found, limit.saturating_sub(found.len()));
            found.extend(more);
            found
        };
        match self.store.providers(key, limit) {
            Answer::Now(found) => Answer::Now(found.map(|found| add(found, &self.cache, key))),
            Answer::Later(found) => {
                let (cache, key) = (Arc::clone(&self.cache), Bytes::copy_from_slice(key));
                Answer::later(async move { add(found.await, &cache, &key) })
            }
        }
    }

    fn page(&self, query: Query, after: Option<Cursor>, limit: usize) -> Answer<Result<Page, Unavailable>> {
        let after = after.unwrap_or_else(|| Cursor(Bytes::from_static(&[IN_STORE])));
        let (place, rest) = after.0.split_first().map_or((IN_STORE, &[][..]), |(place, rest)| (*place, rest));
        let rest = after.0.slice_ref(rest);
        let in_cache = place == IN_CACHE || query.prefetched == Some(true);
        if in_cache {
            return Answer::now(Ok(self.cache.page(&query, Place::read(&rest), limit)));
        }
        let then_cache = query.prefetched.is_none();
        let after = (!rest.is_empty()).then_some(Cursor(rest));
        let cache = Arc::clone(&self.cache);
        let found = self.store.page(query.clone(), after, limit);
        Answer::later(async move {
            let mut page = found.await?;
            page.next = page.next.map(|next| cursor(IN_STORE, &next.0));
            if page.next.is_none() && then_cache {
                let more = cache.page(&query, Place::default(), limit.saturating_sub(page.records.len()));
                page.records.extend(more.records);
                page.next = more.next;
            }
            Ok(page)
        })
    }

    fn counts(&self) -> Counts {
        Counts { prefetched: self.cache.count(), ..self.store.counts() }
    }

    fn purge(&self, what: Purge) -> Answer<Result<u64, Unavailable>> {
        let prefetched = self.cache.purge(&what);
        let purged = self.store.purge(what);
        Answer::later(async move { Ok(purged.await? + prefetched) })
    }

    fn addresses_of(&self, provider: &PeerId) -> Answer<Option<AddrList>> {
        self.store.addresses_of(provider)
    }

    fn put_value(&self, key: Bytes, value: Bytes) -> Answer<Result<(), Refused>> {
        self.store.put_value(key, value)
    }

    fn value(&self, key: &[u8]) -> Answer<Result<Option<Value>, Unavailable>> {
        self.store.value(key)
    }

    fn health(&self) -> Health {
        self.store.health()
    }

    fn books(&self) -> Books {
        self.store.books()
    }

    fn flush(&self) -> Answer<Result<(), Unavailable>> {
        self.store.flush()
    }

    fn warming(&self) -> Option<Progress> {
        self.store.warming()
    }

    fn top_providers(&self, n: usize) -> Vec<(PeerId, u32)> {
        self.store.top_providers(n)
    }

    fn records_of(&self, provider: &PeerId) -> u32 {
        self.store.records_of(provider)
    }

    fn providers_of(&self, key: &[u8]) -> usize {
        self.store.providers_of(key)
    }

    fn footprint(&self) -> Footprint {
        self.store.footprint()
    }

    fn most_asked(&self, n: usize) -> Vec<AskedKey> {
        self.store.most_asked(n)
    }

    fn regions(&self) -> Vec<Region> {
        self.store.regions()
    }

    fn drops(&self) -> Vec<(&'static str, u64)> {
        self.store.drops()
    }
}

impl Prefetched {
    /// Records from a place on, at most `limit`.
    fn page(&self, query: &Query, from: Place, limit: usize) -> Page {
        let mut page = Page::default();
        let mut looked_at = 0;
        self.walk(from, |place, key, kept| {
            // of the key that the last page ended in, some were listed
            let mut place = if place.is_key_of(&from) { from } else { place };
            if looked_at == LOOKED_AT {
                page.next = Some(place.cursor());
                return false;
            }
            looked_at += 1;
            if !fits(query, key) {
                return true;
            }
            for found in kept.found.iter().skip(place.given.into()) {
                if page.records.len() == limit {
                    page.next = Some(place.cursor());
                    return false;
                }
                place.given += 1;
                if query.provider.is_none_or(|wanted| wanted == found.provider.peer) {
                    page.records.push(record(key, kept, found));
                }
            }
            true
        });
        page
    }
}

fn fits(query: &Query, key: &[u8]) -> bool {
    let inside = |prefix: KeyPrefix| Key256::of(key).shared_bits(&prefix.key) >= u32::from(prefix.bits);
    query.key.as_ref().is_none_or(|wanted| **wanted == *key) && query.prefix.is_none_or(inside)
}

fn record(key: &[u8], kept: &Kept, found: &Found) -> Record {
    let expires = from_millis(kept.until);
    let addrs = found.provider.addrs.clone();
    Record {
        key: Bytes::copy_from_slice(key),
        provider: found.provider.peer,
        source: Source::Prefetched(Arc::clone(&found.source)),
        head: None,
        near: kept.near,
        announced: from_millis(kept.since),
        expires,
        addrs_expire: (!addrs.is_empty()).then_some(expires),
        addrs,
    }
}

impl Place {
    fn is_key_of(&self, other: &Self) -> bool {
        (self.shard, self.arrival) == (other.shard, other.arrival)
    }

    fn cursor(self) -> Cursor {
        let mut rest = [0; 10];
        (rest[0], rest[1]) = (self.shard, self.given);
        rest[2..].copy_from_slice(&self.arrival.to_be_bytes());
        cursor(IN_CACHE, &rest)
    }

    /// A cursor that is none begins at the start: it came from outside.
    fn read(rest: &[u8]) -> Self {
        match rest {
            [shard, given, arrival @ ..] => {
                let arrival = arrival.try_into().map_or(0, u64::from_be_bytes);
                Self { shard: *shard, given: *given, arrival }
            }
            _ => Self::default(),
        }
    }
}

fn cursor(place: u8, rest: &[u8]) -> Cursor {
    let mut bytes = BytesMut::with_capacity(1 + rest.len());
    bytes.put_u8(place);
    bytes.put_slice(rest);
    Cursor(bytes.freeze())
}
