//! The Records page as a person left it: what is looked for, the pane the keys work on, and what
//! the network was asked for.

use std::time::Duration;

use hydra_protocol::v1::{FetchReport, FetchedProvider};

use super::feed::Ask;
use super::link::Command;
use super::prompt::{Prompt, Purpose};
use super::sought::Sought;
use super::{Effect, Hydra, Level, Page, State, heat, neutral};
use crate::tui::table::{Heat, Popular, Provider};

/// Providers of a lookup that are kept: more than a screen has.
const FOUND_KEPT: usize = 200;

/// The panes that keys can work on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// What was looked for.
    #[default]
    Found,
    /// The keys that are asked for most.
    Popular,
    /// The parts of the keyspace.
    Regions,
    /// The belly as a whole.
    Belly,
}

impl Pane {
    const ALL: [Self; 4] = [Self::Found, Self::Popular, Self::Regions, Self::Belly];

    fn beside(self, right: bool) -> Self {
        let at = Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0);
        let at =
            if right { (at + 1) % Self::ALL.len() } else { (at + Self::ALL.len() - 1) % Self::ALL.len() };
        Self::ALL.get(at).copied().unwrap_or_default()
    }
}

/// A lookup in the network.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The key, as typed.
    pub key: String,
    /// Providers in the order in which they were found, each once.
    pub found: Vec<FetchedProvider>,
    /// How it ended, or why it did not end well; `None` while it goes on.
    pub end: Option<Result<FetchReport, String>>,
    /// When it began, since the start of `top`.
    pub began: Duration,
}

/// News of a lookup.
#[derive(Clone, Debug)]
pub enum News {
    /// A server named a provider.
    Provider(FetchedProvider),
    /// It ended.
    End(Result<FetchReport, String>),
}

impl Fetch {
    fn take(&mut self, news: News) {
        match news {
            News::Provider(mut provider) => {
                neutral::clean_fetched(&mut provider);
                let same = |known: &FetchedProvider| known.peer_id == provider.peer_id;
                match self.found.iter().position(same) {
                    Some(at) => self.found[at] = provider,
                    None if self.found.len() < FOUND_KEPT => self.found.push(provider),
                    // the report counts those that found no room
                    None => {}
                }
            }
            News::End(result) => self.end = Some(result.map_err(|why| neutral(&why))),
        }
    }
}

/// What a person made of the page.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// What is looked for.
    pub sought: Sought,
    /// The pane that the keys work on.
    pub pane: Pane,
    /// The last lookup in the network.
    pub fetch: Option<Fetch>,
}

impl Records {
    /// The records of what is looked for.
    pub(super) fn providers(&self, hydra: &Hydra) -> Vec<Provider> {
        let records = match (&self.sought, self.sought.ask()) {
            (Sought::Key(key), _) => hydra.feeds.record(key).map(|told| &told.records),
            (_, Some(ask)) => hydra.feeds.records(&ask).map(|told| &told.records),
            (_, None) => None,
        };
        records.into_iter().flatten().map(|record| Provider::of(record, hydra.clock())).collect()
    }

    /// The lookup of the key that is looked for.
    #[must_use]
    pub fn fetched(&self) -> Option<&Fetch> {
        self.fetch.as_ref().filter(|fetch| self.sought == Sought::Key(fetch.key.clone()))
    }
}

/// The keys asked for most, by rank.
pub(super) fn popular(hydra: &Hydra) -> Vec<Popular> {
    let keys = hydra.feeds.most_asked().unwrap_or_default();
    (1..).zip(keys).map(|(rank, key)| Popular { rank, key: key.clone() }).collect()
}

/// The parts of the keyspace, beside what is usual.
pub(super) fn regions(hydra: &Hydra) -> Vec<Heat> {
    let heads: Vec<(&str, &[u8])> =
        hydra.heads().map(|head| (head.name.as_str(), head.key.as_slice())).collect();
    heat::heat(hydra.feeds.regions().unwrap_or_default(), &heads)
}

impl State {
    /// The Records page as a person left it.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The records of what is looked for, in their order.
    #[must_use]
    pub fn providers(&self) -> Vec<Provider> {
        self.shown().map(|hydra| self.records.providers(hydra)).unwrap_or_default()
    }

    /// The keys asked for most.
    #[must_use]
    pub fn popular(&self) -> Vec<Popular> {
        self.shown().map(popular).unwrap_or_default()
    }

    /// The parts of the keyspace.
    #[must_use]
    pub fn regions(&self) -> Vec<Heat> {
        self.shown().map(regions).unwrap_or_default()
    }

