//! A table as a person works with it: columns, order, filter, and the selected row.
//!
//! Rows keep their places until someone asks for another order: new ones come last, and those
//! that are gone leave.

use std::collections::HashMap;

use crate::tui::table::{Rank, Table};

/// What a person made of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The row, by its id.
    selected: Option<String>,
    /// Number of the column that it is sorted by.
    by: usize,
    inverted: bool,
    filter: String,
    /// Numbers of columns that are not drawn.
    hidden: Vec<usize>,
    /// The rows as they stood when the order was asked for.
    places: Vec<String>,
    /// The daemon sorts and filters: rows stay as they came.
    remote: bool,
}

impl List {
    /// A table that is sorted by another column than the first until somebody chooses.
    #[must_use]
    pub fn sorted_by(column: usize) -> Self {
        Self { by: column, ..Self::default() }
    }

    /// A table that the daemon sorts and filters; at first it sorts by a column.
    #[must_use]
    pub fn remote(column: usize) -> Self {
        Self { by: column, remote: true, ..Self::default() }
    }

    /// The selected row.
    #[must_use]
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The column that it is sorted by, and whether the last comes first.
    #[must_use]
    pub fn order(&self) -> (usize, bool) {
        (self.by, self.inverted)
    }

    /// What rows must have.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether a column is drawn.
    #[must_use]
    pub fn shows(&self, column: usize) -> bool {
        !self.hidden.contains(&column)
    }

