//! Whether there is room for more heads, and what the operator should know before.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::head;
use crate::hydra::roster::RosterError;
use crate::hydra::{Hydra, Target};
use crate::limits::machine::open_files;
use crate::net::ports;
use crate::routing::groups::GROUP_MAX;
use crate::state::{HeadRow, HeadStatus};
use crate::wire::Key256;
use crate::wire::class::{Class, Host, class};

/// Descriptors of the daemon itself: store, state, sockets, log, runtime.
pub(super) const OWN_FILES: u64 = 64;

/// Descriptors of one head and listen address: a tcp and a udp socket, and one of the runtime.
const FILES_PER_ADDRESS: u64 = 3;

/// Heads of one public address from which on another adds little (go-libp2p lets 8
/// connections of an address in).
pub(super) const HEADS_PER_ADDRESS: usize = 8;

/// Which heads to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// So many at the next free indices.
    Next(u32),
    /// One at an index that is free or was removed.
    Index(u32),
    /// One whose id falls into the zone of a place in the keyspace.
    Near(Key256),
}

impl Choice {
    fn count(self) -> u32 {
        match self {
            Self::Next(count) => count,
            Self::Index(_) | Self::Near(_) => 1,
        }
    }
}

/// Heads that can be made, with their places.
#[derive(Debug, Clone)]
pub struct Plan {
    pub rows: Vec<HeadRow>,
    /// Leading bits of the zone that was asked for.
    pub zone_bits: Option<u32>,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// There is no room; nothing was added.
#[derive(Debug, thiserror::Error)]
#[error("{what}\n  {remedy}")]
pub struct NoRoom {
    what: String,
    remedy: String,
}

impl Hydra {
    /// What adding heads would make.
    ///
    /// # Errors
    /// When indices, descriptors or ports do not suffice.
    pub async fn plan(&self, choice: Choice) -> Result<Plan, RosterError> {
        let known = self.state.heads().await?;
        let leased = self.leased().await?;
        let count = choice.count();
        self.check_files(count)?;
        let mut zone_bits = None;
        let indexes = match choice {
            Choice::Index(index) => {
                self.check_index(index, &known)?;
                if leased.contains(&index) {
                    let why = "another hydra has it on lease (`/idgen/list` of the HTTP API)".to_owned();
                    return Err(RosterError::IndexTaken { index, why });
                }
                vec![index]
            }
            Choice::Near(place) => {
                let zone = self.zone_of(&place);
                zone_bits = Some(zone.bits);
                vec![self.index_in(zone, &known, &leased).await?]
            }
            Choice::Next(_) => {
                let taken: HashSet<u32> = known.iter().map(|row| row.index).chain(leased).collect();
                let free = self.config.indexes.free(count as usize, |index| taken.contains(&index));
                if free.len() < count as usize {
                    return Err(no_room(
                        format!(
                            "no room for {count} heads: the index set {} has {} left",
                            self.config.indexes,
                            free.len()
                        ),
                        "widen identity.indexes, or give up reserved ones: hydractl heads purge".to_owned(),
                    ));
                }
                free
            }
        };
        self.borrow_ids(&indexes).await?;
        let mut rows: Vec<HeadRow> = Vec::with_capacity(indexes.len());
        let mut ports_taken: HashSet<u16> = known.iter().map(|row| row.port).collect();
        for index in indexes {
            let before = known.iter().find(|row| row.index == index);
            let row = self.place(index, before, &ports_taken, count).await?;
            ports_taken.insert(row.port);
            rows.push(row);
        }
        let warnings = self.warnings_of(&rows);
        Ok(Plan { rows, zone_bits, warnings })
    }

    fn check_index(&self, index: u32, known: &[HeadRow]) -> Result<(), RosterError> {
        let taken = |why: &str| RosterError::IndexTaken { index, why: why.to_owned() };
        if !self.config.indexes.contains(index) {
            let set = &self.config.indexes;
            return Err(taken(&format!("it is not in this hydra's index set {set} (identity.indexes)")));
        }
        match known.iter().find(|row| row.index == index) {
            Some(row) if row.status != HeadStatus::Removed => Err(taken("the head exists")),
            _ => Ok(()),
        }
    }

    async fn place(
        &self,
        index: u32,
        before: Option<&HeadRow>,
        taken: &HashSet<u16>,
        count: u32,
    ) -> Result<HeadRow, RosterError> {
        let place = self.place_of(index).unwrap_or(index as usize);
        let listen = (self.config.listen)(place);
        let port = if self.config.port_begin > 0 {
            let port = usize::from(self.config.port_begin) + place;
            u16::try_from(port).map_err(|_| self.no_ports(&listen, count))?
        } else if let Some(row) = before.filter(|row| is_free(&listen, row.port)) {
            row.port
        } else {
            free_port(&listen, taken).map_err(|why| nothing_added(&why))?
        };
        for ip in &listen {
            let named = |e| RosterError::Start(format!("{}: {e}; nothing was added", head::name(index)));
            ports::check(*ip, port).map_err(named)?;
        }
        let identity = self.roster_identity(index).await?;
        Ok(HeadRow {
            index,
            peer_id: identity,
            listen,
            port,
            status: HeadStatus::Active,
            added_at: before.map_or_else(SystemTime::now, |row| row.added_at),
        })
    }

