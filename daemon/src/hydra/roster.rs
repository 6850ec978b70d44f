//! The roster: which heads there are, and how they are. Readers never wait for a change;
//! the changes are in `roster/changes.rs`.

mod changes;
mod mend;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};

use crate::head::{self, Addresses, Head, Phase};
use crate::hydra::{Hydra, Presence, causes};
use crate::identity::{Identity, Sequence};
use crate::net::idgen::IdgenError;
use crate::net::reachability::Report;
use crate::routing::groups::groups_of;
use crate::state::{HeadRow, HeadStatus, StateError};
use crate::telemetry::counters::Window;
use crate::telemetry::{Rates, Totals};
use crate::wire::Key256;

/// The heads, and the sequence their identities come from.
pub(super) struct Roster {
    pub(super) sequence: Arc<parking_lot::Mutex<Sequence>>,
    shared: Arc<head::Shared>,
    members: RwLock<BTreeMap<u32, Member>>,
    /// What heads counted that are gone.
    retired: parking_lot::Mutex<Totals>,
    places: watch::Sender<Vec<Key256>>,
    /// One change at a time.
    pub(super) changing: Mutex<()>,
}

struct Member {
    row: HeadRow,
    key: Key256,
    announce: Vec<Multiaddr>,
    head: Option<Head>,
    /// Why there is no head although there should be one.
    failed: Option<String>,
    /// It failed, and has not come up since.
    trouble: Option<mend::Trouble>,
    serving_since: Option<SystemTime>,
    window: Window,
}

/// The state of a head as operators see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadState {
    Starting,
    Warming,
    Serving,
    Withdrawn,
    Stopped,
    Failed,
}

/// A head as operators see it.
#[derive(Debug, Clone)]
pub struct HeadView {
    pub index: u32,
    pub peer: PeerId,
    pub key: Key256,
    pub state: HeadState,
    /// Why it does not serve; empty when it does.
    pub reason: String,
    pub announce: Vec<Multiaddr>,
    pub listen: Vec<IpAddr>,
    pub port: u16,
    /// IP group of the first announced public address.
    pub group: Option<String>,
    pub rates: Rates,
    /// Counts since it was started last.
    pub totals: Totals,
    pub serving_since: Option<SystemTime>,
    pub added_at: SystemTime,
    /// Whether strangers can dial it; `None` where that is not asked.
    pub reach: Option<Report>,
    /// Whether the servers nearest to it list it; `None` before that was asked.
    pub presence: Option<Arc<Presence>>,
}

/// How an operator names a head: "head-3", a peer id, or a unique prefix or suffix of one.
#[derive(Debug, Clone)]
pub struct Selector(pub String);

