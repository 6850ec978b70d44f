//! The pages: seven tabs, and what opens inside of them.

/// What fills the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Is it well?
    #[default]
    Overview,
    /// All heads.
    Heads,
    /// One head, by name.
    Head(String),
    /// Other servers of the network.
    Peers,
    /// One of them, by peer id.
    Peer(String),
    /// Provider records: a search, and what is asked for.
    Records,
    /// Keys that were asked for and not here.
    Prefetch,
    /// The network that the heads are part of.
    Network,
    /// Events.
    Log,
}

impl Page {
    /// The tabs, in the order of their keys.
    pub const TABS: [Self; 7] =
        [Self::Overview, Self::Heads, Self::Peers, Self::Records, Self::Prefetch, Self::Network, Self::Log];

    /// The tab that it belongs to; 0 is the Overview.
    #[must_use]
    pub fn tab(&self) -> usize {
        match self {
            Self::Overview => 0,
            Self::Heads | Self::Head(_) => 1,
            Self::Peers | Self::Peer(_) => 2,
            Self::Records => 3,
            Self::Prefetch => 4,
            Self::Network => 5,
            Self::Log => 6,
        }
    }

    /// The word on its tab.
    #[must_use]
    pub fn title(&self) -> &'static str {
        ["Overview", "Heads", "Peers", "Records", "Prefetch", "Network", "Log"][self.tab()]
    }

    /// It has a tab of its own; others are opened inside of one.
    #[must_use]
    pub fn is_tab(&self) -> bool {
        !matches!(self, Self::Head(_) | Self::Peer(_))
    }

    /// The tab to the right, or to the left; round at the ends.
    pub(super) fn beside(&self, right: bool) -> Self {
        let tabs = Self::TABS.len();
        let at = (self.tab() + if right { 1 } else { tabs - 1 }) % tabs;
        Self::TABS.get(at).cloned().unwrap_or_default()
    }

    /// The tab that it is on.
    pub(super) fn outer(&self) -> Self {
        Self::TABS.get(self.tab()).cloned().unwrap_or_default()
    }

    /// It has charts, whose window can be changed and moved.
    #[must_use]
    pub fn has_charts(&self) -> bool {
        !matches!(self, Self::Log | Self::Head(_) | Self::Peer(_))
    }
}
