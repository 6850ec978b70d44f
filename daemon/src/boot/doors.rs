//! The doors for other programs: opened at the start, and those whose address another program
//! has as soon as it is free.

use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::BootError;
use crate::api::http::serve::{self, Door, Open};
use crate::api::{http, metrics};
use crate::config::Config;
use crate::hydra::Hydra;
use crate::limits::Backoff;

/// The doors of a running daemon.
pub(super) struct Doors {
    open: Vec<Open>,
    /// Those that are tried again and again; each ends with its door.
    later: Vec<JoinHandle<()>>,
}

impl Doors {
    /// Opens the doors that are configured, as far as nobody else has their default address.
    ///
    /// # Errors
    /// When one does not open that the operator named, or for another reason.
    pub(super) async fn open(
        config: &Config,
        hydra: &Arc<Hydra>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, BootError> {
        let mut wanted = Vec::new();
        if let Some(door) = config.http() {
            let token = http::Token::load(&config.http.token_file)?;
            wanted.push((door, http::predecessor::router(hydra, token)));
        }
        if let Some(door) = config.routing() {
            wanted.push((door, http::routing::router(config.routing.limits, hydra)));
        }
        if let (Some(door), told) = config.metrics() {
            wanted.push((door, metrics::router(hydra, told)));
        }
        let mut doors = Self { open: Vec::new(), later: Vec::new() };
        for (door, router) in wanted {
            match serve::open(door.clone(), router.clone(), stop.clone()).await {
                // two hydras with the defaults on one machine
                Err(error) if error.is_in_use() && !door.chosen => {
                    tracing::warn!("{error}");
                    hydra.door_is_closed(door.name, error.to_string());
                    let again = keep_trying(door, router, Arc::clone(hydra), stop.clone());
                    doors.later.push(tokio::spawn(again));
                }
                open => {
                    let open = open?;
                    hydra.door_is_open(&open.view);
                    doors.open.push(open);
                }
            }
        }
        Ok(doors)
    }

    /// Waits for the end of all of them, which `stop` has begun.
    pub(super) async fn stopped(self) {
        for door in self.open {
            door.stopped().await;
        }
        for door in self.later {
            // its task ends with the others
            drop(door.await);
        }
    }
}

async fn keep_trying(door: Door, router: Router, hydra: Arc<Hydra>, mut stop: watch::Receiver<bool>) {
    let mut backoff = Backoff::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(backoff.wait()) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match serve::open(door.clone(), router.clone(), stop.clone()).await {
            Ok(open) => {
                hydra.door_is_open(&open.view);
                // a supervisor that is gone means stop, too
                stop.wait_for(|stop| *stop).await.ok();
                return open.stopped().await;
            }
            Err(error) => {
                hydra.door_is_closed(door.name, error.to_string());
                backoff.failed();
            }
        }
    }
}
