//! GET_PROVIDERS: closer peers first, then the providers that any head accepted.

use crate::belly::MAX_PROVIDER_KEY;
use crate::dht::add_provider::NEAR;
use crate::dht::closer::Closer;
use crate::dht::{Local, Served, Service};
use crate::routing::contacts::Contact;
use crate::telemetry::{Drop as Reason, Requests, drops};
use crate::wire::message::reply_cluster_level;
use crate::wire::{Key256, Kind, Message, Reply};

/// Providers asked of the belly: as many as one key may have.
const MAX_PROVIDERS: usize = 1024;

/// kad-dht `handleGetProviders`: a key of 1 to 80 bytes, echoed; providers until the reply
/// is full, those with addresses first. Of a reply that would be full of closer peers alone a
/// quarter is theirs. What nobody here provides is handed on to be looked up; the reply waits
/// only for sources that answer within a deadline.
pub(super) async fn handle(service: &Service, to: &Local, from: &Contact, request: &Message<'_>) -> Served {
    if request.key.is_empty() || request.key.len() > MAX_PROVIDER_KEY {
        return Served::Reset(Reason::RequestRefused);
    }
    let place = Key256::of(request.key);
    let began = Requests::lookup();
    let mut providers = service.belly.providers(request.key, MAX_PROVIDERS).await;
    service.requests.looked_up(began);
    if providers.is_empty()
        && let Some(misses) = &service.misses
    {
        let near = || service.table.snapshot().is_near(&place, NEAR);
        if let Some(wait) = misses.put(request.key, from, near) {
            providers = wait.providers().await;
        }
    }
    let limit = service.reply_max(from);
    let mut reply =
        Reply::new(Kind::GetProviders, request.key, reply_cluster_level(request.cluster_level_raw));
    let for_closer = if providers.is_empty() { limit } else { limit / 4 * 3 };
    Closer::new(&mut reply, for_closer).fill(&service.table.snapshot(), &place, &[&to.key, &from.key]);
    let mut written = 0;
    for provider in &providers {
        if !reply.provider_peer(&provider.peer, &provider.addrs, limit) {
            break;
        }
        written += 1;
    }
    if written > 0 {
        to.counters.found();
    }
    if written < providers.len() {
        drops::add(Reason::ReplyCut, (providers.len() - written) as u64);
    }
    Served::Reply(reply.into_frame())
}
