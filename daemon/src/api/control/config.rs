//! `ConfigService`: the settings in force, as they were when the daemon started.

use hydra_protocol::v1::config_service_server::ConfigService;
use hydra_protocol::v1::{ListSettingsRequest, ListSettingsResponse, Setting};
use tonic::{Request, Response, Status};

/// The service; it is given rows in which secrets are hidden already.
pub(super) struct Service {
    settings: Vec<Setting>,
}

impl Service {
    pub(super) fn new(settings: Vec<Setting>) -> Self {
        Self { settings }
    }
}

#[tonic::async_trait]
impl ConfigService for Service {
    async fn list_settings(
        &self,
        _: Request<ListSettingsRequest>,
    ) -> Result<Response<ListSettingsResponse>, Status> {
        Ok(Response::new(ListSettingsResponse { settings: self.settings.clone() }))
    }
}
