//! The index against a map.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn plain(index: &Index, hash: u64, provider: u32, generation: u8) -> Result<Change, Refused> {
    let arrival = Arrival { hash, provider, generation, now: 1, may_displace: true };
    index.put(&arrival, &|_| 0, || Ok(()))
}

fn begin(index: &Index, hour: u32) -> u8 {
    index.generations.begin(Rank::new(hour, true, true), 1_000).expect("a free number")
}

fn scatter(n: u64) -> u64 {
    SipKey([7; 16]).hash(&n.to_le_bytes())
}

#[test]
fn a_shard_grows_and_shrinks_without_losing_an_entry() {
    let index = Index::new(1);
    let (old, new) = (begin(&index, 1), begin(&index, 2));
    for n in 0..400_000u64 {
        let generation = if n % 10 == 0 { new } else { old };
        assert_eq!(plain(&index, scatter(n), n as u32, generation), Ok(Change::New { displaced: None }));
    }
    index.check();
    assert_eq!((index.entries(), index.generations.total(1)), (400_000, 400_000));
    let full = index.bytes();
    assert!(full < 400_000 * BYTES_PER_ENTRY, "{full} B");
    for n in 0..400_000u64 {
        let generation = if n % 10 == 0 { new } else { old };
        assert_eq!(index.holders(scatter(n), 1), [(n as u32, generation)]);
        assert_eq!(index.holders(scatter(n + 1_000_000), 1), []);
    }
    index.generations.end(old);
    assert_eq!(index.generations.total(1), 40_000);
    assert_eq!(index.holders(scatter(1), 1), []);
    let mut gone = 0;
    for shard in 0..index.shards() {
        index.retain(shard, |_, generation| index.generations.live(generation, 1), |_| gone += 1);
    }
    index.check();
    assert_eq!((gone, index.entries(), index.generations.count(old)), (360_000, 40_000, 0));
    assert!(index.bytes() < full / 5);
    assert!((0..40_000).all(|n| index.holders(scatter(n * 10), 1) == [((n * 10) as u32, new)]));
}

#[test]
fn a_hot_key_keeps_1024_providers_and_who_fills_it_from_one_network_displaces_itself() {
    let index = Index::new(1_000_000);
    let generation = begin(&index, 1);
    let put = |provider: u32, displace: bool| {
        let arrival = Arrival { hash: 99, provider, generation, now: 1, may_displace: displace };
        // providers from 100 on are of one network
        index.put(&arrival, &|p| if p < 100 { p as u16 } else { 7_777 }, || Ok(()))
    };
    for provider in 0..1_024 {
        assert_eq!(put(provider, true), Ok(Change::New { displaced: None }));
        assert_eq!(put(provider, true), Ok(Change::Same));
    }
    index.check();
    assert_eq!(put(5_000, false), Err(Refused::KeyFull));
    for provider in 5_000..6_000 {
        let Ok(Change::New { displaced: Some(gone) }) = put(provider, true) else { panic!("nobody went") };
        assert!(gone >= 100, "{gone} went for the large network");
    }
    assert_eq!((index.holders(99, 1).len(), index.entries()), (1_024, 1_024));
    index.check();
    let mut gone = 0;
    index.remove_key(99, |_| gone += 1);
    assert_eq!((gone, index.entries(), index.generations.total(1)), (1_024, 0, 0));
    index.check();
}

#[test]
fn a_hot_key_does_not_slow_its_neighbours() {
    let mut shard = Shard::new(0);
    let generations = Generations::default();
    let generation = generations.begin(Rank::new(1, true, true), 9).expect("free");
    let mut put = |hash: u64, provider| {
        let arrival = Arrival { hash, provider, generation, now: 1, may_displace: true };
        shard.put(&generations, &arrival, &|_| 0, || Ok(())).expect("room");
    };
    (0..1_000).for_each(|provider| put(5 << 16, provider));
    (0..16).for_each(|provider| put(6 << 16, provider));
    assert_eq!((shard.listed(), shard.len() - shard.listed()), (1_000, 16));
    shard.check();
}

