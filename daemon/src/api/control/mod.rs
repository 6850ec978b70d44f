//! The control sockets: `hydra.v1` over gRPC on two Unix sockets, one for all services and
//! one for reading only.

mod audit;
mod belly;
mod config;
mod convert;
mod event;
mod export;
mod fetch;
mod head;
mod key;
mod log;
mod network;
mod page;
mod peer;
mod prefetch;
mod purge;
mod record;
mod socket;
mod spell;
mod stats;
mod status;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use hydra_protocol::v1::belly_service_server::BellyServiceServer;
use hydra_protocol::v1::config_service_server::ConfigServiceServer;
use hydra_protocol::v1::event_service_server::EventServiceServer;
use hydra_protocol::v1::head_service_server::HeadServiceServer;
use hydra_protocol::v1::log_service_server::LogServiceServer;
use hydra_protocol::v1::network_service_server::NetworkServiceServer;
use hydra_protocol::v1::peer_service_server::PeerServiceServer;
use hydra_protocol::v1::prefetch_service_server::PrefetchServiceServer;
use hydra_protocol::v1::record_service_server::RecordServiceServer;
use hydra_protocol::v1::stats_service_server::StatsServiceServer;
use hydra_protocol::v1::status_service_server::StatusServiceServer;
use tokio::sync::watch as tokio_watch;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::api::metrics;
use crate::hydra::Hydra;

pub use config::Settings;
pub use socket::{Access, Socket, SocketError};

/// Requests of one connection at a time; a watch is one.
const MAX_STREAMS: u32 = 64;

/// A client that does not answer for this long is gone.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The services could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("set up the control services: {0}")]
pub struct ControlError(String);

/// What the services tell that no room below them knows.
#[derive(Clone)]
pub struct Told {
    pub metrics: metrics::Config,
    pub settings: Arc<dyn Settings>,
}

/// The running services of one socket.
pub struct Control {
    task: JoinHandle<Result<(), tonic::transport::Error>>,
    health: HealthReporter,
}

impl Control {
    /// Serves on an open socket until `stop` says so; answers from now on.
    ///
    /// # Errors
    /// When reflection cannot be built.
    pub async fn serve(
        socket: Socket,
        hydra: &Arc<Hydra>,
        told: Told,
        mut stop: tokio_watch::Receiver<bool>,
    ) -> Result<Self, ControlError> {
        let access = socket.access();
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status("", ServingStatus::NotServing).await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(hydra_protocol::DESCRIPTOR)
            .build_v1()
            .map_err(|e| ControlError(e.to_string()))?;
        let services = Server::builder()
            .concurrency_limit_per_connection(MAX_STREAMS as usize)
            .max_concurrent_streams(MAX_STREAMS)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .add_service(health_service)
            .add_service(reflection)
            .add_service(StatusServiceServer::new(status::Service::new(Arc::clone(hydra), told.metrics)))
            .add_service(HeadServiceServer::new(head::Service::new(Arc::clone(hydra), access)))
            .add_service(NetworkServiceServer::new(network::Service::new(Arc::clone(hydra))))
            .add_service(StatsServiceServer::new(stats::Service::new(Arc::clone(hydra))))
            .add_service(PeerServiceServer::new(peer::Service::new(Arc::clone(hydra))))
            .add_service(RecordServiceServer::new(record::Service::new(Arc::clone(hydra), access)))
            .add_service(PrefetchServiceServer::new(prefetch::Service::new(Arc::clone(hydra), access)))
            .add_service(BellyServiceServer::new(belly::Service::new(Arc::clone(hydra))))
            .add_service(EventServiceServer::new(event::Service::new(Arc::clone(hydra))))
            .add_service(LogServiceServer::new(log::Service::new(access)))
            .add_service(ConfigServiceServer::new(config::Service::new(told.settings, access)));
        let stopped = async move {
            // a supervisor that is gone means stop, too
            stop.wait_for(|stop| *stop).await.ok();
        };
        let task = tokio::spawn(services.serve_with_incoming_shutdown(socket.incoming(), stopped));
        Ok(Self { task, health })
    }

    /// Tells health checks that the daemon is up.
    pub async fn ready(&self) {
        self.health.set_service_status("", ServingStatus::Serving).await;
        self.health.set_serving::<StatusServiceServer<status::Service>>().await;
        self.health.set_serving::<HeadServiceServer<head::Service>>().await;
        self.health.set_serving::<NetworkServiceServer<network::Service>>().await;
        self.health.set_serving::<StatsServiceServer<stats::Service>>().await;
        self.health.set_serving::<PeerServiceServer<peer::Service>>().await;
        self.health.set_serving::<RecordServiceServer<record::Service>>().await;
        self.health.set_serving::<PrefetchServiceServer<prefetch::Service>>().await;
        self.health.set_serving::<BellyServiceServer<belly::Service>>().await;
        self.health.set_serving::<EventServiceServer<event::Service>>().await;
        self.health.set_serving::<LogServiceServer<log::Service>>().await;
        self.health.set_serving::<ConfigServiceServer<config::Service>>().await;
    }

    /// Waits for the end of the service, but no longer than this.
    pub async fn stopped(self, time: Duration) {
        let mut task = self.task;
        if tokio::time::timeout(time, &mut task).await.is_err() {
            task.abort();
        }
    }
}
