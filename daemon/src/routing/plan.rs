//! How many heads a coverage takes, and where they should be.
//!
//! A head in a zone (a largest part of the keyspace with fewer than k peers) is among the k
//! nearest of all its keys. So heads are put, one after the other, into the zone of which the
//! largest share of the keyspace is not covered yet, until the coverage is reached. Pure; for
//! networks that are not there, one is made up.

use std::collections::BinaryHeap;

use super::coverage::{Field, Zone};
use crate::wire::Key256;
use crate::wire::bounds::K;

/// Most heads of one plan.
pub const MAX_PLANNED: usize = 100_000;

/// A made-up network has at most so many peers: a larger one is, zone by zone, like the
/// network of half as many peers in half of the keyspace.
const MADE_UP: f64 = 16_384.0;

/// Where to put heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Coverage without new heads.
    pub now: f64,
    /// Coverage with all of them.
    pub then: f64,
    /// In this order: the first gains most.
    pub places: Vec<Place>,
    /// New heads that it would take with ids by chance.
    pub by_chance: u64,
}

/// A place for one head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Any id whose place begins with these bits will do: it takes 2^bits tries on average.
    pub zone: Zone,
    /// Coverage that it adds.
    pub gain: f64,
}

/// What a network of some size takes, without any heads of ours in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    pub peers: u64,
    /// Heads put at places.
    pub placed: u64,
    /// Heads with ids by chance.
    pub by_chance: u64,
}

/// Heads to add to these for a coverage, 0 to 1.
#[must_use]
pub fn plan(field: &Field, wanted: f64) -> Plan {
    let zones = field.zones();
    let mut field = field.clone();
    let mut covered: Vec<f64> = zones.iter().map(|zone| field.coverage_of(*zone)).collect();
    let now: f64 = zones.iter().zip(&covered).map(|(zone, covered)| zone.share() * covered).sum();
    let open = |covered: &[f64], at: usize| zones[at].share() * (1.0 - covered[at]);
    let mut best: BinaryHeap<Gain> =
        (0..zones.len()).map(|zone| Gain { gain: open(&covered, zone), zone }).collect();
    let (mut reached, mut places) = (now, Vec::new());
    while reached < wanted - 1e-9 && places.len() < MAX_PLANNED {
        let Some(Gain { gain, zone }) = best.pop() else { break };
        let left = open(&covered, zone);
        if left <= 0.0 {
            continue;
        }
        if left < gain {
            // heads nearby cover some of it meanwhile
            best.push(Gain { gain: left, zone });
            continue;
        }
        let seen = field.seen_from(&zones, zones[zone]);
        let share = |covered: &[f64]| seen.iter().map(|at| zones[*at].share() * covered[*at]).sum::<f64>();
        let before = share(&covered);
        field.add_head(within(&zones[zone], places.len()));
        for at in &seen {
            covered[*at] = field.coverage_of(zones[*at]);
        }
        let gained = share(&covered) - before;
        reached += gained;
        places.push(Place { zone: zones[zone], gain: gained });
        // in a zone that others thicken a head may reach all keys only with a second one
        best.push(Gain { gain: open(&covered, zone), zone });
    }
    let by_chance = by_chance(field.others() as f64, now, wanted);
    Plan { now, then: reached, places, by_chance }
}

/// What networks of other sizes take for a coverage.
#[must_use]
pub fn outlook(peers: u64, wanted: f64) -> Outlook {
    let mut scale = 1.0;
    while peers as f64 / scale > MADE_UP {
        scale *= 2.0;
    }
    let made_up = (peers as f64 / scale).round() as u32;
    let others = (0..made_up).map(|n| Key256::of(&n.to_be_bytes())).collect();
    let placed = plan(&Field::new(others, Vec::new()), wanted).places.len() as f64 * scale;
    Outlook { peers, placed: placed.round() as u64, by_chance: by_chance(peers as f64, 0.0, wanted) }
}

/// Coverage of so many heads in all when those that are not there yet have ids by chance; of
/// fewer than there are, when all have.
#[must_use]
pub fn coverage_with(field: &Field, heads: usize) -> f64 {
    let (peers, there) = (field.others(), field.heads());
    if heads == 0 {
        return 0.0;
    }
    if peers + heads <= K {
        return 1.0;
    }
    let (open, added) = if heads >= there { (1.0 - field.coverage(), heads - there) } else { (1.0, heads) };
    let none = (peers as f64 / (peers + added) as f64).powi(K as i32);
    (1.0 - open * none).clamp(0.0, 1.0)
}

/// Heads with ids by chance that a coverage takes in a network of so many other servers.
#[must_use]
pub fn heads_by_chance(peers: f64, wanted: f64) -> f64 {
    peers * more_by_chance(0.0, wanted)
}

/// Heads by chance that raise the coverage: a key has none of h among its k nearest of N + h
/// with the chance (N / (N + h))^k.
fn by_chance(peers: f64, now: f64, wanted: f64) -> u64 {
    if wanted <= now {
        return 0;
    }
    (peers * more_by_chance(now, wanted)).ceil().max(1.0) as u64
}

/// The same as a share of the peers.
fn more_by_chance(now: f64, wanted: f64) -> f64 {
    // all of it is a matter of luck: one key in ten thousand may be left
    let open = (1.0 - wanted).max(1e-4);
    (((1.0 - now) / open).powf(1.0 / K as f64) - 1.0).max(0.0)
}

