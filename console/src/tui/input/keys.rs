//! The table of keys. It drives dispatch, the footer and the list behind `?`: a key that is not
//! here does nothing, and a row whose condition does not hold does not exist.

mod when;

use std::sync::OnceLock;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui::state::{Action, State};

/// A key, or a letter typed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// A character, as typed.
    Char(char),
    /// A character typed twice.
    Twice(char),
    /// With Ctrl.
    Ctrl(char),
    /// Any other key.
    Code(KeyCode),
}

/// What the footer says of a key.
#[derive(Clone, Copy)]
pub enum Label {
    /// Nothing: the key is only behind `?`.
    None,
    /// This.
    Text(&'static str),
    /// What the state makes of it.
    Of(fn(&State) -> &'static str),
}

/// One row.
#[derive(Clone, Copy)]
pub struct Binding {
    /// The keys, most usual first.
    pub strokes: &'static [Stroke],
    /// The keys, as `?` writes them.
    pub keys: &'static str,
    /// What they do.
    pub action: Action,
    /// When the row exists.
    pub when: fn(&State) -> bool,
    /// Its words in the footer.
    pub label: Label,
    /// Its words behind `?`.
    pub help: &'static str,
}

use Stroke::{Char, Code, Ctrl, Twice};
use when::*;

/// All keys, in the order of the footer.
pub static TABLE: &[Binding] = &[
    row(
        &[Char('r')],
        "r",
        Action::Retry,
        |s| !s.reaches_daemon() || s.lacks_answers(),
        Label::Of(retry_label),
        "try to connect at once, or ask again for what was refused",
    ),
    row(&[Char('?')], "?", Action::Help, always, Label::Text("?keys"), "these keys"),
    row(
        &[Code(KeyCode::Esc), Code(KeyCode::Backspace)],
        "Esc",
        Action::Back,
        can_go_back,
        Label::Of(esc_label),
        "back",
    ),
    row(&[Char('1')], "1", Action::Tab(0), always, Label::None, "Overview"),
    row(&[Char('2')], "2", Action::Tab(1), always, Label::None, "Heads"),
    row(&[Char('3')], "3", Action::Tab(2), always, Label::None, "Peers"),
    row(&[Char('4')], "4", Action::Tab(3), always, Label::None, "Records"),
    row(&[Char('5')], "5", Action::Tab(4), always, Label::None, "Prefetch"),
    row(&[Char('6')], "6", Action::Tab(5), always, Label::None, "Network"),
    row(&[Char('7')], "7", Action::Tab(6), always, Label::None, "Log"),
    row(&[Code(KeyCode::Tab)], "Tab", Action::NextTab, always, Label::None, "next tab"),
    row(&[Code(KeyCode::BackTab)], "S-Tab", Action::PreviousTab, always, Label::None, "tab before"),
    row(&[Char('-')], "-", Action::LastPage, always, Label::None, "the page before this one"),
    row(
        &[Char('/')],
        "/",
        Action::Filter,
        can_filter,
        Label::Of(filter_label),
        "filter: text !not ~fuzzy column:text; on Records: search",
    ),
    row(
        &[Char('n')],
        "n",
        Action::FindNext,
        can_search,
        Label::None,
        "next row with the text of the last filter",
    ),
    row(&[Char('N')], "N", Action::FindPrevious, can_search, Label::None, "row before with that text"),
    row(
        &[Char('l'), Code(KeyCode::Right)],
        "l →",
        Action::PaneRight,
        on_records,
        Label::Text("h/l pane"),
        "the pane to the right",
    ),
    row(
        &[Char('h'), Code(KeyCode::Left)],
        "h ←",
        Action::PaneLeft,
        on_records,
        Label::None,
        "the pane to the left",
    ),
    row(
        &[Char('F')],
        "F",
        Action::Fetch,
        |s| control(s) && on_records(s),
        Label::Text("F fetch from network"),
        "look the typed key up in the network; stores nothing",
    ),
    row(
        &[Char('z')],
        "z",
        Action::Zoom,
        on_peers,
        Label::Of(zoom_label),
        "the keyspace around a head, or all of it",
    ),
    row(&[Char('L')], "L", Action::LogLevel, on_log, Label::Text("L level"), "worse lines only, or all"),
    row(&[Char('p')], "p", Action::LogPart, on_log, Label::Text("p part"), "lines of one part, or of all"),
    row(&[Char('w')], "w", Action::Wrap, on_log, Label::Text("w wrap"), "wrap long lines, or cut them"),
    row(&[Char(':')], ":", Action::Command, always, Label::Text(": command"), "type a command"),
    row(
        &[Code(KeyCode::Enter)],
        "Enter",
        Action::Open,
        on_row,
        Label::Of(open_what),
        "open the selected row",
    ),
    row(&[Code(KeyCode::Up), Char('k')], "↑ k", Action::Up, always, Label::None, "up"),
    row(&[Code(KeyCode::Down), Char('j')], "↓ j", Action::Down, always, Label::None, "down"),
    row(&[Twice('g'), Code(KeyCode::Home)], "gg Home", Action::First, always, Label::None, "first row"),
    row(&[Char('G')], "G", Action::Last, always, Label::None, "last row"),
    row(&[Code(KeyCode::End)], "End", Action::End, always, Label::Of(end_label), "last row; on Log: follow"),
    row(&[Code(KeyCode::PageUp), Ctrl('u')], "PgUp ^u", Action::PageUp, always, Label::None, "ten rows up"),
    row(
        &[Code(KeyCode::PageDown), Ctrl('d')],
        "PgDn ^d",
        Action::PageDown,
        always,
        Label::None,
        "ten rows down",
    ),
    row(
        &[Char('P')],
        "P",
        Action::Pause,
        control_prefetch,
        Label::Of(pause_or_resume),
        "pause prefetching (asks why and how long), or have it go on",
    ),
    row(
        &[Char('X')],
        "X",
        Action::Clear,
        control_prefetch,
        Label::Text("X clear"),
        "forget the keys that wait: asks for the word clear",
    ),
    row(
        &[Char('p')],
        "p",
        Action::Plan,
        on_network,
        Label::Text("p plan: coverage for N heads"),
        "what a coverage takes: asks for a share of all keys",
    ),
    row(
        &[Char('a')],
        "a",
        Action::AddHeads,
        control,
        Label::Of(add_on_heads),
        "add heads: asks how many, says what it would do",
    ),
    row(
        &[Char('D')],
        "D",
        Action::Remove,
        control_head,
        Label::Of(only_in_page_remove),
        "remove the head: asks for its name",
    ),
    row(
        &[Char('S')],
        "S",
        Action::StopStart,
        control_head,
        Label::Of(stop_or_start),
        "stop or start the head: asks y",
    ),
    row(
        &[Char('f'), Char(' ')],
        "f Space",
        Action::Freeze,
        has_data,
        Label::Of(freeze_or_live),
        "freeze the picture, or go on",
    ),
    row(
        &[Char('+'), Char('=')],
        "+",
        Action::Longer,
        on_charts,
        Label::Text("+/_ window"),
        "charts over a longer window",
    ),
    row(&[Char('_')], "_", Action::Shorter, on_charts, Label::None, "charts over a shorter window"),
    row(&[Char('[')], "[", Action::Earlier, on_charts, Label::Text("[ ] pan"), "charts move into the past"),
    row(&[Char(']')], "]", Action::Later, on_charts, Label::None, "charts move towards now"),
    row(
        &[Char('e')],
        "e",
        Action::Expand,
        has_panes,
        Label::Text("e expand"),
        "a pane over the whole screen; again: the next one",
    ),
    row(&[Char('}')], "}", Action::NextHead, in_head, Label::Text("{ } next head"), "next head"),
    row(&[Char('{')], "{", Action::PreviousHead, in_head, Label::None, "head before"),
    row(&[Char('s')], "s", Action::SortMenu, on_list, Label::Text("s sort"), "choose the column to sort by"),
    row(
        &[Char('c')],
        "c",
        Action::Columns,
        on_list,
        Label::Text("c columns"),
        "choose the columns that are drawn",
    ),
    row(&[Char('<')], "<", Action::SortLeft, on_list, Label::None, "sort by the column to the left"),
    row(&[Char('>')], ">", Action::SortRight, on_list, Label::None, "sort by the column to the right"),
    row(&[Char('I')], "I", Action::Invert, on_list, Label::None, "turn the order round"),
    row(&[Char('y')], "y", Action::Copy, State::can_copy, Label::Of(copy_label), "copy id or line (OSC 52)"),
    row(
        &[Char('x')],
        "x",
        Action::Export,
        has_data,
        Label::Text("x export"),
        "export the screen (SVG, PNG) or the table (CSV)",
    ),
    row(
        &[Char('T')],
        "T",
        Action::Theme,
        always,
        Label::None,
        "the next look: without colours, in ASCII, and back",
    ),
    row(&[Ctrl('z')], "^z", Action::Suspend, always, Label::None, "suspend; fg comes back"),
    row(&[Char('q')], "q", Action::BackOrQuit, always, Label::Of(q_label), "back inside a page, else quit"),
    row(&[Char('Q'), Ctrl('c')], "Q ^c", Action::Quit, always, Label::Of(quit_label), "quit"),
];

/// The table with the keys that a person chose; read once, before the first key.
static CHOSEN: OnceLock<Vec<Binding>> = OnceLock::new();

/// Takes the keys that a person chose. Once: later calls change nothing.
pub fn choose(table: Vec<Binding>) {
    CHOSEN.get_or_init(|| table);
}

/// The rows that hold.
fn table() -> &'static [Binding] {
    CHOSEN.get().map_or(TABLE, Vec::as_slice)
}

const fn row(
    strokes: &'static [Stroke],
    keys: &'static str,
    action: Action,
    when: fn(&State) -> bool,
    label: Label,
    help: &'static str,
) -> Binding {
    Binding { strokes, keys, action, when, label, help }
}

/// What a key means now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This.
    Action(Action),
    /// The first of a pair.
    FirstOfPair(char),
    /// Nothing.
    Nothing,
}

