//! The end of validity: an RFC 3339 time with nanoseconds.
//!
//! Read here rather than by a time library because records do name the year 9999,
//! local offsets and more digits than nine, and Go takes all of those.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch and nanoseconds; ordered as time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Eol {
    secs: i64,
    nanos: u32,
}

impl Eol {
    /// `2123-04-12T13:43:57.238038Z` or with an offset such as `+02:00`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (date, rest) = text.split_at_checked(19)?;
        let [y3, y2, y1, y0, b'-', mo1, mo0, b'-', d1, d0, b'T', h1, h0, b':', m1, m0, b':', s1, s0] = *date
        else {
            return None;
        };
        let year = number(&[y3, y2, y1, y0], 0, 9999)?;
        let month = number(&[mo1, mo0], 1, 12)?;
        let day = number(&[d1, d0], 1, days_in(year, month))?;
        let (hour, minute) = (number(&[h1, h0], 0, 23)?, number(&[m1, m0], 0, 59)?);
        let second = number(&[s1, s0], 0, 59)?;
        let (nanos, rest) = fraction(rest)?;
        let offset = match *rest {
            [b'Z'] => 0,
            [sign @ (b'+' | b'-'), h1, h0, b':', m1, m0] => {
                let offset = number(&[h1, h0], 0, 23)? * 60 + number(&[m1, m0], 0, 59)?;
                if sign == b'+' { offset } else { -offset }
            }
            _ => return None,
        };
        let minutes = (days_before(year, month) + day - 1) * 1440 + hour * 60 + minute - offset;
        Some(Self { secs: minutes * 60 + second, nanos })
    }

    /// As the clock has it; `None` before 1970.
    pub(super) fn time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::new(u64::try_from(self.secs).ok()?, self.nanos))
    }

    pub(super) fn is_after(self, now: SystemTime) -> bool {
        let now = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => {
                Self { secs: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
            }
            Err(_) => Self { secs: i64::MIN, nanos: 0 },
        };
        self > now
    }
}

/// Nanoseconds of a fraction, further digits cut off, and what follows it.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else { return Some((0, text)) };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let nanos = (0..9).fold(0u32, |n, i| {
        let digit = rest.get(i).filter(|_| i < digits).map_or(0, |b| u32::from(b - b'0'));
        n * 10 + digit
    });
    Some((nanos, rest.get(digits..)?))
}

fn number(digits: &[u8], min: i64, max: i64) -> Option<i64> {
    let value = digits.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))?;
    (min..=max).contains(&value).then_some(value)
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of a month, years 0 to 9999.
fn days_before(year: i64, month: i64) -> i64 {
    let before = year - 1;
    let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let months: i64 = (1..month).map(|m| days_in(year, m)).sum();
    // 719,162 days lie between 0001-01-01 and 1970-01-01.
    before * 365 + leaps + months - 719_162
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn secs(text: &str) -> Option<i64> {
        Eol::parse(text.as_bytes()).map(|e| e.secs)
    }

    #[test]
    fn known_times_are_read() {
        assert_eq!(secs("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(secs("2000-02-29T12:00:00.5Z"), Some(951_825_600));
        assert_eq!(secs("2000-02-29T14:30:00+02:30"), Some(951_825_600));
        assert_eq!(secs("9999-12-31T23:59:59.999999999Z"), Some(253_402_300_799));
        assert_eq!(secs("0000-01-01T00:00:00Z"), Some(-62_167_219_200));
        let nanos = |text: &[u8]| Eol::parse(text).map(|e| e.nanos);
        assert_eq!(nanos(b"1970-01-01T00:00:00.000000001Z"), Some(1));
        assert_eq!(nanos(b"1970-01-01T00:00:00.2500000009999Z"), Some(250_000_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2000-02-29",
            "2001-02-29T00:00:00Z",
            "2000-13-01T00:00:00Z",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:00:60Z",
            "2000-01-01T00:00:00",
            "2000-01-01T00:00:00.Z",
            "2000-01-01 00:00:00Z",
            "2000-01-01t00:00:00z",
            "2000-01-01T00:00:00Z ",
            "20000-01-01T00:00:00Z",
            "2000-01-01T00:00:00+0200",
        ] {
            assert_eq!(secs(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_time_library_writes_is_read_as_it_was_meant(secs in -62_000_000_000i64..250_000_000_000, nanos in 0..1_000_000_000i32) {
            let time = jiff::Timestamp::new(secs, if secs < 0 { 0 } else { nanos }).expect("in range");
            let read = Eol::parse(time.to_string().as_bytes()).expect("is read");
            prop_assert_eq!((read.secs, i64::from(read.nanos)), (time.as_second(), i64::from(time.subsec_nanosecond())));
            let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            prop_assert_eq!(read.is_after(now), SystemTime::from(time) > now);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _read = Eol::parse(&bytes);
        }
    }
}
