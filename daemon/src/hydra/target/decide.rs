//! What to do about the number of heads: a function of what is seen and what is remembered.
//!
//! Slow on purpose. Each head that comes or goes moves records of other servers and of ours,
//! and identities that come and go look like an attack. So a size counts only when it has
//! stayed away from what is there for hours, a course is kept until its end, and one head in
//! twenty a day is the most that changes.

use std::cmp::Ordering;

use super::{Most, Target};

/// Seconds of a day, in which at most [`SHARE`] of the heads, and at least one, changes.
const DAY: u64 = 24 * 3600;
const SHARE: f64 = 0.05;

/// A measured size moves nothing until it is off by more than this share of the heads, or by
/// this part of a head, whichever is more …
const BAND: f64 = 0.1;
const BAND_HEADS: f64 = 0.75;

/// … and has been for so many seconds.
const STEADY: u64 = 6 * 3600;

/// What is seen at one look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Seconds since 1970.
    pub(super) now: u64,
    pub(super) heads: u32,
    /// Size of the network; `None` while it is not known, or doubtful.
    pub(super) servers: Option<f64>,
    pub(super) most: Most,
}

/// What is remembered between looks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    /// When a head came or went last.
    changed: Option<u64>,
    /// Off in this way since then.
    off: Option<(Course, u64)>,
    /// Under way until the goal is reached.
    course: Option<Course>,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    Hold,
    Grow,
    Shrink,
}

impl Course {
    /// The word in screens and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Grow => "grow",
            Self::Shrink => "shrink",
        }
    }
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Heads that the target comes to; `None` while the size is not known.
    pub wanted: Option<u32>,
    pub course: Course,
    /// A head is to come or go now.
    pub due: bool,
    /// When the next one may, in seconds since 1970; `None` while it holds.
    pub next_at: Option<u64>,
    pub reason: String,
}

impl Memory {
    /// After a restart.
    pub(super) fn of(changed: Option<u64>) -> Self {
        Self { changed, ..Self::default() }
    }

    /// A head comes or goes.
    pub(super) fn changed(&mut self, now: u64) {
        self.changed = Some(now);
    }

    /// When the next head may come or go. A change that lies ahead is a clock that went back.
    fn next(&mut self, seen: &Seen) -> u64 {
        let a_day = (SHARE * f64::from(seen.heads)).floor().max(1.0) as u64;
        let changed = self.changed.map(|at| at.min(seen.now));
        self.changed = changed;
        changed.map_or(seen.now, |at| at + DAY.div_ceil(a_day))
    }

    fn hold(&mut self) {
        (self.off, self.course) = (None, None);
    }
}

/// Decides, and remembers.
pub(super) fn decide(target: Target, memory: &mut Memory, seen: &Seen) -> Decision {
    let Some(exact) = target.wanted(seen.servers) else {
        memory.hold();
        return held(None, "the size of the network is not known, or its two estimates differ");
    };
    let wanted = Some(exact.round() as u32);
    let heads = f64::from(seen.heads);
    // bounds keep heads from coming; they send none away
    let goal = if exact > heads { exact.min(f64::from(seen.most.heads)).max(heads) } else { exact };
    let course = match (goal.round().max(1.0) as u32).cmp(&seen.heads) {
        Ordering::Greater => Course::Grow,
        Ordering::Less => Course::Shrink,
        Ordering::Equal => Course::Hold,
    };
    if course == Course::Hold {
        memory.hold();
        let bounded = exact.round() > goal.round();
        let by = format!("bounded by {}: {} heads", seen.most.by, seen.most.heads);
        return held(wanted, if bounded { &by } else { "as many heads as wanted" });
    }
    if memory.course != Some(course) {
        memory.course = None;
        if !target.is_exact() {
            if (goal - heads).abs() <= (BAND * heads).max(BAND_HEADS) {
                memory.hold();
                return held(wanted, "within a tenth of what is wanted");
            }
            let since =
                memory.off.filter(|(off, _)| *off == course).map_or(seen.now, |(_, at)| at.min(seen.now));
            memory.off = Some((course, since));
            if seen.now < since + STEADY {
                let hours = STEADY / 3600;
                return held(wanted, &format!("off by more than a tenth; acts when that lasts {hours} h"));
            }
        }
        memory.course = Some(course);
    }
    let next = memory.next(seen);
    let verb = if course == Course::Grow { "added" } else { "given up" };
    Decision {
        wanted,
        course,
        due: seen.now >= next,
        next_at: Some(next),
        reason: format!("heads are {verb} until there are {:.0}, 5 % a day at most", goal.round().max(1.0)),
    }
}

