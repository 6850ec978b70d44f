//! Coverage: the share of all keys for which one of our heads is among the k nearest peers.
//!
//! Worked out, not sampled. The keyspace is cut into zones, the largest parts with fewer than
//! k peers; for the keys of one zone the k nearest are all of the zone and then, part by part,
//! the nearest of its surroundings. Each zone counts by its share of the keyspace. Pure;
//! docs/coverage.md tells the method.

use std::ops::Range;

use super::snapshot::Snapshot;
use crate::wire::Key256;
use crate::wire::bounds::K;

/// Peers and our heads by place. Cheap to ask, and heads can be tried out in it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// Ascending.
    others: Vec<Key256>,
    heads: Vec<Key256>,
}

/// A part of the keyspace: all keys that begin with these bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// The lowest key of the part.
    pub start: Key256,
    /// Leading bits that its keys share.
    pub bits: u32,
}

impl Zone {
    /// All keys.
    pub const ALL: Self = Self { start: Key256([0; 32]), bits: 0 };

    /// Most bits of a zone that can be told in parts.
    pub const MAX_PARTED: u32 = 48;

    /// Its share of all keys.
    #[must_use]
    pub fn share(&self) -> f64 {
        0.5f64.powi(self.bits.min(1000) as i32)
    }

    #[must_use]
    pub fn contains(&self, key: &Key256) -> bool {
        self.start.shared_bits(key) >= self.bits
    }

    /// In which of so many equal parts of the zone a key lies that starts so
    /// ([`Key256::start`]); none: outside. Zones of more than 48 bits are too small for parts.
    #[must_use]
    pub fn part(&self, start: u64, parts: usize) -> Option<usize> {
        let apart = self.start.start() ^ start;
        if apart.leading_zeros() < self.bits || self.bits > Self::MAX_PARTED {
            return None;
        }
        let rest = start << self.bits;
        Some(((u128::from(rest) * parts as u128) >> 64) as usize)
    }

    /// The two halves.
    fn halves(&self) -> [Self; 2] {
        let mut upper = self.start;
        flip(&mut upper, self.bits);
        [Self { start: self.start, bits: self.bits + 1 }, Self { start: upper, bits: self.bits + 1 }]
    }

    /// The part beside it, and the part that they make up together.
    fn surroundings(&self) -> Option<(Self, Self)> {
        let bits = self.bits.checked_sub(1)?;
        let mut beside = self.start;
        flip(&mut beside, bits);
        let start = self.start.min(beside);
        Some((Self { start: beside, bits: self.bits }, Self { start, bits }))
    }
}

fn flip(key: &mut Key256, bit: u32) {
    if let Some(byte) = key.0.get_mut(bit as usize / 8) {
        *byte ^= 0x80 >> (bit % 8);
    }
}

/// Who is in a part of the keyspace.
#[derive(Debug, Clone)]
struct Part {
    zone: Zone,
    others: Range<usize>,
    heads: Range<usize>,
}

impl Part {
    fn len(&self) -> usize {
        self.others.len() + self.heads.len()
    }
}

