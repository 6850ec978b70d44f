//! The roster: which heads there are; adding, removing, stopping and starting them.
//!
//! A change is made in the state first, then in the process, one change at a time; readers
//! never wait for a change.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};

use crate::head::{self, Head, Phase};
use crate::hydra::Hydra;
use crate::identity::{Identity, Sequence};
use crate::net::ports;
use crate::routing::groups::groups_of;
use crate::state::{HeadRow, HeadStatus, StateError};
use crate::telemetry::counters::Window;
use crate::telemetry::{Level, Rates, Totals};
use crate::wire::Key256;

/// The heads, and the sequence their identities come from.
pub(super) struct Roster {
    sequence: Arc<parking_lot::Mutex<Sequence>>,
    shared: Arc<head::Shared>,
    members: RwLock<BTreeMap<u32, Member>>,
    /// What heads counted that are gone.
    retired: parking_lot::Mutex<Totals>,
    places: watch::Sender<Vec<Key256>>,
    /// One change at a time.
    changing: Mutex<()>,
}

struct Member {
    row: HeadRow,
    key: Key256,
    announce: Vec<Multiaddr>,
    head: Option<Head>,
    /// Why there is no head although there should be one.
    failed: Option<String>,
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
    pub serving_since: Option<SystemTime>,
    pub added_at: SystemTime,
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

