//! Scales: from values and times to places, with round ticks.

use jiff::Timestamp;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// 1,547 or 561 M.
    Number,
    /// From seconds: 0.6 ms, 24 ms, 1.2 s.
    Time,
    /// 2.8 %.
    Share,
}

impl Unit {
    pub(super) fn text(self, value: f64) -> String {
        let short = |value: f64| {
            let text = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
            match text.split_once('.') {
                Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                None => text,
            }
        };
        match self {
            Self::Number if value.abs() >= 1e9 => format!("{} G", short(value / 1e9)),
            Self::Number if value.abs() >= 1e6 => format!("{} M", short(value / 1e6)),
            Self::Number if value.abs() >= 1e4 => format!("{} k", short(value / 1e3)),
            Self::Number => short(value),
            Self::Time if value >= 1.0 => format!("{} s", short(value)),
            Self::Time if value >= 1e-3 => format!("{} ms", short(value * 1e3)),
            Self::Time => format!("{} µs", short(value * 1e6)),
            Self::Share => format!("{} %", short(value * 100.0)),
        }
    }
}

/// A scale of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) unit: Unit,
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    /// From zero to a round number above all values.
    pub(super) fn from_zero(label: &str, unit: Unit, most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = round_up(most / 4.0);
        let high = (most / step).ceil() * step;
        Self { label: label.to_owned(), unit, low: 0.0, high, log: false }
    }

    /// As far below zero as above it.
    pub(super) fn mirrored(label: &str, unit: Unit, most: f64) -> Self {
        let axis = Self::from_zero(label, unit, most);
        Self { low: -axis.high, ..axis }
    }

    /// From zero to all there can be.
    pub(super) fn whole_share(label: &str) -> Self {
        Self { label: label.to_owned(), unit: Unit::Share, low: 0.0, high: 1.0, log: false }
    }

    /// Powers of ten around the values; what is not above zero stands on the lowest.
    pub(super) fn log(label: &str, unit: Unit, least: f64, most: f64) -> Self {
        let sound = |value: f64| value.is_finite() && value > 0.0;
        let most = if sound(most) { most } else { 1.0 };
        let high = 10_f64.powf(most.log10().ceil());
        let floor = high / 1e6;
        let least = if sound(least) { least.max(floor) } else { high / 10.0 };
        let low = 10_f64.powf(least.log10().floor()).min(high / 10.0);
        Self { label: label.to_owned(), unit, low, high, log: true }
    }

    /// Where a value stands, from 0 below to 1 above.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.log {
            (value.max(self.low).log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    /// Round values with their texts, the lowest first.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks = Vec::new();
        if self.log {
            let decades = (self.high.log10() - self.low.log10()).round() as i32;
            for decade in 0..=decades {
                ticks.push(self.low * 10_f64.powi(decade));
            }
        } else {
            let step = round_up((self.high - self.low) / 5.0);
            let steps = ((self.high - self.low) / step + 1e-9).floor() as u32;
            ticks.extend((0..=steps).map(|at| self.low + f64::from(at) * step));
        }
        ticks.into_iter().map(|value| (value, self.unit.text(value))).collect()
    }
}

/// The next of 1, 2, 2.5 and 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= value * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// Round times between two Unix seconds, at most so many, with their texts.
pub(super) fn times(begins: i64, ends: i64, most: i64) -> Vec<(i64, String)> {
    const STEPS: [i64; 21] = [
        1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
        604_800, 1_209_600, 2_592_000, 5_184_000, 15_552_000,
    ];
    let length = (ends - begins).max(1);
    let step = STEPS.into_iter().find(|step| length / step < most).unwrap_or(31_104_000);
    let text = |second: i64| {
        let Ok(at) = Timestamp::from_second(second) else { return String::new() };
        let format = match step {
            86_400.. => "%m-%d",
            60.. if second.rem_euclid(86_400) == 0 => "%m-%d",
            60.. => "%H:%M",
            _ => "%H:%M:%S",
        };
        at.strftime(format).to_string()
    };
    let first = begins.div_euclid(step) + i64::from(begins.rem_euclid(step) > 0);
    (first..=ends.div_euclid(step)).map(|at| (at * step, text(at * step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        for most in [0.0003, 0.7, 1.0, 7.3, 42.0, 999.0, 1001.0, 5.6e8, f64::NAN, 0.0] {
            let axis = Axis::from_zero("", Unit::Number, most);
            assert!(
                axis.place(most.max(0.0)) <= 1.0 && (3..=7).contains(&axis.ticks().len()),
                "{most} {axis:?}"
            );
        }
        let axis = Axis::log("", Unit::Time, 0.0006, 1.4);
        let texts: Vec<String> = axis.ticks().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        assert_eq!((axis.place(0.0), axis.place(100.0)), (0.0, 1.0));
        assert!(Axis::log("", Unit::Number, f64::NAN, f64::INFINITY).ticks().len() >= 2);
    }

    #[test]
    fn times_are_round_and_few() {
        let day = times(1_795_057_960, 1_795_144_360, 10);
        assert!(day.len() <= 10 && day.iter().all(|(at, _)| at % 10_800 == 0), "{day:?}");
        assert!(day.iter().any(|(_, text)| text == "11-20"), "{day:?}");
        assert!(times(0, 366 * 86_400, 10).len() <= 10);
        assert!(!times(0, 0, 10).is_empty());
    }

    #[test]
    fn values_are_short() {
        let texts = [1547.0, 561.3e6, 2.5, 0.0, 12_000.0].map(|value| Unit::Number.text(value));
        assert_eq!(texts, ["1547", "561 M", "2.5", "0", "12 k"]);
        assert_eq!(
            (Unit::Time.text(0.024), Unit::Share.text(0.028)),
            ("24 ms".to_owned(), "2.8 %".to_owned())
        );
    }
}
