//! Who may change something, and the line in the log that says who did.

use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Status};

use crate::api::control::Access;

/// Only the control socket changes anything; who did is written down.
pub(super) fn change<T: std::fmt::Debug>(
    access: Access,
    what: &str,
    request: Request<T>,
) -> Result<T, Status> {
    if access == Access::Observe {
        return Err(Status::permission_denied(format!(
            "{what}: this is the observe socket, it only reads; use the control socket"
        )));
    }
    let who = request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
    let (uid, pid) = (who.map(|who| who.uid()), who.and_then(|who| who.pid()));
    tracing::info!(target: "hydra::audit", uid, pid, request = ?request.get_ref(), "{what}");
    Ok(request.into_inner())
}
