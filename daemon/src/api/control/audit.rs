//! Who changes what: only over the control socket, and written down.

use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Status};

use crate::api::control::Access;

/// The content of a request that changes something.
///
/// # Errors
/// On the observe socket.
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
