//! The questions of the open page: asked in turn, each again when its answer is too old.

use std::time::Duration;

use hydra_protocol::client::Client;
use hydra_protocol::v1::{
    GetBellyRequest, GetHeadRequest, GetHistoryRequest, GetNetworkRequest, GetPeerRequest,
    GetPrefetchRequest, GetRecordsRequest, GetTrafficRequest, ListEventsRequest, ListMostAskedRequest,
    ListPrefetchKeysRequest, ListRecordsRequest, ListRegionsRequest, PeerScope, PeerSort, RecordFilter,
    SurveyPeersRequest, TailLogRequest, TailLogResponse,
};
use prost_types::Timestamp;
use tokio::time::Instant;
use tonic::Status;

use super::call;
use crate::tui::state::feed::{Ask, Told};
use crate::tui::state::peers;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(10);
/// A year: the longest time that there is no question for.
const NEVER: Duration = Duration::from_secs(365 * 86_400);
/// Rows of a list that are asked for: more than a screen has.
const ROWS: u32 = 200;
/// Events that are asked for: all that the daemon keeps in one page.
const EVENTS: u32 = 1_000;
/// Lines of audit that are asked for.
const AUDIT: u32 = 200;

/// One question, and when it is due.
#[derive(Debug)]
struct Round {
    ask: Ask,
    due: Instant,
    asked: bool,
}

/// The questions that are asked again and again.
#[derive(Debug, Default)]
pub(super) struct Rounds(Vec<Round>);

impl Rounds {
    /// From now on these; those that were asked before keep their time.
    pub(super) fn want(&mut self, asks: Vec<Ask>) {
        let mut old = std::mem::take(&mut self.0);
        let round = |ask: Ask| match old.iter().position(|round| round.ask == ask) {
            Some(at) => old.swap_remove(at),
            None => Round { ask, due: Instant::now(), asked: false },
        };
        self.0 = asks.into_iter().map(round).collect();
    }

    /// A new connection: all are due.
    pub(super) fn begin(&mut self) {
        for round in &mut self.0 {
            (round.due, round.asked) = (Instant::now(), false);
        }
    }

