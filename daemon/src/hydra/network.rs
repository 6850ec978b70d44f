//! Why there are peers, or why there are none: the chain of conditions, in the order in which
//! they must hold. The first that fails is the cause; later ones follow from it.

use std::time::{Duration, SystemTime};

use crate::hydra::{HeadState, Hydra, causes};
use crate::limits::machine::open_files;
use crate::net::reachability::Verdict;
use crate::routing::AddressPolicy;
use crate::routing::groups::GROUP_MAX;

/// Public heads serve from so many checked peers on (kad-dht's admission check asks a new
/// peer, and an empty answer is held against it).
pub(super) const SERVE_FROM: usize = 20;

/// Time for peers to dial back; until then it is no cause for concern that none did.
const REACH_PATIENCE: Duration = Duration::from_secs(300);

/// Presence is no cause for concern before heads served for so long.
const PRESENCE_PATIENCE: Duration = Duration::from_secs(1800);

/// How one condition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    Ok,
    /// Look at it.
    Warn,
    /// Broken: for the operator to mend.
    Fail,
    InProgress,
    /// Not known, or follows from an earlier finding.
    Unknown,
}

/// One condition.
#[derive(Debug, Clone)]
pub struct Check {
    pub name: &'static str,
    /// Of the warning that it makes; empty when it makes none.
    pub code: &'static str,
    pub finding: Finding,
    pub text: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
}

impl Check {
    pub(super) fn new(name: &'static str, finding: Finding, text: impl Into<String>) -> Self {
        Self { name, code: "", finding, text: text.into(), remedy: String::new() }
    }

    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

impl Hydra {
    /// The chain from open ports to peers that come in.
    #[must_use]
    pub fn network(&self) -> Vec<Check> {
        let clock = causes::clock(SystemTime::now(), self.started_at, self.started.elapsed());
        let files = causes::files(open_files(), self.budget.config().files);
        let mut checks = vec![self.ports(), files, clock, self.outbound(), self.in_table()];
        checks.extend(self.reach());
        checks.extend([self.address(), self.inbound()]);
        checks.extend(self.presence_check());
        let mut broken = false;
        for check in &mut checks {
            if broken && check.finding == Finding::Fail {
                check.finding = Finding::Unknown;
                check.text.push_str(" (follows)");
            }
            broken |= check.finding == Finding::Fail;
        }
        checks
    }

    fn ports(&self) -> Check {
        let heads = self.heads();
        let on = heads.iter().filter(|head| head.state != HeadState::Stopped);
        let (mut all, mut open, mut reason) = (0, 0, None);
        for head in on {
            all += 1;
            match head.state {
                HeadState::Failed => reason = reason.or(Some(head.reason.clone())),
                HeadState::Starting => {}
                _ => open += 1,
            }
        }
        match reason {
            Some(reason) => {
                Check::new("ports", Finding::Fail, reason).remedy("free the port, or move listen.port_begin")
            }
            None if all == 0 => {
                Check::new("ports", Finding::Unknown, "there are no heads").remedy("hydractl heads add 1")
            }
            None if open < all => {
                Check::new("ports", Finding::InProgress, format!("{open} of {all} heads have their ports"))
            }
            None => Check::new("ports", Finding::Ok, format!("{all} of {all} heads have their ports open")),
        }
    }

    fn outbound(&self) -> Check {
        let report = self.scout.report().bootstrap;
        let known = self.table.others();
        let peers = report.peers;
        if peers == 0 {
            return Check::new("outbound", Finding::Ok, "no bootstrap peers: a network of its own");
        }
        if report.rounds == 0 {
            return Check::new(
                "outbound",
                Finding::InProgress,
                "names of the bootstrap peers are being resolved",
            );
        }
        let answered = report.answered;
        if answered > 0 || known > 0 {
            return Check::new(
                "outbound",
                Finding::Ok,
                format!("{answered} of {peers} bootstrap peers answered in the last round"),
            );
        }
        if self.scout.report().checking > 0 && report.rounds == 1 {
            return Check::new(
                "outbound",
                Finding::InProgress,
                format!("{peers} bootstrap peers are being dialled"),
            );
        }
        if report.other_network > 0 {
            let text = format!(
                "{} of {peers} bootstrap peers answered, none speaks {}",
                report.other_network, self.config.protocol
            );
            return Check::new("outbound", Finding::Fail, text)
                .code("OTHER_NETWORK")
                .remedy("check network.protocol_prefix");
        }
        let last = report.last_error.unwrap_or_else(|| "no answer".to_owned());
        let (code, remedy) = causes::outbound(&last);
        let text = format!(
            "0 of {peers} bootstrap peers answered, {} {} in {}; last: {last}",
            report.rounds,
            if report.rounds == 1 { "try" } else { "tries" },
            minutes(self.started.elapsed())
        );
        Check::new("outbound", Finding::Fail, text).code(code).remedy(remedy)
    }

    fn in_table(&self) -> Check {
        let known = self.table.others();
        if self.serves_alone() || self.knows_enough() {
            return Check::new("table", Finding::Ok, format!("{known} verified servers"));
        }
        let text = format!("{known} verified servers; heads serve from {SERVE_FROM} on");
        if self.scout.report().checking > 0 {
            return Check::new("table", Finding::InProgress, text);
        }
        let next = self
            .scout
            .report()
            .bootstrap
            .next_round_in
            .map_or_else(String::new, |t| format!("; next round in {} s", t.as_secs()));
        let (finding, code) =
            if known == 0 { (Finding::Fail, "TABLE_EMPTY") } else { (Finding::Warn, "TABLE_SMALL") };
        Check::new("table", finding, format!("{text}{next}"))
            .code(code)
            .remedy("wait, or add bootstrap peers")
    }

