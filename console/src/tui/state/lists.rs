//! The tables of the pages, and the one that the keys work on.

use hydra_protocol::v1::{Head, PrefetchKey};

use super::list::List;
use super::peers;
use super::records::{self, Pane, Records};
use super::{Hydra, Page, State};
use crate::tui::table::{
    HEADS, HEADS_HELD, LEFT, LINES, PEERS, POPULAR, PREFETCH_KEYS, PROVIDERS, REGIONS, TIMES_USUAL, Table,
};

/// What a person made of each table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    /// The heads.
    pub heads: List,
    /// The keys that are looked up, and those that wait.
    pub prefetch_keys: List,
    /// Records of what is looked for.
    pub providers: List,
    /// The keys asked for most.
    pub popular: List,
    /// The parts of the keyspace.
    pub regions: List,
    /// Events and audit.
    pub lines: List,
    /// Other peers; the daemon sorts and filters them.
    pub peers: List,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            heads: List::default(),
            prefetch_keys: List::default(),
            providers: List::sorted_by(LEFT),
            popular: List::default(),
            regions: List::sorted_by(TIMES_USUAL),
            lines: List::default(),
            peers: List::remote(HEADS_HELD),
        }
    }
}

impl Lists {
    /// The selected row of a pane of the Records page.
    pub(super) fn selected_record(&self, pane: Pane) -> Option<&str> {
        self.of_records(pane)?.selected()
    }

    /// The table of a pane of the Records page.
    fn of_records(&self, pane: Pane) -> Option<&List> {
        match pane {
            Pane::Found => Some(&self.providers),
            Pane::Popular => Some(&self.popular),
            Pane::Regions => Some(&self.regions),
            Pane::Belly => None,
        }
    }

    pub(super) fn change_records(&mut self, told: &Records, hydra: &Hydra, change: &Change<'_>) {
        match told.pane {
            Pane::Found => change.apply(&mut self.providers, &PROVIDERS, &told.providers(hydra)),
            Pane::Popular => change.apply(&mut self.popular, &POPULAR, &records::popular(hydra)),
            Pane::Regions => change.apply(&mut self.regions, &REGIONS, &records::regions(hydra)),
            Pane::Belly => {}
        }
    }
}

fn heads(hydra: &Hydra) -> Vec<Head> {
    hydra.heads().cloned().collect()
}

fn keys(hydra: &Hydra) -> &[PrefetchKey] {
    hydra.feeds.prefetch_keys().unwrap_or_default()
}

