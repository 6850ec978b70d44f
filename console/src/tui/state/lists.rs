//! The tables of the pages, and the one that the keys work on.

use hydra_protocol::v1::{Head, PrefetchKey};

use super::list::List;
use super::{Hydra, Page, State};
use crate::tui::table::{HEADS, PREFETCH_KEYS, Table};

/// What a person made of each table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// The heads.
    pub heads: List,
    /// The keys that are looked up, and those that wait.
    pub prefetch_keys: List,
}

impl Lists {
    /// Takes in what the hydra told.
    pub(super) fn keep(&mut self, hydra: &Hydra) {
        self.heads.keep(&HEADS, &heads(hydra));
        self.prefetch_keys.keep(&PREFETCH_KEYS, keys(hydra));
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
    /// Draws this column, or no longer.
    Toggle(usize),
}

impl Change<'_> {
    fn apply<R>(&self, list: &mut List, table: &Table<R>, rows: &[R]) {
        match self {
            Self::Step(to) => list.step(table, rows, to),
            Self::SortBeside(right) => list.sort_beside(table, rows, *right),
            Self::SortBy(column) => list.sort_by(table, rows, *column),
            Self::Invert => list.invert(table, rows),
            Self::Filter(text) => list.set_filter(table, rows, text),
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
            _ => None,
        }
    }

    /// The titles of its columns; empty where there is no table.
    #[must_use]
    pub fn column_titles(&self) -> Vec<&'static str> {
        match self.page {
            Page::Overview | Page::Heads => HEADS.columns.iter().map(|column| column.title).collect(),
            Page::Prefetch => PREFETCH_KEYS.columns.iter().map(|column| column.title).collect(),
            _ => Vec::new(),
        }
    }

    /// Changes the table of the page.
    pub(super) fn change_list(&mut self, change: &Change<'_>) {
        let Some(hydra) = self.frozen.as_deref().or(self.hydra.as_ref()) else { return };
        match self.page {
            Page::Overview | Page::Heads => change.apply(&mut self.lists.heads, &HEADS, &heads(hydra)),
            Page::Prefetch => change.apply(&mut self.lists.prefetch_keys, &PREFETCH_KEYS, keys(hydra)),
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