fn held(wanted: Option<u32>, reason: &str) -> Decision {
    Decision { wanted, course: Course::Hold, due: false, next_at: None, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Seconds between two looks: often enough for a thousand heads.
    const LOOK: u64 = 900;
    const LOOKS_A_DAY: u64 = DAY / LOOK;

    /// A hydra whose heads follow a target.
    struct Simulated {
        target: Target,
        memory: Memory,
        now: u64,
        heads: u32,
        most: u32,
        /// Time, course and heads before, of each change.
        changes: Vec<(u64, Course, u32)>,
    }

    impl Simulated {
        fn new(target: Target, heads: u32, most: u32) -> Self {
            let (memory, now) = (Memory::default(), 1_800_000_000);
            Self { target, memory, now, heads, most, changes: Vec::new() }
        }

        fn look(&mut self, servers: Option<f64>) -> Decision {
            let most = Most { heads: self.most, by: "addresses" };
            let seen = Seen { now: self.now, heads: self.heads, servers, most };
            let decision = decide(self.target, &mut self.memory, &seen);
            if decision.due {
                self.memory.changed(self.now);
                self.changes.push((self.now, decision.course, self.heads));
                match decision.course {
                    Course::Grow => self.heads += 1,
                    Course::Shrink => self.heads -= 1,
                    Course::Hold => panic!("a change while it holds"),
                }
            }
            self.now += LOOK;
            decision
        }

        fn days(&mut self, days: u64, mut servers: impl FnMut(u64) -> Option<f64>) {
            for look in 0..LOOKS_A_DAY * days {
                self.look(servers(look));
            }
        }

        /// Most changes in a day, in terms of what a day allows: 1 is all of it.
        fn worst_day(&self) -> f64 {
            let mut day: VecDeque<&(u64, Course, u32)> = VecDeque::new();
            let mut worst: f64 = 0.0;
            for change in &self.changes {
                day.push_back(change);
                while day.front().is_some_and(|first| change.0 - first.0 >= DAY) {
                    day.pop_front();
                }
                let most = day.iter().map(|change| change.2).max().unwrap_or(0);
                worst = worst.max(day.len() as f64 / (SHARE * f64::from(most)).floor().max(1.0));
            }
            worst
        }

        fn turns(&self) -> usize {
            self.changes.windows(2).filter(|pair| pair[0].1 != pair[1].1).count()
        }
    }

    /// Noise of so much to both sides, the same for the same numbers.
    fn noise(seed: u64, look: u64, share: f64) -> f64 {
        let digest = crate::wire::Key256::of(&[seed.to_be_bytes(), look.to_be_bytes()].concat());
        1.0 + share * (f64::from(digest.0[0]) / 127.5 - 1.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_network_that_only_trembles_moves_nothing(seed: u64, servers in 300.0..50_000.0f64) {
            let target = Target::Coverage(0.5);
            let heads = target.wanted(Some(servers)).expect("a size").round() as u32;
            let mut hydra = Simulated::new(target, heads, u32::MAX);
            hydra.days(60, |look| Some(servers * noise(seed, look, 0.06)));
            prop_assert_eq!(hydra.changes.len(), 0);
        }

        #[test]
        fn whatever_the_network_does_no_day_sees_more_than_a_twentieth_change(
            seed: u64, heads in 1..400u32, most in 1..500u32, share in 0.05..0.97f64,
            sizes in prop::collection::vec(prop::option::weighted(0.9, 50.0..40_000.0f64), 1..40),
        ) {
            let mut hydra = Simulated::new(Target::Coverage(share), heads, most);
            for (n, size) in sizes.iter().enumerate() {
                hydra.days(4, |look| size.map(|size| size * noise(seed ^ n as u64, look, 0.1)));
            }
            prop_assert!(hydra.worst_day() <= 1.0, "{:?}", hydra.changes);
            let peak = hydra.changes.iter().map(|change| change.2 + u32::from(change.1 == Course::Grow)).max();
            prop_assert!(peak.unwrap_or(0) <= most.max(heads));
            prop_assert!(hydra.heads >= 1);
            // a course is given up only when the other way has been right for hours
            for pair in hydra.changes.windows(2).filter(|pair| pair[0].1 != pair[1].1) {
                prop_assert!(pair[1].0 - pair[0].0 >= STEADY);
            }
        }

        #[test]
        fn months_of_growth_are_followed_and_never_passed(seed: u64, a_month in 1.02..1.5f64) {
            let target = Target::Coverage(0.5);
            let size = |look: u64| 3000.0 * a_month.powf(look as f64 / (30 * LOOKS_A_DAY) as f64);
            let heads = target.wanted(Some(size(0))).expect("a size").round() as u32;
            let mut hydra = Simulated::new(target, heads, u32::MAX);
            for look in 0..6 * 30 * LOOKS_A_DAY {
                hydra.look(Some(size(look) * noise(seed, look, 0.04)));
                let wanted = target.wanted(Some(size(look))).expect("a size");
                let off = f64::from(hydra.heads) / wanted - 1.0;
                prop_assert!(off.abs() < 0.2, "{off} off after {look} looks");
            }
            prop_assert!(hydra.turns() <= 2 * hydra.changes.len() / 10, "{} turns", hydra.turns());
        }

        #[test]
        fn without_a_size_nothing_changes(heads in 0..100u32) {
            for target in [Target::Auto, Target::Coverage(0.9)] {
                let mut hydra = Simulated::new(target, heads, 1000);
                hydra.days(10, |_| None);
                prop_assert_eq!(hydra.changes.len(), 0);
            }
        }
    }

    #[test]
    fn a_number_is_reached_a_head_a_day_and_kept() {
        let mut hydra = Simulated::new(Target::Heads(6), 1, 100);
        hydra.days(3, |_| None);
        assert_eq!(hydra.heads, 4, "{:?}", hydra.changes);
        hydra.days(30, |_| None);
        assert_eq!((hydra.heads, hydra.changes.len()), (6, 5));
        hydra.target = Target::Heads(4);
        hydra.days(10, |_| None);
        assert_eq!(hydra.heads, 4);
    }

    #[test]
    fn a_network_that_doubles_is_followed_after_hours_and_within_weeks() {
        let mut hydra = Simulated::new(Target::Coverage(0.5), 35, 1000);
        hydra.days(1, |_| Some(1000.0));
        assert_eq!(hydra.changes.len(), 0);
        for _ in 0..5 {
            assert_eq!(hydra.look(Some(2000.0)).course, Course::Hold, "it acts on a moment");
        }
        hydra.days(40, |_| Some(2000.0));
        assert_eq!(hydra.heads, 71, "{:?}", hydra.changes);
        // one false look in between changes nothing
        hydra.look(Some(9000.0));
        assert_eq!(hydra.look(Some(2000.0)).course, Course::Hold);
    }

    #[test]
    fn bounds_keep_heads_from_coming_and_send_none_away() {
        let mut hydra = Simulated::new(Target::Heads(20), 6, 8);
        hydra.days(10, |_| None);
        assert_eq!(hydra.heads, 8);
        let decision = hydra.look(None);
        assert_eq!((decision.wanted, decision.reason.as_str()), (Some(20), "bounded by addresses: 8 heads"));
        hydra.most = 3;
        hydra.days(10, |_| None);
        assert_eq!(hydra.heads, 8);
    }

    #[test]
    fn neither_a_restart_nor_a_clock_that_goes_back_makes_it_faster() {
        let mut hydra = Simulated::new(Target::Heads(9), 3, 100);
        hydra.look(None);
        assert_eq!(hydra.heads, 4);
        for _ in 0..20 {
            hydra.memory = Memory::of(hydra.memory.changed);
            hydra.look(None);
        }
        assert_eq!(hydra.heads, 4);
        hydra.now -= 30 * DAY;
        let next = hydra.look(None).next_at.expect("it grows");
        assert!(next > hydra.now && next <= hydra.now + DAY, "it waits a day by the new clock");
        assert_eq!(hydra.heads, 4);
    }
}
