//! Numbers and times for people: CONSOLE §2.

mod clock;

use std::time::Duration;

pub use clock::{clock, date, day, minute, tell_local_times, zone};

use crate::output::text::commas;

/// A count: all digits with commas below ten million, above `561.3 M`.
#[must_use]
pub fn count(value: u64) -> String {
    match value {
        0..10_000_000 => commas(value),
        10_000_000..1_000_000_000 => format!("{:.1} M", value as f64 / 1e6),
        1_000_000_000..1_000_000_000_000 => format!("{:.1} G", value as f64 / 1e9),
        _ => format!("{:.1} T", value as f64 / 1e12),
    }
}

/// A rate a second: whole from ten on; below, one digit more. 0 only when nothing was measured.
#[must_use]
pub fn rate(value: f64) -> String {
    if !value.is_finite() || value < 0.0 {
        return "—".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value < 0.05 {
        return "<0.1".to_owned();
    }
    if value < 9.95 {
        return format!("{value:.1}").trim_end_matches(".0").to_owned();
    }
    count(value.round() as u64)
}

/// A size or a rate in three digits and its unit's letter: `2.40 M`, `780 k`, `12`.
#[must_use]
pub fn si(value: f64) -> String {
    let (scaled, letter) = match value {
        1e9.. => (value / 1e9, " G"),
        1e6..1e9 => (value / 1e6, " M"),
        1e3..1e6 => (value / 1e3, " k"),
        0.0..1e3 => (value, ""),
        _ => return "—".to_owned(),
    };
    match scaled {
        100.0.. => format!("{scaled:.0}{letter}"),
        10.0..100.0 => format!("{scaled:.1}{letter}"),
        _ if letter.is_empty() => rate(value),
        _ => format!("{scaled:.2}{letter}"),
    }
}

/// A rate, or `—` when none was measured.
#[must_use]
pub fn rate_or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "—".to_owned(), rate)
}

/// The same in at most five cells: `6,940`, `12.3k`.
#[must_use]
pub fn tight_or_none(value: Option<f64>) -> String {
    match value {
        Some(value @ 9_999.5..1e6) => format!("{:.*}k", usize::from(value < 99_950.0), value / 1e3),
        Some(value @ 1e6..) if value.is_finite() => format!("{:.0}M", (value / 1e6).min(9_999.0)),
        value => rate_or_none(value),
    }
}

/// Megabytes in at most four cells: `0.50`, `12.3`.
#[must_use]
pub fn megabytes(bytes: Option<f64>) -> String {
    match bytes.map(|bytes| bytes / 1e6) {
        Some(value @ 0.0..9.995) => format!("{value:.2}"),
        Some(value @ 9.995..99.95) => format!("{value:.1}"),
        Some(value @ 99.95..1e4) => format!("{value:.0}"),
        _ => "—".to_owned(),
    }
}

/// `used` of `limit` bytes, in the unit of the limit: `("9.1", "20.0 GB")`.
#[must_use]
pub fn bytes_of(used: u64, limit: u64) -> (String, String) {
    let (unit, name) = unit(limit);
    (format!("{:.1}", used as f64 / unit), format!("{:.1} {name}", limit as f64 / unit))
}

/// Bytes: `47.7 GB`.
#[must_use]
pub fn bytes(value: u64) -> String {
    let (size, name) = unit(value);
    if name == "B" { format!("{value} B") } else { format!("{:.1} {name}", value as f64 / size) }
}

fn unit(value: u64) -> (f64, &'static str) {
    match value {
        0..1_000 => (1.0, "B"),
        1_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        1_000_000_000..1_000_000_000_000 => (1e9, "GB"),
        _ => (1e12, "TB"),
    }
}

/// A latency in milliseconds: `0.6 ms`, `24 ms`, `1,840 ms`.
#[must_use]
pub fn millis(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if !ms.is_finite() || ms < 0.0 {
        "—".to_owned()
    } else if ms >= 10.0 {
        format!("{} ms", count(ms.round() as u64))
    } else if ms >= 0.1 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.2} ms")
    }
}

/// A share: `31 %`.
#[must_use]
pub fn percent(ratio: f64) -> String {
    if ratio.is_finite() { format!("{:.0} %", ratio * 100.0) } else { "—".to_owned() }
}

