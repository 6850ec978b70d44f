//! The closer peers of a reply.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::routing::groups::{Fit, ReplyGroups};
use crate::routing::snapshot::{Entry, Snapshot};
use crate::wire::bounds::{K, MAX_OWN_HEADS};
use crate::wire::message::encode_peer;
use crate::wire::{Key256, Reply};

/// Entries looked at before a reply is sent with fewer than k peers.
const MAX_VISITED: usize = 16 * K;

/// Bytes kept free behind the closer peers for field framing.
const MARGIN: usize = 8;

/// Writes peers into a reply: at most three of an IP group, at most [`MAX_OWN_HEADS`] of
/// ours, none twice, within the reply's limit.
pub struct Closer<'r> {
    reply: &'r mut Reply,
    limit: usize,
    groups: ReplyGroups,
    own: usize,
}

impl<'r> Closer<'r> {
    pub fn new(reply: &'r mut Reply, limit: usize) -> Self {
        Self { reply, limit, groups: ReplyGroups::new(), own: 0 }
    }

    /// Writes one peer, as far as it fits. Says whether anything was written.
    pub fn write(&mut self, entry: &Entry) -> bool {
        if entry.addrs.is_empty() || (entry.own && self.own == MAX_OWN_HEADS) {
            return false;
        }
        if self.reply.body_len() + entry.encoded.len() + MARGIN > self.limit {
            return false;
        }
        match self.groups.take(&entry.addrs, &entry.groups) {
            Fit::Whole => self.reply.closer_peer(&entry.encoded),
            Fit::Part(addrs) => self.reply.closer_peer(&encode_peer(&entry.peer, &addrs)),
            Fit::Nothing => return false,
        }
        self.own += usize::from(entry.own);
        true
    }

    /// Writes the k peers nearest to the target, except those at these places.
    pub fn fill(&mut self, table: &Snapshot, target: &Key256, except: &[&Key256]) {
        let (mut written, mut visited) = (0, 0);
        table.nearest(target, |entry: &Arc<Entry>| {
            visited += 1;
            if !except.contains(&&entry.key) && self.write(entry) {
                written += 1;
            }
            if written == K || visited == MAX_VISITED {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    }
}
