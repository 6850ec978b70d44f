//! One watch: a snapshot, then what changed, at the reader's interval.
//!
//! The daemon never waits for a reader: when one is too slow it misses updates, is told how
//! many, and gets a snapshot again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hydra_protocol::v1::{Head, WatchStatusResponse};
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::api::control::{convert, status};
use crate::hydra::Hydra;
use crate::telemetry::{Drop as Reason, Event, drops};

/// Messages a reader may be behind.
const AHEAD: usize = 2;

/// Events of a snapshot.
const EVENTS: usize = 50;

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60);

type Message = Result<WatchStatusResponse, Status>;

/// What a reader was told.
struct Watch {
    hydra: Arc<Hydra>,
    revision: u64,
    dropped: u64,
    /// Heads as last told, by name; empty: a snapshot is due.
    heads: HashMap<String, Head>,
    sample: u64,
    events: broadcast::Receiver<Event>,
    behind: bool,
}

/// Starts a watch; it ends when the reader goes.
pub(super) fn start(hydra: Arc<Hydra>, seconds: f64, place: OwnedSemaphorePermit) -> ReceiverStream<Message> {
    let (send, receive) = mpsc::channel(AHEAD);
    let wanted = if seconds > 0.0 {
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST)
    } else {
        Duration::from_secs(1)
    };
    let pace = wanted.clamp(SHORTEST, LONGEST);
    tokio::spawn(async move {
        let _place = place;
        let (_, events) = hydra.events.last(0);
        let mut watch =
            Watch { hydra, revision: 0, dropped: 0, heads: HashMap::new(), sample: 0, events, behind: true };
        let mut tick = interval(pace);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = send.closed() => return,
            }
            match send.try_reserve() {
                Ok(permit) => permit.send(Ok(watch.next())),
                Err(mpsc::error::TrySendError::Full(())) => watch.missed(1),
                Err(mpsc::error::TrySendError::Closed(())) => return,
            }
        }
    });
    ReceiverStream::new(receive)
}

impl Watch {
    fn missed(&mut self, updates: u64) {
        self.dropped += updates;
        self.behind = true;
        drops::add(Reason::EventLagged, updates);
    }

    fn next(&mut self) -> WatchStatusResponse {
        self.revision += 1;
        let new_events = self.new_events();
        let snapshot = std::mem::take(&mut self.behind);
        let open = self.hydra.contacts.open_by_head();
        let now: HashMap<String, Head> = self
            .hydra
            .heads()
            .iter()
            .map(|head| convert::head(head, &open))
            .map(|head| (head.name.clone(), head))
            .collect();
        let mut heads: Vec<Head> = now
            .values()
            .filter(|head| snapshot || self.heads.get(&head.name) != Some(*head))
            .cloned()
            .collect();
        heads.sort_by_key(|head| head.index);
        let removed_heads = self.heads.keys().filter(|name| !now.contains_key(*name)).cloned().collect();
        self.heads = now;
        let (samples, next) = self.hydra.history.since(if snapshot { 0 } else { self.sample });
        self.sample = next;
        let events = if snapshot {
            let (last, feed) = self.hydra.events.last(EVENTS);
            self.events = feed;
            last
        } else {
            new_events
        };
        WatchStatusResponse {
            revision: self.revision,
            snapshot,
            dropped: self.dropped,
            status: Some(status::status(&self.hydra)),
            heads,
            removed_heads,
            samples: samples.iter().map(convert::sample).collect(),
            events: events.iter().map(convert::event).collect(),
        }
    }

    /// Events since the last message. A burst that outran us is made up for by a snapshot.
    fn new_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            match self.events.try_recv() {
                Ok(event) => events.push(event),
                Err(TryRecvError::Lagged(missed)) => self.missed(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return events,
            }
        }
    }
}