impl Field {
    /// What the table knows.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let (heads, others): (Vec<_>, Vec<_>) = snapshot.iter().partition(|entry| entry.own);
        let keys = |entries: Vec<&std::sync::Arc<super::snapshot::Entry>>| {
            entries.into_iter().map(|entry| entry.key).collect()
        };
        // a snapshot is in ascending order already
        Self { others: keys(others), heads: keys(heads) }
    }

    /// Peers and heads at these places.
    #[must_use]
    pub fn new(mut others: Vec<Key256>, mut heads: Vec<Key256>) -> Self {
        others.sort_unstable();
        others.dedup();
        heads.sort_unstable();
        heads.dedup();
        Self { others, heads }
    }

    /// Peers that are not ours.
    #[must_use]
    pub fn others(&self) -> usize {
        self.others.len()
    }

    #[must_use]
    pub fn heads(&self) -> usize {
        self.heads.len()
    }

    /// Puts a head there.
    pub fn add_head(&mut self, place: Key256) {
        if let Err(at) = self.heads.binary_search(&place) {
            self.heads.insert(at, place);
        }
    }

    /// The share of all keys with a head among the k nearest peers, 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.among(&self.all(), K, certain)
    }

    /// The same when senders find each head only by this chance, 0 to 1, whatever becomes of the
    /// other heads.
    #[must_use]
    pub fn coverage_if_listed(&self, chance: impl Fn(&Key256) -> f64) -> f64 {
        let missed: Vec<f64> = self.heads.iter().map(|head| 1.0 - chance(head).clamp(0.0, 1.0)).collect();
        self.among(&self.all(), K, |heads| {
            1.0 - missed.get(heads.clone()).unwrap_or_default().iter().product::<f64>()
        })
    }

    /// The largest parts with fewer than k peers; together they are the whole keyspace.
    #[must_use]
    pub fn zones(&self) -> Vec<Zone> {
        let (mut zones, mut open) = (Vec::new(), vec![self.all()]);
        while let Some(part) = open.pop() {
            if part.len() < K {
                zones.push(part.zone);
            } else {
                let [lower, upper] = self.split(&part);
                open.extend([upper, lower]);
            }
        }
        zones
    }

    /// The zone that a key is in.
    #[must_use]
    pub fn zone_of(&self, key: &Key256) -> Zone {
        let mut part = self.all();
        while part.len() >= K {
            let [lower, upper] = self.split(&part);
            part = if lower.zone.contains(key) { lower } else { upper };
        }
        part.zone
    }

    /// The share of a zone's keys with a head among the k nearest peers.
    #[must_use]
    pub fn coverage_of(&self, zone: Zone) -> f64 {
        let mut inner = self.part(zone);
        if inner.len() >= K {
            return self.among(&inner, K, certain);
        }
        let mut missing = K;
        loop {
            // all of this part is among the nearest
            if !inner.heads.is_empty() {
                return 1.0;
            }
            missing -= inner.len();
            let Some((beside, whole)) = inner.zone.surroundings() else { return 0.0 };
            let beside = self.part(beside);
            if beside.len() >= missing {
                return self.among(&beside, missing, certain);
            }
            // what comes next lies around both
            inner = Part { zone: whole, ..beside };
        }
    }

    /// Zones of this list, in ascending order, whose keys may see a head in this zone: itself,
    /// and those parts beside it that are too thin to fill k places by themselves.
    pub(super) fn seen_from(&self, zones: &[Zone], zone: Zone) -> Vec<usize> {
        let mut seen = within(zones, &zone);
        let mut at = zone;
        while let Some((beside, whole)) = at.surroundings() {
            if self.part(beside).len() < K {
                seen.extend(within(zones, &beside));
            }
            at = whole;
        }
        seen
    }

    /// The share of keys, uniform over the bits that follow those of the part, whose `n`
    /// nearest peers *of this part* have a head among them that is found; `found` tells the
    /// chance of that for a range of heads.
    fn among(&self, part: &Part, n: usize, found: impl Fn(&Range<usize>) -> f64 + Copy) -> f64 {
        if part.heads.is_empty() || n == 0 {
            return 0.0;
        }
        if n >= part.len() {
            return found(&part.heads);
        }
        let [lower, upper] = self.split(part);
        let half = |near: &Part, far: &Part| {
            if near.len() >= n {
                return self.among(near, n, found);
            }
            // all of this half are among the nearest
            let near_found = found(&near.heads);
            if near_found >= 1.0 {
                return 1.0;
            }
            near_found + (1.0 - near_found) * self.among(far, n - near.len(), found)
        };
        (half(&lower, &upper) + half(&upper, &lower)) / 2.0
    }

    fn all(&self) -> Part {
        Part { zone: Zone::ALL, others: 0..self.others.len(), heads: 0..self.heads.len() }
    }

    fn part(&self, zone: Zone) -> Part {
        let range = |keys: &[Key256]| {
            let from = keys.partition_point(|key| *key < zone.start);
            let to = from + keys[from..].partition_point(|key| zone.contains(key));
            from..to
        };
        Part { zone, others: range(&self.others), heads: range(&self.heads) }
    }

    fn split(&self, part: &Part) -> [Part; 2] {
        let [lower, upper] = part.zone.halves();
        let cut = |keys: &[Key256], range: &Range<usize>| {
            range.start + keys[range.clone()].partition_point(|key| *key < upper.start)
        };
        let (others, heads) = (cut(&self.others, &part.others), cut(&self.heads, &part.heads));
        [
            Part { zone: lower, others: part.others.start..others, heads: part.heads.start..heads },
            Part { zone: upper, others: others..part.others.end, heads: heads..part.heads.end },
        ]
    }
}

