//! Whatever happens in whatever order: each miss has one outcome, and no bound is passed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::miss;
use crate::prefetch::queue::{Next, Queue, Start};
use crate::prefetch::{Config, Pause, Scope};
use crate::telemetry::{Outcome, Outcomes};

#[derive(Debug, Clone)]
enum Event {
    Miss {
        key: u32,
        asker: u64,
        near: bool,
    },
    Start,
    /// One of those in flight ends.
    End(usize, Outcome),
    Wait(u64),
    Pause(Option<u64>),
    Resume,
    Load(bool),
    Clear,
}

fn event() -> impl Strategy<Value = Event> {
    let ends = prop::sample::select(vec![
        Outcome::Found,
        Outcome::NotFound,
        Outcome::TimedOut,
        Outcome::SourceFailed,
    ]);
    prop_oneof![
        20 => (0..40u32, 0..6u64, any::<bool>()).prop_map(|(key, asker, near)| Event::Miss { key, asker, near }),
        10 => Just(Event::Start),
        8 => (any::<prop::sample::Index>(), ends).prop_map(|(i, outcome)| Event::End(i.index(64), outcome)),
        4 => prop_oneof![0..2_000u64, 200_000..4_000_000u64].prop_map(Event::Wait),
        1 => prop::option::of(0..100_000u64).prop_map(Event::Pause),
        2 => Just(Event::Resume),
        1 => any::<bool>().prop_map(Event::Load),
        1 => Just(Event::Clear),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    (any::<bool>(), 1..12u32, 1..6u32, 1..5u32, 1..20u32).prop_map(
        |(any, keys, lookups, keys_per_asker, walks_per_second)| Config {
            scope: if any { Scope::Any } else { Scope::Near },
            keys,
            lookups,
            keys_per_asker,
            walks_per_second,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn outcomes_and_what_is_held_sum_to_the_misses(
        config in config(),
        events in prop::collection::vec(event(), 1..400),
    ) {
        let (outcomes, start) = (Arc::<Outcomes>::default(), Instant::now());
        let mut queue = Queue::new(config, Arc::clone(&outcomes), start);
        let (mut now, mut flying) = (start, Vec::<Bytes>::new());
        let mut walks = 0u64;
        for event in events {
            match event {
                Event::Miss { key, asker, near } => {
                    outcomes.miss();
                    queue.miss(miss(key, asker, near), now);
                }
                Event::Start => {
                    if let Next::Start(Start { key, .. }) = queue.next(now) {
                        prop_assert!(!flying.contains(&key), "a key is in flight twice");
                        flying.push(key);
                        walks += 1;
                    }
                }
                Event::End(i, outcome) => {
                    if !flying.is_empty() {
                        let key = flying.swap_remove(i % flying.len());
                        queue.ended(&key, outcome, now);
                    }
                }
                Event::Wait(millis) => now += Duration::from_millis(millis),
                Event::Pause(millis) => {
                    let until = millis.map(|millis| now + Duration::from_millis(millis));
                    queue.pauses.by_hand(Some(Pause { reason: "test".to_owned(), until }));
                }
                Event::Resume => queue.pauses.by_hand(None),
                Event::Load(high) => queue.pauses.by_load(high.then(|| "load".to_owned())),
                Event::Clear => {
                    queue.clear();
                }
            }
            let totals = outcomes.totals();
            let held = queue.waiting() + queue.in_flight();
            prop_assert_eq!(totals.ended() + held as u64, totals.misses);
            prop_assert_eq!(queue.in_flight(), flying.len());
            prop_assert!(queue.waiting() <= config.keys as usize);
            prop_assert!(queue.in_flight() <= config.lookups as usize);
            prop_assert_eq!(queue.shares().map(|share| share as usize).sum::<usize>(), held);
            prop_assert!(queue.shares().all(|share| share <= config.keys_per_asker));
            prop_assert_eq!(queue.held().len(), held);
            let allowed = (now - start).as_secs_f64() * f64::from(config.walks_per_second);
            prop_assert!(walks as f64 <= allowed + f64::from(config.walks_per_second) + 0.001);
        }
    }
}