/// What a key does to the table of the page.
pub(super) enum Change<'a> {
    /// Selects the row to which it leads: from where, and the last.
    Step(&'a dyn Fn(usize, usize) -> usize),
    /// Sorts by the column to the right, or to the left.
    SortBeside(bool),
    /// Sorts by this column.
    SortBy(usize),
    /// Turns the order round.
    Invert,
    /// Shows only what fits.
    Filter(&'a str),
    /// Selects the next row that fits, or the one before.
    Find(&'a str, bool),
    /// Draws this column, or no longer.
    Toggle(usize),
}

impl Change<'_> {
    pub(super) fn apply<R>(&self, list: &mut List, table: &Table<R>, rows: &[R]) {
        match self {
            Self::Step(to) => list.step(table, rows, to),
            Self::SortBeside(right) => list.sort_beside(table, rows, *right),
            Self::SortBy(column) => list.sort_by(table, rows, *column),
            Self::Invert => list.invert(table, rows),
            Self::Filter(text) => list.set_filter(table, rows, text),
            Self::Find(text, forward) => list.find(table, rows, text, *forward),
            Self::Toggle(column) => list.toggle(*column),
        }
    }
}

impl State {
    /// What a person made of the tables.
    #[must_use]
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The table of the page that the keys work on.
    #[must_use]
    pub fn list(&self) -> Option<&List> {
        match self.page {
            Page::Overview | Page::Heads => Some(&self.lists.heads),
            Page::Prefetch => Some(&self.lists.prefetch_keys),
            Page::Records => self.lists.of_records(self.records.pane),
            Page::Log => Some(&self.lists.lines),
            Page::Peers => Some(&self.lists.peers),
            _ => None,
        }
    }

    /// The titles of its columns; empty where there is no table.
    #[must_use]
    pub fn column_titles(&self) -> Vec<&'static str> {
        match self.page {
            Page::Overview | Page::Heads => HEADS.titles(),
            Page::Prefetch => PREFETCH_KEYS.titles(),
            Page::Records => match self.records.pane {
                Pane::Found => PROVIDERS.titles(),
                Pane::Popular => POPULAR.titles(),
                Pane::Regions => REGIONS.titles(),
                Pane::Belly => Vec::new(),
            },
            Page::Log => LINES.titles(),
            Page::Peers => PEERS.titles(),
            _ => Vec::new(),
        }
    }

    /// The shown rows of the table of the page as CSV, with their whole ids; `None`: no table.
    #[must_use]
    pub fn csv(&self) -> Option<String> {
        let (hydra, lists) = (self.shown()?, &self.lists);
        Some(match self.page {
            Page::Overview | Page::Heads => lists.heads.csv(&HEADS, &heads(hydra)),
            Page::Prefetch => lists.prefetch_keys.csv(&PREFETCH_KEYS, keys(hydra)),
            Page::Records => match self.records.pane {
                Pane::Found => lists.providers.csv(&PROVIDERS, &self.records.providers(hydra)),
                Pane::Popular => lists.popular.csv(&POPULAR, &records::popular(hydra)),
                Pane::Regions => lists.regions.csv(&REGIONS, &records::regions(hydra)),
                Pane::Belly => return None,
            },
            Page::Log => lists.lines.csv(&LINES, &self.log.lines(hydra)),
            _ => return None,
        })
    }

    /// Takes in what is shown: the heads, which keep their selection on every page, and the
    /// tables of the open page.
    pub(super) fn keep_lists(&mut self) {
        let Some(hydra) = self.frozen.as_deref().or(self.hydra.as_ref()) else { return };
        let lists = &mut self.lists;
        lists.heads.keep(&HEADS, &heads(hydra));
        match self.page {
            Page::Prefetch => lists.prefetch_keys.keep(&PREFETCH_KEYS, keys(hydra)),
            Page::Records => {
                lists.providers.keep(&PROVIDERS, &self.records.providers(hydra));
                lists.popular.keep(&POPULAR, &records::popular(hydra));
                lists.regions.keep(&REGIONS, &records::regions(hydra));
            }
            Page::Peers => lists.peers.keep(&PEERS, &peers::rows(hydra)),
            Page::Log => {
                let lines = self.log.lines(hydra);
                lists.lines.keep(&LINES, &lines);
                if self.log.is_following() {
                    lists.lines.step(&LINES, &lines, |_, _| 0);
                }
            }
            _ => {}
        }
    }

    /// Changes the table of the page.
    pub(super) fn change_list(&mut self, change: &Change<'_>) {
        if self.page == Page::Peers {
            self.change_peers(change);
            return;
        }
        let Some(hydra) = self.frozen.as_deref().or(self.hydra.as_ref()) else { return };
        match self.page {
            Page::Overview | Page::Heads => change.apply(&mut self.lists.heads, &HEADS, &heads(hydra)),
            Page::Prefetch => change.apply(&mut self.lists.prefetch_keys, &PREFETCH_KEYS, keys(hydra)),
            Page::Records => self.lists.change_records(&self.records, hydra, change),
            Page::Log => change.apply(&mut self.lists.lines, &LINES, &self.log.lines(hydra)),
            _ => {}
        }
    }

    /// Name of the selected head.
    #[must_use]
    pub fn selected(&self) -> Option<&str> {
        self.lists.heads.selected()
    }

    /// The keys that are looked up or wait, in their order.
    #[must_use]
    pub fn prefetch_keys(&self) -> Vec<&PrefetchKey> {
        self.shown()
            .map(|hydra| self.lists.prefetch_keys.rows(&PREFETCH_KEYS, keys(hydra)))
            .unwrap_or_default()
    }

    /// The shown heads in their order.
    #[must_use]
    pub fn heads(&self) -> Vec<&Head> {
        self.shown().map(|hydra| self.lists.heads.rows(&HEADS, hydra.heads())).unwrap_or_default()
    }
}
