//! The figures as they are printed: medians with their spread, as markdown.

/// One row.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) unit: &'static str,
    /// One value a round.
    pub(super) values: Vec<f64>,
    /// The bound, in the same unit; `None` when the row is for information.
    pub(super) bound: Option<f64>,
    pub(super) note: String,
}

impl Row {
    /// A row without a note.
    pub(super) fn new(
        what: impl Into<String>,
        unit: &'static str,
        values: Vec<f64>,
        bound: Option<f64>,
    ) -> Self {
        Self { what: what.into(), unit, values, bound, note: String::new() }
    }

    pub(super) fn noted(mut self, note: String) -> Self {
        self.note = note;
        self
    }
}

/// The middle value; of an even number the mean of the middle two. NaN of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (n, middle) if n % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The table.
pub(super) fn markdown(rows: &[Row]) -> String {
    let mut out =
        String::from("| figure | median | min–max | bound | kept | notes |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let middle = median(&row.values);
        let low = row.values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = row.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (bound, kept) = match row.bound {
            Some(bound) => {
                (format!("≤ {bound} {}", row.unit), if middle <= bound { "yes" } else { "**no**" })
            }
            None => (String::new(), ""),
        };
        out.push_str(&format!(
            "| {} | {middle:.2} {} | {low:.2}–{high:.2} ({}) | {bound} | {kept} | {} |\n",
            row.what,
            row.unit,
            row.values.len(),
            row.note,
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_whether_a_bound_is_kept() {
        let rows = [
            Row::new("a", "×", vec![1.5, 1.0, 9.0], Some(1.6)),
            Row::new("b", "KiB", vec![101.0, 103.0], Some(100.0)),
            Row::new("c", "s", vec![], Some(5.0)),
        ];
        let text = markdown(&rows);
        assert!(text.contains("| a | 1.50 × | 1.00–9.00 (3) | ≤ 1.6 × | yes |"), "{text}");
        assert!(text.contains("| b | 102.00 KiB | 101.00–103.00 (2) | ≤ 100 KiB | **no** |"), "{text}");
        assert!(text.lines().last().expect("a row").contains("**no**"), "no value keeps no bound: {text}");
    }
}
