//! `version`: which console, which daemon.

use hydra_protocol::API;
use hydra_protocol::client::Access;

use crate::error::Error;
use crate::output::dto::Version;
use crate::output::object;
use crate::output::text::neutral;
use crate::session::Target;
use crate::ui::Ui;

const SCHEMA: &str = "hydra.v1/Version";

/// Prints what is known, also when the daemon cannot be asked; that is still an error.
pub(super) async fn run(target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let ours = env!("CARGO_PKG_VERSION");
    let session = target.open(Access::Read).await;
    let daemon = session.as_ref().ok().map(|session| {
        (neutral(session.client.daemon_version()), neutral(&session.client.socket().to_string_lossy()))
    });
    let (hydrad, socket) = daemon.unzip();
    let mut text = format!("hydractl {ours} · {API}\n");
    if let (Some(hydrad), Some(socket)) = (&hydrad, &socket) {
        text += &format!("hydrad   {hydrad} · {API} on {socket}\n");
    }
    let version = Version { hydractl: ours.to_owned(), api: API.to_owned(), hydrad, socket };
    object::print(ui, SCHEMA, &version, ours, &text)?;
    session.map(drop)
}
