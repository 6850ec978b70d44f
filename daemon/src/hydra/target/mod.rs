//! `heads.target`: the number of heads follows the network by itself, slowly.
//!
//! Owns the look once a minute and the change that comes of it, one head at a time. What to do
//! is decided in [`mod@decide`], which knows no clock and no network; what the machine and the
//! addresses allow is in [`bounds`]. Heads that it takes away are given up whole, so that
//! the next one it adds is the same again.

mod bounds;
mod decide;
mod setting;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

pub use decide::{Course, Decision};
pub use setting::Target;

use self::decide::{Memory, Seen, decide};
use crate::hydra::{Choice, Hydra, Phase, RosterError, Selector};
use crate::telemetry::Level;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(60);

/// The setting in the state that remembers when a head came or went last.
const CHANGED: &str = "heads.target.changed";

/// Most heads that may be there, and what bounds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    pub heads: u32,
    /// "files", "connections", "addresses", "indices" or "ports".
    pub by: &'static str,
}

/// What the target makes of the number of heads now.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub target: Target,
    pub most: Most,
    pub decision: Decision,
}

/// The last look; `None` without a target, and before the first.
pub(super) type Shown = Mutex<Option<View>>;

impl Hydra {
    /// What the target makes of the number of heads; `None` without a target.
    #[must_use]
    pub fn target(&self) -> Option<View> {
        self.target.lock().clone()
    }

    /// Has the number of heads follow something else from now on.
    pub fn set_target(&self, target: Target) {
        self.aim.send_if_modified(|aim| std::mem::replace(aim, target) != target);
    }

    /// Follows the target until the daemon ends; does nothing while there is none.
    pub async fn follow_target(self: Arc<Self>) {
        let mut aim = self.aim.subscribe();
        let mut memory = self.remembered().await;
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.phase() != Phase::Draining {
            let target = *aim.borrow_and_update();
            if target == Target::None {
                *self.target.lock() = None;
            } else {
                self.look_at_target(target, &mut memory).await;
            }
            tokio::select! {
                _ = tick.tick() => {}
                // its sender is ours
                _ = aim.changed() => {}
            }
        }
    }

    /// Decides, and shows what was decided.
    fn decide_on_target(&self, target: Target, memory: &mut Memory, now: u64) -> Option<Course> {
        let (most, heads) = (self.most_heads(), self.heads_total() as u32);
        let servers = self.sizes().agreed();
        let decision = decide(target, memory, &Seen { now, heads, servers, most });
        let change = decision.due.then_some(decision.course);
        *self.target.lock() = Some(View { target, most, decision });
        change
    }

    async fn look_at_target(&self, target: Target, memory: &mut Memory) {
        let now = unix(SystemTime::now());
        let Some(course) = self.decide_on_target(target, memory, now) else { return };
        // the time is kept first: a daemon that ends in between goes on too late, not too soon
        memory.changed(now);
        let kept = self.state.set_setting(CHANGED, Some(now.to_be_bytes().to_vec())).await;
        let done = match (kept, course) {
            (Err(error), _) => Err(error.into()),
            (_, Course::Grow) => self.add_heads(Choice::Next(1)).await.map(|(views, _)| views),
            (_, Course::Shrink) => self.give_up_last().await,
            (_, Course::Hold) => return,
        };
        match done {
            Ok(_) => {
                let text = format!("heads.target {target}: {} heads now", self.heads_total());
                self.events.good("hydrad", text);
            }
            Err(error) => {
                let text = format!("heads.target {target}: {error}");
                self.events.tell(Level::Warn, "hydrad", "TARGET_NOT_MET", text);
            }
        }
        // what is shown is how it is with the change
        self.decide_on_target(target, memory, now);
    }

    /// Removes the head that came last, and gives its index up.
    async fn give_up_last(&self) -> Result<Vec<crate::hydra::HeadView>, RosterError> {
        let Some(last) = self.heads().pop() else { return Ok(Vec::new()) };
        let selector = Selector(last.name());
        let (view, _) = self.remove_head(&selector).await?;
        self.purge_head(&selector).await?;
        Ok(vec![view])
    }

    async fn remembered(&self) -> Memory {
        let kept = self.state.setting(CHANGED).await.ok().flatten();
        let at = kept.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        Memory::of(at)
    }
}

/// Seconds since 1970.
fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
