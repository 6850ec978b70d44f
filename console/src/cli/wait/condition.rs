//! What can be waited for, and what is known while one waits.

use std::collections::BTreeMap;
use std::str::FromStr;

use hydra_protocol::v1::{DaemonState, Status, WatchStatusResponse};

use crate::output::dto::Head;
use crate::output::text::{neutral, ranges};

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The daemon is up.
    Ready,
    /// So many heads serve, or more.
    Heads(u32),
    /// So many peers are in the table, or more.
    Peers(u64),
    /// The load level is this or lower.
    Load(u32),
    /// A head is in a state.
    Head(String, &'static str),
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        fn number<T: FromStr>(value: &str) -> Result<T, String> {
            value.parse().map_err(|_| format!("{value:?} is not a number"))
        }
        match text.split_once('=') {
            None if text == "ready" => Ok(Self::Ready),
            Some(("heads", value)) => number(value).map(Self::Heads),
            Some(("peers", value)) => number(value).map(Self::Peers),
            Some(("load", value)) => number(value).map(Self::Load),
            Some((head, state)) if head.starts_with("head-") => {
                let known = Head::STATES.into_iter().find(|known| *known == state);
                known.map(|state| Self::Head(head.to_owned(), state)).ok_or_else(|| {
                    format!("{state:?} is no state of a head; there are {}", Head::STATES.join(", "))
                })
            }
            _ => Err("give ready, heads=N, peers=N, load=N or head-4=serving".to_owned()),
        }
    }
}

/// What the watch has told so far.
#[derive(Debug, Default)]
pub(super) struct World {
    status: Option<Status>,
    heads: BTreeMap<u32, Head>,
}

impl World {
    /// Whether the daemon has told anything.
    pub(super) fn is_known(&self) -> bool {
        self.status.is_some()
    }

    /// Takes a snapshot, or the changes since the last message.
    pub(super) fn update(&mut self, update: WatchStatusResponse) {
        if update.snapshot {
            self.heads.clear();
        }
        self.heads.retain(|_, head| !update.removed_heads.contains(&head.name));
        self.heads.extend(update.heads.iter().map(|head| (head.index, Head::from(head))));
        if update.status.is_some() {
            self.status = update.status;
        }
    }

    fn serving(&self) -> usize {
        self.heads.values().filter(|head| head.state == "serving").count()
    }

    fn head(&self, name: &str) -> Option<&Head> {
        self.heads.values().find(|head| head.name == name)
    }

    /// The first step on the way to peers that does not hold.
    fn first_cause(&self) -> Option<String> {
        use hydra_protocol::v1::Finding;
        let checks = &self.status.as_ref()?.network;
        let unfinished = checks
            .iter()
            .find(|check| check.finding() == Finding::Fail)
            .or_else(|| checks.iter().find(|check| check.finding() != Finding::Ok));
        unfinished.map(|check| neutral(&check.text))
    }
}

impl Condition {
    /// Whether it holds.
    pub(super) fn holds(&self, world: &World) -> bool {
        let Some(status) = &world.status else { return false };
        match self {
            // What READY=1 says to systemd; whether anybody is there to talk to is another question.
            Self::Ready => !matches!(
                status.state(),
                DaemonState::Unspecified | DaemonState::Starting | DaemonState::Draining
            ),
            Self::Heads(wanted) => status.heads_serving >= *wanted,
            Self::Peers(wanted) => status.peers_live >= *wanted,
            Self::Load(most) => status.load_level <= *most,
            Self::Head(name, state) => world.head(name).is_some_and(|head| head.state == *state),
        }
    }

    /// How far it came: "heads 7 of 10 serving after 60 s".
    pub(super) fn found(&self, world: &World, after: &str) -> String {
        let status = world.status.clone().unwrap_or_default();
        match self {
            Self::Ready => format!("not ready {after}"),
            Self::Heads(wanted) => format!("heads {} of {wanted} serving {after}", world.serving()),
            Self::Peers(wanted) => format!("peers {} of {wanted} live {after}", status.peers_live),
            Self::Load(most) => format!("load {} and not {most} {after}", status.load_level),
            Self::Head(name, state) => format!("{name} not {state} {after}"),
        }
    }

    /// What is missing.
    pub(super) fn missing(&self, world: &World) -> String {
        match self {
            Self::Ready => "hydrad is starting or draining".to_owned(),
            Self::Heads(wanted) if (world.heads.len() as u64) < u64::from(*wanted) => {
                format!("there are only {} heads", world.heads.len())
            }
            Self::Heads(_) => {
                let names: Vec<String> = (world.heads.values())
                    .filter(|head| head.state != "serving")
                    .map(|head| head.name.clone())
                    .collect();
                let why = world.first_cause().map(|cause| format!("; {cause}")).unwrap_or_default();
                format!("{} not serving{why}", ranges(&names))
            }
            Self::Peers(_) => world.first_cause().unwrap_or_else(|| "more did not come".to_owned()),
            Self::Load(_) => "the load did not go".to_owned(),
            Self::Head(name, _) => match world.head(name) {
                Some(Head { state, state_reason: Some(reason), .. }) => format!("it is {state}, {reason}"),
                Some(head) => format!("it is {}", head.state),
                None => {
                    let names: Vec<String> = world.heads.values().map(|head| head.name.clone()).collect();
                    format!("there is no such head; there are {}", ranges(&names))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn conditions_are_read_and_wrong_ones_are_told() {
        assert_eq!("ready".parse(), Ok(Condition::Ready));
        assert_eq!("heads=5".parse(), Ok(Condition::Heads(5)));
        assert_eq!("head-4=serving".parse(), Ok(Condition::Head("head-4".into(), "serving")));
        for wrong in ["", "heads", "heads=", "heads=-1", "head-4=happy", "tails=3", "ready=1"] {
            assert!(wrong.parse::<Condition>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn deltas_change_what_a_snapshot_told() {
        let mut world = World::default();
        assert!(!Condition::Ready.holds(&world));
        world.update(fixture::snapshot());
        assert!(Condition::Ready.holds(&world) && Condition::Heads(5).holds(&world));
        let gone = WatchStatusResponse { removed_heads: vec!["head-4".into()], ..Default::default() };
        world.update(gone);
        assert!(!Condition::Head("head-4".into(), "serving").holds(&world));
        assert_eq!(
            Condition::Head("head-4".into(), "serving").missing(&world),
            "there is no such head; there are head-0 to head-3"
        );
    }
}