    /// Whether strangers can dial the heads; nothing where that is not asked.
    fn reach(&self) -> Option<Check> {
        let heads = self.heads();
        let on: Vec<_> =
            heads.iter().filter_map(|head| Some((head.reach.as_ref()?, head.listen.as_slice()))).collect();
        if on.is_empty() {
            return None;
        }
        // whoever has nobody to ask is told so above
        let asked = self.table.others() > 0 && self.started.elapsed() > REACH_PATIENCE;
        let mut check = causes::reach(&on, !asked);
        if self.table.others() == 0 && check.finding == Finding::Fail {
            check.finding = Finding::Unknown;
        }
        Some(check)
    }

    /// Heads that peers could dial, by tcp and by QUIC; `None` where that is not asked.
    #[must_use]
    pub fn reached(&self) -> Option<(usize, usize)> {
        let reports: Vec<_> = self.heads().into_iter().filter_map(|head| head.reach).collect();
        let by = |quic| reports.iter().filter(|r| r.by(quic) == Some(Verdict::Reachable)).count();
        (!reports.is_empty()).then(|| (by(false), by(true)))
    }

    /// Whether the neighbours list the heads, where it was measured.
    fn presence_check(&self) -> Option<Check> {
        let (listed, asked) = self.presence_in_all().filter(|(_, asked)| *asked > 0)?;
        let text = format!("{listed} of the {asked} servers nearest to our heads list them");
        if 2 * listed >= asked || self.started.elapsed() < PRESENCE_PATIENCE {
            return Some(Check::new("presence", Finding::Ok, text));
        }
        let mut groups: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        for group in self.heads().into_iter().filter_map(|head| head.group) {
            *groups.entry(group).or_default() += 1;
        }
        let fullest = groups.into_iter().max_by_key(|(_, heads)| *heads);
        let fullest = fullest.filter(|(_, heads)| *heads > usize::from(GROUP_MAX));
        let (text, remedy) = match fullest {
            Some((group, heads)) => (
                format!("{text}: group {group} holds {heads} heads, peers list {GROUP_MAX}"),
                "put heads on another address group (listen.ips)",
            ),
            None => (text, "hydractl heads show HEAD says why each does not"),
        };
        Some(Check::new("presence", Finding::Warn, text).code("PRESENCE_LOW").remedy(remedy))
    }

    fn address(&self) -> Check {
        let heads = self.heads();
        let announcing = heads.iter().filter(|head| !head.announce.is_empty()).count();
        if announcing == heads.len() {
            return Check::new(
                "address",
                Finding::Ok,
                format!("{announcing} of {} heads announce an address", heads.len()),
            );
        }
        let silent = heads.iter().find(|head| head.announce.is_empty());
        let ip = silent.and_then(|head| head.listen.first()).map(ToString::to_string).unwrap_or_default();
        let text = if self.config.policy == AddressPolicy::Public {
            format!(
                "{ip} is private and public peers drop it: {announcing} of {} heads announce an address",
                heads.len()
            )
        } else {
            format!("{announcing} of {} heads announce an address", heads.len())
        };
        Check::new("address", Finding::Warn, text)
            .code("ADDRESS_PRIVATE")
            .remedy("listen on a public address, or set listen.announce, e.g. /ip4/203.0.113.5/tcp/{port}; a private network: network.address_policy = \"any\"")
    }

    fn inbound(&self) -> Check {
        let open = self.contacts.open();
        if open.inbound > 0 {
            return Check::new("inbound", Finding::Ok, format!("{} connections came in", open.inbound));
        }
        let up = self.started.elapsed();
        let text = format!("nobody has dialled us in {}", minutes(up));
        if up < Duration::from_secs(600) || self.config.alone || self.table.others() == 0 {
            return Check::new("inbound", Finding::Unknown, text);
        }
        Check::new("inbound", Finding::Warn, text)
            .code("NOBODY_COMES_IN")
            .remedy("check port forwarding and the incoming firewall, tcp and udp; listen.announce")
    }

    /// Nobody answers although somebody should.
    pub(super) fn nobody_answers(&self) -> bool {
        let report = self.scout.report();
        let tried = report.bootstrap.rounds > 1 || (report.bootstrap.rounds == 1 && report.checking == 0);
        !self.config.alone && tried && self.table.others() == 0 && self.contacts.connected() == 0
    }

    /// A private network, or nobody to learn of others from: heads serve at once.
    pub(super) fn serves_alone(&self) -> bool {
        self.config.alone || self.config.policy == AddressPolicy::Any
    }

    /// Heads may offer the protocol: they have somebody to name, and what was announced in the
    /// last 24 hours is there. Half a belly misleads.
    pub(super) fn may_serve(&self) -> bool {
        self.knows_enough() && self.belly.warming().is_none_or(|progress| progress.day)
    }

    /// There is somebody to name. A network that is smaller than [`SERVE_FROM`] servers is
    /// enough once all of it is known.
    fn knows_enough(&self) -> bool {
        let known = self.table.others();
        self.serves_alone() || known >= SERVE_FROM || (known > 0 && self.scout.report().exhausted)
    }

    /// What a warm head waits for.
    pub(super) fn waits_for(&self) -> String {
        if let Some(warming) = self.warming().filter(|warming| !warming.progress.day) {
            return format!("the belly: {}", warming.text());
        }
        if self.knows_enough() {
            return String::new();
        }
        format!("{} verified servers; heads serve from {SERVE_FROM} on", self.table.others())
    }
}

/// "40 s", "35 min", "6 h".
pub(super) fn minutes(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}