#[test]
fn all_numbers_of_generations_can_be_used_and_come_back() {
    let generations = Generations::default();
    let numbers: Vec<u8> =
        (1..=255).filter_map(|h| generations.begin(Rank::new(h, false, true), 9)).collect();
    assert_eq!(numbers.len(), 255);
    assert_eq!(generations.begin(Rank::new(300, true, true), 9), None);
    generations.free(77);
    assert_eq!(generations.begin(Rank::new(300, true, true), 9), Some(77));
    let rank = generations.rank(77);
    assert_eq!((rank.hour(), rank.near(), rank.disk()), (300, true, true));
    assert!(
        Rank::new(5, true, false) > Rank::new(5, false, true)
            && Rank::new(6, false, false) > Rank::new(5, true, true)
    );
}

#[derive(Debug, Clone)]
enum Step {
    Put { key: u8, provider: u16, generation: u8 },
    Many { key: u8, from: u16 },
    End { generation: u8 },
    Sweep,
    Purge { key: u8 },
    PurgeProvider { provider: u16 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (any::<u8>(), 0..40u16, 0..4u8).prop_map(|(key, provider, generation)| Step::Put { key, provider, generation }),
        3 => (0..4u8, 0..60u16).prop_map(|(key, from)| Step::Many { key, from }),
        1 => (0..4u8).prop_map(|generation| Step::End { generation }),
        2 => Just(Step::Sweep),
        1 => any::<u8>().prop_map(|key| Step::Purge { key }),
        1 => (0..40u16).prop_map(|provider| Step::PurgeProvider { provider }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn it_is_a_map_from_key_and_provider_to_the_newest_generation(
        steps in prop::collection::vec(step(), 1..200), crowded: bool
    ) {
        let index = Index::new(1);
        let mut numbers: Vec<u8> = (0..4).map(|hour| begin(&index, hour + 1)).collect();
        let mut hour = 5;
        let mut model: BTreeMap<(u8, u16), u8> = BTreeMap::new();
        // crowded: all keys in one shard, with neighbouring fingerprints
        let hash = |key: u8| if crowded { u64::from(key / 2) << 16 | u64::from(key) } else { scatter(key.into()) };
        for step in steps {
            match step {
                Step::Put { key, provider, generation } => {
                    let number = numbers[usize::from(generation)];
                    let old = model.get(&(key, provider)).copied();
                    let rank = |g: u8| index.generations.rank(g);
                    let expected = match old {
                        None => Change::New { displaced: None },
                        Some(old) if index.generations.live(old, 1) && rank(old) >= rank(number) => Change::Same,
                        Some(_) => Change::Renewed,
                    };
                    prop_assert_eq!(plain(&index, hash(key), provider.into(), number), Ok(expected));
                    if expected != Change::Same {
                        model.insert((key, provider), number);
                    }
                }
                Step::Many { key, from } => {
                    for provider in from..from + 30 {
                        if plain(&index, hash(key), provider.into(), numbers[3]) != Ok(Change::Same) {
                            model.insert((key, provider), numbers[3]);
                        }
                    }
                }
                Step::End { generation } => {
                    index.generations.end(numbers[usize::from(generation)]);
                    hour += 1;
                    numbers[usize::from(generation)] = begin(&index, hour);
                }
                Step::Sweep => {
                    for shard in 0..index.shards() {
                        index.retain(shard, |_, generation| index.generations.live(generation, 1), |_| {});
                    }
                    model.retain(|_, generation| index.generations.live(*generation, 1));
                    let dead: Vec<u8> = index.generations.numbers().map(|(n, _)| n).filter(|n| !index.generations.live(*n, 1)).collect();
                    dead.iter().for_each(|n| index.generations.free(*n));
                }
                Step::Purge { key } => {
                    index.remove_key(hash(key), |_| {});
                    model.retain(|(k, _), _| *k != key);
                }
                Step::PurgeProvider { provider } => {
                    for shard in 0..index.shards() {
                        index.retain(shard, |p, _| p != u32::from(provider), |_| {});
                    }
                    model.retain(|(_, p), _| *p != provider);
                }
            }
            index.check();
        }
        prop_assert_eq!(index.entries(), model.len() as u64);
        let live = model.values().filter(|g| index.generations.live(**g, 1)).count();
        prop_assert_eq!(index.generations.total(1), live as u64);
        for key in 0..=u8::MAX {
            let found: BTreeSet<(u32, u8)> = index.holders(hash(key), 1).into_iter().collect();
            let expected: BTreeSet<(u32, u8)> = model
                .iter()
                .filter(|((k, _), g)| *k == key && index.generations.live(**g, 1))
                .map(|((_, p), g)| (u32::from(*p), *g))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn many_at_once_in_order_are_as_one_by_one(
        before in prop::collection::vec((any::<u8>(), 0..40u32), 0..600),
        runs in prop::collection::vec(prop::collection::vec((any::<u8>(), 0..40u32), 0..900), 1..4),
        crowded: bool, room in prop_oneof![Just(u64::MAX), 0..400u64],
    ) {
        let (one, many) = (Index::new(1), Index::new(1));
        let hash = |key: u8| if crowded { u64::from(key / 2) << 16 | u64::from(key) } else { scatter(key.into()) };
        let numbers: Vec<u8> = (0..4).map(|hour| (begin(&one, hour + 1), begin(&many, hour + 1)).1).collect();
        let put = |index: &Index, key: u8, provider: u32, generation: u8, max: u64| {
            let arrival = Arrival { hash: hash(key), provider, generation, now: 1, may_displace: false };
            let may_grow = || if index.entries() < max { Ok(()) } else { Err(Refused::StoreFull) };
            index.put(&arrival, &|_| 0, may_grow)
        };
        for (key, provider) in before {
            for index in [&one, &many] {
                put(index, key, provider, numbers[1], u64::MAX).expect("room");
            }
        }
        let max = one.entries().saturating_add(room);
        for (run, generation) in runs.into_iter().zip([numbers[2], numbers[0], numbers[3]]) {
            let mut run: Vec<(u64, u8, u32)> =
                run.into_iter().map(|(key, provider)| (one.place(hash(key)), key, provider)).collect();
            run.sort_unstable_by_key(|(place, _, provider)| (*place, *provider));
            let (mut taken, mut expected) = (Vec::new(), Vec::new());
            for (_, key, provider) in &run {
                if let Ok(Change::New { .. }) = put(&one, *key, *provider, generation, max) {
                    expected.push(*provider);
                }
            }
            let places: Vec<(u64, u32)> = run.iter().map(|(place, _, provider)| (*place, *provider)).collect();
            many.put_sorted(&places, (generation, 1), max, &|_| 0, |provider| taken.push(provider));
            many.check();
            taken.sort_unstable();
            expected.sort_unstable();
            if room == u64::MAX {
                prop_assert_eq!(taken, expected);
            } else {
                prop_assert_eq!(taken.len(), expected.len());
            }
        }
        prop_assert_eq!(one.entries(), many.entries());
        if room == u64::MAX {
            prop_assert_eq!(all(&one, &numbers), all(&many, &numbers));
        }
    }
}

fn all(index: &Index, generations: &[u8]) -> Vec<Vec<(u64, u32)>> {
    let of = |generation: &u8| {
        let mut entries = Vec::new();
        (0..index.shards()).for_each(|shard| index.of_generation(shard, *generation, &mut entries));
        assert_eq!(entries.len() as u64, index.generations.count(*generation));
        assert!(entries.is_sorted());
        entries
    };
    generations.iter().map(of).collect()
}
