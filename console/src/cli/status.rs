//! `status`: is it well, and if not, what first? Comes in: the status. Goes out: a line for each
//! question, in the order things break.

mod lines;

use clap::Args;
use hydra_protocol::client::Access;
use hydra_protocol::v1::GetStatusRequest;

use super::heads;
use super::watch::Watch;
use crate::error::{Error, Kind};
use crate::output::dto::Status;
use crate::output::look::Tone;
use crate::output::object;
use crate::session::Target;
use crate::ui::Ui;

#[derive(Args, Clone, Debug)]
pub(super) struct Arguments {
    /// Exit 8 when anything is broken, marked ✖
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(super) watch: Watch,
}

pub(super) async fn run(arguments: Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let session = target.open(Access::Read).await?;
    let reply = session.call(session.client.status().get_status(GetStatusRequest {})).await?;
    let Some(status) = reply.status else {
        return Err(Error::empty_answer("a status"));
    };
    let status = Status::from(&status);
    // Which heads do not serve, and why, is only asked when there are any.
    let all_serve = status.heads == status.heads_serving;
    let heads = if all_serve { Vec::new() } else { heads::all(&session).await? };
    let lines = lines::lines(&status, &heads, &ui.look);
    let text: String = lines.iter().map(|line| line.text(&ui.look)).collect();
    if !ui.quiet {
        object::print(ui, "hydra.v1/Status", &status, &status.name, &text)?;
    }
    if arguments.check && lines.iter().any(|line| line.tone == Tone::Broken) {
        return Err(Error::told(Kind::Unhealthy));
    }
    Ok(())
}
