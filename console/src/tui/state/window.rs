//! How far back the charts go, and where they end.

/// The windows to choose from, in seconds. The daemon keeps seconds for ten minutes, ten seconds
/// for two hours, minutes for two days and hours for a year.
const SECONDS: [i64; 12] =
    [60, 120, 300, 600, 3_600, 7_200, 21_600, 86_400, 172_800, 604_800, 2_592_000, 31_536_000];

/// The longest time that charts can be moved into the past: what the daemon keeps.
const FARTHEST: i64 = 31_536_000;

/// One of the windows, and how far it is moved into the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    at: usize,
    back: i64,
}

impl Default for Window {
    fn default() -> Self {
        Self::of(600)
    }
}

impl Window {
    /// The shortest that has so many seconds.
    #[must_use]
    pub fn of(seconds: i64) -> Self {
        let at = SECONDS.iter().position(|have| *have >= seconds).unwrap_or(SECONDS.len() - 1);
        Self { at, back: 0 }
    }

    /// Its length.
    #[must_use]
    pub fn seconds(self) -> i64 {
        SECONDS.get(self.at).copied().unwrap_or(600)
    }

    /// Seconds from its end to now; 0: it moves with time.
    #[must_use]
    pub fn back(self) -> i64 {
        self.back
    }

    /// Its seconds are those that the subscription brings.
    #[must_use]
    pub fn is_recent(self) -> bool {
        self.back == 0 && self.seconds() <= super::history::SECONDS_KEPT
    }

    pub(super) fn longer(self) -> Self {
        Self { at: (self.at + 1).min(SECONDS.len() - 1), ..self }
    }

    pub(super) fn shorter(self) -> Self {
        Self { at: self.at.saturating_sub(1), ..self }
    }

    /// A quarter of its length into the past, or back towards now.
    pub(super) fn moved(self, into_past: bool) -> Self {
        let step = if into_past { self.seconds() / 4 } else { -self.seconds() / 4 };
        Self { back: (self.back + step).clamp(0, FARTHEST - self.seconds().min(FARTHEST)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_grow_and_shrink_within_what_the_daemon_keeps() {
        assert_eq!(Window::default().seconds(), 600);
        assert_eq!((0..20).fold(Window::default(), |window, _| window.longer()).seconds(), 31_536_000);
        assert_eq!((0..20).fold(Window::default(), |window, _| window.shorter()).seconds(), 60);
        assert_eq!(Window::of(86_400).seconds(), 86_400);
    }

    #[test]
    fn a_window_moves_by_quarters_and_not_into_the_future() {
        let window = Window::of(3_600);
        assert!(!window.is_recent() && Window::default().is_recent());
        assert_eq!(window.moved(true).back(), 900);
        assert_eq!(window.moved(true).moved(false), window);
        assert_eq!(window.moved(false), window);
        assert!(!Window::default().moved(true).is_recent());
        let far = (0..100_000).fold(window, |window, _| window.moved(true));
        assert_eq!(far.back() + far.seconds(), FARTHEST);
    }
}
