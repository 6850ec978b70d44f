//! A bar with eighths: how much of a limit is used.

const EIGHTHS: [char; 8] = ['░', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// `ratio` of a bar of `width` cells; above 1 it is full.
#[must_use]
pub fn bar(ratio: f64, width: u16, ascii: bool) -> String {
    let ratio = if ratio.is_finite() { ratio.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (ratio * f64::from(width) * 8.0) as u32;
    (0..u32::from(width))
        .map(|cell| match (eighths.saturating_sub(cell * 8), ascii) {
            (8.., false) => '█',
            (8.., true) => '#',
            (_, true) => '.',
            (part, false) => EIGHTHS.get(part as usize).copied().unwrap_or('█'),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_filled_to_the_eighth() {
        assert_eq!(bar(0.755, 9, false), "██████▊░░");
        assert_eq!(bar(0.0, 3, false), "░░░");
        assert_eq!(bar(7.0, 3, false), "███");
        assert_eq!(bar(f64::NAN, 2, false), "░░");
        assert_eq!(bar(0.5, 4, true), "##..");
    }
}