/// How long: `38 s`, `35m`, `2h 5m`, `6d 4h`.
#[must_use]
pub fn span(seconds: f64) -> String {
    let seconds = if seconds.is_finite() && seconds > 0.0 { seconds as u64 } else { 0 };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A window: `10 min`, `1 min 46 s`, `46 s`.
#[must_use]
pub fn window(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (hours @ 60.., 0) if hours % 60 == 0 && hours <= 2 * 1_440 => format!("{} h", hours / 60),
        (days @ 1_440.., 0) if days % 1_440 == 0 => format!("{} days", days / 1_440),
        (0, rest) => format!("{rest} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, rest) => format!("{minutes} min {rest} s"),
    }
}

/// Whole seconds of a wait, never 0 while it lasts.
#[must_use]
pub fn seconds_left(left: Duration) -> u64 {
    left.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

/// 4 first, …, 7 last of a peer id: every Ed25519 id starts alike, the tail tells.
#[must_use]
pub fn short_id(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    if chars.len() <= 12 {
        return id.to_owned();
    }
    chars[..4].iter().chain(&['…']).chain(&chars[chars.len() - 7..]).collect()
}

/// 4 first, …, 10 last of a CID.
#[must_use]
pub fn short_cid(cid: &str) -> String {
    let chars: Vec<char> = cid.chars().collect();
    if chars.len() <= 15 {
        return cid.to_owned();
    }
    chars[..4].iter().chain(&['…']).chain(&chars[chars.len() - 10..]).collect()
}

/// The first four hex digits of a key.
#[must_use]
pub fn short_key(key: &[u8]) -> String {
    match key {
        [a, b, ..] => format!("{a:02x}{b:02x}"),
        _ => "—".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas_below_ten_million_and_a_unit_above() {
        let counts = [0, 999, 1_000, 9_999_999, 10_000_000, 561_312_408, 2_500_000_000].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "9,999,999", "10.0 M", "561.3 M", "2.5 G"]);
    }

    #[test]
    fn a_small_rate_is_not_called_zero() {
        assert_eq!([0.0, 0.01, 0.4, 3.0, 6_939.6].map(rate), ["0", "<0.1", "0.4", "3", "6,940"]);
        assert_eq!(rate(f64::NAN), "—");
    }

    #[test]
    fn sizes_have_three_digits_and_a_letter() {
        let sizes = [0.0, 12.0, 780e3, 2.4e6, 31.25e6, 4e12].map(si);
        assert_eq!(sizes, ["0", "12.0", "780 k", "2.40 M", "31.2 M", "4000 G"]);
        assert_eq!([f64::NAN, -1.0].map(si), ["—", "—"]);
    }

    #[test]
    fn what_stands_in_a_narrow_column_fits_it() {
        let tight = [Some(6_940.4), Some(12_345.0), Some(123_456.0), Some(4.2e6), None].map(tight_or_none);
        assert_eq!(tight, ["6,940", "12.3k", "123k", "4M", "—"]);
        assert_eq!(
            [Some(0.5e6), Some(12.34e6), Some(250e6), None].map(megabytes),
            ["0.50", "12.3", "250", "—"]
        );
    }

    #[test]
    fn times_and_latencies_read_as_on_the_pictures() {
        assert_eq!([38.0, 2_100.0, 7_500.0, 532_948.0].map(span), ["38 s", "35m", "2h 5m", "6d 4h"]);
        assert_eq!([0.000_02, 0.000_6, 0.024, 1.84].map(millis), ["0.02 ms", "0.6 ms", "24 ms", "1,840 ms"]);
        assert_eq!([600, 106, 46].map(window), ["10 min", "1 min 46 s", "46 s"]);
        assert_eq!(clock(1_795_144_360), "03:12:40");
    }

    #[test]
    fn ids_keep_their_tail() {
        assert_eq!(short_id("12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ"), "12D3…dybLUPZ");
        assert_eq!(short_id("ΛΛ"), "ΛΛ");
        let cid = "bafkreid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem";
        assert_eq!(short_cid(cid), "bafk…m3spmtkkem");
    }
}
