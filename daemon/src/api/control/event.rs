//! `EventService`: pages of the events that are kept, and the feed of new ones.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hydra_protocol::v1;
use hydra_protocol::v1::event_service_server::EventService;
use hydra_protocol::v1::{
    EventFilter, Finding, ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse,
};
use prost::Message as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::api::control::{convert, page};
use crate::hydra::Hydra;
use crate::telemetry::{Drop as Reason, Event, Level, drops};

/// Watches at a time, per socket.
const MAX_WATCHES: usize = 64;

/// Messages a reader may be behind.
const AHEAD: usize = 16;

type Message = Result<WatchEventsResponse, Status>;

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
    watches: Arc<Semaphore>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>) -> Self {
        Self { hydra, watches: Arc::new(Semaphore::new(MAX_WATCHES)) }
    }
}

/// What a reader wants.
#[derive(Clone, Copy)]
struct Wanted {
    since: Option<SystemTime>,
    level: Level,
}

impl Wanted {
    fn of(filter: Option<&EventFilter>) -> Self {
        let since = filter.and_then(|filter| filter.since).map(|since| {
            let seconds = u64::try_from(since.seconds).unwrap_or(0);
            UNIX_EPOCH
                .checked_add(Duration::new(seconds, u32::try_from(since.nanos).unwrap_or(0)))
                .unwrap_or(UNIX_EPOCH)
        });
        let level = match filter.map(EventFilter::level) {
            Some(Finding::Warn) => Level::Warn,
            Some(Finding::Fail) => Level::Fail,
            _ => Level::Good,
        };
        Self { since, level }
    }

    fn fits(&self, event: &Event) -> bool {
        event.level >= self.level && self.since.is_none_or(|since| event.at >= since)
    }
}

#[tonic::async_trait]
impl EventService for Service {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        let asked = request.into_inner();
        let list = [b"events", asked.filter.unwrap_or_default().encode_to_vec().as_slice()].concat();
        let from = page::fixed::<8>(&list, &asked.page_token).map_err(|status| *status)?;
        let wanted = Wanted::of(asked.filter.as_ref());
        let from = from.map_or(0, u64::from_be_bytes);
        let (events, next) =
            self.hydra.events.page(from, page::size(asked.page_size), |event| wanted.fits(event));
        Ok(Response::new(ListEventsResponse {
            events: events.iter().map(convert::event).collect(),
            next_page_token: next.map_or_else(String::new, |next| page::token(&list, &next.to_be_bytes())),
        }))
    }

    type WatchEventsStream = ReceiverStream<Message>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let Ok(place) = Arc::clone(&self.watches).try_acquire_owned() else {
            return Err(Status::resource_exhausted(format!(
                "{MAX_WATCHES} watches are open already; close one"
            )));
        };
        let asked = request.into_inner();
        let wanted = Wanted::of(asked.filter.as_ref());
        // taken together: nothing between the kept ones and the feed is lost or told twice
        let (mut kept, feed) = self.hydra.events.last(usize::MAX);
        kept.retain(|event| wanted.fits(event));
        if let Some(last) = asked.last {
            kept.drain(..kept.len().saturating_sub(last as usize));
        }
        let (send, receive) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            let _place = place;
            follow(&kept, feed, wanted, &send).await;
        });
        Ok(Response::new(ReceiverStream::new(receive)))
    }
}

/// Tells the kept events and then each new one, until the reader goes.
async fn follow(
    kept: &[Event],
    mut feed: broadcast::Receiver<Event>,
    wanted: Wanted,
    send: &mpsc::Sender<Message>,
) {
    let tell = |events: Vec<v1::Event>, missed: u64| {
        let message = WatchEventsResponse { events, missed };
        async move { send.send(Ok(message)).await.is_ok() }
    };
    // also when there are none: the reader knows then that it is heard
    let mut open = tell(kept.iter().map(convert::event).collect(), 0).await;
    while open {
        let next = tokio::select! {
            next = feed.recv() => next,
            () = send.closed() => return,
        };
        open = match next {
            Ok(event) if wanted.fits(&event) => tell(vec![convert::event(&event)], 0).await,
            Ok(_) => true,
            Err(RecvError::Lagged(missed)) => {
                drops::add(Reason::EventLagged, missed);
                tell(Vec::new(), missed).await
            }
            Err(RecvError::Closed) => return,
        };
    }
}