/// Some place in a zone.
fn within(zone: &Zone, n: usize) -> Key256 {
    let mut place = Key256::of(&[&zone.start.0[..], &n.to_be_bytes()].concat());
    for bit in 0..zone.bits {
        let (byte, mask) = (bit as usize / 8, 0x80u8 >> (bit % 8));
        place.0[byte] = place.0[byte] & !mask | zone.start.0[byte] & mask;
    }
    place
}

/// What a head in a zone would gain, by the largest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Gain {
    gain: f64,
    zone: usize,
}

impl Eq for Gain {}

impl Ord for Gain {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.gain.total_cmp(&other.gain).then(other.zone.cmp(&self.zone))
    }
}

impl PartialOrd for Gain {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::super::coverage::tests::{counted, places};
    use super::*;

    #[test]
    fn heads_where_the_plan_puts_them_cover_what_it_promises() {
        for (seed, wanted) in [(1, 0.5), (2, 0.9), (3, 0.99)] {
            let mut field = Field::new(places(seed, 1000), places(seed + 100, 10));
            let plan = plan(&field, wanted);
            assert!((plan.now - field.coverage()).abs() < 1e-9);
            assert!(plan.then >= wanted && plan.then < wanted + 0.03, "{} for {wanted}", plan.then);
            for (n, place) in plan.places.iter().enumerate() {
                // any place in the zone will do
                field.add_head(within(&place.zone, n + 7777));
            }
            assert!((field.coverage() - plan.then).abs() < 0.02, "{} for {}", field.coverage(), plan.then);
            let counted = counted(&field, 4000);
            assert!((counted - plan.then).abs() < 0.02, "{counted} for {}", plan.then);
        }
    }

    #[test]
    fn what_is_covered_already_takes_no_head() {
        let field = Field::new(places(1, 300), places(2, 300));
        let plan = plan(&field, 0.5);
        assert_eq!((plan.places.len(), plan.by_chance), (0, 0));
        assert!((plan.then - plan.now).abs() < 1e-9);
    }

    /// "262 at N = 3,500; 0.075 N", one head a zone.
    #[test]
    fn full_coverage_takes_about_one_head_in_fourteen_peers() {
        let full = plan(&Field::new(places(4, 3500), Vec::new()), 1.0);
        assert!((full.then - 1.0).abs() < 1e-6);
        let share = full.places.len() as f64 / 3500.0;
        assert!((0.05..0.09).contains(&share), "{share}");
    }

    #[test]
    fn heads_by_chance_are_told_within_two_points() {
        for wanted in [0.4, 0.62, 0.85, 0.95] {
            let plan = plan(&Field::new(places(5, 2000), Vec::new()), wanted);
            let tries = 8;
            let reached: f64 = (0..tries)
                .map(|n| Field::new(places(5, 2000), places(50 + n, plan.by_chance as usize)).coverage())
                .sum::<f64>()
                / f64::from(tries);
            assert!((reached - wanted).abs() < 0.02, "{reached} for {wanted}");
            assert!((plan.places.len() as u64) < plan.by_chance);
        }
    }

    #[test]
    fn coverage_with_other_numbers_of_heads_is_told_within_two_points() {
        let field = Field::new(places(5, 2000), places(50, 40));
        assert!((coverage_with(&field, 40) - field.coverage()).abs() < 1e-9);
        for heads in [10, 20, 80, 200, 400] {
            let tries = 8;
            let with = |n: u32| Field::new(places(5, 2000), places(50 + n, heads)).coverage();
            let counted = (0..tries).map(with).sum::<f64>() / f64::from(tries);
            let told = coverage_with(&field, heads);
            assert!((told - counted).abs() < 0.02, "{heads}: {told} against {counted}");
        }
        assert_eq!(coverage_with(&field, 0), 0.0);
        assert_eq!(coverage_with(&Field::new(places(1, 5), Vec::new()), 1), 1.0);
    }

    #[test]
    fn heads_by_chance_and_the_coverage_they_give_agree() {
        let field = Field::new(places(7, 5000), Vec::new());
        for wanted in [0.1, 0.5, 0.9, 0.99] {
            let heads = heads_by_chance(5000.0, wanted) as usize;
            assert!((coverage_with(&field, heads) - wanted).abs() < 0.002, "{heads} for {wanted}");
        }
    }

    /// The table of docs/coverage.md.
    #[test]
    fn the_documented_figures_are_those_of_the_plan() {
        let text = include_str!("../../../docs/coverage.md");
        let share = |heads: u64| format!("{:.1} %", heads as f64 / 100.0);
        let rows = [50, 75, 90, 95, 99].map(|wanted| {
            let told = outlook(10_000, f64::from(wanted) / 100.0);
            format!("| {wanted} % | {} | {} |\n", share(told.placed), share(told.by_chance))
        });
        assert!(text.contains(&rows.concat()), "docs/coverage.md lacks:\n{}", rows.concat());
    }

    #[test]
    fn a_large_network_is_like_a_small_one_in_a_part_of_the_keyspace() {
        let others = places(6, 40_000);
        let direct = plan(&Field::new(others, Vec::new()), 0.9).places.len() as f64;
        let told = outlook(40_000, 0.9);
        assert!((told.placed as f64 / direct - 1.0).abs() < 0.04, "{told:?} against {direct}");
        assert_eq!(outlook(0, 0.9).placed, 1);
        assert!(outlook(1_000_000, 0.9).placed > 20 * told.placed);
    }
}