    /// Asks the belly for what a text means.
    ///
    /// # Errors
    /// What the text is not.
    pub(super) fn search(&mut self, typed: &str) -> Result<(), String> {
        self.records.sought = Sought::of(typed)?;
        self.open(Page::Records);
        self.records.pane = Pane::Found;
        self.keep_lists();
        Ok(())
    }

    pub(super) fn search_prompt(&mut self) {
        let typed = self.records.sought.text().to_owned();
        self.prompt = Some(Prompt::new(Purpose::Search, &typed));
    }

    /// Going back leaves a search, and not the page.
    pub(super) fn forgets_search(&self) -> bool {
        self.page == Page::Records && self.expanded.is_none() && self.records.sought != Sought::Nothing
    }

    /// Back to a page without a search.
    pub(super) fn forget_search(&mut self) {
        self.records.sought = Sought::Nothing;
        self.keep_lists();
    }

    /// The pane to the right, or to the left; round at the ends.
    pub(super) fn pane_beside(&mut self, right: bool) {
        self.records.pane = self.records.pane.beside(right);
    }

    /// Looks for what the selected row is about.
    pub(super) fn open_record(&mut self) {
        let Some(row) = self.lists.selected_record(self.records.pane).map(str::to_owned) else { return };
        let text = match self.records.pane {
            Pane::Found => {
                let provider = self.providers().into_iter().find(|one| one.id() == row);
                provider.map(|one| match &self.records.sought {
                    Sought::Provider(_) => one.cid_raw,
                    _ => one.peer_id,
                })
            }
            Pane::Popular => self.popular().into_iter().find(|one| one.id() == row).map(|one| one.text()),
            Pane::Regions | Pane::Belly => Some(row),
        };
        if let Some(text) = text.filter(|text| !text.is_empty())
            && let Err(why) = self.search(&text)
        {
            self.say(Level::Look, why);
        }
    }

    /// What `y` copies on the page: the id of the selected row, and what it is.
    pub(super) fn record_to_copy(&self) -> Option<(String, String)> {
        let row = self.lists.selected_record(self.records.pane)?;
        match self.records.pane {
            Pane::Found => {
                let provider = self.providers().into_iter().find(|one| one.id() == row)?;
                Some(("peer id of the provider".to_owned(), provider.peer_id))
            }
            Pane::Popular => {
                let key = self.popular().into_iter().find(|one| one.id() == row)?;
                Some(("CID".to_owned(), key.text()))
            }
            Pane::Regions | Pane::Belly => None,
        }
    }

    /// Asks the network for the key that is looked for; without one, asks for the key first.
    pub(super) fn fetch(&mut self) -> Vec<Effect> {
        let Sought::Key(key) = self.records.sought.clone() else {
            self.prompt = Some(Prompt::new(Purpose::Fetch, ""));
            return Vec::new();
        };
        if self.records.fetch.as_ref().is_some_and(|fetch| fetch.end.is_none()) {
            self.say(Level::Look, "a lookup is under way; it ends within 30 s".to_owned());
            return Vec::new();
        }
        self.records.fetch = Some(Fetch { key: key.clone(), found: Vec::new(), end: None, began: self.now });
        vec![Effect::Send(Command::Fetch(key))]
    }

    /// Asks the network for a key that was typed.
    ///
    /// # Errors
    /// What the text is not.
    pub(super) fn fetch_typed(&mut self, typed: &str) -> Result<Vec<Effect>, String> {
        match Sought::of(typed)? {
            Sought::Key(_) => {}
            Sought::Prefix(_) => return Err("only a whole key can be looked up: a CID or a multihash".into()),
            Sought::Provider(_) => return Err("a peer id; to look up providers, a CID or a multihash".into()),
            Sought::Nothing => return Ok(Vec::new()),
        }
        self.search(typed)?;
        Ok(self.fetch())
    }

    /// News of the lookup of a key.
    pub(super) fn fetched(&mut self, key: &str, news: News) {
        if let Some(fetch) = self.records.fetch.as_mut().filter(|fetch| fetch.key == key) {
            fetch.take(news);
        }
    }

    /// The daemon went away: nobody tells the end of a lookup.
    pub(super) fn give_up_fetch(&mut self, why: &str) {
        if let Some(fetch) = self.records.fetch.as_mut().filter(|fetch| fetch.end.is_none()) {
            fetch.end = Some(Err(why.to_owned()));
        }
    }

    /// What the page asks the daemon for.
    pub(super) fn record_wants(&self) -> Vec<Ask> {
        let page = [Ask::Belly, Ask::MostAsked, Ask::Regions];
        page.into_iter().chain(self.records.sought.ask()).collect()
    }
}
