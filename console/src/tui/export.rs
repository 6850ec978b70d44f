//! Writes what a person exported, beside where `top` was started. Never over a file that is there.

use std::fs::File;
use std::io::{ErrorKind, Write as _};

use ratatui::buffer::Buffer;

use super::state::export::{Export, What};
use crate::picture::{Kind, Theme, screen};

/// Files of one second that are told apart by a number.
const MOST: u32 = 99;

/// Writes a file; answers its name, or why it is not there.
pub(super) fn write(export: Export, picture: &Buffer) -> Result<String, String> {
    let (ending, bytes) = match export.what {
        What::Csv(text) => ("csv", text.into_bytes()),
        What::Screen { png, dark } => {
            let theme = if dark { Theme::Dark } else { Theme::Light };
            let (ending, kind) = if png { ("png", Kind::Png(2)) } else { ("svg", Kind::Svg) };
            (ending, screen::draw(picture, theme, kind).map_err(|error| error.to_string())?)
        }
    };
    for number in 1..=MOST {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let name = format!("{}{number}.{ending}", export.name);
        match File::create_new(&name) {
            Ok(mut file) => {
                return file
                    .write_all(&bytes)
                    .map(|()| name.clone())
                    .map_err(|e| format!("write {name}: {e}"));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("create {name}: {error}; start top in a directory of yours")),
        }
    }
    Err(format!("{}-{MOST}.{ending} is there already; nothing was written", export.name))
}
