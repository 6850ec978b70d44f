//! A single thing on its way out: lines for people, an object with its schema for scripts.

use std::io::Write as _;

use serde::Serialize;

use super::columns::Row;
use super::{Format, list};
use crate::error::{Error, Kind};
use crate::ui::Ui;

#[derive(Serialize)]
struct WithSchema<'a, T: Serialize> {
    schema: &'static str,
    #[serde(flatten)]
    thing: &'a T,
}

/// Prints an object that is no row of a list: `text` for people, JSON for everything else;
/// `name` for `-o name`.
///
/// # Errors
/// Usage for CSV, which has rows only; otherwise when the output cannot be written.
pub fn print<T: Serialize>(
    ui: &mut Ui<'_>,
    schema: &'static str,
    thing: &T,
    name: &str,
    text: &str,
) -> Result<(), Error> {
    match ui.format {
        Format::Json | Format::Ndjson => {
            let json = serde_json::to_string(&WithSchema { schema, thing })
                .map_err(|error| Error::new(Kind::Failed, format!("no JSON: {error}")))?;
            writeln!(ui.out, "{json}")?;
        }
        Format::Csv => {
            return Err(Error::new(Kind::Usage, "csv is for lists").hint("use -o json"));
        }
        Format::Name => writeln!(ui.out, "{name}")?,
        Format::Auto | Format::Table | Format::Wide => {
            ui.out.write_all(ui.look.fold(text.to_owned()).as_bytes())?;
        }
    }
    Ok(())
}

/// Prints a row on its own; CSV and names as in its list.
///
/// # Errors
/// When the output cannot be written.
pub fn print_row<R: Row>(ui: &mut Ui<'_>, row: &R, text: &str) -> Result<(), Error> {
    match ui.format {
        Format::Csv => list::print(ui, std::slice::from_ref(row)).map(drop),
        _ => print(ui, R::SCHEMA, row, row.name(), text),
    }
}
