//! The rules of the queue, one by one, by a clock that stands still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{key, miss};
use crate::prefetch::queue::{Next, Queue, Start};
use crate::prefetch::{Config, Pause, Scope};
use crate::telemetry::{Outcome, Outcomes};

struct Scene {
    queue: Queue,
    outcomes: Arc<Outcomes>,
    now: Instant,
}

fn scene(config: Config) -> Scene {
    let (outcomes, now) = (Arc::<Outcomes>::default(), Instant::now());
    Scene { queue: Queue::new(config, Arc::clone(&outcomes), now), outcomes, now }
}

impl Scene {
    fn miss(&mut self, n: u32, asker: u64, near: bool) {
        self.queue.miss(miss(n, asker, near), self.now);
    }

    /// The number of the key that is started now.
    fn start(&mut self) -> Option<u32> {
        match self.queue.next(self.now) {
            Next::Start(Start { key, .. }) => Some(u32::from_be_bytes(key[..].try_into().expect("a number"))),
            Next::Later | Next::Nothing => None,
        }
    }

    fn end(&mut self, n: u32, outcome: Outcome) {
        self.queue.ended(&key(n), outcome, self.now);
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.totals().of(outcome)
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

#[test]
fn one_key_is_looked_up_once_at_a_time() {
    let mut scene = scene(Config::default());
    for asker in 0..3 {
        scene.miss(1, asker, false);
    }
    assert_eq!((scene.start(), scene.start()), (Some(1), None));
    scene.miss(1, 4, false);
    assert_eq!(scene.count(Outcome::Joined), 3);
    scene.end(1, Outcome::Found);
    assert_eq!((scene.count(Outcome::Found), scene.queue.in_flight()), (1, 0));
    scene.miss(1, 5, false);
    assert_eq!(scene.start(), Some(1));
}

#[test]
fn keys_that_more_askers_want_go_first_then_near_ones_then_the_oldest() {
    let mut scene = scene(Config { lookups: 100, ..Config::default() });
    scene.miss(1, 1, false);
    scene.miss(2, 2, false);
    scene.miss(3, 3, true);
    scene.miss(4, 4, false);
    for asker in 5..15 {
        scene.miss(4, asker, false);
    }
    let order: Vec<_> = std::iter::from_fn(|| scene.start()).collect();
    assert_eq!(order, [4, 3, 1, 2]);
}

#[test]
fn a_key_refused_by_a_full_queue_does_not_lose_its_askers() {
    let mut scene = scene(Config { keys: 2, ..Config::default() });
    scene.miss(1, 1, false);
    scene.miss(2, 2, false);
    scene.miss(3, 3, false);
    assert_eq!(scene.count(Outcome::QueueFull), 1);
    scene.miss(3, 4, false);
    assert_eq!((scene.count(Outcome::QueueFull), scene.queue.waiting()), (2, 2));
    assert_eq!((scene.start(), scene.start(), scene.start()), (Some(3), Some(1), None));
}

#[test]
fn a_near_key_takes_the_place_of_a_far_one_when_the_queue_is_full() {
    let mut scene = scene(Config { keys: 1, ..Config::default() });
    scene.miss(1, 1, false);
    scene.miss(2, 2, true);
    assert_eq!((scene.count(Outcome::QueueFull), scene.start(), scene.start()), (1, Some(2), None));
    assert_eq!(scene.queue.refused().by_room, 1);
}

#[test]
fn an_asker_has_a_share_of_the_queue_and_no_more() {
    let mut scene = scene(Config { keys_per_asker: 3, ..Config::default() });
    for n in 0..10 {
        scene.miss(n, 1, false);
    }
    assert_eq!((scene.queue.waiting(), scene.count(Outcome::QueueFull)), (3, 7));
    assert_eq!(scene.queue.refused().by_share, 7);
    scene.miss(100, 2, false);
    assert_eq!(scene.queue.waiting(), 4);
    // in flight is held as well; what ended is not
    assert_eq!(scene.start(), Some(0));
    scene.miss(20, 1, false);
    assert_eq!(scene.queue.refused().by_share, 8);
    scene.end(0, Outcome::NotFound);
    scene.miss(21, 1, false);
    assert_eq!(scene.queue.waiting(), 4);
}

#[test]
fn failures_are_refused_by_their_age_and_a_timeout_is_not_believed_for_long() {
    let mut scene = scene(Config::default());
    for (n, outcome) in [(1, Outcome::NotFound), (2, Outcome::TimedOut), (3, Outcome::SourceFailed)] {
        scene.miss(n, 1, false);
        assert_eq!(scene.start(), Some(n));
        scene.end(n, outcome);
    }
    scene.wait(10);
    for n in [1, 2, 3] {
        scene.miss(n, 9, false);
    }
    assert_eq!(scene.count(Outcome::Refused5m), 3);
    scene.wait(300);
    for n in [1, 2, 3] {
        scene.miss(n, 9, false);
    }
    assert_eq!((scene.count(Outcome::Refused1h), scene.queue.waiting()), (1, 2));
    scene.wait(3600);
    scene.miss(1, 9, false);
    assert_eq!(scene.queue.waiting(), 3);
}

#[test]
fn no_more_walks_are_begun_than_the_budget_allows() {
    let mut scene = scene(Config { walks_per_second: 5, lookups: 1000, keys: 20, ..Config::default() });
    let mut started = 0;
    for n in 0..10_000u32 {
        scene.miss(n, u64::from(n), true);
        while let Some(n) = scene.start() {
            started += 1;
            scene.end(n, Outcome::NotFound);
        }
        scene.now += Duration::from_millis(10);
    }
    // 100 seconds, and what a first second may have at once
    assert!((495..=506).contains(&started), "{started}");
    let refused = scene.queue.refused();
    assert!(refused.by_budget > 9_000 && refused.by_room == 0, "{refused:?}");
    assert_eq!(scene.count(Outcome::QueueFull), refused.by_budget);
}

#[test]
fn only_near_keys_are_ours_when_the_scope_says_so() {
    let mut scene = scene(Config { scope: Scope::Near, ..Config::default() });
    scene.miss(1, 1, false);
    scene.miss(2, 1, true);
    assert_eq!((scene.count(Outcome::NotOurs), scene.start(), scene.start()), (1, Some(2), None));
}

#[test]
fn a_pause_keeps_what_waits_and_ends_at_its_time_or_by_hand() {
    let mut scene = scene(Config::default());
    scene.miss(1, 1, false);
    let until = Some(scene.now + Duration::from_secs(60));
    scene.queue.pauses.by_hand(Some(Pause { reason: "router maintenance".to_owned(), until }));
    scene.miss(2, 1, false);
    assert_eq!((scene.count(Outcome::Paused), scene.start(), scene.queue.waiting()), (1, None, 1));
    scene.wait(60);
    scene.miss(3, 1, false);
    assert_eq!((scene.start(), scene.queue.waiting()), (Some(1), 1));
    // an operator's "resume" does not lift what the load forbids
    scene.queue.pauses.by_hand(Some(Pause { reason: String::new(), until: None }));
    scene.queue.pauses.by_load(Some("load level 1".to_owned()));
    scene.queue.pauses.by_hand(None);
    assert_eq!(scene.start(), None);
    scene.queue.pauses.by_load(None);
    assert_eq!(scene.start(), Some(3));
}

#[test]
fn clearing_forgets_what_waits_and_names_it() {
    let mut scene = scene(Config { lookups: 1, ..Config::default() });
    for n in 0..5 {
        scene.miss(n, 1, false);
    }
    scene.start();
    assert_eq!((scene.queue.clear(), scene.count(Outcome::Paused)), (4, 4));
    assert_eq!((scene.queue.waiting(), scene.queue.in_flight()), (0, 1));
    assert_eq!(scene.queue.shares().collect::<Vec<_>>(), [1]);
}
