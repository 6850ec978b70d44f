//! Typing: the filter, the commands after `:`, and the menus of columns.

use super::dialog::{Dialog, Key, Menu};
use super::lists::Change;
use super::prompt::Purpose;
use super::window::Window;
use super::{Action, Effect, Page, State};

/// The words that `:` knows first, and what follows them.
const WORDS: [(&str, &str); 15] = [
    ("overview", ""),
    ("heads", ""),
    ("head", "NAME"),
    ("peers", "FILTER"),
    ("peer", "PEER ID"),
    ("records", "CID, multihash, key prefix or peer id"),
    ("prefetch", ""),
    ("network", ""),
    ("log", ""),
    ("filter", "TEXT"),
    ("sort", "COLUMN"),
    ("window", "10m, 1h, 24h, 7d"),
    ("add", "heads"),
    ("help", ""),
    ("quit", ""),
];

impl State {
    /// A key for the line in which a person types.
    pub fn prompt_key(&mut self, key: Key) -> Vec<Effect> {
        let Some(prompt) = &mut self.prompt else { return Vec::new() };
        match key {
            Key::Char(c) => prompt.push(c),
            Key::Backspace => {
                if !prompt.pop() {
                    self.prompt = None;
                }
            }
            Key::Escape => {
                let filter = prompt.purpose == Purpose::Filter;
                self.remember_search();
                self.prompt = None;
                if filter {
                    self.change_list(&Change::Filter(""));
                }
                return Vec::new();
            }
            Key::Enter => {
                self.remember_search();
                return self.typed();
            }
            Key::Tab => {
                if let [(word, _)] = self.completions().as_slice()
                    && let Some(prompt) = &mut self.prompt
                {
                    prompt.typed = format!("{word} ");
                }
            }
            Key::Up | Key::Down => {}
        }
        self.filter_as_typed();
        Vec::new()
    }

    /// `n` and `N` go on with what was typed last, also when the filter is gone.
    fn remember_search(&mut self) {
        let filter = self.prompt.as_ref().filter(|prompt| prompt.purpose == Purpose::Filter);
        if let Some(prompt) = filter.filter(|prompt| !prompt.typed.trim().is_empty()) {
            self.searched = prompt.typed.trim().to_owned();
        }
    }

    /// Selects the next row that has what was typed last, or the one before.
    pub(super) fn find_next(&mut self, forward: bool) {
        let text = self.searched.clone();
        self.change_list(&Change::Find(&text, forward));
        if self.page == Page::Log {
            self.follow_if_newest();
        }
        self.chose = true;
    }

    /// Rows are filtered while the filter is typed.
    pub(super) fn filter_as_typed(&mut self) {
        // the daemon filters peers: it is asked when the filter is whole
        let typing = self.prompt.as_ref().filter(|_| self.page != Page::Peers);
        let Some(prompt) = typing.filter(|prompt| prompt.purpose == Purpose::Filter) else { return };
        let text = prompt.typed.clone();
        self.change_list(&Change::Filter(&text));
    }

    /// The first words that what is typed can become, with what follows them.
    #[must_use]
    pub fn completions(&self) -> Vec<(&'static str, &'static str)> {
        let Some(prompt) = self.prompt.as_ref().filter(|prompt| prompt.purpose == Purpose::Command) else {
            return Vec::new();
        };
        let typed = prompt.typed.as_str();
        WORDS.into_iter().filter(|(word, _)| word.starts_with(typed)).collect()
    }

    fn typed(&mut self) -> Vec<Effect> {
        let Some(prompt) = self.prompt.take() else { return Vec::new() };
        let line = prompt.typed.trim();
        let done = match prompt.purpose {
            Purpose::Filter => {
                let text = line.to_owned();
                self.change_list(&Change::Filter(&text));
                return Vec::new();
            }
            Purpose::Search => self.search(line).map(|()| Vec::new()),
            _ if line.is_empty() => return Vec::new(),
            Purpose::Fetch => self.fetch_typed(line),
            Purpose::Command => self.command(line),
        };
        match done {
            Ok(effects) => effects,
            Err(error) => {
                self.prompt = Some(super::prompt::Prompt { error, ..prompt });
                Vec::new()
            }
        }
    }

    /// Opens what a command names before anything is known: a page, or a head.
    ///
    /// # Errors
    /// What is wrong with the command, and what there is.
    pub fn open_with(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("head ") {
            let name = name.trim();
            let name = if name.starts_with("head-") { name.to_owned() } else { format!("head-{name}") };
            self.open(Page::Head(name));
            return Ok(());
        }
        if line.is_empty() { Ok(()) } else { self.command(line).map(drop) }
    }

    pub(super) fn command(&mut self, line: &str) -> Result<Vec<Effect>, String> {
        let (word, rest) =
            line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
        let tab = Page::TABS.iter().find(|page| page.title().eq_ignore_ascii_case(word));
        match (word, tab) {
            (_, Some(tab)) if rest.is_empty() => self.open(tab.clone()),
            ("head", _) => {
                let name = if rest.starts_with("head-") { rest.to_owned() } else { format!("head-{rest}") };
                if self.shown().and_then(|hydra| hydra.head(&name)).is_none() {
                    return Err(format!("no head named {name}"));
                }
                self.lists.heads.select(&name);
                self.open(Page::Head(name));
            }
            ("peers", _) => {
                self.open(Page::Peers);
                self.change_list(&Change::Filter(rest));
            }
            ("peer", _) if !rest.is_empty() => self.open(Page::Peer(rest.to_owned())),
            ("records", _) => self.search(rest)?,
            ("filter", _) => self.change_list(&Change::Filter(rest)),
            ("sort", _) => {
                let titles = self.column_titles();
                let column = titles.iter().position(|title| title.eq_ignore_ascii_case(rest));
                let column =
                    column.ok_or_else(|| format!("no column {rest}; there are {}", titles.join(", ")))?;
                self.change_list(&Change::SortBy(column));
            }
            ("window", _) => {
                let seconds = seconds(rest).ok_or("a time such as 10m, 1h, 24h or 7d, please")?;
                self.change_window(|_| Window::of(seconds));
            }
            ("add", _) if self.may_control() && self.reaches_daemon() => {
                return Ok(self.act(Action::AddHeads));
            }
            ("help", _) => return Ok(self.act(Action::Help)),
            ("quit" | "q", _) => return Ok(vec![Effect::Quit]),
            _ => {
                let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                return Err(format!("no command {word}; there are {}", words.join(", ")));
            }
        }
        Ok(Vec::new())
    }

    /// A key for a menu of columns.
    pub(super) fn pick_key(&mut self, key: Key) {
        let Some(Dialog::Pick { menu, at }) = &mut self.dialog else { return };
        let (menu, place) = (*menu, *at);
        match key {
            Key::Char('j') | Key::Down => *at = place + 1,
            Key::Char('k') | Key::Up => *at = place.saturating_sub(1),
            Key::Enter | Key::Char(' ') => {
                let change = match menu {
                    Menu::Sort => Change::SortBy(place),
                    Menu::Columns => Change::Toggle(place),
                };
                if menu == Menu::Sort {
                    self.dialog = None;
                }
                self.change_list(&change);
            }
            Key::Escape | Key::Char('q') => self.dialog = None,
            _ => {}
        }
        let last = self.column_titles().len().saturating_sub(1);
        if let Some(Dialog::Pick { at, .. }) = &mut self.dialog {
            *at = (*at).min(last);
        }
    }
}

/// `10m`, `1h`, `24h`, `7d`, `90s` in seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).filter(|seconds| *seconds > 0)
}
