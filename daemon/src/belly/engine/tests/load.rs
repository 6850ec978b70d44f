//! Many at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::belly::Query;

#[test]
fn a_hundred_threads_write_and_read_without_losing_a_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let belly = open(dir.path(), &Clock::system());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..100u32 {
            let belly = &belly;
            scope.spawn(move || {
                for n in 0..100u32 {
                    let key = (n * 3 + thread % 5).to_be_bytes();
                    announce(belly, &key, peer(thread), &["a"]).expect("accepted");
                    assert!(peers(belly, &key).contains(&peer(thread)), "not readable at once");
                }
            });
        }
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                list(&belly, &Query::default(), 1_000);
            }
        });
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            stop.store(true, Ordering::Relaxed);
        });
    });
    let counts = belly.counts();
    assert_eq!((counts.records, counts.providers), (10_000, 100));
    drop(belly);
    let belly = open(dir.path(), &Clock::system());
    assert_eq!(belly.counts(), crate::belly::Counts { unsaved: 0, ..counts });
    assert_eq!(list(&belly, &Query::default(), 999).len(), 10_000);
}
