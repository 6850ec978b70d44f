//! What was announced, put and purged, when that was answered, and what a store must
//! therefore have after a cut: no less, and nothing else.

use std::collections::BTreeMap;

use hydrad::belly::engine::LogBelly;
use hydrad::belly::{Belly, Purge, Query};

use crate::{addrs, announce, key, owner, peer, wait};

/// A record is served until so many hours after the hour of its announcement began.
const SERVED_HOURS: u32 = 49;
/// Addresses are served for so many seconds.
const ADDRS_SECS: u32 = 24 * 3600;

/// Something that was asked of the store: where the disk's history was when it began and
/// when it was answered.
#[derive(Debug, Clone, Copy)]
struct Asked {
    began: usize,
    /// Never, when it was not.
    answered: usize,
    /// Seconds since the epoch.
    at: u32,
}

impl Asked {
    fn kept(&self, cut: usize) -> bool {
        self.answered <= cut
    }

    fn lives(&self, now: u32) -> bool {
        now < (self.at / 3600 + SERVED_HOURS) * 3600
    }
}

#[derive(Default)]
struct Entry {
    announced: Vec<Asked>,
    purged: Vec<Asked>,
    /// It came through a cut that nobody promised anything for, and its provider's addresses did
    /// not: they are promised again when it is announced again.
    bare: bool,
}

#[derive(Default)]
pub(crate) struct Promises {
    records: BTreeMap<u32, Entry>,
    values: BTreeMap<u32, Vec<(Asked, Vec<u8>)>>,
    /// Announced and not yet flushed.
    open: Vec<u32>,
}

/// What is to be found of a record.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    Must,
    May,
    MustNot,
}

impl Promises {
    pub(crate) fn announce(&mut self, belly: &LogBelly, n: u32, now: usize, at: u32) {
        announce(belly, n).expect("accepted");
        self.announced(n, now, at);
    }

    pub(crate) fn announced(&mut self, n: u32, now: usize, at: u32) {
        let asked = Asked { began: now, answered: usize::MAX, at };
        self.records.entry(n).or_default().announced.push(asked);
        self.open.push(n);
    }

    /// All that is open was answered.
    pub(crate) fn flushed(&mut self, now: usize) {
        for n in self.open.drain(..) {
            for asked in &mut self.records.entry(n).or_default().announced {
                asked.answered = asked.answered.min(now);
            }
        }
    }

    pub(crate) fn purge(&mut self, belly: &LogBelly, n: u32, now: impl Fn() -> usize, at: u32) {
        let began = now();
        let purged = wait(belly.purge(Purge::Key(key(n).into()))).expect("purged");
        assert!(purged <= 1, "{purged} records of one key with one provider");
        self.flushed(now()); // a purge closes the group first
        self.records.entry(n).or_default().purged.push(Asked { began, answered: now(), at });
    }

    pub(crate) fn put(&mut self, belly: &LogBelly, n: u32, value: Vec<u8>, now: impl Fn() -> usize, at: u32) {
        let began = now();
        let put = wait(belly.put_value(name(n).into(), value.clone().into()));
        let answered = if put.is_ok() { now() } else { usize::MAX };
        self.values.entry(n).or_default().push((Asked { began, answered, at }, value));
    }

    fn due(entry: &Entry, cut: usize, now: u32) -> Due {
        let began = |asked: &&Asked| asked.began <= cut && asked.lives(now);
        let voided = |asked: &Asked, purge: &Asked| purge.began >= asked.began && purge.began <= cut;
        let must = |asked: &Asked| asked.kept(cut) && !entry.purged.iter().any(|purge| voided(asked, purge));
        let may = |asked: &Asked| !entry.purged.iter().any(|purge| voided(asked, purge) && purge.kept(cut));
        if entry.announced.iter().filter(began).any(must) {
            Due::Must
        } else if entry.announced.iter().filter(began).any(may) {
            Due::May
        } else {
            Due::MustNot
        }
    }

    /// Looks whether a store that was opened after a cut keeps the promises; what was not promised
    /// and is there is a promise from now on.
    pub(crate) fn check(&self, belly: &LogBelly, cut: usize, now: u32) -> Self {
        assert_eq!(belly.health().trouble, None);
        let drops: Vec<_> = belly.drops().into_iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(drops, [], "something was dropped");
        let mut found = Self::default();
        for (n, entry) in &self.records {
            let (due, provider) = (Self::due(entry, cut, now), owner(*n));
            let holders = wait(belly.providers(&key(*n), 20));
            if holders.is_empty() {
                assert_ne!(due, Due::Must, "record {n} is missing: {entry:?}", entry = entry.announced);
                continue;
            }
            assert_ne!(due, Due::MustNot, "record {n} came back: {:?} {:?}", entry.announced, entry.purged);
            assert_eq!(holders.len(), 1, "record {n} has owners that it was not given");
            assert_eq!(holders[0].peer, peer(provider), "record {n} changed its owner");
            let last = entry.announced.iter().rfind(|asked| asked.began <= cut);
            let kept = entry.announced.iter().rfind(|asked| asked.kept(cut));
            let whole = holders[0].addrs == addrs(provider);
            let promised = |asked: &Asked| now < asked.at + ADDRS_SECS && !(entry.bare && asked.began == 0);
            assert!(whole || !kept.is_some_and(promised), "the addresses of {n}'s provider are missing");
            let at = kept.or(last).map_or(0, |asked| asked.at);
            let asked = Asked { began: 0, answered: 0, at };
            found.records.insert(*n, Entry { announced: vec![asked], purged: Vec::new(), bare: !whole });
        }
        assert_eq!(belly.counts().records, found.records.len() as u64, "records that were never announced");
        self.check_list(belly, &found);
        for (n, puts) in &self.values {
            let value = wait(belly.value(&name(*n))).expect("readable").map(|found| found.value.to_vec());
            let kept = puts.iter().rposition(|(asked, _)| asked.kept(cut));
            let allowed = puts.iter().skip(kept.unwrap_or(0)).filter(|(asked, _)| asked.began <= cut);
            let Some(value) = value else {
                let lives = |at: usize| puts[at].0.at + 47 * 3600 > now;
                let asked: Vec<_> = puts.iter().map(|(asked, _)| asked).collect();
                assert!(!kept.is_some_and(lives), "value {n} is missing: {asked:?}");
                continue;
            };
            let known = allowed.clone().find(|(_, allowed)| *allowed == value);
            let (asked, _) = known.unwrap_or_else(|| {
                panic!("value {n} has {} bytes and is none of those that it may be", value.len())
            });
            found.values.insert(*n, vec![(Asked { began: 0, answered: 0, at: asked.at }, value)]);
        }
        found
    }

    /// The log has what the index has.
    fn check_list(&self, belly: &LogBelly, found: &Self) {
        let (mut listed, mut after) = (0, None);
        loop {
            let page = wait(belly.page(Query::default(), after, 1_000)).expect("a page");
            listed += page.records.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, found.records.len(), "the log and the index differ");
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Points of the history at which something was answered.
    pub(crate) fn answers(&self) -> Vec<usize> {
        let records = self.records.values().flat_map(|entry| entry.announced.iter().chain(&entry.purged));
        let asked = records.chain(self.values.values().flatten().map(|(asked, _)| asked));
        let mut all: Vec<_> = asked.map(|asked| asked.answered).filter(|at| *at != usize::MAX).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn name(n: u32) -> Vec<u8> {
    format!("/ipns/{n}").into_bytes()
}
