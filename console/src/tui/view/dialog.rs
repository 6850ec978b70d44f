//! Dialogs: a box over the page. It says in numbers what will happen and how to confirm.

mod forms;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::no_daemon::frame;
use super::paint::{left, width, wrap};
use super::theme::{Meaning, Theme};
use crate::tui::input::keys;
use crate::tui::number::{count, rate};
use crate::tui::state::State;
use crate::tui::state::dialog::{Dialog, Loss, Menu};

/// The widest dialog, in cells.
const WIDEST: u16 = 76;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, dialog: &Dialog, state: &State, theme: &Theme) {
    let cells = area.width.saturating_sub(2).min(WIDEST);
    let inner = cells.saturating_sub(3);
    let mut lines = lines(dialog, state, inner, theme);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    if let Dialog::Help { scroll } = dialog {
        let last = lines.len().saturating_sub(usize::from(rows.saturating_sub(2)));
        lines.drain(..usize::from(*scroll).min(last));
    }
    let block = Rect {
        x: area.x + (area.width - cells) / 2,
        y: area.y + (area.height - rows) / 2,
        width: cells,
        height: rows,
    };
    frame(buffer, block, &lines, theme);
}

fn goes_with(name: &str, loss: Loss) -> String {
    format!("{name} serves {} requests/s over {} connections.", rate(loss.requests), count(loss.connections))
}

fn lines(dialog: &Dialog, state: &State, cells: u16, theme: &Theme) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |text: &str| lines.extend(wrap(text, cells));
    match dialog {
        Dialog::Export { table } => {
            say("Export to a file in the directory where top was started:");
            say("");
            say("s S  this screen as SVG, on light or dark ground");
            say("p P  this screen as PNG, on light or dark ground");
            if *table {
                say("c    the table as CSV, with whole ids");
            }
            say("");
            say("Charts of other sizes and times: hydractl chart. Esc leaves.");
        }
        Dialog::Pick { menu, at } => {
            say(match menu {
                Menu::Sort => "Sort by: Enter chooses, I turns the order round.",
                Menu::Columns => "Columns: Enter draws one, or no longer.",
            });
            say("");
            for (number, title) in state.column_titles().into_iter().enumerate() {
                let mark = if number == *at { theme.symbol(Meaning::Selected) } else { " " };
                let drawn = match menu {
                    Menu::Columns if !state.list().is_some_and(|list| list.shows(number)) => "[ ] ",
                    Menu::Columns => "[x] ",
                    Menu::Sort => "",
                };
                lines.push(format!("{mark} {drawn}{title}"));
            }
        }
        Dialog::Help { .. } => {
            let help = keys::help(state);
            let column = help.iter().map(|(keys, _)| width(keys)).max().unwrap_or(0);
            say("Keys that work now. Esc closes, j k scroll.");
            say("");
            for (keys, what) in help {
                lines.push(format!("{}  {what}", left(keys, column)));
            }
        }
        Dialog::HowMany { typed, error } => {
            let heads = state.shown().map_or(0, |hydra| hydra.status.heads);
            say(&format!("Add heads: there are {heads}. How many more?"));
            say("");
            say(&format!("> {typed}_"));
            say(error);
            say("Enter says what it would do, nothing is made yet. Esc leaves.");
        }
        Dialog::Weighing { count } => say(&format!("Asking hydrad what {count} more heads would do …")),
        Dialog::Offer { count, names, total, warnings } => {
            say(&format!("{count} more: {names}; {total} heads in all."));
            for warning in warnings.iter().take(8) {
                say(&format!("warning: {warning}"));
            }
            if warnings.is_empty() {
                say("No warnings.");
            }
            say("");
            say("y adds them, Esc leaves.");
        }
        Dialog::Start { name, port } => {
            say(&format!("Start {name}? It opens port {port} again, with the identity it had."));
            say("");
            say("y starts it, Esc leaves.");
        }
        Dialog::Stop { name, loss } => {
            say(&format!("Stop {name}? {}", goes_with(name, *loss)));
            say("They close; identity and port are kept.");
            say("");
            say("y stops it, Esc leaves.");
        }
        Dialog::Pause(pause) => return forms::pause(pause, cells),
        Dialog::Resume { waiting, reason } => return forms::resume(*waiting, reason, cells),
        Dialog::Clear(clear) => return forms::clear(clear, cells),
        Dialog::Plan(plan) => return forms::plan(plan, cells),
        Dialog::Remove { name, loss, typed, error } => {
            say(&goes_with(name, *loss));
            say(&format!(
                "Records stay in the belly. Its index stays reserved: `hydractl heads add --index` brings \
                 the same peer id back, `hydractl heads purge {name}` gives it up."
            ));
            say("");
            say(&format!("Type the head's name to remove it: {name}"));
            say(&format!("> {typed}_"));
            say(error);
            say("Enter confirms, Esc leaves.");
        }
    }
    lines
}
