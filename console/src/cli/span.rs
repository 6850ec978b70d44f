//! Lengths of time as one types them: 500ms, 10s, 2m, 1h; a bare number is seconds.

use std::time::Duration;

/// The longest time one can ask for: a day more would be a mistake, not a wish.
const MAX: Duration = Duration::from_secs(30 * 24 * 3_600);

/// As far as history goes back.
const YEAR: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Reads a length of time.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    up_to(text, MAX).ok_or_else(|| "it must be more than 0 and at most 30d".to_owned())?
}

/// Reads how far back to look.
pub(super) fn parse_back(text: &str) -> Result<Duration, String> {
    up_to(text, YEAR).ok_or_else(|| "it must be more than 0 and at most 366d".to_owned())?
}

/// `None`: it is not within the limit.
fn up_to(text: &str, most: Duration) -> Option<Result<Duration, String>> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        other => return Some(Err(format!("{other:?} is no unit of time; there are ms, s, m, h, d"))),
    };
    let Ok(number) = number.parse::<f64>() else {
        return Some(Err("give a number and a unit: 500ms, 10s, 2m".to_owned()));
    };
    let span = Duration::try_from_secs_f64(number * unit).ok();
    span.filter(|span| !span.is_zero() && *span <= most).map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_a_limit() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("10"), Ok(Duration::from_secs(10)));
        assert_eq!(parse("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_back("365d"), Ok(Duration::from_secs(365 * 86_400)));
        assert!(parse_back("1000d").is_err());
        for wrong in ["", "s", "0", "0s", "-1s", "1w", "31d", "1..2s", "9e9s", "NaN", "inf"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
