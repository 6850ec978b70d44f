//! Changes to the roster: bringing heads up, adding, removing, stopping, starting, purging.
//!
//! A change is made in the state first, then in the process, one change at a time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{HeadState, HeadView, Member, RosterError, Selector, known, names};
use crate::head::{self, Head};
use crate::hydra::{Choice, Hydra, Plan};
use crate::identity::Identity;
use crate::state::{HeadRow, HeadStatus};
use crate::telemetry::Level;

/// Time for a head's ports to open.
const OPENING: Duration = Duration::from_secs(15);

impl Hydra {
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
                self.launch(identity).await;
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
        match self.add_heads(Choice::Next(wanted - known)).await {
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
    pub(in crate::hydra) async fn roster_identity(&self, index: u32) -> Result<PeerId, RosterError> {
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
    pub(in crate::hydra) fn place_of(&self, index: u32) -> Option<usize> {
        self.config.indexes.contains(index).then(|| self.config.indexes.iter().position(|i| i == index))?
    }

    /// Starts a member's head; what goes wrong is the member's reason.
    pub(super) async fn launch(&self, identity: Identity) {
        let index = identity.index;
        let started = Instant::now();
        let row = self.roster.members.read().get(&index).map(|member| member.row.clone());
        let Some(row) = row else { return };
        let port = self.own_port(&row).await;
        let mut members = self.roster.members.write();
        let Some(member) = members.get_mut(&index) else { return };
        let head = port.and_then(|port| {
            if port != member.row.port {
                member.row.port = port;
                member.announce = (self.config.announce)(&member.row.listen, port);
            }
            let config = head::Config {
                index,
                keypair: identity.keypair,
                listen: member.row.listen.clone(),
                port,
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
            Err(reason) => member.failed = Some(reason),
        }
    }

    /// Adds heads; answers them as they are, and as they were planned.
    ///
    /// # Errors
    /// When there is no room, the state cannot be written, or a head does not open its ports:
    /// then nothing is added, and an index that was reserved stays so.
    pub async fn add_heads(&self, choice: Choice) -> Result<(Vec<HeadView>, Plan), RosterError> {
        // planned under the lock: two who add at once get different indices
        let _change = self.roster.changing.lock().await;
        let plan = self.plan(choice).await?;
        let before = self.state.heads().await?;
        self.state.add_heads(plan.rows.clone()).await?;
        let added: Vec<u32> = plan.rows.iter().map(|row| row.index).collect();
        let reserved = before.iter().map(|row| row.index).filter(|index| added.contains(index)).collect();
        for row in plan.rows.clone() {
            let identity = self.roster.identity(row.index).await?;
            let announce = (self.config.announce)(&row.listen, row.port);
            let member = Member::new(row, identity.key, announce);
            self.roster.members.write().insert(identity.index, member);
            self.launch(identity).await;
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
        Ok((views, plan))
    }

    /// Waits until the ports of these heads are open, or are known not to open.
    pub(super) async fn settled(&self, indexes: &[u32]) {
        let by = Instant::now() + OPENING;
        let opening = || {
            let members = self.roster.members.read();
            let mut of_these = indexes.iter().filter_map(|index| members.get(index));
            of_these.any(|member| member.own_state() == HeadState::Starting)
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
        new.find(|member| member.own_state() == HeadState::Failed).map(Member::failure)
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
        let coming = |m: &Member| matches!(m.own_state(), HeadState::Starting | HeadState::Warming);
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
            (member.failed, member.trouble) = (None, None);
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
        self.launch(identity).await;
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
        self.give_back_id(row.index).await?;
        self.events.good(
            "hydrad",
            format!("index {} given up; {} will not come back by itself", row.index, row.peer_id),
        );
        Ok((row.index, row.peer_id))
    }

    pub(super) async fn withdraw(&self, index: u32) -> u64 {
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