    /// The rows that fit the filter, in their places.
    #[must_use]
    pub fn rows<'a, R>(&self, table: &Table<R>, rows: impl IntoIterator<Item = &'a R>) -> Vec<&'a R> {
        let places: HashMap<&str, usize> =
            self.places.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        let mut found: Vec<(usize, &R)> = rows
            .into_iter()
            .filter(|row| self.fits(table, row))
            .map(|row| (places.get((table.id)(row).as_str()).copied().unwrap_or(usize::MAX), row))
            .collect();
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, row)| row).collect()
    }

    fn fits<R>(&self, table: &Table<R>, row: &R) -> bool {
        self.remote || self.filter.is_empty() || {
            let cells: Vec<(&str, String)> = table
                .columns
                .iter()
                .map(|column| (column.title, (column.text)(row).to_lowercase()))
                .collect();
            self.filter.to_lowercase().split_whitespace().all(|term| holds(term, &cells))
        }
    }

    /// Takes in new rows and forgets those that are gone; somebody is always selected.
    pub(super) fn keep<R>(&mut self, table: &Table<R>, rows: &[R]) {
        if self.remote {
            self.places = rows.iter().map(table.id).collect();
        } else if self.by == 0 || self.places.is_empty() {
            self.sort(table, rows);
        } else {
            let every = Self { filter: String::new(), ..self.clone() };
            self.places = every.rows(table, rows).into_iter().map(table.id).collect();
        }
        self.select_some(table, rows);
    }

    fn select_some<R>(&mut self, table: &Table<R>, rows: &[R]) {
        let shown = self.rows(table, rows);
        let there = |id: &String| shown.iter().any(|row| (table.id)(row) == *id);
        if !self.selected.as_ref().is_some_and(there) {
            self.selected = shown.first().map(|row| (table.id)(row));
        }
    }

    fn sort<R>(&mut self, table: &Table<R>, rows: &[R]) {
        let Some(column) = table.columns.get(self.by).filter(|_| !self.remote) else { return };
        let mut ranked: Vec<(Rank, String)> =
            rows.iter().map(|row| ((column.rank)(row), (table.id)(row))).collect();
        ranked.sort_by(|a, b| a.0.compare(&b.0));
        if self.inverted {
            ranked.reverse();
        }
        self.places = ranked.into_iter().map(|(_, id)| id).collect();
    }

    /// Selects the row to which `to` leads from the selected one; both count from 0.
    pub(super) fn step<R>(&mut self, table: &Table<R>, rows: &[R], to: impl Fn(usize, usize) -> usize) {
        let shown = self.rows(table, rows);
        let Some(last) = shown.len().checked_sub(1) else { return };
        let at = shown.iter().position(|row| Some((table.id)(row)) == self.selected).unwrap_or(0);
        self.selected = shown.get(to(at, last).min(last)).map(|row| (table.id)(row));
    }

    /// Selects the next row that fits a text, or the one before; after the last comes the first.
    pub(super) fn find<R>(&mut self, table: &Table<R>, rows: &[R], text: &str, forward: bool) {
        let shown = self.rows(table, rows);
        let wanted = Self { filter: text.to_owned(), ..Self::default() };
        let at = shown.iter().position(|row| Some((table.id)(row)) == self.selected).unwrap_or(0);
        let (before, from) = shown.split_at(at);
        let mut others: Vec<&R> = from.iter().skip(1).chain(before).copied().collect();
        if !forward {
            others.reverse();
        }
        if let Some(row) = others.into_iter().find(|row| wanted.fits(table, row)) {
            self.selected = Some((table.id)(row));
        }
    }

    /// Sorts by the next column to the right or left that is drawn.
    pub(super) fn sort_beside<R>(&mut self, table: &Table<R>, rows: &[R], right: bool) {
        let drawn: Vec<usize> = (0..table.columns.len()).filter(|column| self.shows(*column)).collect();
        let at = drawn.iter().position(|column| *column == self.by).unwrap_or(0);
        let next = if right { (at + 1).min(drawn.len().saturating_sub(1)) } else { at.saturating_sub(1) };
        self.sort_by(table, rows, drawn.get(next).copied().unwrap_or(0));
    }

    /// Sorts by a column; by the same again: turned round.
    pub(super) fn sort_by<R>(&mut self, table: &Table<R>, rows: &[R], column: usize) {
        self.by = column.min(table.columns.len().saturating_sub(1));
        self.sort(table, rows);
    }

    pub(super) fn invert<R>(&mut self, table: &Table<R>, rows: &[R]) {
        self.inverted = !self.inverted;
        self.sort(table, rows);
    }

    pub(super) fn set_filter<R>(&mut self, table: &Table<R>, rows: &[R], filter: &str) {
        filter.trim().clone_into(&mut self.filter);
        self.select_some(table, rows);
    }

    /// Draws a column, or no longer; the first is always drawn.
    pub(super) fn toggle(&mut self, column: usize) {
        if let Some(at) = self.hidden.iter().position(|hidden| *hidden == column) {
            self.hidden.remove(at);
        } else if column > 0 {
            self.hidden.push(column);
        }
    }

    /// The rows that are shown, as CSV: their ids, then every column.
    pub(super) fn csv<R>(&self, table: &Table<R>, rows: &[R]) -> String {
        let titles = table.columns.iter().map(|column| column.title.to_owned());
        let head = std::iter::once("ID".to_owned()).chain(titles).collect();
        let cells = |row: &&R| {
            let texts = table.columns.iter().map(|column| (column.text)(row));
            std::iter::once((table.id)(row)).chain(texts).collect()
        };
        let lines: Vec<Vec<String>> =
            std::iter::once(head).chain(self.rows(table, rows).iter().map(cells)).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        // writing into memory does not fail
        lines.iter().for_each(|line| writer.write_record(line).unwrap_or_default());
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    pub(super) fn select(&mut self, id: &str) {
        self.selected = Some(id.to_owned());
    }
}

/// Whether a row has what a term asks for: `text`, `!not`, `~fuzzy`, `column:text`; in small letters.
fn holds(term: &str, cells: &[(&str, String)]) -> bool {
    if let Some(not) = term.strip_prefix('!').filter(|not| !not.is_empty()) {
        return !holds(not, cells);
    }
    if let Some(fuzzy) = term.strip_prefix('~') {
        return cells.iter().any(|(_, cell)| is_within(fuzzy, cell));
    }
    if let Some((title, text)) = term.split_once(':') {
        let mut named = cells.iter().filter(|(name, _)| name.to_lowercase().starts_with(title)).peekable();
        if !title.is_empty() && named.peek().is_some() {
            return named.any(|(_, cell)| cell.contains(text));
        }
    }
    cells.iter().any(|(_, cell)| cell.contains(term))
}

