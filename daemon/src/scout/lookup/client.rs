//! What a client of the network knows when its lookup starts: a Kademlia table of k peers a
//! bucket, drawn from ours. Pure but for the draw.

use std::collections::HashMap;
use std::sync::Arc;

use rand::RngExt as _;

use crate::routing::snapshot::{Entry, Snapshot};
use crate::wire::Key256;
use crate::wire::bounds::K;

/// The k peers nearest to the key that a client at that place would have in its table (kad-dht
/// starts a lookup from so many). Our heads are left out.
pub(super) fn knows(table: &Snapshot, client: &Key256, key: &Key256) -> Vec<Arc<Entry>> {
    let mut buckets: HashMap<u32, (usize, Vec<&Arc<Entry>>)> = HashMap::new();
    for entry in table.iter().filter(|entry| !entry.own) {
        let (seen, bucket) = buckets.entry(entry.key.shared_bits(client)).or_default();
        *seen += 1;
        // each of the bucket has the same chance to be among the k
        if bucket.len() < K {
            bucket.push(entry);
        } else if let Some(place) = bucket.get_mut(rand::rng().random_range(0..*seen)) {
            *place = entry;
        }
    }
    let mut known: Vec<&Arc<Entry>> = buckets.into_values().flat_map(|(_, bucket)| bucket).collect();
    known.sort_unstable_by_key(|entry| entry.key.distance(key));
    known.into_iter().take(K).cloned().collect()
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;
    use crate::wire::AddrList;

    #[test]
    fn a_client_knows_k_peers_a_bucket_and_starts_from_the_nearest_of_them() {
        let entry = |own| Arc::new(Entry::new(PeerId::random(), AddrList::default(), own));
        let all: Vec<Arc<Entry>> = (0..2000).map(|n| entry(n < 100)).collect();
        let table = Snapshot::of(all.iter().cloned());
        let (client, key) = (Key256::of(b"client"), Key256::of(b"key"));
        let known = knows(&table, &client, &key);
        assert!(known.len() == K && known.iter().all(|entry| !entry.own));
        assert!(known.is_sorted_by_key(|entry| entry.key.distance(&key)));
        // all are in few buckets of the client, far from all that the table holds there
        let bits = key.shared_bits(&client);
        let of_bucket = known.iter().filter(|entry| entry.key.shared_bits(&client) == bits).count();
        assert_eq!(of_bucket, K, "the bucket of the key has enough");
        let nearest: Vec<_> = table.closest(&key, K).into_iter().map(|entry| entry.peer).collect();
        assert!(known.iter().filter(|entry| nearest.contains(&entry.peer)).count() < K);
        // of the parts near to the client that have no more than k it knows everybody
        let bucket = |entry: &Entry| {
            let bits = entry.key.shared_bits(&client);
            all.iter().filter(|one| !one.own && one.key.shared_bits(&client) == bits).count()
        };
        let near = table.closest(&client, 10).into_iter().filter(|entry| !entry.own && bucket(entry) <= K);
        let known = knows(&table, &client, &client);
        assert!(near.into_iter().all(|entry| known.iter().any(|one| one.peer == entry.peer)));
    }
}
