//! Where a chart begins and ends: round numbers, and zero unless that would hide the movement.

/// Numbers that look round, between 1 and 10.
const ROUND: [f64; 12] = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0, 10.0];

/// The ends of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// At the bottom.
    pub low: f64,
    /// At the top; always above `low`.
    pub high: f64,
}

impl Scale {
    /// For values that may be zero: from 0 to a round number.
    #[must_use]
    pub fn from_zero(values: &[Option<f64>]) -> Self {
        Self { low: 0.0, high: round_up(greatest(values)) }
    }

    /// For rates and levels: as [`Scale::from_zero`], unless all stay within 30 % of the top.
    #[must_use]
    pub fn of_rate(values: &[Option<f64>]) -> Self {
        let whole = Self::from_zero(values);
        let top = greatest(values);
        let least = values.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        if !least.is_finite() || top <= 0.0 || least < top * 0.7 {
            return whole;
        }
        let step = 10_f64.powf(top.log10().floor() - 1.0);
        let margin = ((top - least) * 0.25).max(step / 2.0);
        let low = ((least - margin) / step).floor() * step;
        let high = ((top + margin) / step).ceil() * step;
        if low > 0.0 { Self { low, high } } else { whole }
    }

    /// The bottom is above zero, and the chart must say so.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.low > 0.0
    }

    /// The level of a value, from 0 to `levels` - 1.
    #[must_use]
    pub fn level(&self, value: f64, levels: u32) -> u32 {
        let top = f64::from(levels.saturating_sub(1));
        let ratio = (value - self.low) / (self.high - self.low);
        if ratio.is_finite() { (ratio * top).round().clamp(0.0, top) as u32 } else { 0 }
    }
}

fn greatest(values: &[Option<f64>]) -> f64 {
    values.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

/// The next round number; 1 for nothing at all.
fn round_up(value: f64) -> f64 {
    if value <= 1.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    ROUND.iter().map(|round| round * power).find(|round| *round >= value - 1e-9).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(of: &[f64]) -> Vec<Option<f64>> {
        of.iter().copied().map(Some).collect()
    }

    #[test]
    fn the_top_is_a_round_number() {
        for (value, top) in
            [(0.0, 1.0), (0.3, 1.0), (7.0, 7.5), (212.0, 250.0), (6_940.0, 7_500.0), (1e6, 1e6)]
        {
            assert_eq!(Scale::from_zero(&values(&[value])), Scale { low: 0.0, high: top }, "{value}");
        }
    }

    #[test]
    fn a_rate_that_hardly_moves_is_shown_from_near_its_least() {
        let scale = Scale::of_rate(&values(&[6_500.0, 7_100.0]));
        assert_eq!(scale, Scale { low: 6_300.0, high: 7_300.0 });
        assert!(scale.is_cut());
        assert!(!Scale::of_rate(&values(&[100.0, 7_100.0])).is_cut());
    }

    #[test]
    fn levels_stay_within_the_chart() {
        let scale = Scale { low: 10.0, high: 20.0 };
        let levels: Vec<u32> =
            [f64::NAN, 0.0, 15.0, 99.0].into_iter().map(|value| scale.level(value, 5)).collect();
        assert_eq!(levels, [0, 0, 2, 4]);
    }
}
