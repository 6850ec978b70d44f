//! A list on its way out, a row at a time and in constant memory; only one that is sorted is held.

use std::io::Write as _;

use super::columns::{Column, Row, choose};
use super::select::{MOST_SORTED, Selection};
use super::table::{Table, Title};
use super::{Format, csv, text};
use crate::error::{Error, Kind};
use crate::ui::Ui;

/// Prints rows as they come.
pub struct List<R: Row> {
    shape: Shape<R>,
    selection: Selection<R>,
    /// Those that wait to be sorted.
    held: Vec<R>,
    /// Printed.
    rows: u64,
    /// Room for a row in words, used again for each.
    line: Vec<u8>,
}

enum Shape<R: Row> {
    Table(Table, Vec<&'static Column<R>>),
    Json,
    Ndjson,
    Csv(Vec<usize>),
    Name,
}

impl<R: Row> List<R> {
    /// Begins a list of everything in the format of `ui`.
    ///
    /// # Errors
    /// Usage, when a chosen column does not exist; otherwise when the output cannot be written.
    pub fn begin(ui: &mut Ui<'_>) -> Result<Self, Error> {
        Self::of(ui, Selection::all())
    }

    /// Begins a list of what is selected.
    ///
    /// # Errors
    /// As [`List::begin`].
    pub fn of(ui: &mut Ui<'_>, selection: Selection<R>) -> Result<Self, Error> {
        let format = match ui.format {
            Format::Auto if ui.quiet => Format::Name,
            format => format,
        };
        let shape = match format {
            format if format.is_text() => {
                let columns = choose::<R>(&ui.columns, format == Format::Wide, ui.look.terminal)?;
                let title = |column: &&'static Column<R>| Title {
                    text: if ui.look.terminal { column.title } else { column.exact_title },
                    right: column.right,
                };
                Shape::Table(Table::new(columns.iter().map(title).collect(), ui.headers, ui.look), columns)
            }
            Format::Ndjson => Shape::Ndjson,
            Format::Csv => {
                let names = csv::names::<R>()?;
                let chosen = pick(&names, &ui.columns)?;
                if ui.headers {
                    let titles: Vec<&String> = match chosen[..] {
                        [] => names.iter().collect(),
                        _ => chosen.iter().map(|&at| &names[at]).collect(),
                    };
                    csv::line(&mut ui.out, &titles)?;
                }
                Shape::Csv(chosen)
            }
            Format::Name => Shape::Name,
            _ => {
                write!(ui.out, "{{\"schema\":\"{}List\",\"items\":[", R::SCHEMA)?;
                Shape::Json
            }
        };
        Ok(Self { shape, selection, held: Vec::new(), rows: 0, line: Vec::new() })
    }

    /// Takes a row: prints it if it is selected, or holds it until all are known.
    ///
    /// # Errors
    /// When the output cannot be written, or when there are too many rows to sort.
    pub fn push(&mut self, ui: &mut Ui<'_>, row: &R) -> Result<(), Error> {
        if self.is_full() || !self.selection.fits(row, &ui.look) {
            return Ok(());
        }
        if !self.selection.sorts() {
            return self.print(ui, row);
        }
        if self.held.len() >= MOST_SORTED {
            let most = text::commas(MOST_SORTED as u64);
            return Err(Error::new(Kind::Failed, format!("more than {most} rows: too many to sort here"))
                .hint("choose fewer with --filter, or print them with -o ndjson and sort that"));
        }
        self.held.push(row.clone());
        Ok(())
    }

    /// Whether more rows would change nothing.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.selection.sorts() && self.rows >= self.selection.limit() as u64
    }

    fn print(&mut self, ui: &mut Ui<'_>, row: &R) -> Result<(), Error> {
        match &mut self.shape {
            Shape::Table(table, columns) => {
                let cells = columns.iter().map(|column| (column.cell)(row, &ui.look)).collect();
                table.push(&mut ui.out, cells)?;
            }
            Shape::Json => {
                self.line.clear();
                self.line.extend_from_slice(if self.rows == 0 { b"\n" } else { b",\n" });
                json_into(&mut self.line, row)?;
                ui.out.write_all(&self.line)?;
            }
            Shape::Ndjson => {
                self.line.clear();
                json_into(&mut self.line, row)?;
                self.line.push(b'\n');
                ui.out.write_all(&self.line)?;
            }
            Shape::Csv(chosen) => csv::record(&mut ui.out, row, chosen)?,
            Shape::Name => writeln!(ui.out, "{}", row.name())?,
        }
        self.rows += 1;
        Ok(())
    }

    /// Has the rows so far seen now: for rows that are waited for.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn flush(&mut self, ui: &mut Ui<'_>) -> Result<(), Error> {
        if let Shape::Table(table, _) = &mut self.shape {
            table.flush(&mut ui.out)?;
        }
        Ok(ui.out.flush()?)
    }

    /// Ends the list and says how many rows it had.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(self, ui: &mut Ui<'_>) -> Result<u64, Error> {
        self.finish_page(ui, "")
    }

    /// Ends a page of a list that goes on at a token, and says how many rows it had.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish_page(mut self, ui: &mut Ui<'_>, next: &str) -> Result<u64, Error> {
        let mut held = std::mem::take(&mut self.held);
        self.selection.sort(&mut held, &ui.look);
        for row in held.iter().take(self.selection.limit()) {
            self.print(ui, row)?;
        }
        match &mut self.shape {
            Shape::Table(table, _) => table.finish(&mut ui.out)?,
            Shape::Json => {
                let end = if self.rows == 0 { "" } else { "\n" };
                self.line.clear();
                json_into(&mut self.line, &next)?;
                writeln!(ui.out, "{end}],\"next_page_token\":{}}}", String::from_utf8_lossy(&self.line))?;
            }
            Shape::Ndjson | Shape::Csv(_) | Shape::Name => {}
        }
        Ok(self.rows)
    }
}

/// A list that is at hand as a whole.
///
/// # Errors
/// As [`List`].
pub fn print<R: Row>(ui: &mut Ui<'_>, rows: &[R]) -> Result<u64, Error> {
    print_selected(ui, rows, Selection::all())
}

/// As [`print()`], of what is selected.
///
/// # Errors
/// As [`List`].
pub fn print_selected<R: Row>(ui: &mut Ui<'_>, rows: &[R], selection: Selection<R>) -> Result<u64, Error> {
    let mut list = List::of(ui, selection)?;
    for row in rows {
        list.push(ui, row)?;
    }
    list.finish(ui)
}

fn json_into(line: &mut Vec<u8>, row: &impl serde::Serialize) -> Result<(), Error> {
    serde_json::to_writer(line, row).map_err(|error| Error::new(Kind::Failed, format!("no JSON: {error}")))
}

/// Positions of the chosen fields.
fn pick(names: &[String], chosen: &[String]) -> Result<Vec<usize>, Error> {
    let position = |wanted: &String| {
        names.iter().position(|name| name == wanted).ok_or_else(|| {
            Error::new(Kind::Usage, format!("no field {wanted}"))
                .hint(format!("there are {}", names.join(", ")))
        })
    };
    chosen.iter().map(position).collect()
}