    fn no_ports(&self, listen: &[IpAddr], count: u32) -> RosterError {
        let ips = listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        no_room(
            format!(
                "no room for {count} heads: the listen ports from {} on are used up on {ips}",
                self.config.port_begin
            ),
            "lower listen.port_begin, or set it to 0; nothing was added".to_owned(),
        )
    }

    fn check_files(&self, count: u32) -> Result<(), RosterError> {
        let (limit, open) = (self.budget.config().files, open_files());
        let each = self.files_per_head();
        let needed = u64::from(count) * each;
        if open + needed + OWN_FILES <= limit {
            return Ok(());
        }
        let room = limit.saturating_sub(open + OWN_FILES) / each;
        Err(no_room(
            format!(
                "no room for {count} heads: they need about {} files ({each} each, connections not counted), {} are \
                 open, the limit is {}",
                commas(needed),
                commas(open),
                commas(limit)
            ),
            format!(
                "raise LimitNOFILE= in hydrad.service and restart, or add at most {room}; nothing was added"
            ),
        ))
    }

    pub(super) fn files_per_head(&self) -> u64 {
        FILES_PER_ADDRESS * (self.config.listen)(0).len().max(1) as u64
    }

    /// Keeps descriptors free for the heads there are.
    pub(super) fn reserve_files(&self) {
        let heads = self.heads_total() as u64;
        self.budget.reserve_files(OWN_FILES + heads * self.files_per_head());
    }

    fn warnings_of(&self, rows: &[HeadRow]) -> Vec<String> {
        let mut warnings = Vec::new();
        let heads = self.heads_total() + rows.len();
        if self.config.target != Target::None {
            warnings.push(format!(
                "heads.target is {}: heads that are too many for it go again, the highest index first",
                self.config.target
            ));
        }
        let files_left =
            self.budget.config().files.saturating_sub(OWN_FILES + heads as u64 * self.files_per_head());
        let each = (files_left.min(self.budget.config().connections as u64)) / heads.max(1) as u64;
        if each < 100 {
            warnings.push(format!(
                "{heads} heads leave room for about {each} connections each; a public head holds some 500"
            ));
        }
        let mut by_address: std::collections::BTreeMap<IpAddr, usize> = std::collections::BTreeMap::new();
        let announced = self.heads().into_iter().map(|view| view.announce);
        let new = rows.iter().map(|row| (self.config.announce)(&row.listen, row.port));
        for addresses in announced.chain(new) {
            let ips: HashSet<IpAddr> = addresses
                .iter()
                .filter_map(|addr| class(addr.as_ref()))
                .filter(Class::is_public)
                .filter_map(|class| match class.host {
                    Host::Ip(ip) => Some(ip),
                    _ => None,
                })
                .collect();
            for ip in ips {
                *by_address.entry(ip).or_default() += 1;
            }
        }
        for (ip, heads) in by_address.into_iter().filter(|(_, heads)| *heads > HEADS_PER_ADDRESS) {
            warnings.push(format!(
                "{ip} now has {heads} heads: Go peers list {GROUP_MAX} of an address group and connect to \
                 {HEADS_PER_ADDRESS} of an address, so more add little"
            ));
        }
        warnings
    }
}

/// A port that is free on all of these addresses, for tcp and udp.
pub(super) fn free_port(listen: &[IpAddr], taken: &HashSet<u16>) -> Result<u16, String> {
    const TRIES: u32 = 16;
    let Some(first) = listen.first() else {
        return Err("no address to listen on; set listen.ips".to_owned());
    };
    let mut failure = None;
    for _ in 0..TRIES {
        let port = ports::find(*first, |port| taken.contains(&port)).map_err(|e| e.to_string())?;
        match listen.iter().try_for_each(|ip| ports::check(*ip, port)) {
            Ok(()) => return Ok(port),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.map_or_else(|| "no free port".to_owned(), |e| e.to_string()))
}

fn is_free(listen: &[IpAddr], port: u16) -> bool {
    listen.iter().all(|ip| ports::check(*ip, port).is_ok())
}

fn nothing_added(why: &str) -> RosterError {
    RosterError::Start(format!("{why}; nothing was added"))
}

pub(super) fn no_room(what: String, remedy: String) -> RosterError {
    NoRoom { what, remedy }.into()
}

/// Digits in groups of three.
fn commas(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 76750, 1_234_567].map(commas),
            ["0", "999", "1,000", "76,750", "1,234,567"]
        );
    }
}
