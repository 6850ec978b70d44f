//! A sparkline: one cell a value, zero at the bottom.

pub(super) const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
pub(super) const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '*', '#'];

/// The values against their greatest.
#[must_use]
pub fn spark(values: &[Option<f64>], ascii: bool) -> String {
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let signs = if ascii { ASCII } else { BLOCKS };
    let sign = |value: f64| {
        let level = if top > 0.0 { (value / top * 7.0).round() } else { 0.0 };
        signs.get(level.clamp(0.0, 7.0) as usize).copied().unwrap_or(' ')
    };
    values.iter().map(|value| value.map_or(' ', sign)).collect()
}

/// The values between eight tenths of their greatest and it: what hardly moves, seen closely.
#[must_use]
pub fn near_top(values: &[Option<f64>], ascii: bool) -> String {
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let signs = if ascii { ASCII } else { BLOCKS };
    let sign = |value: f64| {
        let level = if top > 0.0 { ((value / top - 0.8) / 0.2 * 7.0).round() } else { 0.0 };
        signs.get(level.clamp(0.0, 7.0) as usize).copied().unwrap_or(' ')
    };
    values.iter().map(|value| value.map_or(' ', sign)).collect()
}

#[cfg(test)]
mod tests {
    use super::{near_top, spark};

    #[test]
    fn what_hardly_moves_is_seen_closely() {
        assert_eq!(near_top(&[Some(100.0), Some(90.0), Some(80.0), Some(1.0), None], false), "█▄▁▁ ");
    }

    #[test]
    fn zero_is_the_lowest_sign_and_nothing_is_a_blank() {
        assert_eq!(spark(&[Some(0.0), None, Some(4.0), Some(8.0)], false), "▁ ▅█");
        assert_eq!(spark(&[Some(0.0), None, Some(4.0), Some(8.0)], true), ". +#");
        assert_eq!(spark(&[Some(0.0), Some(0.0)], false), "▁▁");
    }
}