/// The letters of `some` stand in `all`, in their order.
fn is_within(some: &str, all: &str) -> bool {
    let mut letters = all.chars();
    some.chars().all(|wanted| letters.any(|letter| letter == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::table::Column;

    type Row = (&'static str, f64);

    const TABLE: Table<Row> = Table {
        id: |row| row.0.to_owned(),
        columns: &[
            Column {
                title: "NAME",
                cells: 5,
                to_right: false,
                text: |row| row.0.into(),
                rank: |row| Rank::Text(row.0.into()),
            },
            Column {
                title: "SIZE",
                cells: 5,
                to_right: true,
                text: |row| row.1.to_string(),
                rank: |row| Rank::Most(row.1),
            },
        ],
    };

    fn names(list: &List, rows: &[Row]) -> Vec<&'static str> {
        list.rows(&TABLE, rows).into_iter().map(|row| row.0).collect()
    }

    #[test]
    fn rows_keep_their_places_until_another_order_is_asked_for() {
        let mut rows = vec![("a", 1.0), ("b", 3.0), ("c", 2.0)];
        let mut list = List::default();
        list.keep(&TABLE, &rows);
        list.sort_beside(&TABLE, &rows, true);
        assert_eq!(names(&list, &rows), ["b", "c", "a"]);
        rows[0].1 = 9.0;
        rows.push(("d", 99.0));
        rows.remove(2);
        list.keep(&TABLE, &rows);
        assert_eq!(names(&list, &rows), ["b", "a", "d"]);
        list.invert(&TABLE, &rows);
        assert_eq!(names(&list, &rows), ["b", "a", "d"]);
        list.sort_by(&TABLE, &rows, 0);
        assert_eq!(names(&list, &rows), ["d", "b", "a"]);
    }

    #[test]
    fn a_row_that_is_gone_is_not_selected() {
        let rows = [("a", 1.0), ("b", 3.0)];
        let mut list = List::default();
        list.keep(&TABLE, &rows);
        list.step(&TABLE, &rows, |at, _| at + 1);
        assert_eq!(list.selected(), Some("b"));
        list.keep(&TABLE, &rows[..1]);
        assert_eq!(list.selected(), Some("a"));
        list.keep(&TABLE, &[]);
        assert_eq!(list.selected(), None);
    }

    #[test]
    fn filters_have_text_not_fuzzy_and_columns() {
        let rows = [("kubo 1", 1.0), ("kubo 2", 20.0), ("rust", 1.0)];
        let mut list = List::default();
        list.keep(&TABLE, &rows);
        for (filter, left) in [
            ("KUBO", vec!["kubo 1", "kubo 2"]),
            ("!kubo", vec!["rust"]),
            ("~kb2", vec!["kubo 2"]),
            ("size:20", vec!["kubo 2"]),
            ("kubo !2", vec!["kubo 1"]),
            ("a:b", vec![]),
            ("", vec!["kubo 1", "kubo 2", "rust"]),
        ] {
            list.set_filter(&TABLE, &rows, filter);
            assert_eq!(names(&list, &rows), left, "{filter}");
        }
    }

    #[test]
    fn rows_that_fit_are_found_around_the_end_and_others_stay() {
        let rows = [("kubo 1", 1.0), ("rust", 1.0), ("kubo 2", 20.0)];
        let mut list = List::default();
        list.keep(&TABLE, &rows);
        for (text, forward, found) in [
            ("kubo", true, "kubo 2"),
            ("kubo", true, "kubo 1"),
            ("kubo", false, "kubo 2"),
            ("nobody", true, "kubo 2"),
            ("rust", false, "rust"),
        ] {
            list.find(&TABLE, &rows, text, forward);
            assert_eq!(list.selected(), Some(found), "{text}");
        }
        assert_eq!(names(&list, &rows).len(), 3);
    }

    #[test]
    fn columns_come_and_go_but_for_the_first() {
        let mut list = List::default();
        list.toggle(0);
        list.toggle(1);
        assert!(list.shows(0) && !list.shows(1));
        list.toggle(1);
        assert!(list.shows(1));
    }
}
