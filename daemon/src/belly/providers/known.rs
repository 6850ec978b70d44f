//! What is known of one provider: its id and where it is.

use libp2p::PeerId;

use crate::belly::ADDRS_VALIDITY;
use crate::belly::sum::xxh64;
use crate::wire::AddrList;

pub(super) const ADDRS_SECS: u32 = ADDRS_VALIDITY.as_secs() as u32;

pub(super) struct Known {
    pub(super) peer: PeerId,
    pub(super) addrs: AddrList,
    /// When each of `addrs` was last announced but for `all_heard`, in seconds since the
    /// Unix epoch.
    heard: Box<[u32]>,
    /// When exactly `addrs` were last announced.
    all_heard: u32,
    /// The checksum of `addrs`: tells that nothing is new without looking at them.
    digest: u64,
    /// The last announcement, with addresses or without.
    pub(super) seen: u32,
    /// Grows when `addrs` change; 0 for what was read from disk.
    pub(super) version: u32,
    /// A hash of the IP group of its first address.
    pub(super) group: u16,
}

impl Known {
    pub(super) fn new(peer: PeerId) -> Self {
        Self {
            peer,
            addrs: AddrList::default(),
            heard: Box::default(),
            all_heard: 0,
            digest: 0,
            seen: 0,
            version: 1,
            group: 0,
        }
    }

    /// The union of what was announced within [`ADDRS_VALIDITY`], the newest first when
    /// there is no room for all. True when the addresses are others than before.
    ///
    /// `digest` is their checksum.
    pub(super) fn hear(&mut self, addrs: &AddrList, digest: u64, now: u32) -> bool {
        self.seen = self.seen.max(now);
        if digest == self.digest {
            self.all_heard = now;
            return false;
        }
        if addrs.as_fields() == self.addrs.as_fields() {
            self.digest = digest;
            self.all_heard = now;
            return false;
        }
        let known = |addr: &[u8]| self.addrs.iter().position(|a| a == addr);
        if addrs.iter().all(|a| known(a).is_some()) {
            let at: Vec<usize> = addrs.iter().filter_map(known).collect();
            for i in at {
                if let Some(heard) = self.heard.get_mut(i) {
                    *heard = now;
                }
            }
            return false;
        }
        self.join(addrs, &vec![now; addrs.len()], now);
        self.digest = xxh64(self.addrs.as_fields());
        true
    }

    /// Puts addresses before those that are known, each with its time.
    fn join(&mut self, addrs: &AddrList, times: &[u32], now: u32) {
        let mut older: Vec<(&[u8], u32)> = self
            .addrs
            .iter()
            .zip(self.heard())
            .filter(|(a, heard)| fresh(*heard, now) && !addrs.iter().any(|b| a == &b))
            .collect();
        older.sort_by_key(|(_, heard)| std::cmp::Reverse(*heard));
        let union = unite(|| addrs.iter().zip(times.iter().copied()).chain(older.iter().copied()));
        self.replace(union);
    }

    /// Other addresses than before, each with its time.
    fn replace(&mut self, (addrs, heard): (AddrList, Box<[u32]>)) {
        self.group = group(&addrs);
        self.addrs = addrs;
        self.heard = heard;
        self.all_heard = 0;
        self.digest = 0; // until its owner sets it
        self.version = self.version.wrapping_add(1).max(1);
    }

    /// Adds what an older file says; what is known stays first.
    pub(super) fn join_older(&mut self, addrs: &AddrList, heard: &[u32], now: u32) {
        let older: Vec<(&[u8], u32)> = addrs
            .iter()
            .zip(heard.iter().copied())
            .filter(|(a, heard)| fresh(*heard, now) && !self.addrs.iter().any(|b| a == &b))
            .collect();
        if older.is_empty() {
            return;
        }
        let union = unite(|| self.addrs.iter().zip(self.heard()).chain(older.iter().copied()));
        self.replace(union);
    }

    pub(super) fn set(&mut self, addrs: AddrList, heard: Box<[u32]>, seen: u32) {
        self.group = group(&addrs);
        self.addrs = addrs;
        self.heard = heard;
        self.seen = seen;
        self.version = 0;
    }

    /// When each of the addresses was last announced.
    pub(super) fn heard(&self) -> impl Iterator<Item = u32> + '_ {
        self.heard.iter().map(|heard| self.all_heard.max(*heard))
    }

    pub(super) fn current(&self, now: u32) -> AddrList {
        if (self.all_heard > 0 && fresh(self.all_heard, now)) || self.heard().all(|h| fresh(h, now)) {
            return self.addrs.clone();
        }
        AddrList::from_raw(
            self.addrs.iter().zip(self.heard()).filter(|(_, h)| fresh(*h, now)).map(|(a, _)| a),
        )
    }
}

/// The first of these addresses that a list has room for, each with the first of its times.
fn unite<'a, I: Iterator<Item = (&'a [u8], u32)>>(all: impl Fn() -> I) -> (AddrList, Box<[u32]>) {
    let union = AddrList::from_raw(all().map(|(addr, _)| addr));
    let time = |addr: &[u8]| all().find(|(other, _)| addr == *other).map_or(0, |(_, heard)| heard);
    let heard = union.iter().map(time).collect();
    (union, heard)
}

pub(super) fn fresh(heard: u32, now: u32) -> bool {
    now < heard.saturating_add(ADDRS_SECS)
}

/// IPv4 /16 or IPv6 /32 of the first address that has an IP, hashed; the belly knows no
/// better groups (those by ASN are in `routing`), and here they decide only who leaves a
/// key that is full.
fn group(addrs: &AddrList) -> u16 {
    let prefix = |addr: &[u8]| match addr {
        [0x04, a, b, _, _, ..] => Some(u32::from_be_bytes([4, 0, *a, *b])),
        [0x29, a, b, c, d, rest @ ..] if rest.len() >= 12 => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    };
    let prefix = addrs.iter().find_map(prefix).unwrap_or_default();
    (prefix.wrapping_mul(0x9e37_79b9) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_network_of_the_first_ip() {
        let of = |addrs: &[&[u8]]| group(&AddrList::from_raw(addrs.iter().copied()));
        assert_eq!(of(&[b"\x04\x01\x02\x03\x04\x06\x0f\xa1"]), of(&[b"\x35\x01x", b"\x04\x01\x02\x09\x09"]));
        assert_ne!(of(&[b"\x04\x01\x02\x03\x04"]), of(&[b"\x04\x01\x03\x03\x04"]));
        let six = |last: u8, first: u8| {
            let mut addr = [0u8; 17];
            (addr[0], addr[1], addr[16]) = (0x29, first, last);
            of(&[&addr])
        };
        assert_eq!(six(1, 0x20), six(2, 0x20));
        assert_ne!(six(1, 0x20), six(1, 0x21));
        assert_eq!(of(&[]), of(&[b"\x04\x01"]));
    }
}
