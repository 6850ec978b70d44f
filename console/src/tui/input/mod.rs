//! From terminal events to actions: the only room that knows keys.

pub mod keys;
pub mod user;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::state::dialog::Key;
use super::state::{Action, Effect, State};

/// Gives an event to the state. True: the picture may have changed.
pub fn take(state: &mut State, event: &Event) -> (bool, Vec<Effect>) {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => (true, press(state, *key)),
        Event::Paste(text) => {
            state.paste(text);
            (true, Vec::new())
        }
        Event::Resize(..) => (true, Vec::new()),
        Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => (false, Vec::new()),
    }
}

fn press(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if state.dialog().is_some() || state.prompt().is_some() {
        return as_text(state, key);
    }
    let pending = state.pending();
    state.set_pending(None);
    match keys::find(state, key, pending) {
        keys::Found::Action(action) => state.act(action),
        keys::Found::FirstOfPair(first) => {
            state.set_pending(Some(first));
            Vec::new()
        }
        keys::Found::Nothing => Vec::new(),
    }
}

/// In a dialog and while a line is typed keys are text; only ^c still ends everything, and ^z
/// still suspends.
fn as_text(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let key = match key.code {
        KeyCode::Char('c') if control => return state.act(Action::Quit),
        KeyCode::Char('z') if control => return state.act(Action::Suspend),
        KeyCode::Char(_) if control || key.modifiers.contains(KeyModifiers::ALT) => return Vec::new(),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Tab => Key::Tab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        _ => return Vec::new(),
    };
    if state.dialog().is_some() { state.dialog_key(key) } else { state.prompt_key(key) }
}