/// Looks a key up; `pending` is the first key of a pair that was typed before.
#[must_use]
pub fn find(state: &State, key: KeyEvent, pending: Option<char>) -> Found {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let typed = match key.code {
        KeyCode::Char(_) if key.modifiers.contains(KeyModifiers::ALT) => return Found::Nothing,
        KeyCode::Char(c) if control => Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Char(c),
        code => Code(code),
    };
    let of = |stroke: Stroke| {
        table().iter().find(|row| row.strokes.contains(&stroke) && (row.when)(state)).map(|row| row.action)
    };
    if let Char(c) = typed {
        if pending == Some(c)
            && let Some(action) = of(Twice(c))
        {
            return Found::Action(action);
        }
        if of(Twice(c)).is_some() {
            return Found::FirstOfPair(c);
        }
    }
    of(typed).map_or(Found::Nothing, Found::Action)
}

/// What the footer says now, in its order; quitting last.
#[must_use]
pub fn footer(state: &State) -> Vec<&'static str> {
    let label = |row: &Binding| match row.label {
        Label::None => "",
        Label::Text(text) => text,
        Label::Of(text) => text(state),
    };
    table().iter().filter(|row| (row.when)(state)).map(label).filter(|label| !label.is_empty()).collect()
}

/// Keys and their meanings, for `?`.
#[must_use]
pub fn help(state: &State) -> Vec<(&'static str, &'static str)> {
    table().iter().filter(|row| (row.when)(state)).map(|row| (row.keys, row.help)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::state::Message;

    #[test]
    fn no_two_rows_claim_the_same_key_at_the_same_time() {
        let mut state = State::new(std::time::Duration::from_secs(1), false);
        state.apply(Message::Connected { control: true }, std::time::Duration::ZERO);
        state.apply(Message::Update(Box::new(crate::fixture::snapshot())), std::time::Duration::ZERO);
        for tab in 0..7 {
            state.act(Action::Tab(tab));
            let mut seen: Vec<Stroke> = Vec::new();
            for stroke in TABLE.iter().filter(|row| (row.when)(&state)).flat_map(|row| row.strokes) {
                assert!(!seen.contains(stroke), "{stroke:?} stands twice on tab {tab}");
                seen.push(*stroke);
            }
        }
    }

    #[test]
    fn the_last_words_of_the_footer_are_how_to_leave() {
        let state = State::new(std::time::Duration::from_secs(1), false);
        assert_eq!(footer(&state), ["r retry now", "?keys", ": command", "q quit"]);
    }
}