    /// Offers the protocol on all heads whose ports are open; notes since when they serve.
    pub(super) fn serve_where(&self, may_serve: bool) {
        for member in self.members.write().values_mut() {
            member.notice(may_serve);
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

    async fn identity(&self, index: u32) -> Result<Identity, RosterError> {
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
        Self { row, key, announce, head: None, failed: None, serving_since: None, window: Window::new(60) }
    }

    fn state(&self) -> HeadState {
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
        match (self.head.as_ref().map(Head::phase), &self.failed) {
            (Some(Phase::Failed(reason)), _) => reason,
            (Some(Phase::Ended), _) => "its task ended; see the log".to_owned(),
            (Some(Phase::Warming), _) => waits_for.to_owned(),
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
        if let Some(head) = self.head.as_ref().filter(|_| may_serve && state == HeadState::Warming) {
            // a head too busy to hear it is told again in a second
            head.serve();
        }
    }

    fn view(&self, waits_for: &str) -> HeadView {
        let announced = self.announce.iter().collect();
        HeadView {
            index: self.row.index,
            peer: self.row.peer_id,
            key: self.key,
            state: self.state(),
            reason: self.reason(waits_for),
            announce: self.announce.clone(),
            listen: self.row.listen.clone(),
            port: self.row.port,
            group: groups_of(&announced).iter().next().map(|group| group.to_string()),
            rates: self.window.rates(),
            serving_since: self.serving_since,
            added_at: self.row.added_at,
        }
    }
}

impl HeadView {
    #[must_use]
    pub fn name(&self) -> String {
        head::name(self.index)
    }
}

/// Time for a head's ports to open.
const OPENING: Duration = Duration::from_secs(15);

impl Hydra {
    /// The heads by ascending index.
    #[must_use]
    pub fn heads(&self) -> Vec<HeadView> {
        let waits_for = self.waits_for();
        self.roster.members.read().values().map(|member| member.view(&waits_for)).collect()
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
            [one] => Ok(one.view(&self.waits_for())),
            [] => Err(RosterError::NoHead(wanted.to_owned(), known(members.keys().copied()))),
            several => {
                let names: Vec<_> = several.iter().take(5).map(|m| head::name(m.row.index)).collect();
                Err(RosterError::Ambiguous(wanted.to_owned(), names.join(", ")))
            }
        }
    }

    /// Brings up the heads that the state knows, and so many more that `wanted` are there.
    /// Answers whether they are: heads that are known serve even when no more can be added.
    ///
    /// # Errors
    /// When the state cannot be read, or there would be no head at all.
    pub async fn restore_heads(&self, wanted: u32) -> Result<bool, RosterError> {
        let rows = self.state.heads().await?;
        let change = self.roster.changing.lock().await;
        for mut row in rows.into_iter().filter(|row| row.status != HeadStatus::Removed) {
            let identity = self.roster.identity(row.index).await?;
            let (listen, port) = self.endpoint_of(&row);
            if (&listen, port) != (&row.listen, row.port) {
                self.state.set_endpoint(row.index, listen.clone(), port).await?;
                (row.listen, row.port) = (listen, port);
            }
            let announce = (self.config.announce)(&row.listen, row.port);
            let member = Member::new(row, identity.key, announce);
            let start = member.row.status == HeadStatus::Active;
            self.roster.members.write().insert(identity.index, member);
            if start {
                self.launch(identity);
            }
        }
        self.roster.publish_places();
        self.reserve_files();
        let known: Vec<u32> = self.roster.members.read().keys().copied().collect();
        self.settled(&known).await;
        drop(change);
        let known = known.len() as u32;
        if known >= wanted {
            return Ok(true);
        }
        match self.add_heads(wanted - known, None).await {
            Ok(_) => Ok(true),
            Err(error) if known == 0 => Err(error),
            Err(error) => {
                let text =
                    format!("{known} of {wanted} heads are up; the others could not be added: {error}");
                self.events.tell(Level::Fail, "hydrad", "HEADS_NOT_ADDED", text);
                Ok(false)
            }
        }
    }

    /// The peer id at an index.
    pub(super) async fn roster_identity(&self, index: u32) -> Result<PeerId, RosterError> {
        self.roster.identity(index).await.map(|identity| identity.peer_id)
    }

    /// Where a known head listens now: addresses follow the configuration, a port that was
    /// chosen freely is kept.
    fn endpoint_of(&self, row: &HeadRow) -> (Vec<IpAddr>, u16) {
        let place = self.place_of(row.index).unwrap_or(row.index as usize);
        let listen = (self.config.listen)(place);
        let fixed = (self.config.port_begin > 0).then(|| usize::from(self.config.port_begin) + place);
        let port = fixed.and_then(|port| u16::try_from(port).ok()).unwrap_or(row.port);
        (listen, port)
    }

    /// The position of an index in the index set.
    pub(super) fn place_of(&self, index: u32) -> Option<usize> {
        self.config.indexes.contains(index).then(|| self.config.indexes.iter().position(|i| i == index))?
    }

    /// Starts a member's head; what goes wrong is the member's reason.
    fn launch(&self, identity: Identity) {
        let mut members = self.roster.members.write();
        let Some(member) = members.get_mut(&identity.index) else { return };
        let index = identity.index;
        let started = Instant::now();
        let checked = member.row.listen.iter().try_for_each(|ip| ports::check(*ip, member.row.port));
        let head = checked.map_err(|e| e.to_string()).and_then(|()| {
            let config = head::Config {
                index,
                keypair: identity.keypair,
                listen: member.row.listen.clone(),
                port: member.row.port,
                announce: member.announce.clone(),
            };
            Head::start(config, Arc::clone(&self.roster.shared)).map_err(|e| e.to_string())
        });
        match head {
            Ok(head) => {
                member.head = Some(head);
                member.failed = None;
                tracing::debug!(index, took = ?started.elapsed(), "head launched");
            }
            Err(reason) => {
                self.events.tell(Level::Fail, head::name(index), "HEAD_FAILED", &reason);
                member.failed = Some(reason);
            }
        }
    }

    /// Adds heads at the next free indices, or one at an index; what the operator should know.
    ///
    /// # Errors
    /// When there is no room, the state cannot be written, or a head does not open its ports:
    /// then nothing is added, and an index that was reserved stays so.
    pub async fn add_heads(
        &self,
        count: u32,
        index: Option<u32>,
    ) -> Result<(Vec<HeadView>, Vec<String>), RosterError> {
        // planned under the lock: two who add at once get different indices
        let _change = self.roster.changing.lock().await;
        let plan = self.plan(count, index).await?;
        let before = self.state.heads().await?;
        self.state.add_heads(plan.rows.clone()).await?;
        let added: Vec<u32> = plan.rows.iter().map(|row| row.index).collect();
        let reserved = before.iter().map(|row| row.index).filter(|index| added.contains(index)).collect();
        for row in plan.rows {
            let identity = self.roster.identity(row.index).await?;
            let announce = (self.config.announce)(&row.listen, row.port);
            let member = Member::new(row, identity.key, announce);
            self.roster.members.write().insert(identity.index, member);
            self.launch(identity);
        }
        self.roster.publish_places();
        self.reserve_files();
        if let Some(reason) = self.first_failure(&added).await {
            self.undo(&added, reserved).await?;
            return Err(RosterError::Start(format!("{reason}; nothing was added")));
        }
        self.roster.serve_where(self.may_serve());
        self.events.good("hydrad", format!("heads added: {}", names(&added)));
        let views = self.heads().into_iter().filter(|view| added.contains(&view.index)).collect();
        Ok((views, plan.warnings))
    }

    /// Waits until the ports of these heads are open, or are known not to open.
    async fn settled(&self, indexes: &[u32]) {
        let by = Instant::now() + OPENING;
        let opening = || {
            let members = self.roster.members.read();
            let mut of_these = indexes.iter().filter_map(|index| members.get(index));
            of_these.any(|member| member.state() == HeadState::Starting)
        };
        while opening() && Instant::now() < by {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for the new heads' ports; why the first that failed did.
    async fn first_failure(&self, added: &[u32]) -> Option<String> {
        self.settled(added).await;
        let members = self.roster.members.read();
        let mut new = added.iter().filter_map(|index| members.get(index));
        new.find(|member| member.state() == HeadState::Failed).map(|member| member.reason(""))
    }

    /// Takes new heads back; those whose index was reserved before stay reserved.
    async fn undo(&self, added: &[u32], reserved: Vec<u32>) -> Result<(), RosterError> {
        for index in added {
            self.withdraw(*index).await;
            self.roster.members.write().remove(index);
        }
        self.roster.publish_places();
        self.reserve_files();
        for index in added {
            self.state.set_status(*index, HeadStatus::Removed).await?;
            if !reserved.contains(index) {
                self.state.purge(*index).await?;
            }
        }
        Ok(())
    }

    /// Has the heads serve that may, and waits a moment for them: so the first thing that is
    /// told of them is not that they are about to.
    pub async fn serve_at_once(&self) {
        const MOMENT: Duration = Duration::from_secs(1);
        if !self.may_serve() {
            return;
        }
        let by = Instant::now() + MOMENT;
        let coming = |m: &Member| matches!(m.state(), HeadState::Starting | HeadState::Warming);
        while self.roster.members.read().values().any(coming) && Instant::now() < by {
            self.roster.serve_where(true);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Withdraws and removes a head; its index stays reserved.
    ///
    /// # Errors
    /// When there is no such head, or the state cannot be written.
    pub async fn remove_head(&self, selector: &Selector) -> Result<(HeadView, u64), RosterError> {
        let _change = self.roster.changing.lock().await;
        let view = self.find_head(selector)?;
        self.state.set_status(view.index, HeadStatus::Removed).await?;
        let closed = self.withdraw(view.index).await;
        self.roster.members.write().remove(&view.index);
        self.roster.publish_places();
        self.reserve_files();
        self.events
            .good("hydrad", format!("{} withdrawn and removed; its index stays reserved", view.name()));
        Ok((view, closed))
    }

    /// Withdraws a head; identity and port are kept.
    ///
    /// # Errors
    /// When there is no such head, it is stopped already, or the state cannot be written.
    pub async fn stop_head(&self, selector: &Selector) -> Result<(HeadView, u64), RosterError> {
        let _change = self.roster.changing.lock().await;
        let view = self.find_head(selector)?;
        if view.state == HeadState::Stopped {
            let hint = format!("`hydractl heads start {}` starts it", view.name());
            return Err(RosterError::WrongState { name: view.name(), state: "stopped already", hint });
        }
        self.state.set_status(view.index, HeadStatus::Stopped).await?;
        let closed = self.withdraw(view.index).await;
        if let Some(member) = self.roster.members.write().get_mut(&view.index) {
            member.row.status = HeadStatus::Stopped;
            member.failed = None;
        }
        self.events
            .good(view.name(), format!("withdrawn, {closed} connections closed; identity and port kept"));
        Ok((self.find_head(&Selector(view.name()))?, closed))
    }

    /// Starts a stopped or failed head.
    ///
    /// # Errors
    /// When there is no such head, it runs, or its ports are taken.
    pub async fn start_head(&self, selector: &Selector) -> Result<HeadView, RosterError> {
        let _change = self.roster.changing.lock().await;
        let view = self.find_head(selector)?;
        if !matches!(view.state, HeadState::Stopped | HeadState::Failed) {
            let hint = "there is nothing to start".to_owned();
            return Err(RosterError::WrongState { name: view.name(), state: "running", hint });
        }
        let identity = self.roster.identity(view.index).await?;
        self.state.set_status(view.index, HeadStatus::Active).await?;
        // a failed head may have left its swarm behind
        self.withdraw(view.index).await;
        if let Some(member) = self.roster.members.write().get_mut(&view.index) {
            member.row.status = HeadStatus::Active;
        }
        self.launch(identity);
        if let Some(reason) = self.first_failure(&[view.index]).await {
            return Err(RosterError::Start(format!("{} does not start: {reason}", view.name())));
        }
        self.events.good(view.name(), "starting");
        self.find_head(&Selector(view.name()))
    }

    /// Gives up the reserved index of a removed head; answers its peer id.
    ///
    /// # Errors
    /// When the head still exists, or the index is not reserved.
    pub async fn purge_head(&self, selector: &Selector) -> Result<(u32, PeerId), RosterError> {
        let _change = self.roster.changing.lock().await;
        let wanted = selector.0.trim();
        let number = wanted.strip_prefix("head-").unwrap_or(wanted).parse::<u32>().ok();
        let rows = self.state.heads().await?;
        let row = rows.iter().find(|row| Some(row.index) == number || row.peer_id.to_base58() == wanted);
        let Some(row) = row else {
            let removed = rows.iter().filter(|row| row.status == HeadStatus::Removed).map(|row| row.index);
            return Err(RosterError::NoHead(wanted.to_owned(), format!("reserved {}", known(removed))));
        };
        if row.status != HeadStatus::Removed {
            let hint = format!("`hydractl heads rm {}` first", head::name(row.index));
            return Err(RosterError::WrongState { name: head::name(row.index), state: "not removed", hint });
        }
        self.state.purge(row.index).await?;
        self.events.good(
            "hydrad",
            format!("index {} given up; {} will not come back by itself", row.index, row.peer_id),
        );
        Ok((row.index, row.peer_id))
    }

    async fn withdraw(&self, index: u32) -> u64 {
        let head = self.roster.members.write().get_mut(&index).and_then(|member| member.head.take());
        match head {
            Some(head) => {
                self.roster.retire(&head);
                head.withdraw().await
            }
            None => 0,
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
