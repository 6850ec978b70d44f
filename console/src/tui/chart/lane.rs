//! A lane: one cell a value, scaled for itself, in which nothing at all is told from little.

use super::spark::{ASCII, BLOCKS};

/// The values against their greatest; zero is a dot, what was not measured a blank.
#[must_use]
pub fn lane(values: &[Option<f64>], ascii: bool) -> String {
    let top = values.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let (zero, signs) = if ascii { ('|', ASCII) } else { ('·', BLOCKS) };
    let sign = |value: f64| {
        if value <= 0.0 || !value.is_finite() || top <= 0.0 {
            return zero;
        }
        let level = (value / top * 8.0).round().clamp(1.0, 8.0) as usize;
        signs.get(level - 1).copied().unwrap_or(zero)
    };
    values.iter().map(|value| value.map_or(' ', sign)).collect()
}

#[cfg(test)]
mod tests {
    use super::lane;

    #[test]
    fn zero_little_and_not_measured_are_three_signs() {
        let values = [Some(0.0), None, Some(0.01), Some(4.0), Some(8.0)];
        assert_eq!(lane(&values, false), "· ▁▄█");
        assert_eq!(lane(&values, true), "| .=#");
        assert_eq!(lane(&[Some(0.0), Some(f64::NAN)], false), "··");
    }
}
