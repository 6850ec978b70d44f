//! The one table: cells in, aligned lines out.
//!
//! Widths are fixed from the first rows, so that a list of millions is printed as it comes and
//! costs the memory of its first rows. A later, wider cell pushes its own line, nothing is cut.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use super::look::{Look, Tone};

/// Rows that are looked at before the widths are fixed.
pub const FIRST_ROWS: usize = 1_000;

/// Room between two columns.
const GAP: &str = "  ";

/// What stands for what is not known.
const UNKNOWN: &str = "—";

/// What stands at one place of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell in the colour of its meaning.
    #[must_use]
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it says that nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.text == UNKNOWN && self.tone == Tone::Off
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// Not known is a dash, and dim.
impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or_else(|| Self::toned(Tone::Off, UNKNOWN), Self::from)
    }
}

/// A column's title and side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Title {
    /// As printed.
    pub text: &'static str,
    /// Numbers stand on the right.
    pub right: bool,
}

/// A table under way.
#[derive(Debug)]
pub struct Table {
    titles: Vec<Title>,
    headers: bool,
    look: Look,
    widths: Option<Vec<usize>>,
    waiting: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns; `headers` says whether their titles are printed.
    #[must_use]
    pub fn new(titles: Vec<Title>, headers: bool, look: Look) -> Self {
        Self { titles, headers, look, widths: None, waiting: Vec::new() }
    }

    /// Adds a row; prints once enough rows are known.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn push(&mut self, out: &mut dyn Write, row: Vec<Cell>) -> io::Result<()> {
        let row = row
            .into_iter()
            .map(|cell| Cell { text: self.look.fold(cell.text), tone: cell.tone })
            .collect::<Vec<_>>();
        match &self.widths {
            Some(widths) => line(out, &self.titles, widths, &row, &self.look),
            None => {
                self.waiting.push(row);
                if self.waiting.len() >= FIRST_ROWS { self.fix(out) } else { Ok(()) }
            }
        }
    }

    /// Prints what waits for more rows, at the widths of those that there are.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.finish(out)
    }

    /// Prints what still waits. A table without rows prints nothing, not even titles.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.fix(out) }
    }

    fn fix(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let widest = |at: usize, title: &Title| {
            let title = if self.headers { title.text.width() } else { 0 };
            let cells = self.waiting.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.width());
            cells.fold(title, usize::max)
        };
        let widths: Vec<usize> =
            self.titles.iter().enumerate().map(|(at, title)| widest(at, title)).collect();
        if self.headers {
            let titles: Vec<Cell> =
                self.titles.iter().map(|title| Cell::toned(Tone::Title, title.text)).collect();
            line(out, &self.titles, &widths, &titles, &self.look)?;
        }
        for row in std::mem::take(&mut self.waiting) {
            line(out, &self.titles, &widths, &row, &self.look)?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

/// One line, without spaces at its end.
fn line(
    out: &mut dyn Write,
    titles: &[Title],
    widths: &[usize],
    row: &[Cell],
    look: &Look,
) -> io::Result<()> {
    let last = row.len().saturating_sub(1);
    let mut text = String::new();
    for (at, ((cell, title), width)) in row.iter().zip(titles).zip(widths).enumerate() {
        let room = " ".repeat(width.saturating_sub(cell.text.width()));
        let painted = look.paint(cell.tone, &cell.text);
        match (title.right, at == last) {
            (true, _) => text += &(room + &painted),
            (false, false) => text += &(painted + &room),
            (false, true) => text += &painted,
        }
        if at != last {
            text += GAP;
        }
    }
    text.push('\n');
    out.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(rows: &[[&str; 3]], headers: bool, look: Look) -> String {
        let titles = vec![
            Title { text: "NAME", right: false },
            Title { text: "CONNS", right: true },
            Title { text: "WHY", right: false },
        ];
        let mut table = Table::new(titles, headers, look);
        let mut out = Vec::new();
        for row in rows {
            table.push(&mut out, row.iter().map(|&cell| Cell::from(cell)).collect()).expect("into memory");
        }
        table.finish(&mut out).expect("into memory");
        String::from_utf8(out).expect("utf-8")
    }

    fn look() -> Look {
        Look { terminal: true, colour: false, utf8: true, now: crate::fixture::now() }
    }

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let rows = [["head-0", "498", "—"], ["日本", "2,412", "b"]];
        assert_eq!(print(&rows, true, look()), "NAME    CONNS  WHY\nhead-0    498  —\n日本    2,412  b\n");
        assert_eq!(print(&rows, false, look()), "head-0    498  —\n日本    2,412  b\n");
        assert_eq!(print(&[], true, look()), "");
    }

    #[test]
    fn symbols_are_folded_before_they_are_measured() {
        let ascii = Look { utf8: false, ..look() };
        assert_eq!(print(&[["12D3…abc", "1", "·"]], false, ascii), "12D3..abc  1  |\n");
    }

    #[test]
    fn widths_are_fixed_after_the_first_rows_and_nothing_is_cut() {
        let mut rows = vec![["a", "1", "x"]; FIRST_ROWS];
        rows.push(["a longer name", "22", "x"]);
        let text = print(&rows, false, look());
        assert!(text.starts_with("a  1  x\n"));
        assert!(text.ends_with("a longer name  22  x\n"));
    }
}
