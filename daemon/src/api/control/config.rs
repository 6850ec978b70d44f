//! `ConfigService`: the settings in force, and reading them again.

use std::sync::Arc;

use hydra_protocol::v1::config_service_server::ConfigService;
use hydra_protocol::v1::{
    ListSettingsRequest, ListSettingsResponse, ReloadSettingsRequest, ReloadSettingsResponse, Setting,
};
use tonic::{Request, Response, Status};

use crate::api::control::{Access, audit};

/// What the service needs of the configuration, which no room below it knows. Both read files.
pub trait Settings: Send + Sync {
    /// The settings in force, and where the files say something else by now; secrets are hidden.
    fn list(&self) -> Vec<Setting>;

    /// Reads them again and applies what is live.
    ///
    /// # Errors
    /// All that is wrong with them; nothing has changed then.
    fn reload(&self) -> Result<ReloadSettingsResponse, String>;
}

/// The service on one socket.
pub(super) struct Service {
    settings: Arc<dyn Settings>,
    access: Access,
}

impl Service {
    pub(super) fn new(settings: Arc<dyn Settings>, access: Access) -> Self {
        Self { settings, access }
    }

    /// Has the files read where that may take its time.
    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Settings) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let settings = Arc::clone(&self.settings);
        let read = tokio::task::spawn_blocking(move || work(&*settings));
        read.await.map_err(|e| Status::internal(format!("read the settings: {e}")))
    }
}

#[tonic::async_trait]
impl ConfigService for Service {
    async fn list_settings(
        &self,
        _: Request<ListSettingsRequest>,
    ) -> Result<Response<ListSettingsResponse>, Status> {
        let settings = self.reading(|settings| settings.list()).await?;
        Ok(Response::new(ListSettingsResponse { settings }))
    }

    async fn reload_settings(
        &self,
        request: Request<ReloadSettingsRequest>,
    ) -> Result<Response<ReloadSettingsResponse>, Status> {
        audit::change(self.access, "reload the settings", request)?;
        let reloaded = self.reading(|settings| settings.reload()).await?;
        reloaded.map(Response::new).map_err(Status::failed_precondition)
    }
}
