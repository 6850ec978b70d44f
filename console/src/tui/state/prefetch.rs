//! What the keys of the pages Prefetch and Network do.

use hydra_protocol::v1::{Prefetch, PrefetchKey, PrefetchState};

use super::dialog::{Clear, Dialog, Pause, Plan, Work};
use super::{Page, State};

impl State {
    /// The newest answer about prefetching.
    #[must_use]
    pub fn prefetch(&self) -> Option<&Prefetch> {
        self.shown()?.feeds.prefetch()
    }

    /// Prefetching is paused, for whatever reason.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.prefetch().is_some_and(|prefetch| prefetch.state() == PrefetchState::Paused)
    }

    pub(super) fn ask_pause_or_resume(&mut self) {
        self.dialog = self.prefetch().map(|prefetch| {
            if prefetch.state() == PrefetchState::Paused {
                Dialog::Resume { waiting: prefetch.waiting, reason: prefetch.paused_reason.clone() }
            } else {
                Dialog::Pause(Pause { work: work(prefetch), ..Pause::default() })
            }
        });
    }

    pub(super) fn ask_clear(&mut self) {
        self.dialog =
            self.prefetch().map(|prefetch| Dialog::Clear(Clear { work: work(prefetch), ..Clear::default() }));
    }

    pub(super) fn ask_plan(&mut self) {
        self.dialog = Some(Dialog::Plan(Plan::default()));
    }

    /// The selected key of the queue.
    #[must_use]
    pub fn selected_key(&self) -> Option<&PrefetchKey> {
        let selected = self.lists.prefetch_keys.selected()?;
        let keys = self.shown()?.feeds.prefetch_keys()?;
        keys.iter().find(|key| crate::tui::table::hex(&key.key) == selected)
    }

    /// Opens the records of the selected key.
    pub(super) fn open_key(&mut self) {
        let Some(key) = self.selected_key() else { return };
        let name =
            if key.cid_raw.is_empty() { crate::tui::table::hex(&key.multihash) } else { key.cid_raw.clone() };
        if self.command(&format!("records {name}")).is_err() {
            self.open(Page::Records);
        }
    }
}

fn work(prefetch: &Prefetch) -> Work {
    Work {
        lookups: prefetch.lookups,
        waiting: prefetch.waiting,
        misses_1m: prefetch.outcomes_1m.as_ref().map_or(0, |outcomes| outcomes.misses),
    }
}