    /// All are due now, but for those whose answer is on its way.
    pub(super) fn hasten(&mut self) {
        for round in &mut self.0 {
            round.due = Instant::now();
        }
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Instant {
        let due = self.0.iter().filter(|round| !round.asked).map(|round| round.due).min();
        due.unwrap_or_else(|| Instant::now() + NEVER)
    }

    /// The one that is due first; it is not due again before [`Rounds::done`].
    pub(super) fn take(&mut self) -> Option<Ask> {
        let waiting = self.0.iter_mut().filter(|round| !round.asked);
        let round = waiting.min_by_key(|round| round.due)?;
        round.asked = true;
        Some(round.ask.clone())
    }

    /// It is answered.
    pub(super) fn done(&mut self, ask: &Ask) {
        if let Some(round) = self.0.iter_mut().find(|round| round.ask == *ask) {
            (round.due, round.asked) = (Instant::now() + ask.every(), false);
        }
    }
}

/// Asks once. `clock` is the daemon's, in Unix seconds.
pub(super) async fn answer(client: &Client, ask: &Ask, clock: i64) -> Result<Told, String> {
    match tokio::time::timeout(WITHIN, told(client, ask, clock)).await {
        Ok(answer) => answer.map_err(|status| call::sentence(&status)),
        Err(_) => Err(format!("no answer within {} s", WITHIN.as_secs())),
    }
}

async fn told(client: &Client, ask: &Ask, clock: i64) -> Result<Told, Status> {
    let nothing = || Status::internal("the answer is empty");
    Ok(match ask.clone() {
        Ask::Head(head) => {
            let answer = client.heads().get_head(GetHeadRequest { head }).await?.into_inner();
            Told::Head(Box::new(answer.head.ok_or_else(nothing)?))
        }
        Ask::Survey { prefix, bits, filter, sort, descending, offset } => {
            let request = SurveyPeersRequest {
                bins: peers::BINS,
                prefix_bits: bits,
                prefix: prefix.to_be_bytes().to_vec(),
                filter,
                sort: sort.into(),
                descending,
                limit: peers::ROWS,
                offset,
                ..SurveyPeersRequest::default()
            };
            Told::Survey(Box::new(client.peers().survey_peers(request).await?.into_inner()))
        }
        Ask::Peer(peer) => {
            let answer = client.peers().get_peer(GetPeerRequest { peer }).await?.into_inner();
            Told::Peer(Box::new(answer.peer.ok_or_else(nothing)?))
        }
        Ask::Record(key) => {
            Told::Record(client.records().get_records(GetRecordsRequest { key }).await?.into_inner())
        }
        Ask::Records { prefix, provider } => {
            let filter = RecordFilter { key_prefix_hex: prefix, provider, ..RecordFilter::default() };
            let request =
                ListRecordsRequest { page_size: ROWS, filter: Some(filter), ..ListRecordsRequest::default() };
            Told::Records(client.records().list_records(request).await?.into_inner())
        }
        Ask::Belly => {
            let answer = client.belly().get_belly(GetBellyRequest {}).await?.into_inner();
            Told::Belly(Box::new(answer.belly.ok_or_else(nothing)?))
        }
        Ask::MostAsked => {
            let request = ListMostAskedRequest { limit: ROWS };
            Told::MostAsked(client.belly().list_most_asked(request).await?.into_inner())
        }
        Ask::Regions => Told::Regions(client.belly().list_regions(ListRegionsRequest {}).await?.into_inner()),
        Ask::Prefetch => {
            let answer = client.prefetch().get_prefetch(GetPrefetchRequest {}).await?.into_inner();
            Told::Prefetch(Box::new(answer.prefetch.ok_or_else(nothing)?))
        }
        Ask::PrefetchKeys => {
            let request = ListPrefetchKeysRequest { page_size: ROWS, ..ListPrefetchKeysRequest::default() };
            Told::PrefetchKeys(client.prefetch().list_prefetch_keys(request).await?.into_inner())
        }
        Ask::Network => {
            let answer = client.network().get_network(GetNetworkRequest {}).await?.into_inner();
            Told::Network(Box::new(answer.network.ok_or_else(nothing)?))
        }
        Ask::Traffic => {
            let request = GetTrafficRequest {};
            Told::Traffic(Box::new(client.network().get_traffic(request).await?.into_inner()))
        }
        Ask::Around { bits, place, bins, limit } => {
            let request = SurveyPeersRequest {
                bins,
                prefix_bits: bits,
                prefix: place,
                scope: PeerScope::Known.into(),
                sort: PeerSort::SharedBits.into(),
                descending: true,
                limit,
                ..SurveyPeersRequest::default()
            };
            Told::Around(Box::new(client.peers().survey_peers(request).await?.into_inner()))
        }
        Ask::Events => {
            let mut request = ListEventsRequest { page_size: EVENTS, ..ListEventsRequest::default() };
            let mut answer = client.events().list_events(request.clone()).await?.into_inner();
            // the daemon keeps a few more than a page holds
            if !answer.next_page_token.is_empty() {
                request.page_token = std::mem::take(&mut answer.next_page_token);
                answer.events.extend(client.events().list_events(request).await?.into_inner().events);
            }
            Told::Events(answer)
        }
        Ask::Audit => {
            let request = TailLogRequest {
                last: Some(AUDIT),
                target: "hydra::audit".to_owned(),
                ..TailLogRequest::default()
            };
            let mut messages = client.log().tail_log(request).await?.into_inner();
            let mut told = TailLogResponse::default();
            while let Some(message) = messages.message().await? {
                told.lines.extend(message.lines);
                told.lines.truncate(AUDIT as usize);
            }
            Told::Audit(told)
        }
        Ask::Past { series, seconds } => {
            let since = Some(Timestamp { seconds: clock - seconds, nanos: 0 });
            let request = GetHistoryRequest { series, since, step_seconds: 0 };
            Told::Past(client.stats().get_history(request).await?.into_inner())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_is_asked_again_when_its_answer_is_too_old() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.take(), None);
        rounds.want(vec![Ask::Prefetch, Ask::Network]);
        assert_eq!(rounds.take(), Some(Ask::Prefetch));
        assert_eq!(rounds.take(), Some(Ask::Network));
        assert_eq!(rounds.take(), None, "both are under way");
        let before = Instant::now();
        rounds.done(&Ask::Network);
        rounds.done(&Ask::Prefetch);
        assert!(rounds.next() >= before + Ask::Prefetch.every(), "not at once");
        assert_eq!(rounds.take(), Some(Ask::Prefetch), "the one that is due first");
    }

    #[test]
    fn a_page_that_is_left_is_not_asked_for_and_one_that_stays_is_not_asked_twice() {
        let mut rounds = Rounds::default();
        rounds.want(vec![Ask::Prefetch, Ask::Network]);
        rounds.take();
        rounds.want(vec![Ask::Prefetch, Ask::Belly]);
        assert_eq!(rounds.take(), Some(Ask::Belly));
        assert_eq!(rounds.take(), None);
        rounds.begin();
        assert!(rounds.take().is_some() && rounds.take().is_some());
    }
}
