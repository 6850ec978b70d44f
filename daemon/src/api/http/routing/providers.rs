//! `GET /routing/v1/providers/{cid}`: who has it.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use libp2p::PeerId;

use super::answer::{self, List};
use super::asker::Asker;
use super::filter::Filter;
use super::form::Form;
use super::lookups::Turn;
use super::{Desk, LOOKUP, MAX_JSON, MAX_STREAM, name, record};
use crate::api::http::Refusal;
use crate::belly::Provider;
use crate::scout::lookup::Provider as Named;
use crate::wire::bounds::K;
use crate::wire::{AddrList, Key256};

/// From the belly when it has any that is wanted. A stream goes on with a look-up unless the
/// belly has plenty: its reader leaves when it has enough.
pub(super) async fn get(
    State(desk): State<Arc<Desk>>,
    Path(cid): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (form, filter, key) = (Form::of(&headers)?, Filter::read(&query)?, name::multihash(&cid)?);
    let mut here = desk.belly.providers(&key, MAX_STREAM).await;
    for provider in here.iter_mut().filter(|provider| provider.addrs.is_empty()) {
        provider.addrs = desk.nearby(&provider.peer);
    }
    match form {
        Form::Json => {
            let mut list = List::json("Providers");
            for provider in &here {
                if list.len() == MAX_JSON {
                    break;
                }
                list.push(|out| record::write(out, &provider.peer, &provider.addrs, &filter));
            }
            if list.len() == 0 {
                let turn = desk.turn(asker)?;
                let mut found = Found::new(&desk, turn, &key, here);
                while list.len() < MAX_JSON
                    && let Some(provider) = found.next().await
                {
                    list.push(|out| record::write(out, &provider.peer, &provider.addrs, &filter));
                }
            }
            Ok(list.answer())
        }
        Form::Ndjson => {
            let plenty = here.len() >= K;
            let line = move |provider: &Provider| line(provider, &filter);
            let known: Vec<Bytes> = here.iter().filter_map(&line).collect();
            let turn = if plenty { None } else { Some(desk.turn(asker)) };
            let found = match turn {
                Some(Err(refusal)) if known.is_empty() => return Err(refusal),
                Some(Ok(turn)) => Found::new(&desk, turn, &key, here).into_stream().boxed(),
                // what is here is an answer, too
                Some(Err(_)) | None => stream::empty().boxed(),
            };
            let found = found.filter_map(move |provider| std::future::ready(line(&provider)));
            Ok(answer::lines(stream::iter(known).chain(found).take(MAX_STREAM)).await)
        }
    }
}

fn line(provider: &Provider, filter: &Filter) -> Option<Bytes> {
    let mut out = Vec::with_capacity(256);
    record::write(&mut out, &provider.peer, &provider.addrs, filter).then(|| {
        out.push(b'\n');
        out.into()
    })
}

/// What a look-up finds besides what is here: each provider once, with addresses if anybody
/// knows some. Those of whom nobody does come last.
struct Found {
    desk: Arc<Desk>,
    providers: BoxStream<'static, Named>,
    told: HashSet<PeerId>,
    without: Vec<PeerId>,
    _turn: Turn,
}

impl Found {
    fn new(desk: &Arc<Desk>, turn: Turn, key: &[u8], here: Vec<Provider>) -> Self {
        Self {
            desk: Arc::clone(desk),
            providers: turn.network.providers(key, MAX_STREAM, LOOKUP),
            told: here.into_iter().filter(|known| !known.addrs.is_empty()).map(|known| known.peer).collect(),
            without: Vec::new(),
            _turn: turn,
        }
    }

    async fn next(&mut self) -> Option<Provider> {
        while let Some(found) = self.providers.next().await {
            let mut addrs = found.addrs;
            if addrs.is_empty() {
                addrs = self.desk.nearby(&found.peer);
            }
            if addrs.is_empty() {
                self.without.push(found.peer);
            } else if self.told.insert(found.peer) {
                return Some(Provider { peer: found.peer, addrs });
            }
        }
        let told = &mut self.told;
        let last = std::iter::from_fn(|| self.without.pop()).find(|peer| told.insert(*peer))?;
        Some(Provider { peer: last, addrs: AddrList::default() })
    }

    fn into_stream(self) -> impl Stream<Item = Provider> + Send + 'static {
        stream::unfold(self, |mut found| async { Some((found.next().await?, found)) })
    }
}

impl Desk {
    /// Where a peer is, as far as connections and the table tell.
    pub(super) fn nearby(&self, peer: &PeerId) -> AddrList {
        let connected = self.contacts.addresses_of(peer).unwrap_or_default();
        match self.table.snapshot().get(&Key256::of_peer(peer)) {
            Some(entry) => connected.union(&entry.addrs),
            None => connected,
        }
    }

    /// A look-up for this client.
    pub(super) fn turn(&self, asker: Asker) -> Result<Turn, Refusal> {
        self.limits.lookup(asker)?;
        self.lookups.begin()
    }
}
