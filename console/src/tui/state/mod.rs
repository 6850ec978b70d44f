//! The one owner of everything `top` tells.
//!
//! Comes in: messages of the connection, actions of keys, the passing of time. Goes out: effects
//! (a command to the daemon, a text to copy, quit), and `&State` to draw. Knows nothing of
//! terminals, colours or sizes and never waits: time is a parameter, so that tests own it.

mod act;
mod command;
pub mod dialog;
mod expand;
pub mod export;
pub mod feed;
pub mod heat;
pub mod history;
pub mod hydra;
pub mod link;
pub mod list;
pub mod lists;
pub mod log;
pub mod nearest;
mod neutral;
mod page;
pub mod past;
pub mod peers;
mod prefetch;
pub mod prompt;
pub mod records;
mod sought;
pub mod wants;
pub mod well;
pub mod window;

use std::time::Duration;

use hydra_protocol::v1::{self, Head};

pub use act::Action;
use dialog::Dialog;
use export::Export;
pub use hydra::{Hydra, Level};
pub use link::{Answer, Cause, Command, Link, Message, Outcome};
pub use lists::Lists;
pub use log::Log;
pub use neutral::neutral;
pub use page::Page;
pub use peers::Peers;
use prompt::Prompt;
pub use records::Records;
pub use sought::Sought;
use window::Window;

/// Lines that the page of a head can be scrolled by: more than it ever has to show.
const DETAIL_LINES: u16 = 60;

/// How long the answer to an action stands in the footer.
const TOAST: Duration = Duration::from_secs(5);

/// What the loop must do for the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Give this to the connection.
    Send(Command),
    /// Put this into the clipboard of whoever sits at the terminal.
    Copy(String),
    /// Write this to a file.
    Export(Export),
    /// Draw with the next look.
    NextTheme,
    /// Stop the process as ^z does in a shell.
    Suspend,
    /// End.
    Quit,
}

/// The answer to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How it went.
    pub level: Level,
    /// One line.
    pub text: String,
    until: Duration,
}

/// Everything the screen tells. Times are since the start of `top`.
#[derive(Clone, Debug)]
pub struct State {
    hydra: Option<Hydra>,
    frozen: Option<Box<Hydra>>,
    link: Link,
    page: Page,
    /// The page before this one, for `-`.
    last_page: Page,
    lists: Lists,
    records: Records,
    peers: Peers,
    log: Log,
    /// One a tab.
    windows: [Window; 7],
    dialog: Option<Dialog>,
    prompt: Option<Prompt>,
    /// What was last typed as a filter.
    searched: String,
    toast: Option<Toast>,
    /// First key of a pair such as `gg`.
    pending: Option<char>,
    detail_scroll: u16,
    /// Somebody moved to a head on this page.
    chose: bool,
    /// The pane that fills the screen.
    expanded: Option<usize>,
    read_only: bool,
    interval: Duration,
    now: Duration,
}

impl State {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(interval: Duration, read_only: bool) -> Self {
        Self {
            hydra: None,
            frozen: None,
            link: Link::Connecting,
            page: Page::Overview,
            last_page: Page::Overview,
            lists: Lists::default(),
            records: Records::default(),
            peers: Peers::default(),
            log: Log::default(),
            windows: Page::TABS.map(|page| Window::of(window_at_first(&page))),
            dialog: None,
            prompt: None,
            searched: String::new(),
            toast: None,
            pending: None,
            detail_scroll: 0,
            chose: false,
            expanded: None,
            read_only,
            interval,
            now: Duration::ZERO,
        }
    }

    /// What the page shows: the frozen picture, or the present one.
    #[must_use]
    pub fn shown(&self) -> Option<&Hydra> {
        self.frozen.as_deref().or(self.hydra.as_ref())
    }

    /// The connection.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The dialog over the page.
    #[must_use]
    pub fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// The answer that stands in place of the footer.
    #[must_use]
    pub fn toast(&self) -> Option<&Toast> {
        self.toast.as_ref()
    }

