//! The DHT as a source of prefetch: the scout's iterative look-up.
//!
//! Joins two rooms that do not know each other. Must not keep anything.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::belly::Provider;
use crate::prefetch::source::BACKGROUND_DEADLINE;
use crate::prefetch::{Errand, Failed, Mode, Source};
use crate::scout::lookup::{Ended, Lookup, Report};
use crate::wire::bounds::K;

/// The look-up ends by itself so long before it would be dropped.
const MARGIN: Duration = Duration::from_millis(200);

struct Dht(Lookup);

/// Looks keys up in the DHT.
pub(super) fn dht(lookup: Lookup) -> Arc<dyn Source> {
    Arc::new(Dht(lookup))
}

impl Source for Dht {
    fn name(&self) -> &str {
        "dht"
    }

    fn mode(&self) -> Mode {
        Mode::Background { deadline: BACKGROUND_DEADLINE }
    }

    fn fetch(&self, errand: Errand) -> BoxFuture<'static, Result<Vec<Provider>, Failed>> {
        find(self.0.clone(), errand).boxed()
    }
}

async fn find(lookup: Lookup, errand: Errand) -> Result<Vec<Provider>, Failed> {
    let left = errand.until.saturating_duration_since(tokio::time::Instant::now());
    let mut search = lookup.providers(&errand.key, K, left.saturating_sub(MARGIN));
    let (mut found, mut told) = (Vec::<Provider>::new(), 0);
    loop {
        let next = search.next().await;
        let asked = search.report().asked.len();
        (told..asked).for_each(|_| errand.asked.peer());
        told = asked;
        let Some(provider) = next else { break };
        let provider = Provider { peer: provider.peer, addrs: provider.addrs };
        match found.iter_mut().find(|known| known.peer == provider.peer) {
            Some(known) => *known = provider,
            None => found.push(provider),
        }
    }
    match verdict(search.report(), found.is_empty()) {
        Verdict::Answer => Ok(found),
        Verdict::Failed(why) => Err(Failed(why)),
        // who ran out of time does not say that there is nothing: the caller's deadline says so
        Verdict::OutOfTime => pending().await,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Answer,
    OutOfTime,
    Failed(String),
}

fn verdict(report: &Report, nothing_found: bool) -> Verdict {
    match report.ended {
        _ if !nothing_found => Verdict::Answer,
        Ended::Deadline | Ended::Running => Verdict::OutOfTime,
        Ended::NobodyToAsk => Verdict::Failed("the routing table has nobody to ask".to_owned()),
        Ended::Complete | Ended::Enough if report.answered() == 0 => {
            Verdict::Failed(format!("none of {} peers answered", report.asked.len()))
        }
        Ended::Complete | Ended::Enough => Verdict::Answer,
    }
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;
    use crate::scout::lookup::{Asked, Outcome};
    use crate::wire::Key256;

    fn ended(ended: Ended, outcomes: &[Outcome]) -> Report {
        let asked = |outcome: &Outcome| Asked {
            peer: PeerId::random(),
            hop: 1,
            shared_bits: 0,
            agent: "".into(),
            outcome: outcome.clone(),
            took: Duration::ZERO,
        };
        Report {
            place: Key256::of(b"key"),
            started_from: 3,
            asked: outcomes.iter().map(asked).collect(),
            ended,
            took: Duration::ZERO,
            found_at_hop: None,
        }
    }

    #[test]
    fn only_who_was_answered_in_time_says_that_there_is_nothing() {
        let answer = Outcome::Answered { closer: 20, providers: 0, value: false };
        let nothing = |how, outcomes: &[Outcome]| verdict(&ended(how, outcomes), true);
        assert_eq!(nothing(Ended::Complete, std::slice::from_ref(&answer)), Verdict::Answer);
        assert_eq!(nothing(Ended::Deadline, std::slice::from_ref(&answer)), Verdict::OutOfTime);
        assert!(matches!(nothing(Ended::NobodyToAsk, &[]), Verdict::Failed(_)));
        assert!(matches!(nothing(Ended::Complete, &[Outcome::Waiting]), Verdict::Failed(_)));
        assert_eq!(verdict(&ended(Ended::Deadline, &[answer]), false), Verdict::Answer);
    }
}
