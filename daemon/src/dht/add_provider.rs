//! ADD_PROVIDER: who has a key, and where they are. Never answered: Go, rust and js read no
//! reply, and an echo would be taken for the answer to the next request of the stream.

use crate::belly::{Announcement, MAX_PROVIDER_KEY, Refused};
use crate::dht::{Local, Served, Service};
use crate::routing::contacts::Contact;
use crate::telemetry::{Drop as Reason, drops};
use crate::wire::bounds::K;
use crate::wire::{Key256, Kind, Message};

/// A record is near when a head is among so many closest known peers of its key.
pub const NEAR: usize = 2 * K;

/// kad-dht `handleAddProvider`: only entries of the sender itself that have an address. The
/// address filter comes after that, so that senders behind relays are kept.
pub(super) fn handle(service: &Service, to: &Local, from: &Contact, request: &Message<'_>) -> Served {
    from.announced();
    if request.key.is_empty() || request.key.len() > MAX_PROVIDER_KEY {
        return Served::Reset(Reason::RequestRefused);
    }
    let near = service.table.snapshot().is_near(&Key256::of(request.key), NEAR);
    let mut own = false;
    for entry in request.provider_peers() {
        if entry.peer_id() != Some(from.peer) || entry.addrs().next().is_none() {
            continue;
        }
        own = true;
        let announcement = Announcement {
            key: request.key,
            provider: from.peer,
            addrs: service.config.policy.admit(&from.peer, entry.addrs()),
            head: to.index,
            near,
        };
        if let Err(refused) = service.belly.add_provider(announcement) {
            // a reset would lose what else is under way on this stream
            drops::count(reason(refused));
            service.requests.dropped(Kind::AddProvider as usize);
        }
    }
    if own { Served::Silent } else { Served::Reset(Reason::RequestRefused) }
}

/// The counter of a refusal.
pub(super) fn reason(refused: Refused) -> Reason {
    match refused {
        Refused::KeyLength(_) | Refused::ValueTooLarge(_) => Reason::RequestRefused,
        Refused::KeyFull => Reason::RecordKeyFull,
        Refused::ProviderFull => Reason::RecordProviderFull,
        Refused::StoreFull => Reason::RecordStoreFull,
        Refused::Behind => Reason::RecordBehind,
        Refused::Unavailable => Reason::RecordUnavailable,
    }
}