/// Why a change to the heads was not made.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    #[error("no head named {0}; there {1}")]
    NoHead(String, String),
    #[error("{0} fits several heads: {1}; give more of the id")]
    Ambiguous(String, String),
    #[error("{0}")]
    NoRoom(#[from] super::NoRoom),
    #[error("{name} is {state}; {hint}")]
    WrongState { name: String, state: &'static str, hint: String },
    #[error("index {index} is not free: {why}")]
    IndexTaken { index: u32, why: String },
    #[error("{0}; nothing was added")]
    Idgen(#[from] IdgenError),
    #[error("{0}")]
    Start(String),
    #[error(transparent)]
    State(#[from] StateError),
}

impl Roster {
    pub(super) fn new(
        sequence: Sequence,
        shared: Arc<head::Shared>,
        places: watch::Sender<Vec<Key256>>,
    ) -> Self {
        Self {
            sequence: Arc::new(parking_lot::Mutex::new(sequence)),
            shared,
            members: RwLock::default(),
            retired: parking_lot::Mutex::default(),
            places,
            changing: Mutex::default(),
        }
    }

    pub(super) fn serving(&self) -> usize {
        self.members.read().values().filter(|m| m.state() == HeadState::Serving).count()
    }

    pub(super) fn len(&self) -> usize {
        self.members.read().len()
    }

    /// Samples every head's counters; answers the sum, heads that are gone included.
    pub(super) fn sample(&self, now: f64) -> Totals {
        let mut all = *self.retired.lock();
        for member in self.members.write().values_mut() {
            if let Some(head) = &member.head {
                let totals = head.local.counters.totals();
                member.window.push(now, totals);
                all += totals;
            }
        }
        all
    }

    /// What all heads counted, those that are gone included.
    pub(super) fn totals(&self) -> Totals {
        let mut all = *self.retired.lock();
        for head in self.members.read().values().filter_map(|member| member.head.as_ref()) {
            all += head.local.counters.totals();
        }
        all
    }

    /// Offers the protocol on all heads whose ports are open; notes since when they serve, and
    /// which failed.
    pub(super) fn serve_where(&self, may_serve: bool) {
        let now = Instant::now();
        for member in self.members.write().values_mut() {
            member.notice(may_serve);
            member.watch_trouble(&self.shared.events, now);
        }
    }

    pub(super) async fn withdraw_all(&self) {
        let _change = self.changing.lock().await;
        let heads: Vec<Head> = self.members.write().values_mut().filter_map(|m| m.head.take()).collect();
        futures::future::join_all(heads.into_iter().map(Head::withdraw)).await;
    }

    /// Closes a connection of a head.
    pub(super) fn close(&self, index: u32, peer: PeerId, id: ConnectionId) -> bool {
        let members = self.members.read();
        members.get(&index).and_then(|m| m.head.as_ref()).is_some_and(|head| head.close(peer, id))
    }

    fn publish_places(&self) {
        let places = self.members.read().values().map(|member| member.key).collect();
        self.places.send_replace(places);
    }

    pub(super) async fn identity(&self, index: u32) -> Result<Identity, RosterError> {
        let sequence = Arc::clone(&self.sequence);
        // thousands of key generations may be needed to reach an index
        let found = tokio::task::spawn_blocking(move || sequence.lock().identity(index)).await;
        let taken = |why: String| RosterError::IndexTaken { index, why };
        found.map_err(|e| taken(e.to_string()))?.map_err(|e| taken(e.to_string()))
    }

    fn retire(&self, head: &Head) {
        *self.retired.lock() += head.local.counters.totals();
    }
}

impl Member {
    fn new(row: HeadRow, key: Key256, announce: Vec<Multiaddr>) -> Self {
        Self {
            row,
            key,
            announce,
            head: None,
            failed: None,
            trouble: None,
            serving_since: None,
            window: Window::new(60),
        }
    }

    /// As operators see it: one that is tried again has failed until its ports are open.
    fn state(&self) -> HeadState {
        match self.own_state() {
            HeadState::Starting if self.trouble.is_some() => HeadState::Failed,
            state => state,
        }
    }

    fn own_state(&self) -> HeadState {
        if self.row.status == HeadStatus::Stopped {
            return HeadState::Stopped;
        }
        match self.head.as_ref().map(Head::phase) {
            None if self.failed.is_some() => HeadState::Failed,
            None => HeadState::Starting,
            Some(Phase::Starting) => HeadState::Starting,
            Some(Phase::Warming) => HeadState::Warming,
            Some(Phase::Serving) => HeadState::Serving,
            Some(Phase::Withdrawn) => HeadState::Withdrawn,
            Some(Phase::Failed(_) | Phase::Ended) => HeadState::Failed,
        }
    }

    /// Why it does not serve.
    fn reason(&self, waits_for: &str) -> String {
        match self.state() {
            HeadState::Failed => self.trouble.as_ref().map_or_else(|| self.failure(), mend::Trouble::text),
            HeadState::Warming if waits_for.is_empty() => self.not_reached(),
            HeadState::Warming => waits_for.to_owned(),
            _ => String::new(),
        }
    }

    /// Why it failed.
    fn failure(&self) -> String {
        match (self.head.as_ref().map(Head::phase), &self.failed) {
            (Some(Phase::Failed(reason)), _) => reason,
            (Some(Phase::Ended), _) => "its task ended; see the log".to_owned(),
            (None, Some(reason)) => reason.clone(),
            _ => String::new(),
        }
    }

    /// Keeps the time of serving, and gives the order to serve when it may be given.
    fn notice(&mut self, may_serve: bool) {
        let state = self.state();
        match (state, self.serving_since) {
            (HeadState::Serving, None) => self.serving_since = Some(SystemTime::now()),
            (HeadState::Serving, Some(_)) | (_, None) => {}
            (_, Some(_)) => self.serving_since = None,
        }
        let Some(head) = &self.head else { return };
        let addresses = head.addresses();
        // a head too busy to hear it is told again in a second
        match state {
            HeadState::Warming if may_serve && addresses.may_serve() => drop(head.serve()),
            HeadState::Serving if addresses.is_shut() => drop(head.pause()),
            _ => {}
        }
    }

    /// Why a head that could serve is not dialled by strangers.
    fn not_reached(&self) -> String {
        let reach = self.head.as_ref().and_then(|head| head.addresses().reach);
        reach
            .filter(|reach| !reach.is_reached())
            .map_or_else(String::new, |reach| causes::not_reached(&reach, &self.row.listen).text)
    }

    fn view(&self, waits_for: &str) -> HeadView {
        let addresses = self
            .head
            .as_ref()
            .map(Head::addresses)
            .unwrap_or_else(|| Addresses { announced: self.announce.clone(), reach: None });
        let announced = addresses.announced.iter().collect();
        HeadView {
            index: self.row.index,
            peer: self.row.peer_id,
            key: self.key,
            state: self.state(),
            reason: self.reason(waits_for),
            announce: addresses.announced,
            listen: self.row.listen.clone(),
            port: self.row.port,
            group: groups_of(&announced).iter().next().map(|group| group.to_string()),
            rates: self.window.rates(),
            totals: self.head.as_ref().map(|head| head.local.counters.totals()).unwrap_or_default(),
            serving_since: self.serving_since,
            added_at: self.row.added_at,
            reach: addresses.reach,
            presence: None,
        }
    }
}

impl HeadView {
    #[must_use]
    pub fn name(&self) -> String {
        head::name(self.index)
    }
}

impl Hydra {
    /// The heads by ascending index.
    #[must_use]
    pub fn heads(&self) -> Vec<HeadView> {
        self.first_heads(usize::MAX)
    }

    /// At most so many of them: a view is not free, and there may be thousands.
    pub(super) fn first_heads(&self, most: usize) -> Vec<HeadView> {
        let waits_for = self.waits_for();
        let members = self.roster.members.read();
        members.values().take(most).map(|member| self.measured(member.view(&waits_for))).collect()
    }

    fn measured(&self, view: HeadView) -> HeadView {
        HeadView { presence: self.presence_of(view.index), ..view }
    }

    /// The head that an operator means.
    ///
    /// # Errors
    /// When no head or several fit.
    pub fn find_head(&self, selector: &Selector) -> Result<HeadView, RosterError> {
        let wanted = selector.0.trim();
        let members = self.roster.members.read();
        let bare = wanted.trim_matches('…');
        let fits = |member: &&Member| {
            let id = member.row.peer_id.to_base58();
            let exact = head::name(member.row.index) == wanted || id == wanted;
            exact || (bare.len() >= 3 && (id.starts_with(bare) || id.ends_with(bare)))
        };
        let found: Vec<&Member> = members.values().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok(self.measured(one.view(&self.waits_for()))),
            [] => Err(RosterError::NoHead(wanted.to_owned(), known(members.keys().copied()))),
            several => {
                let names: Vec<_> = several.iter().take(5).map(|m| head::name(m.row.index)).collect();
                Err(RosterError::Ambiguous(wanted.to_owned(), names.join(", ")))
            }
        }
    }
}

/// "are head-0 to head-4", "is head-3", "are none".
fn known(indexes: impl Iterator<Item = u32>) -> String {
    let indexes: Vec<u32> = indexes.collect();
    match indexes.as_slice() {
        [] => "are none".to_owned(),
        [one] => format!("is {}", head::name(*one)),
        [first, .., last] if (*last - *first) as usize + 1 == indexes.len() => {
            format!("are {} to {}", head::name(*first), head::name(*last))
        }
        _ => format!("are {}", names(&indexes)),
    }
}

fn names(indexes: &[u32]) -> String {
    const SHOWN: usize = 8;
    let mut text = indexes.iter().take(SHOWN).map(|i| head::name(*i)).collect::<Vec<_>>().join(", ");
    if indexes.len() > SHOWN {
        text.push_str(&format!(" and {} more", indexes.len() - SHOWN));
    }
    text
}
