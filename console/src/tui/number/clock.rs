//! Times: in UTC, as the daemon's log has them, or in the zone of whoever looks.

use std::sync::OnceLock;

use jiff::tz::TimeZone;
use jiff::{Timestamp as Moment, Zoned};
use prost_types::Timestamp;

/// The zone of all times; UTC unless a person asked for another before the first picture.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// From now on times are told in this machine's zone. Once: later calls change nothing.
pub fn tell_local_times() {
    ZONE.get_or_init(TimeZone::system);
}

fn chosen() -> TimeZone {
    ZONE.get().cloned().unwrap_or(TimeZone::UTC)
}

fn at(unix: i64, zone: TimeZone) -> Option<Zoned> {
    Moment::from_second(unix).ok().map(|at| at.to_zoned(zone))
}

fn told(unix: i64, zone: TimeZone, form: &str) -> String {
    at(unix, zone).map_or_else(|| "—".to_owned(), |at| at.strftime(form).to_string())
}

/// The name of the zone at a time: `UTC`, `CET`.
#[must_use]
pub fn zone(unix: i64) -> String {
    told(unix, chosen(), "%Z")
}

/// Time of day: `03:12:40`.
#[must_use]
pub fn clock(unix: i64) -> String {
    told(unix, chosen(), "%H:%M:%S")
}

/// Time of day without seconds: `03:12`.
#[must_use]
pub fn minute(unix: i64) -> String {
    told(unix, chosen(), "%H:%M")
}

/// Day and time of day: `19th 03:12`.
#[must_use]
pub fn day(unix: i64) -> String {
    day_in(unix, chosen())
}

fn day_in(unix: i64, zone: TimeZone) -> String {
    let Some(at) = at(unix, zone) else { return "—".to_owned() };
    let day = at.day();
    let suffix = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{suffix} {}", at.strftime("%H:%M"))
}

/// Date and time: `2026-11-20 03:12:40`; `—` for a time that is none.
#[must_use]
pub fn date(at: Option<&Timestamp>) -> String {
    at.map_or_else(|| "—".to_owned(), |at| told(at.seconds, chosen(), "%Y-%m-%d %H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    #[test]
    fn times_are_told_in_the_zone_that_was_chosen() {
        let vienna = TimeZone::fixed(Offset::constant(1));
        let now = crate::fixture::NOW;
        assert_eq!(told(now, TimeZone::UTC, "%H:%M:%S %Z"), "03:12:40 UTC");
        assert_eq!(told(now, vienna.clone(), "%H:%M:%S"), "04:12:40");
        assert_eq!(day_in(now - 4 * 3_600, vienna), "20th 00:12");
        assert_eq!(day_in(now - 4 * 3_600, TimeZone::UTC), "19th 23:12");
    }

    #[test]
    fn a_time_that_no_clock_shows_is_a_dash() {
        assert_eq!((clock(i64::MAX), day(i64::MIN), date(None)), ("—".into(), "—".into(), "—".into()));
    }
}
