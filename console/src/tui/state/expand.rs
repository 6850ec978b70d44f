//! One pane of a page over the whole screen.

use super::{Page, State};

impl Page {
    /// How many of its panes can fill the screen.
    #[must_use]
    pub fn panes(&self) -> usize {
        match self {
            Self::Overview => 4,
            // the one that the keys work on
            Self::Records => 1,
            Self::Peers => 2,
            Self::Prefetch => 3,
            Self::Network => 3,
            Self::Heads | Self::Head(_) | Self::Peer(_) | Self::Log => 0,
        }
    }
}

impl State {
    /// The pane that fills the screen, from 0.
    #[must_use]
    pub fn expanded(&self) -> Option<usize> {
        self.expanded
    }

    /// The first pane, then the next, then the page again.
    pub(super) fn expand(&mut self) {
        let next = self.expanded.map_or(0, |pane| pane + 1);
        self.expanded = Some(next).filter(|pane| *pane < self.page.panes());
    }
}
