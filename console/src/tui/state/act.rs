//! What each action does to the state.

use hydra_protocol::v1::{Head, HeadState};

use super::dialog::{Dialog, Key, Loss, Turn};
use super::hydra::connections;
use super::lists::Change;
use super::prompt::{Prompt, Purpose};
use super::window::Window;
use super::{Command, Effect, Level, Link, Page, State};

/// Rows of a page up or down; the state does not know how tall the screen is.
const PAGE_ROWS: usize = 10;

/// What a person can ask for with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The tab with this number, from 0.
    Tab(u8),
    /// The tab to the right.
    NextTab,
    /// The tab to the left.
    PreviousTab,
    /// The page before this one.
    LastPage,
    /// The next head.
    NextHead,
    /// The head before.
    PreviousHead,
    /// A pane over the whole screen; again: the next one.
    Expand,
    /// Ask why to pause prefetching, or whether it goes on.
    Pause,
    /// Ask whether the keys that wait are forgotten.
    Clear,
    /// Ask what a coverage takes.
    Plan,
    /// Type what rows must have.
    Filter,
    /// The next row that has what was typed last.
    FindNext,
    /// The row before that has it.
    FindPrevious,
    /// Type a command.
    Command,
    /// Choose the column to sort by.
    SortMenu,
    /// Choose the columns that are drawn.
    Columns,
    /// Ask what to write to a file.
    Export,
    /// Charts move into the past.
    Earlier,
    /// Charts move towards now.
    Later,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// The first row.
    First,
    /// The last row.
    Last,
    /// Ten rows up.
    PageUp,
    /// Ten rows down.
    PageDown,
    /// Open the selected row.
    Open,
    /// Back to where one came from.
    Back,
    /// Sort by the column to the left.
    SortLeft,
    /// Sort by the column to the right.
    SortRight,
    /// Turn the order round.
    Invert,
    /// Stand still, or go on.
    Freeze,
    /// A longer window of the charts.
    Longer,
    /// A shorter one.
    Shorter,
    /// Copy what the selected row is about.
    Copy,
    /// The pane to the right.
    PaneRight,
    /// The pane to the left.
    PaneLeft,
    /// Look the typed key up in the network.
    Fetch,
    /// Worse lines only, or all again.
    LogLevel,
    /// Lines of the next part.
    LogPart,
    /// Show the range of the keyspace around a head, or all of it.
    Zoom,
    /// Cut long lines, or go on in the next row.
    Wrap,
    /// The end of a list; on the log: follow the newest line.
    End,
    /// Ask how many heads to add.
    AddHeads,
    /// Ask whether to stop or start the head.
    StopStart,
    /// Ask for the name of the head to remove.
    Remove,
    /// Try to connect at once.
    Retry,
    /// The keys.
    Help,
    /// Colours, none, or the same in ASCII.
    Theme,
    /// Stop the process as ^z does in a shell.
    Suspend,
    /// Back inside a page, else quit.
    BackOrQuit,
    /// End.
    Quit,
}

