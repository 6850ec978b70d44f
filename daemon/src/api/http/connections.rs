//! The connections of one door: a bounded number, of which the longest idle gives way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::activity::{Activity, Late};
use super::serve::Bounds;
use crate::telemetry::drops::{self, Drop as Dropped};

/// Open connections of a door.
pub(super) struct Connections {
    opened: Instant,
    bounds: Bounds,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Arc<Activity>>,
}

/// A connection's place; it is free again when this goes.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    pub(super) activity: Arc<Activity>,
}

impl Connections {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { opened: Instant::now(), bounds, open: Mutex::default() })
    }

    /// A place for a new connection, at the cost of the longest idle one if need be; `None`
    /// when all are busy.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.open.lock();
        if open.by_number.len() >= self.bounds.connections {
            let idle = open.by_number.iter().filter_map(|(number, it)| Some((it.idle_since()?, *number)));
            let Some((_, oldest)) = idle.min() else {
                drops::count(Dropped::HttpConnectionLimit);
                return None;
            };
            if let Some(activity) = open.by_number.remove(&oldest) {
                activity.end.cancel();
            }
            drops::count(Dropped::HttpGaveWay);
        }
        let number = open.next;
        open.next += 1;
        let activity = Arc::new(Activity::new(self.opened));
        open.by_number.insert(number, Arc::clone(&activity));
        Some(Place { connections: Arc::clone(self), number, activity })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.open.lock().by_number.len()
    }

    /// Ends what takes too long, again and again; never returns.
    pub(super) async fn sweep(&self) {
        let shortest = self.bounds.idle.min(self.bounds.head_time).min(self.bounds.progress);
        let every = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(1));
        loop {
            tokio::time::sleep(every).await;
            let open: Vec<Arc<Activity>> = self.open.lock().by_number.values().cloned().collect();
            for activity in open {
                match activity.late(&self.bounds) {
                    None => {}
                    // asked first: an HTTP/2 client is told that its next request goes elsewhere
                    Some(Late::Idle) if !activity.leave.is_cancelled() => activity.leave.cancel(),
                    Some(Late::Idle) => activity.end.cancel(),
                    Some(Late::Head) => {
                        if !activity.end.is_cancelled() {
                            drops::count(Dropped::HttpHeadSlow);
                        }
                        activity.end.cancel();
                    }
                    Some(Late::Answer) => {
                        if !activity.end.is_cancelled() {
                            drops::count(Dropped::HttpReaderSlow);
                        }
                        activity.end.cancel();
                    }
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open.lock().by_number.remove(&self.number);
    }
}
