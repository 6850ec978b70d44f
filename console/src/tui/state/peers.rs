//! The Peers page as a person left it: which range of the keyspace, which rows.

use hydra_protocol::v1::{Head, Peer, PeerSort, SurveyPeersResponse};

use super::feed::Ask;
use super::lists::Change;
use super::{Hydra, Level, Page, State};
use crate::tui::table::{PEERS, PeerRow};

/// Rows of a page that the daemon tells.
pub const ROWS: u32 = 200;
/// Parts of the range in which peers are counted: a multiple of the dots of a picture of 120
/// cells, and of half of one.
pub const BINS: u32 = 928;
/// Rows that the next page moves by: half of a page stays.
const STEP: u32 = ROWS / 2;
/// Peers that a range around a head should have, about.
const CROWD: u64 = 64;
/// The narrowest range, in bits.
const NARROWEST: u32 = 16;

/// A range of the keyspace: the keys that begin with some bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The bits, from the highest on; the others are zero.
    pub prefix: u64,
    /// How many; 0: all keys.
    pub bits: u32,
}

impl Range {
    /// The keys that share so many bits with this one.
    #[must_use]
    pub fn around(key: &[u8], bits: u32) -> Self {
        let mask = u64::MAX.checked_shl(u64::BITS.saturating_sub(bits)).unwrap_or(0);
        Self { prefix: start(key) & mask, bits }
    }

    /// In which of so many equal parts of the range a key lies; `None`: outside.
    #[must_use]
    pub fn part(self, key: &[u8], parts: usize) -> Option<usize> {
        let key = start(key);
        if (key ^ self.prefix).leading_zeros() < self.bits {
            return None;
        }
        let within = key.checked_shl(self.bits).unwrap_or(0);
        usize::try_from((u128::from(within) * parts as u128) >> u64::BITS).ok()
    }

    /// The first hex digits of the keys in a sixteenth of the range.
    #[must_use]
    pub fn digits(self, sixteenth: u32) -> String {
        let shift = u64::BITS.saturating_sub(self.bits + 4);
        let begins = self.prefix | (u64::from(sixteenth) << shift);
        let digits = (self.bits + 4).div_ceil(4) as usize;
        format!("{begins:016x}").get(..digits).unwrap_or_default().to_owned()
    }
}

/// The first eight bytes of a key.
fn start(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |start| u64::from_be_bytes(*start))
}

/// What a person made of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// The head whose range is shown; `None`: the whole keyspace.
    zoom: Option<(String, Range)>,
    /// Rows before the first that is asked for.
    offset: u32,
}

impl Peers {
    /// The range that is shown.
    #[must_use]
    pub fn range(&self) -> Range {
        self.zoom.as_ref().map_or_else(Range::default, |(_, range)| *range)
    }

    /// The head around which it is.
    #[must_use]
    pub fn zoomed_to(&self) -> Option<&str> {
        self.zoom.as_ref().map(|(head, _)| head.as_str())
    }

    /// Rows before the first that was asked for.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.offset
    }
}

/// The rows that the daemon told, as it sorted them.
pub(super) fn rows(hydra: &Hydra) -> Vec<PeerRow> {
    let peers: &[Peer] = hydra.feeds.survey().map_or(&[], |survey| &survey.peers);
    let row = |peer: &Peer| PeerRow { peer: peer.clone(), now: hydra.clock(), heads: hydra.status.heads };
    peers.iter().map(row).collect()
}

/// What a column sorts by, and whether its greatest come first.
fn sort_of(column: usize) -> (PeerSort, bool) {
    match PEERS.columns.get(column).map(|column| column.title) {
        Some("PEER ID") => (PeerSort::PeerId, false),
        Some("AGENT") => (PeerSort::Agent, false),
        Some("ADDRESS") => (PeerSort::Address, false),
        Some("VIA") => (PeerSort::Transport, false),
        Some("DIR") => (PeerSort::Direction, false),
        Some("HEADS") => (PeerSort::Heads, true),
        Some("RTT") => (PeerSort::Rtt, false),
        Some("ADD/min") => (PeerSort::AddProviderPerMinute, true),
        Some("SEEN") => (PeerSort::Seen, true),
        Some("NEAR") => (PeerSort::SharedBits, true),
        _ => (PeerSort::Key, false),
    }
}

impl State {
    /// The Peers page as a person left it.
    #[must_use]
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The rows that the daemon told.
    #[must_use]
    pub fn peer_rows(&self) -> Vec<PeerRow> {
        self.shown().map(rows).unwrap_or_default()
    }

