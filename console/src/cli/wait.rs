//! `wait`: until something holds. Watches, does not poll; waits for the daemon as well.

mod condition;

use std::time::Duration;

use clap::Args;
use hydra_protocol::client::{Access, ConnectError, candidates, connect_first};
use hydra_protocol::v1::WatchStatusRequest;
use tokio::time::{Instant, timeout_at};

use condition::{Condition, World};

use crate::error::{Error, Kind};
use crate::session::Target;
use crate::ui::Ui;

/// When nothing else is asked for: longer than a start takes, shorter than a person's patience.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Pause before the daemon is looked for again.
const RETRY: Duration = Duration::from_millis(100);

/// How long one try to connect may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Seconds between updates of the watch.
const INTERVAL_SECONDS: f64 = 0.25;

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Conditions:
  ready            the daemon is up: belly, control socket and heads (what systemd is told)
  heads=N          at least N heads serve
  peers=N          at least N peers are in the routing table
  load=N           the load level is at most N
  head-4=serving   the head is in that state")]
pub(super) struct Arguments {
    /// What to wait for; ready when nothing is given
    #[arg(value_name = "CONDITION", conflicts_with = "for_")]
    condition: Option<Condition>,
    /// The same
    #[arg(long = "for", id = "for_", value_name = "CONDITION")]
    for_: Option<Condition>,
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let condition = arguments.condition.or(arguments.for_).unwrap_or(Condition::Ready);
    let limit = target.timeout.unwrap_or(TIMEOUT);
    let deadline = Instant::now() + limit;
    let mut world = World::default();
    let mut absent = None;
    let outcome = timeout_at(deadline, watch(&condition, target, &mut world, &mut absent)).await;
    if let Ok(outcome) = outcome {
        return outcome;
    }
    let after = format!("after {} s", limit.as_secs_f64());
    let error = match (world.is_known(), absent) {
        (true, _) => {
            ui.note(&format!("{}: {}", condition.found(&world, &after), condition.missing(&world)));
            return Err(Error::told(Kind::Timeout));
        }
        (false, Some(absent)) => Error::new(Kind::Timeout, format!("{after}: {absent}")),
        (false, None) => Error::new(Kind::Timeout, format!("no answer from hydrad {after}")),
    };
    Err(error.hint("look: journalctl -u hydrad -n 50"))
}

/// Ends when the condition holds, or when waiting cannot help.
async fn watch(
    condition: &Condition,
    target: &Target,
    world: &mut World,
    absent: &mut Option<ConnectError>,
) -> Result<(), Error> {
    let sockets = candidates(target.socket.as_deref());
    loop {
        match connect_first(&sockets, Access::Read, CONNECT).await {
            Ok(client) => {
                let request = WatchStatusRequest { interval_seconds: INTERVAL_SECONDS };
                let updates = client.status().watch_status(request).await;
                if let Ok(updates) = updates {
                    let mut updates = updates.into_inner();
                    // An error is the daemon going away: it may come back.
                    while let Ok(Some(update)) = updates.message().await {
                        world.update(update);
                        if condition.holds(world) {
                            return Ok(());
                        }
                    }
                }
            }
            Err(
                error @ (ConnectError::NoSocket(_)
                | ConnectError::NobodyListens(_)
                | ConnectError::Timeout { .. }
                | ConnectError::Other { .. }),
            ) => *absent = Some(error),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(RETRY).await;
    }
}