    /// The picture stands still.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Values arrive.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.link, Link::Live { .. }) && self.late().is_none()
    }

    /// The keys that change the hydra exist.
    #[must_use]
    pub fn may_control(&self) -> bool {
        !self.read_only && !matches!(self.link, Link::Live { control: false, .. })
    }

    /// How far back the charts of the page go, and where they end.
    #[must_use]
    pub fn window(&self) -> Window {
        self.windows.get(self.page.tab()).copied().unwrap_or_default()
    }

    /// The line in which a person types.
    #[must_use]
    pub fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    /// What was last typed as a filter; empty: nothing.
    #[must_use]
    pub fn searched(&self) -> &str {
        &self.searched
    }

    /// First line of the page of a head that is shown.
    #[must_use]
    pub fn detail_scroll(&self) -> u16 {
        self.detail_scroll
    }

    /// Time between updates.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Time since the start of `top`.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The head that an action on a head means: of the page, else the selected one.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        let name = match &self.page {
            Page::Head(name) => Some(name.as_str()),
            Page::Overview | Page::Heads => self.marked(),
            _ => None,
        };
        self.shown()?.head(name?)
    }

    /// Name of the selected head, where keys mean it: on the Overview once somebody moved to it.
    #[must_use]
    pub fn marked(&self) -> Option<&str> {
        self.selected().filter(|_| self.chose || self.page != Page::Overview)
    }

    /// Age of the shown values when they are old: the daemon is away, or late by three updates.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let age = self.now.saturating_sub(self.shown()?.received);
        match self.link {
            Link::Live { .. } => self.late(),
            Link::Connecting | Link::Down { .. } => Some(age),
        }
    }

    /// How long nothing came although the link is up; `None` while that is in order.
    fn late(&self) -> Option<Duration> {
        let Link::Live { since, .. } = self.link else { return None };
        let last = self.hydra.as_ref().map_or(since, |hydra| hydra.received.max(since));
        let age = self.now.saturating_sub(last);
        (age >= self.patience()).then_some(age)
    }

    fn patience(&self) -> Duration {
        (self.interval * 3).max(Duration::from_secs(3))
    }

    /// Takes in what the connection has to say.
    pub fn apply(&mut self, message: Message, now: Duration) {
        self.now = self.now.max(now);
        match message {
            Message::Connecting => {
                if !matches!(self.link, Link::Down { .. }) {
                    self.link = Link::Connecting;
                }
            }
            Message::Connected { control } => {
                self.link = Link::Live { since: self.now, control };
                if !control && self.dialog.as_ref().is_some_and(Dialog::changes_the_hydra) {
                    self.dialog = None;
                }
            }
            Message::Update(update) => self.update(*update),
            Message::Down { cause, attempt, retry_in } => {
                self.give_up_fetch("the daemon went away before the lookup ended");
                let since = match self.link {
                    Link::Down { since, .. } => since,
                    Link::Connecting | Link::Live { .. } => self.now,
                };
                self.link =
                    Link::Down { since, cause: cause.neutral(), attempt, retry_at: self.now + retry_in };
            }
            Message::Answer(answer) => self.answer(*answer),
            Message::Exported(Ok(file)) => self.say(Level::Good, format!("wrote {file}")),
            Message::Exported(Err(why)) => self.say(Level::Broken, neutral(&why)),
            Message::Fetched { key, news } => self.fetched(&key, *news),
            Message::Told { ask, result } => {
                let hydra = self.hydra.get_or_insert_with(Hydra::default);
                let result = result.map(|told| *told);
                // what was asked for since the picture stands still is shown in it
                if let Some(frozen) =
                    self.frozen.as_mut().filter(|frozen| frozen.feeds.received(&ask).is_none())
                {
                    frozen.feeds.take(ask.clone(), result.clone(), self.now);
                }
                hydra.feeds.take(ask, result, self.now);
                self.keep_lists();
            }
        }
    }

    /// Time passes.
    pub fn tick(&mut self, now: Duration) {
        self.now = self.now.max(now);
        if self.toast.as_ref().is_some_and(|toast| toast.until <= self.now) {
            self.toast = None;
        }
    }

    /// When the picture changes although nothing arrives; `None`: never.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        let next_second = Duration::from_secs(self.now.as_secs() + 1);
        let clock = match &self.link {
            Link::Down { .. } => Some(next_second),
            Link::Connecting => self.hydra.is_some().then_some(next_second),
            Link::Live { .. } if self.late().is_some() => Some(next_second),
            Link::Live { since, .. } => {
                let last = self.hydra.as_ref().map_or(*since, |hydra| hydra.received.max(*since));
                Some(last + self.patience())
            }
        };
        let toast = self.toast.as_ref().map(|toast| toast.until);
        clock.into_iter().chain(toast).min()
    }

    fn update(&mut self, update: v1::WatchStatusResponse) {
        let hydra = self.hydra.get_or_insert_with(Hydra::default);
        hydra.take(update, self.now);
        self.keep_lists();
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(dialog) = &mut self.dialog
            && dialog.take(&answer)
        {
            return;
        }
        if let (Command::Fetch(_), Err(why)) = (&answer.command, &answer.result) {
            self.give_up_fetch(&neutral(why));
        }
        match answer.result {
            Ok(outcome) => self.say(Level::Good, outcome.sentence(&answer.command)),
            Err(text) => self.say(Level::Broken, neutral(&text)),
        }
    }

    fn say(&mut self, level: Level, text: String) {
        self.toast = Some(Toast { level, text, until: self.now + TOAST });
    }
}

/// The window that a tab opens with, in seconds.
fn window_at_first(page: &Page) -> i64 {
    match page {
        Page::Network => 86_400,
        // the daemon keeps minutes of each head
        Page::Records | Page::Heads => 3_600,
        _ => 600,
    }
}