impl State {
    /// Does what was asked for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Tab(number) => {
                self.open(Page::TABS.get(usize::from(number)).cloned().unwrap_or_default());
            }
            Action::NextTab => self.open(self.page.beside(true)),
            Action::PreviousTab => self.open(self.page.beside(false)),
            Action::LastPage => self.open(self.last_page.clone()),
            Action::NextHead => self.open_beside(true),
            Action::PreviousHead => self.open_beside(false),
            Action::Filter if self.page == Page::Records => self.search_prompt(),
            Action::Filter => {
                let filter = self.list().map_or("", |list| list.filter()).to_owned();
                self.prompt = Some(Prompt::new(Purpose::Filter, &filter));
            }
            Action::FindNext => self.find_next(true),
            Action::FindPrevious => self.find_next(false),
            Action::Command => self.prompt = Some(Prompt::new(Purpose::Command, "")),
            Action::SortMenu => self.dialog = self.list().map(|list| Dialog::sort(list.order().0)),
            Action::Columns => self.dialog = self.list().map(|_| Dialog::columns()),
            Action::Export => self.ask_export(),
            Action::Earlier => self.change_window(|window| window.moved(true)),
            Action::Later => self.change_window(|window| window.moved(false)),
            Action::Up => self.step(|at, _| at.saturating_sub(1)),
            Action::Down => self.step(|at, last| (at + 1).min(last)),
            Action::First => self.step(|_, _| 0),
            Action::End if self.page == Page::Log => self.follow(),
            Action::Last | Action::End => self.step(|_, last| last),
            Action::PaneRight => self.pane_beside(true),
            Action::PaneLeft => self.pane_beside(false),
            Action::Fetch => return self.fetch(),
            Action::LogLevel => self.next_level(),
            Action::LogPart => self.next_part(),
            Action::Zoom => self.zoom(),
            Action::Wrap => self.turn_wrap(),
            // the newest line is on top, and up is where the past is
            Action::PageUp if self.page == Page::Log => self.step(|at, last| (at + PAGE_ROWS).min(last)),
            Action::PageDown if self.page == Page::Log => self.step(|at, _| at.saturating_sub(PAGE_ROWS)),
            Action::PageUp => self.step(|at, _| at.saturating_sub(PAGE_ROWS)),
            Action::PageDown => self.step(|at, last| (at + PAGE_ROWS).min(last)),
            Action::Open => self.open_selected(),
            Action::Expand => self.expand(),
            Action::Pause => self.ask_pause_or_resume(),
            Action::Clear => self.ask_clear(),
            Action::Plan => self.ask_plan(),
            Action::SortLeft => self.change_list(&Change::SortBeside(false)),
            Action::SortRight => self.change_list(&Change::SortBeside(true)),
            Action::Invert => self.change_list(&Change::Invert),
            Action::Freeze => {
                self.frozen = match self.frozen {
                    Some(_) => None,
                    None => self.hydra.clone().map(Box::new),
                };
                self.keep_lists();
            }
            Action::Longer => self.change_window(Window::longer),
            Action::Shorter => self.change_window(Window::shorter),
            Action::Help => self.dialog = Some(Dialog::help()),
            Action::AddHeads => self.dialog = Some(Dialog::add()),
            Action::StopStart => self.dialog = self.head().and_then(stop_or_start),
            Action::Remove => {
                self.dialog = self.head().map(|head| Dialog::remove(&head.name, loss(head)));
            }
            Action::Copy => return self.copy(),
            Action::Retry => return vec![Effect::Send(Command::RetryNow)],
            Action::Theme => return vec![Effect::NextTheme],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Quit => return vec![Effect::Quit],
            Action::Back if self.forgets_search() => self.forget_search(),
            Action::BackOrQuit if self.page.is_tab() && self.expanded.is_none() => return vec![Effect::Quit],
            Action::Back | Action::BackOrQuit => self.back(),
        }
        Vec::new()
    }

    /// First key of a pair that was typed, e.g. the `g` of `gg`.
    #[must_use]
    pub fn pending(&self) -> Option<char> {
        self.pending
    }

    /// Remembers the first key of a pair, or forgets it.
    pub fn set_pending(&mut self, key: Option<char>) {
        self.pending = key;
    }

    /// A key for the dialog that is open.
    pub fn dialog_key(&mut self, key: Key) -> Vec<Effect> {
        match self.dialog {
            Some(Dialog::Pick { .. }) => {
                self.pick_key(key);
                return Vec::new();
            }
            Some(Dialog::Export { .. }) => return self.export_key(key),
            _ => {}
        }
        let Some(dialog) = &mut self.dialog else { return Vec::new() };
        let (turn, command) = dialog.key(key);
        if turn == Turn::Close {
            self.dialog = None;
        }
        let Some(command) = command else { return Vec::new() };
        if turn == Turn::Close {
            self.say(Level::Busy, under_way(&command));
        }
        vec![Effect::Send(command)]
    }

    /// A pasted text: fills the field of a dialog and never confirms.
    pub fn paste(&mut self, text: &str) {
        if let Some(dialog) = &mut self.dialog {
            dialog.paste(text);
        } else if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.filter_as_typed();
        }
    }

    /// The connection is too busy to take a command.
    pub fn refuse(&mut self, command: &Command) {
        if let Some(dialog) = &mut self.dialog {
            dialog.take(&super::Answer { command: command.clone(), result: Err("hydractl is busy".into()) });
        }
        self.say(Level::Look, "still waiting for earlier answers; nothing was sent".to_owned());
    }

    /// Whether the daemon would get a command now.
    #[must_use]
    pub fn reaches_daemon(&self) -> bool {
        matches!(self.link, Link::Live { .. })
    }

    /// Opens the selected row; on the Overview, until somebody chose a head, what is not well.
    fn open_selected(&mut self) {
        if self.page == Page::Overview && self.marked().is_none() && self.open_first_trouble() {
            return;
        }
        match self.page {
            Page::Prefetch => self.open_key(),
            Page::Records => self.open_record(),
            Page::Peers => self.open_peer(),
            _ => {
                if let Some(name) = self.selected().map(str::to_owned) {
                    self.open(Page::Head(name));
                }
            }
        }
    }

    fn back(&mut self) {
        if self.expanded.take().is_some() {
            return;
        }
        // a head opens from the Overview, too
        let came_from = matches!(self.last_page, Page::Overview | Page::Heads);
        self.open(if came_from { self.last_page.clone() } else { self.page.outer() });
    }

    /// Shows a page, from its beginning.
    pub(super) fn open(&mut self, page: Page) {
        if page != self.page {
            self.last_page = std::mem::replace(&mut self.page, page);
            self.detail_scroll = 0;
            self.expanded = None;
            self.chose = false;
            self.prompt = None;
            self.keep_lists();
        }
    }

    /// Opens the page of the head beside the one that is open, in the order of the table.
    fn open_beside(&mut self, right: bool) {
        let Page::Head(name) = &self.page else { return };
        let names: Vec<&str> = self.heads().iter().map(|head| head.name.as_str()).collect();
        let Some(last) = names.len().checked_sub(1) else { return };
        let at = names.iter().position(|other| other == name).unwrap_or(0);
        let next = if right { (at + 1).min(last) } else { at.saturating_sub(1) };
        let Some(next) = names.get(next).map(|name| (*name).to_owned()) else { return };
        self.lists.heads.select(&next);
        self.page = Page::Head(next);
        self.detail_scroll = 0;
    }

    pub(super) fn change_window(&mut self, change: impl FnOnce(Window) -> Window) {
        if let Some(window) = self.windows.get_mut(self.page.tab()) {
            *window = change(*window);
        }
    }

    fn step(&mut self, to: impl Fn(usize, usize) -> usize) {
        if matches!(self.page, Page::Head(_) | Page::Peer(_)) {
            let lines = usize::from(super::DETAIL_LINES);
            let at = to(usize::from(self.detail_scroll), lines);
            self.detail_scroll = u16::try_from(at).unwrap_or(super::DETAIL_LINES);
            return;
        }
        if self.page == Page::Log {
            self.step_log(&to);
            return;
        }
        self.change_list(&Change::Step(&to));
        self.chose = true;
    }

    /// What `y` copies, and what that is.
    fn to_copy(&self) -> Option<(String, String)> {
        match self.page {
            Page::Records => self.record_to_copy(),
            Page::Peers | Page::Peer(_) => Some(("peer id".to_owned(), self.peer_to_copy()?.to_owned())),
            Page::Log => Some(("line".to_owned(), self.line_to_copy()?)),
            _ => self.head().map(|head| (format!("peer id of {}", head.name), head.peer_id.clone())),
        }
    }

    /// Something can be copied.
    #[must_use]
    pub fn can_copy(&self) -> bool {
        self.to_copy().is_some()
    }

    fn copy(&mut self) -> Vec<Effect> {
        let Some((what, text)) = self.to_copy() else { return Vec::new() };
        self.say(Level::Good, format!("{what} given to the terminal's clipboard (OSC 52)"));
        vec![Effect::Copy(text)]
    }
}

