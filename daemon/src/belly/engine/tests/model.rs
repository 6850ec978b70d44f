//! The store against a map and a clock that jumps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::belly::{PROVIDER_VALIDITY, Query};

#[derive(Debug, Clone)]
enum Step {
    Announce { key: u8, provider: u8, near: bool },
    Jump { minutes: u16 },
    Flush,
    Sweep,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..12u8, 0..5u8, any::<bool>()).prop_map(|(key, provider, near)| Step::Announce { key, provider, near }),
        6 => prop_oneof![0..40u16, 0..3_000u16].prop_map(|minutes| Step::Jump { minutes }),
        1 => Just(Step::Flush),
        1 => Just(Step::Sweep),
        2 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_record_ends_early_or_lives_long(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(start());
        let mut belly = Some(open(dir.path(), &clock));
        let mut model: BTreeMap<(u8, u8), u64> = BTreeMap::new();
        for step in steps {
            let Some(store) = &belly else { unreachable!("reopened below") };
            match step {
                Step::Announce { key, provider, near } => {
                    announce_in(store, &[key], peer(provider.into()), near).expect("accepted");
                    model.insert((key, provider), clock.millis());
                }
                Step::Jump { minutes } => clock.advance(Duration::from_secs(60) * u32::from(minutes)),
                Step::Flush => wait(store.flush()).expect("flushed"),
                Step::Sweep => store.keep(),
                Step::Restart => {
                    drop(belly.take());
                    belly = Some(open(dir.path(), &clock));
                }
            }
            let Some(store) = &belly else { unreachable!("just opened") };
            let grace = HOUR;
            let age = |at: u64| Duration::from_millis(clock.millis() - at);
            for key in 0..12u8 {
                let found: BTreeSet<PeerId> = peers(store, &[key]).into_iter().collect();
                for provider in 0..5u8 {
                    let there = found.contains(&peer(provider.into()));
                    match model.get(&(key, provider)) {
                        Some(at) if age(*at) < PROVIDER_VALIDITY => prop_assert!(there, "ended early"),
                        Some(at) if age(*at) < PROVIDER_VALIDITY + grace => {}
                        _ => prop_assert!(!there, "lives too long"),
                    }
                }
            }
        }
        let Some(store) = &belly else { unreachable!("open") };
        let listed: Vec<_> = list(store, &Query::default(), 3).iter().map(|r| (r.key.clone(), r.provider)).collect();
        let served: usize = (0..12u8).map(|key| peers(store, &[key]).len()).sum();
        prop_assert_eq!(listed.len(), served);
        prop_assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), served);
        store.keep();
        prop_assert_eq!(store.counts().records, served as u64);
        prop_assert_eq!(store.shared.index.entries(), served as u64);
        let counted: u32 = store.top_providers(10).iter().map(|(_, n)| *n).sum();
        prop_assert_eq!(u64::from(counted), served as u64);
    }
}
