//! How far back the charts go.

/// The windows to choose from, in seconds; the daemon keeps seconds for ten minutes.
const SECONDS: [i64; 4] = [60, 120, 300, 600];

/// One of the windows; the longest at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(usize);

impl Default for Window {
    fn default() -> Self {
        Self(SECONDS.len() - 1)
    }
}

impl Window {
    /// Its length.
    #[must_use]
    pub fn seconds(self) -> i64 {
        SECONDS.get(self.0).copied().unwrap_or(600)
    }

    pub(super) fn longer(self) -> Self {
        Self((self.0 + 1).min(SECONDS.len() - 1))
    }

    pub(super) fn shorter(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}
