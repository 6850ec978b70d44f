//! What changes heads. Each prints what it changed, as a head or a list of heads; nothing when quiet.

use hydra_protocol::v1::{
    AddHeadsRequest, GetStatusRequest, PurgeHeadRequest, RemoveHeadRequest, StartHeadRequest, StopHeadRequest,
};

use super::{AddArguments, RmArguments, find, selector};
use crate::cli::names::{self, STDIN};
use crate::error::{Error, Kind};
use crate::output::dto::{Head, PurgedHead};
use crate::output::list;
use crate::session::Session;
use crate::ui::Ui;

/// What `heads add` shows of a new head: it has no load to speak of yet.
const NEW_HEAD: [&str; 5] = ["name", "key", "peer_id", "address", "state"];

pub(super) async fn add(arguments: &AddArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let request = AddHeadsRequest {
        count: arguments.count,
        index: arguments.index,
        dry_run: arguments.dry_run,
        request_id: String::new(),
        near: arguments.near.clone().unwrap_or_default(),
    };
    let reply = session.call(session.client.heads().add_heads(request)).await?;
    let heads: Vec<Head> = reply.heads.iter().map(Head::from).collect();
    if ui.columns.is_empty() && ui.format.is_text() && ui.format != crate::output::Format::Wide {
        ui.columns = NEW_HEAD.map(str::to_owned).to_vec();
    }
    if !ui.quiet {
        list::print(ui, &heads)?;
    }
    let (count, total) = (heads.len(), reply.heads_total);
    let heads = if count == 1 { "head" } else { "heads" };
    ui.note(&if arguments.dry_run {
        format!("dry run: {count} {heads} would be added, {total} in all; nothing was made")
    } else {
        format!("{count} {heads} added, {total} in all; until they serve: hydractl wait heads={total}")
    });
    if let Some((bits, near)) = reply.zone_bits.zip(arguments.near.as_ref()) {
        ui.note(&format!("its key has the first {bits} bits of the zone around {near}"));
    }
    for warning in &reply.warnings {
        ui.note(&format!("warning: {}", crate::output::text::neutral(warning)));
    }
    Ok(())
}

pub(super) async fn remove(arguments: &RmArguments, session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let typed = &arguments.heads.heads;
    if !arguments.yes && typed.iter().any(|word| word == STDIN) {
        return Err(Error::new(Kind::Usage, "nobody can be asked about names from standard input")
            .hint("to remove them without a question: --yes"));
    }
    names::for_each_row(typed, ui.quiet, ui, async |typed: &str, ui: &mut Ui<'_>| {
        let head = find(typed, session).await?;
        if !arguments.yes {
            confirm(&head, ui).await?;
        }
        let request = RemoveHeadRequest { head: head.name.clone() };
        let reply = session.call(session.client.heads().remove_head(request)).await?;
        let removed = Head::from(&reply.head.unwrap_or_default());
        // The daemon tells how many there are, not how many serve; it is only for the sentence.
        let status = session.call(session.client.status().get_status(GetStatusRequest {})).await.ok();
        let left = match status.and_then(|status| status.status) {
            Some(status) if status.heads_serving == 1 => "1 head serves".to_owned(),
            Some(status) => format!("{} heads serve", status.heads_serving),
            None => format!("{} in all", reply.heads_total),
        };
        let text = format!("{} withdrawn and removed in {:.1} s; {left}\n", head.name, reply.took_seconds);
        Ok((removed, text))
    })
    .await
}

/// Says what will be lost, and lets the name be typed.
async fn confirm(head: &Head, ui: &mut Ui<'_>) -> Result<(), Error> {
    if !ui.can_ask() {
        return Err(Error::new(
            Kind::Usage,
            format!("not a terminal: nobody can be asked about {}", head.name),
        )
        .hint("to remove it without a question: --yes"));
    }
    let requests = head.requests_per_second_1m.map_or_else(|| "—".to_owned(), |rate| ui.look.rate(rate));
    let question = format!(
        "{name} {id} serves {requests} req/s over {connections} connections. Records stay in the belly. Index {index} stays\n\
         reserved: `heads add --index {index}` brings the same peer id back, `heads purge {name}` gives it up.\n\
         Type the head's name to remove it: ",
        name = head.name,
        id = crate::output::text::short_id(&head.peer_id),
        connections = ui.look.count(head.connections()),
        index = head.index,
    );
    let answer = ui.ask(&question).await?;
    if answer.trim() == head.name {
        Ok(())
    } else {
        Err(Error::new(Kind::Failed, format!("{} stays: \"{answer}\" is not its name", head.name))
            .hint("type the name as it stands there; without a question: --yes"))
    }
}

pub(super) async fn stop(typed: &[String], session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    names::for_each_row(typed, ui.quiet, ui, async |typed: &str, ui: &mut Ui<'_>| {
        let request = StopHeadRequest { head: find(typed, session).await?.name };
        let reply = session.call(session.client.heads().stop_head(request)).await?;
        let head = Head::from(&reply.head.unwrap_or_default());
        let closed = ui.look.count(reply.connections_closed);
        let text = format!("{} withdrawn, {closed} connections closed; identity and port kept\n", head.name);
        Ok((head, text))
    })
    .await
}

pub(super) async fn start(typed: &[String], session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    names::for_each_row(typed, ui.quiet, ui, async |typed: &str, _: &mut Ui<'_>| {
        let request = StartHeadRequest { head: find(typed, session).await?.name };
        let reply = session.call(session.client.heads().start_head(request)).await?;
        let head = Head::from(&reply.head.unwrap_or_default());
        let text =
            format!("{name} {state}: hydractl wait {name}=serving\n", name = head.name, state = head.state);
        Ok((head, text))
    })
    .await
}

pub(super) async fn purge(typed: &[String], session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    names::for_each_row(typed, ui.quiet, ui, async |typed: &str, _: &mut Ui<'_>| {
        let request = PurgeHeadRequest { head: selector(typed).to_owned() };
        let reply = session.call(session.client.heads().purge_head(request)).await?;
        let (index, peer_id) = (reply.index, crate::output::text::neutral(&reply.peer_id));
        let purged = PurgedHead { name: format!("head-{index}"), index, peer_id };
        let text = format!("index {index} given up; {} was its peer id\n", purged.peer_id);
        Ok((purged, text))
    })
    .await
}
