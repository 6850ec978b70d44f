//! A head at a place: the next index whose id falls into the zone of a key.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::hydra::Hydra;
use crate::hydra::capacity::no_room;
use crate::hydra::roster::RosterError;
use crate::identity::Sequence;
use crate::routing::coverage::{Field, Zone};
use crate::state::HeadRow;
use crate::wire::Key256;

/// Ids looked at for one head. An id falls into a zone of b bits by one of 2^b tries on
/// average; a network of a million servers has zones of 16 bits.
const MAX_TRIES: usize = 1 << 17;

/// The highest port.
const MAX_PORT: usize = 65_535;

impl Hydra {
    /// The zone of a key: the largest part of the keyspace around it with fewer than k
    /// servers. A head there is among the k nearest of all its keys.
    #[must_use]
    pub fn zone_of(&self, place: &Key256) -> Zone {
        Field::of(&self.table.snapshot()).zone_of(place)
    }

    /// The next index that is free and has its id in a zone, and a port.
    pub(super) async fn index_in(
        &self,
        zone: Zone,
        known: &[HeadRow],
        leased: &HashSet<u32>,
    ) -> Result<u32, RosterError> {
        let taken: HashSet<u32> = known.iter().map(|row| row.index).chain(leased.iter().copied()).collect();
        let ports = match usize::from(self.config.port_begin) {
            0 => usize::MAX,
            first => MAX_PORT - first + 1,
        };
        let (indexes, sequence) = (self.config.indexes.clone(), Arc::clone(&self.roster.sequence));
        let search = move || {
            let free = indexes.iter().take(ports).filter(|index| !taken.contains(index));
            search(free.take(MAX_TRIES), zone, &sequence)
        };
        let searched = tokio::task::spawn_blocking(search).await;
        let (found, tries) = searched.map_err(|e| RosterError::Start(format!("look for an index: {e}")))?;
        found.ok_or_else(|| {
            no_room(
                format!(
                    "no index near {}: of {tries} free ones of the index set {} none has its id in that zone \
                     ({} leading bits)",
                    prefix(&zone),
                    self.config.indexes,
                    zone.bits
                ),
                "try another key, or widen identity.indexes; nothing was added".to_owned(),
            )
        })
    }
}

/// The first of these indices whose id is in the zone, and how many were tried.
fn search(
    indexes: impl Iterator<Item = u32>,
    zone: Zone,
    sequence: &Mutex<Sequence>,
) -> (Option<u32>, usize) {
    let mut tries = 0;
    for index in indexes {
        tries += 1;
        // locked for one id at a time: starting heads need theirs meanwhile
        match sequence.lock().identity(index) {
            Ok(identity) if zone.contains(&identity.key) => return (Some(index), tries),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    (None, tries)
}

/// The beginning of a zone in whole hex digits.
fn prefix(zone: &Zone) -> String {
    let digits = (zone.bits as usize).div_ceil(4).clamp(1, 64);
    data_encoding::HEXLOWER.encode(&zone.start.0)[..digits].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{IndexSet, Seed};

    const SEED: &str = "hjHT+Yq82BHSWwa1wZDAX/O/JkWDX3Y6xTHRIk+XbFY=";

    fn sequence() -> Mutex<Sequence> {
        let (seed, _) = Seed::parse(SEED).expect("a seed");
        Mutex::new(Sequence::new(seed))
    }

    fn zone(start: [u8; 2], bits: u32) -> Zone {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&start);
        Zone { start: Key256(key), bits }
    }

    #[test]
    fn the_first_free_index_in_the_zone_is_found() {
        let set = IndexSet::starting_at(0);
        let all = || set.iter().take(2000);
        let sequence = sequence();
        // head-2 of this seed lies at 8904d6da…
        assert_eq!(search(all(), zone([0x89, 0], 8), &sequence), (Some(2), 3));
        let (next, tries) = search(all().filter(|index| *index != 2), zone([0x89, 0], 8), &sequence);
        let next = next.expect("a second one within 2,000");
        assert_eq!(tries, next as usize);
        let place = sequence.lock().identity(next).expect("an id").key;
        assert_eq!(place.0[0], 0x89);
        assert_eq!(search(all(), Zone::ALL, &sequence), (Some(0), 1));
    }

    #[test]
    fn a_search_ends_where_the_indices_do() {
        assert_eq!(search(0..50, zone([0x89, 0x04], 24), &sequence()), (None, 50));
        assert_eq!(prefix(&zone([0x89, 0x04], 9)), "890");
        assert_eq!(prefix(&Zone::ALL), "0");
    }
}
