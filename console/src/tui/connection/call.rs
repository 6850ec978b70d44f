//! One command, one call, one answer.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use hydra_protocol::client::Client;
use hydra_protocol::v1::{
    AddHeadsRequest, ClearPrefetchRequest, PausePrefetchRequest, PlanCoverageRequest, RemoveHeadRequest,
    ResumePrefetchRequest, StartHeadRequest, StopHeadRequest,
};
use tonic::Status;

use crate::tui::state::{Answer, Command, Outcome};

/// How long a command may take: withdrawing a head drains its open requests first.
const WITHIN: Duration = Duration::from_secs(60);
/// Places of a plan that are asked for: as many as a dialog shows.
const PLACES: u32 = 8;

pub(super) async fn ask(client: &Client, command: Command) -> Answer {
    let result = match tokio::time::timeout(WITHIN, call(client, &command)).await {
        Ok(result) => result.map_err(|status| sentence(&status)),
        Err(_) => Err(format!("no answer within {} s; whether it was done is not known", WITHIN.as_secs())),
    };
    Answer { command, result }
}

async fn call(client: &Client, command: &Command) -> Result<Outcome, Status> {
    let nothing = || Status::internal("the answer is empty");
    let mut heads = client.heads();
    match command.clone() {
        Command::AddHeads { count, dry_run } => {
            let request =
                AddHeadsRequest { count, dry_run, request_id: request_id(), ..AddHeadsRequest::default() };
            Ok(Outcome::Added(heads.add_heads(request).await?.into_inner()))
        }
        Command::StopHead(head) => {
            Ok(Outcome::Stopped(heads.stop_head(StopHeadRequest { head }).await?.into_inner()))
        }
        Command::StartHead(head) => {
            Ok(Outcome::Started(heads.start_head(StartHeadRequest { head }).await?.into_inner()))
        }
        Command::RemoveHead(head) => {
            Ok(Outcome::Removed(heads.remove_head(RemoveHeadRequest { head }).await?.into_inner()))
        }
        Command::PausePrefetch { reason, seconds } => {
            let request = PausePrefetchRequest { reason, for_seconds: seconds as f64 };
            let reply = client.prefetch().pause_prefetch(request).await?.into_inner();
            Ok(Outcome::Prefetch(Box::new(reply.prefetch.ok_or_else(nothing)?)))
        }
        Command::ResumePrefetch => {
            let reply = client.prefetch().resume_prefetch(ResumePrefetchRequest {}).await?.into_inner();
            Ok(Outcome::Prefetch(Box::new(reply.prefetch.ok_or_else(nothing)?)))
        }
        Command::ClearPrefetch => {
            let reply = client.prefetch().clear_prefetch(ClearPrefetchRequest {}).await?.into_inner();
            Ok(Outcome::Cleared(Box::new(reply)))
        }
        Command::PlanCoverage { per_mille } => {
            let request = PlanCoverageRequest { coverage: f64::from(per_mille) / 1_000.0, places: PLACES };
            let reply = client.network().plan_coverage(request).await?.into_inner();
            Ok(Outcome::Planned(Box::new(reply)))
        }
        Command::RetryNow | Command::Want(_) | Command::Fetch(_) => Err(Status::internal("this is no call")),
    }
}

/// A name for this request that no other has, so that nothing is added twice.
fn request_id() -> String {
    format!("top-{:016x}", RandomState::new().build_hasher().finish())
}

pub(super) fn sentence(status: &Status) -> String {
    let lost =
        matches!(status.code(), tonic::Code::Unavailable | tonic::Code::Cancelled | tonic::Code::Unknown);
    if lost {
        "the daemon went away before it answered; whether it was done is not known".to_owned()
    } else {
        status.message().to_owned()
    }
}
