//! How far a long command is, on one line of a terminal and nowhere else.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Tells it at most twice a second.
pub(super) struct Progress {
    verb: String,
    unit: &'static str,
    began: Instant,
    told: Option<Instant>,
    terminal: bool,
}

impl Progress {
    const PAUSE: Duration = Duration::from_millis(500);

    pub(super) fn begin(verb: &str, unit: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { verb: verb.to_owned(), unit, began: Instant::now(), told: None, terminal }
    }

    pub(super) fn tell(&mut self, done: u64, of: u64) {
        if self.terminal && self.told.is_none_or(|told| told.elapsed() >= Self::PAUSE) {
            self.told = Some(Instant::now());
            let text = far(done, of, self.unit, self.began.elapsed());
            // a terminal that is gone is no reason to stop
            write!(std::io::stderr(), "\r\x1b[K{}: {text}", self.verb).ok();
        }
    }

    pub(super) fn end(self) {
        if self.told.is_some() {
            write!(std::io::stderr(), "\r\x1b[K").ok();
        }
    }
}

/// "44.1 of 561.3 M records, 12 min 40 s left"; of bytes "1.2 of 5.6 GB, 9 s left".
fn far(done: u64, of: u64, unit: &str, took: Duration) -> String {
    let (scale, prefix) = match of {
        ..1_000 => (1.0, ""),
        1_000..1_000_000 => (1e3, "k"),
        1_000_000..1_000_000_000 => (1e6, "M"),
        _ => (1e9, "G"),
    };
    let scaled = |number: u64| match prefix {
        "" => number.to_string(),
        _ => format!("{:.1}", number as f64 / scale),
    };
    let unit = if unit == "bytes" { format!("{prefix}B") } else { format!("{prefix} {unit}") };
    let text = format!("{} of {} {}", scaled(done), scaled(of), unit.trim_start());
    let left = took.as_secs_f64() * of.saturating_sub(done) as f64 / done as f64;
    if !left.is_finite() {
        return text;
    }
    let seconds = left.ceil() as u64;
    match seconds {
        ..60 => format!("{text}, {seconds} s left"),
        60..3_600 => format!("{text}, {} min {} s left", seconds / 60, seconds % 60),
        _ => format!("{text}, {} h {} min left", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_has_one_unit_and_a_time_once_there_is_a_rate() {
        let took = Duration::from_millis(64_800);
        assert_eq!(
            far(44_100_000, 561_312_408, "records", took),
            "44.1 of 561.3 M records, 12 min 40 s left"
        );
        assert_eq!(far(1_200_000_000, 5_600_000_000, "bytes", took), "1.2 of 5.6 GB, 3 min 58 s left");
        assert_eq!(far(0, 500, "records", took), "0 of 500 records");
        assert_eq!(far(500, 500, "bytes", took), "500 of 500 B, 0 s left");
        assert_eq!(far(1, 1_000, "records", took), "0.0 of 1.0 k records, 17 h 58 min left");
    }
}