    /// What the daemon told of its peers.
    #[must_use]
    pub fn survey(&self) -> Option<&SurveyPeersResponse> {
        self.shown()?.feeds.survey()
    }

    /// What the page asks for.
    #[must_use]
    pub fn survey_ask(&self) -> Ask {
        let (column, inverted) = self.lists.peers.order();
        let (sort, greatest_first) = sort_of(column);
        let range = self.peers.range();
        Ask::Survey {
            prefix: range.prefix,
            bits: range.bits,
            filter: self.lists.peers.filter().to_owned(),
            sort,
            descending: greatest_first != inverted,
            offset: self.peers.offset,
        }
    }

    /// Shows the range around the head that is nearest to the selected peer, or all again.
    pub(super) fn zoom(&mut self) {
        self.peers.offset = 0;
        if self.peers.zoom.take().is_some() {
            return;
        }
        let selected = self.lists.peers.selected();
        let nearest = self
            .survey()
            .and_then(|survey| survey.peers.iter().find(|peer| Some(peer.peer_id.as_str()) == selected))
            .map(|peer| peer.nearest_head.clone());
        let live = self.survey().map_or(0, |survey| survey.live);
        let bits = (live / CROWD).max(2).ilog2().min(NARROWEST);
        let Some(hydra) = self.shown() else { return };
        let head = nearest.and_then(|name| hydra.head(&name)).or_else(|| hydra.heads().next());
        let zoom = head.map(|head: &Head| (head.name.clone(), Range::around(&head.key, bits)));
        if zoom.is_none() {
            self.say(Level::Look, "there is no head to zoom to".to_owned());
        }
        self.peers.zoom = zoom;
    }

    /// Changes the table; another order or filter begins at its first row.
    pub(super) fn change_peers(&mut self, change: &Change<'_>) {
        let rows = self.peer_rows();
        change.apply(&mut self.lists.peers, &PEERS, &rows);
        match change {
            Change::Step(_) | Change::Find(..) => self.turn_page(&rows),
            Change::Toggle(_) => {}
            _ => self.peers.offset = 0,
        }
    }

    /// At the edge of the told rows the next ones are asked for.
    fn turn_page(&mut self, rows: &[PeerRow]) {
        let selected = self.lists.peers.selected();
        let at = rows.iter().position(|row| Some(row.peer.peer_id.as_str()) == selected);
        let total = self.survey().map_or(0, |survey| survey.total);
        let end = u64::from(self.peers.offset) + rows.len() as u64;
        match at {
            Some(0) => self.peers.offset = self.peers.offset.saturating_sub(STEP),
            Some(at) if at + 1 == rows.len() && end < total => {
                self.peers.offset = self.peers.offset.saturating_add(STEP);
            }
            _ => {}
        }
    }

    /// Opens the page of the selected peer.
    pub(super) fn open_peer(&mut self) {
        if let Some(id) = self.lists.peers.selected().map(str::to_owned) {
            self.open(Page::Peer(id));
        }
    }

    /// The peer id that `y` copies.
    pub(super) fn peer_to_copy(&self) -> Option<&str> {
        match &self.page {
            // a part of an id is enough to open a page
            Page::Peer(id) => {
                let peer = self.shown().and_then(|hydra| hydra.feeds.peer(id));
                Some(peer.map_or(id, |peer| &peer.peer_id))
            }
            _ => self.lists.peers.selected(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_equal_parts_and_names_them() {
        let all = Range::default();
        assert_eq!((all.part(&[0xff; 32], 232), all.part(&[0; 32], 232)), (Some(231), Some(0)));
        assert_eq!((all.digits(0), all.digits(15)), ("0".to_owned(), "f".to_owned()));
        let range = Range::around(&[0x7b; 32], 5);
        let last = [0x7f, 0xff, 0, 0, 0, 0, 0, 0];
        assert_eq!(range.prefix >> 56, 0x78);
        assert_eq!((range.part(&last, 16), range.part(&[0x80; 32], 16)), (Some(15), None));
        assert_eq!(
            (range.digits(0), range.digits(1), range.digits(15)),
            ("780".into(), "788".into(), "7f8".into())
        );
        assert_eq!(Range::around(&[0x7b; 32], 0), all);
        assert_eq!(Range::around(&[], 16).part(&[], 3), Some(0));
    }

    #[test]
    fn every_column_has_an_order_of_its_own() {
        let mut sorts: Vec<PeerSort> = (0..PEERS.columns.len()).map(|column| sort_of(column).0).collect();
        sorts.sort();
        sorts.dedup();
        assert_eq!(sorts.len(), PEERS.columns.len());
    }
}
