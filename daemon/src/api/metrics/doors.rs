//! What goes through the doors for other programs, this one included.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};

const CONNECTIONS: Series = Series::gauge("hydra_api_connections", "Open HTTP connections.").by(&["door"]);
const REQUESTS: Series =
    Series::counter("hydra_api_requests", "HTTP requests that were answered, by class of status.")
        .by(&["door", "status"]);
const TIME: Series =
    Series::counter("hydra_api_answer_time", "Time until answers to HTTP requests began, of all together.")
        .seconds()
        .by(&["door"]);
const EXPOSED: Series =
    Series::gauge("hydra_api_exposed", "1 when the door can be reached from other machines.").by(&["door"]);

pub(super) const ALL: &[&Series] = &[&CONNECTIONS, &REQUESTS, &TIME, &EXPOSED];

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let doors = look.hydra.doors.lock().clone();
    page.put(&CONNECTIONS, |out| {
        doors.iter().try_for_each(|door| out.put(&[door.name], door.open_connections()))
    })?;
    page.put(&REQUESTS, |out| {
        doors.iter().try_for_each(|door| {
            let classes = CLASSES.iter().zip(door.answers());
            classes.into_iter().try_for_each(|(class, count)| out.put(&[door.name, class], count))
        })
    })?;
    page.put(&TIME, |out| doors.iter().try_for_each(|door| out.put(&[door.name], door.answer_time())))?;
    page.put(&EXPOSED, |out| doors.iter().try_for_each(|door| out.put(&[door.name], door.exposed())))
}