fn stop_or_start(head: &Head) -> Option<Dialog> {
    let stopped = matches!(head.state(), HeadState::Stopped | HeadState::Failed);
    let name = head.name.clone();
    Some(if stopped {
        Dialog::Start { name, port: head.port }
    } else {
        Dialog::Stop { name, loss: loss(head) }
    })
}

fn loss(head: &Head) -> Loss {
    let requests = head.rates_1m.as_ref().map_or(0.0, super::hydra::requests);
    Loss { requests, connections: connections(head) }
}

fn under_way(command: &Command) -> String {
    match command {
        Command::RetryNow => "trying again".to_owned(),
        Command::Want(_) => String::new(),
        Command::Fetch(key) => format!("looking {key} up …"),
        Command::AddHeads { count, .. } => format!("adding {count} heads …"),
        Command::StopHead(name) => format!("stopping {name} …"),
        Command::StartHead(name) => format!("starting {name} …"),
        Command::RemoveHead(name) => format!("removing {name} …"),
        Command::PausePrefetch { .. } => "pausing prefetch …".to_owned(),
        Command::ResumePrefetch => "resuming prefetch …".to_owned(),
        Command::ClearPrefetch => "clearing the queue …".to_owned(),
        Command::PlanCoverage { .. } => "reckoning …".to_owned(),
    }
}
