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

#[cfg(test)]
mod tests {
    use super::spark;

    #[test]
    fn zero_is_the_lowest_sign_and_nothing_is_a_blank() {
        assert_eq!(spark(&[Some(0.0), None, Some(4.0), Some(8.0)], false), "▁ ▅█");
        assert_eq!(spark(&[Some(0.0), None, Some(4.0), Some(8.0)], true), ". +#");
        assert_eq!(spark(&[Some(0.0), Some(0.0)], false), "▁▁");
    }
}