/// Heads that are there are found.
fn certain(heads: &Range<usize>) -> f64 {
    if heads.is_empty() { 0.0 } else { 1.0 }
}

/// Places in the list of the zones within this one, or of the one that holds it.
fn within(zones: &[Zone], zone: &Zone) -> Vec<usize> {
    let from = zones.partition_point(|other| other.start <= zone.start).saturating_sub(1);
    let fits = |other: &Zone| zone.contains(&other.start) || other.contains(&zone.start);
    (from..zones.len())
        .take_while(|at| *at == from || fits(&zones[*at]))
        .filter(|at| fits(&zones[*at]))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Places by chance, the same for the same numbers.
    pub(crate) fn places(seed: u32, n: usize) -> Vec<Key256> {
        (0..n as u32).map(|i| Key256::of(&[seed.to_be_bytes(), i.to_be_bytes()].concat())).collect()
    }

    #[test]
    fn the_parts_of_a_zone_are_equal_and_in_order_and_hold_no_key_from_outside() {
        let of = |bytes: [u8; 3]| Zone { start: key(bytes), bits: 12 };
        fn key(bytes: [u8; 3]) -> Key256 {
            let mut key = [0; 32];
            key[..3].copy_from_slice(&bytes);
            Key256(key)
        }
        let zone = of([0xab, 0xc0, 0]);
        let part = |bytes| zone.part(key(bytes).start(), 16);
        assert_eq!(part([0xab, 0xc0, 0xff]), Some(0));
        assert_eq!(part([0xab, 0xc7, 0]), Some(7));
        assert_eq!(part([0xab, 0xcf, 0xff]), Some(15));
        assert_eq!((part([0xab, 0xbf, 0xff]), part([0xab, 0xd0, 0])), (None, None));
        assert_eq!(Zone::ALL.part(u64::MAX, 232), Some(231));
        assert_eq!(Zone::ALL.part(0, 232), Some(0));
        assert_eq!(Zone { bits: 49, ..zone }.part(zone.start.start(), 16), None);
    }

    /// What a person would count: keys by chance, their k nearest, a head among them or not.
    pub(crate) fn counted(field: &Field, keys: usize) -> f64 {
        let all: Vec<(Key256, bool)> = (field.others.iter().map(|key| (*key, false)))
            .chain(field.heads.iter().map(|key| (*key, true)))
            .collect();
        let covered = places(999, keys).into_iter().filter(|key| {
            let mut near: Vec<(u64, bool)> =
                all.iter().map(|(peer, head)| (peer.distance_start(key), *head)).collect();
            if near.len() > K {
                near.select_nth_unstable(K);
                near.truncate(K);
            }
            near.iter().any(|(_, head)| *head)
        });
        covered.count() as f64 / keys as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn coverage_is_what_counting_keys_gives(seed: u32, others in 0..600usize, heads in 0..80usize) {
            let field = Field::new(places(seed, others), places(seed ^ 0x5555, heads));
            let (told, counted) = (field.coverage(), counted(&field, 3000));
            // three standard errors of the count, and no less than the two points promised
            prop_assert!((told - counted).abs() < 0.028, "{told} against {counted}");
        }

        #[test]
        fn heads_that_are_found_by_chance_cover_what_the_mean_of_all_draws_covers(seed: u32, others in 20..300usize) {
            let (places_of_others, heads) = (places(seed, others), places(seed ^ 0x5555, 3));
            let field = Field::new(places_of_others.clone(), heads.clone());
            prop_assert!((field.coverage_if_listed(|_| 1.0) - field.coverage()).abs() < 1e-9);
            prop_assert!(field.coverage_if_listed(|_| 0.0).abs() < 1e-9);
            // A head that nobody finds still takes its place among the nearest: as another peer.
            let chances = [0.2, 0.5, 0.9];
            let mut mean = 0.0;
            for draw in 0..8u32 {
                let (mut peers, mut listed, mut weight) = (places_of_others.clone(), Vec::new(), 1.0);
                for (n, head) in heads.iter().enumerate() {
                    let is_listed = draw >> n & 1 == 1;
                    weight *= if is_listed { chances[n] } else { 1.0 - chances[n] };
                    if is_listed { listed.push(*head) } else { peers.push(*head) }
                }
                mean += weight * Field::new(peers, listed).coverage();
            }
            let chance = |head: &Key256| heads.iter().position(|one| one == head).map_or(0.0, |n| chances[n]);
            let told = field.coverage_if_listed(chance);
            prop_assert!((told - mean).abs() < 1e-9, "{told} against {mean}");
        }

        #[test]
        fn zones_part_the_keyspace_and_add_up_to_the_whole(seed: u32, others in 0..600usize, heads in 0..80usize) {
            let field = Field::new(places(seed, others), places(seed ^ 0x5555, heads));
            let zones = field.zones();
            prop_assert!(zones.is_sorted_by_key(|zone| zone.start));
            let whole: f64 = zones.iter().map(Zone::share).sum();
            prop_assert!((whole - 1.0).abs() < 1e-9);
            let place = Key256::of(&seed.to_le_bytes());
            let of_place = zones.iter().find(|zone| zone.contains(&place));
            prop_assert_eq!(of_place, Some(&field.zone_of(&place)));
            let sum: f64 = zones.iter().map(|zone| zone.share() * field.coverage_of(*zone)).sum();
            prop_assert!((sum - field.coverage()).abs() < 1e-9, "{sum} against {}", field.coverage());
        }

        #[test]
        fn a_new_head_changes_only_the_zones_that_see_it(seed: u32, others in 20..400usize, heads in 0..20usize) {
            let mut field = Field::new(places(seed, others), places(seed ^ 0x5555, heads));
            let zones = field.zones();
            let before: Vec<f64> = zones.iter().map(|zone| field.coverage_of(*zone)).collect();
            let place = Key256::of(&seed.to_le_bytes());
            let at = zones.iter().position(|zone| zone.contains(&place)).expect("a zone");
            let seen = field.seen_from(&zones, zones[at]);
            field.add_head(place);
            for (n, zone) in zones.iter().enumerate() {
                let now = field.coverage_of(*zone);
                prop_assert!(now >= before[n] - 1e-9);
                prop_assert!(seen.contains(&n) || (now - before[n]).abs() < 1e-9, "zone {n} of {}", zones.len());
            }
        }
    }

    #[test]
    fn without_heads_nothing_is_covered_and_in_a_small_network_one_covers_all() {
        assert_eq!(Field::default().coverage(), 0.0);
        assert_eq!(Field::new(places(1, 500), Vec::new()).coverage(), 0.0);
        assert_eq!(Field::new(places(1, K - 1), places(2, 1)).coverage(), 1.0);
        assert_eq!(Field::new(Vec::new(), places(2, 1)).coverage(), 1.0);
    }

    /// The table of reference figures (heads by chance, N = 3,500).
    #[test]
    fn heads_by_chance_cover_what_was_simulated_for_the_public_network() {
        for (share, wanted) in [(40, 0.40), (20, 0.62), (10, 0.85), (5, 0.97)] {
            let field = Field::new(places(7, 3500), places(8, 3500 / share));
            let told = field.coverage();
            assert!((told - wanted).abs() < 0.05, "N/{share}: {told} against {wanted}");
        }
    }
}
