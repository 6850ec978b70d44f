//! The last row: the keys that work now, cut from the right save quit; for five seconds after an
//! action, what became of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{self, sign, width};
use super::theme::{Meaning, Theme};
use crate::tui::input::keys;
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::state::{Level, State};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    if let Some(prompt) = state.prompt() {
        typing(buffer, area, prompt, state, theme);
        return;
    }
    if let Some(toast) = state.toast() {
        let text = Span::raw(format!(" {}", paint::cut(&toast.text, area.width.saturating_sub(2))));
        paint::line(buffer, area, 0, Line::from(vec![sign(theme, toast.level), text]));
        return;
    }
    let labels = if state.dialog().is_some() { vec!["Esc close", "^c quit"] } else { keys::footer(state) };
    let gap = if area.width >= 100 { "  " } else { " " };
    paint::line(buffer, area, 0, fit(&labels, area.width, gap));
}

/// What is typed, and beside it what it can become, or why it did not do.
fn typing(buffer: &mut Buffer, area: Rect, prompt: &Prompt, state: &State, theme: &Theme) {
    let sign = match prompt.purpose {
        Purpose::Filter => "/",
        Purpose::Command => ":",
        Purpose::Search => "search: ",
        Purpose::Fetch => "fetch: ",
    };
    // the end of a long text is where one types
    let room = usize::from(area.width.saturating_sub(width(sign) + 1));
    let skip = prompt.typed.chars().count().saturating_sub(room);
    let typed: String = prompt.typed.chars().skip(skip).collect();
    let words = state.completions();
    let words = words.iter().map(|(word, more)| format!("{word} {more}").trim_end().to_owned());
    let beside =
        if prompt.error.is_empty() { words.collect::<Vec<_>>().join(" · ") } else { prompt.error.clone() };
    let meaning = if prompt.error.is_empty() { Meaning::Quiet } else { Meaning::Level(Level::Look) };
    let line = vec![Span::raw(format!("{sign}{typed}_  ")), paint::span(theme, meaning, beside)];
    paint::line(buffer, area, 0, Line::from(line));
}

/// As many labels as fit; the last, quit, stays.
fn fit(labels: &[&str], cells: u16, gap: &str) -> String {
    let Some((quit, others)) = labels.split_last() else { return String::new() };
    let mut text = String::new();
    for label in others {
        let longer = format!("{text}{label}{gap}");
        if width(&longer).saturating_add(width(quit)) > cells {
            break;
        }
        text = longer;
    }
    text + quit
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn what_does_not_fit_is_cut_from_the_right_save_quit() {
        let labels = ["?keys", "Enter open", "f freeze", "q quit"];
        assert_eq!(fit(&labels, 80, " "), "?keys Enter open f freeze q quit");
        assert_eq!(fit(&labels, 25, " "), "?keys Enter open q quit");
        assert_eq!(fit(&labels, 3, " "), "q quit");
    }
}
