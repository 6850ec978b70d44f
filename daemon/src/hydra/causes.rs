//! From what is known to the cause: why nothing goes out, why a head is not reached, what is
//! wrong with this machine. Pure, so that every cause has its test; what is looked at stands in
//! `network.rs`.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::hydra::network::{Check, Finding, minutes};
use crate::net::reachability::{Report, Verdict};

/// No clock of a machine that runs this says an earlier time (2026-01-01).
const BUILT: Duration = Duration::from_secs(1_767_225_600);

/// Steps of the clock that matter: records expire by it after a restart.
const STEP: Duration = Duration::from_secs(600);

/// Descriptors left when the next connection will be refused.
const FILES_LEFT: u64 = 16;

/// Why no bootstrap peer answered: the code, and what to do.
pub(super) fn outbound(last: &str) -> (&'static str, &'static str) {
    let last = last.to_lowercase();
    if last.contains("does not resolve") {
        let remedy = "check the resolver (/etc/resolv.conf), or list addresses in network.bootstrap_peers";
        return ("DNS_FAILING", remedy);
    }
    if ["no route to host", "network is unreachable"].iter().any(|words| last.contains(words)) {
        let remedy = "check routing (ip route) and that the network is up; nothing needs to be restarted";
        return ("NO_ROUTE", remedy);
    }
    let remedy = "check routing and the outgoing firewall, tcp and udp; nothing needs to be restarted";
    ("BOOTSTRAP_FAILING", remedy)
}

/// The clock: far off, or set while the daemon runs.
pub(super) fn clock(now: SystemTime, started_at: SystemTime, up: Duration) -> Check {
    let remedy = "set the clock (timedatectl set-ntp true), then restart hydrad";
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if since < BUILT {
        let years = 1970 + since.as_secs() / 31_556_952;
        let text = format!("the clock of this machine says {years}: records would expire at once");
        return Check::new("clock", Finding::Fail, text).code("CLOCK_WRONG").remedy(remedy);
    }
    let expected = started_at + up;
    let (step, word) = match now.duration_since(expected) {
        Ok(ahead) => (ahead, "ahead"),
        Err(behind) => (behind.duration(), "back"),
    };
    if step > STEP {
        let text = format!("the clock was set {} {word} since the start", minutes(step));
        return Check::new("clock", Finding::Warn, text)
            .code("CLOCK_WRONG")
            .remedy("see that NTP runs (timedatectl); records keep their own time until a restart");
    }
    Check::new("clock", Finding::Ok, "the clock has run evenly since the start")
}

/// Descriptors: when there are none left nobody can connect.
pub(super) fn files(open: u64, limit: u64) -> Check {
    let text = format!("{open} files are open, the limit is {limit}");
    if limit > 0 && open + FILES_LEFT >= limit {
        return Check::new("files", Finding::Fail, format!("{text}: connections are refused"))
            .code("FILES_EXHAUSTED")
            .remedy("raise LimitNOFILE= in hydrad.service (or limits.max_files) and restart");
    }
    Check::new("files", Finding::Ok, text)
}

/// Why a head that could serve is not known to be reached by strangers.
pub(super) fn not_reached(reach: &Report, listen: &[IpAddr]) -> Check {
    let check = |finding, text: String| Check::new("reach", finding, text);
    if reach.tested.is_empty() {
        let ip = listen.first().map(ToString::to_string).unwrap_or_default();
        let seen = reach.seen_at.map(|at| format!("; some peers see it at {at}")).unwrap_or_default();
        return check(Finding::Fail, format!("{ip} is private and public peers drop it{seen}"))
            .code("ADDRESS_PRIVATE")
            .remedy("listen on a public address, or set listen.announce, e.g. /ip4/203.0.113.5/tcp/{port}");
    }
    let shut = reach.shut();
    if !shut.is_empty() {
        let finding = if reach.is_shut() { Finding::Fail } else { Finding::InProgress };
        return check(finding, shut.join(", "))
            .code("PORT_CLOSED")
            .remedy("check port forwarding and the incoming firewall, tcp and udp; listen.announce");
    }
    if reach.servers == 0 {
        return check(Finding::InProgress, "no connected peer offers to dial back (AutoNAT v2)".to_owned())
            .code("REACH_UNKNOWN")
            .remedy("wait; where nobody offers it and the ports are open: network.reachability = \"assume-public\"");
    }
    check(Finding::InProgress, "peers are being asked to dial back".to_owned()).code("REACH_UNKNOWN")
}

/// Whether strangers can dial the heads, in one sentence for all of them.
pub(super) fn reach(heads: &[(&Report, &[IpAddr])], patient: bool) -> Check {
    let by = |quic| {
        let known: Vec<_> = heads.iter().filter_map(|(reach, _)| reach.by(quic)).collect();
        (known.iter().filter(|verdict| **verdict == Verdict::Reachable).count(), known.len())
    };
    let ((tcp, tcp_of), (quic, quic_of)) = (by(false), by(true));
    let counts = format!("tcp {tcp}/{tcp_of}, quic {quic}/{quic_of}");
    let reached = heads.iter().filter(|(reach, _)| reach.is_reached()).count();
    let shut: Vec<String> = heads.iter().flat_map(|(reach, _)| reach.shut()).collect();
    if reached == heads.len() && shut.is_empty() {
        return Check::new("reach", Finding::Ok, format!("{counts} heads dialled back by peers"));
    }
    let worst =
        heads.iter().filter(|(reach, _)| !reach.is_reached()).map(|(r, listen)| not_reached(r, listen));
    let mut cause =
        match worst.max_by_key(|check| (check.finding == Finding::Fail, check.code == "PORT_CLOSED")) {
            Some(cause) => cause,
            // every head is reached, but not by all transports
            None => Check::new("reach", Finding::Warn, shut.first().cloned().unwrap_or_default())
                .code("PORT_CLOSED")
                .remedy("check port forwarding and the incoming firewall for this transport"),
        };
    cause.finding = match cause.finding {
        // some heads serve
        Finding::Fail if reached > 0 => Finding::Warn,
        Finding::InProgress if !patient => Finding::Warn,
        other => other,
    };
    let more = if shut.len() > 1 { format!(" (and {} more)", shut.len() - 1) } else { String::new() };
    cause.text = match shut.first() {
        Some(first) => format!("{counts}: {first}{more}"),
        None => format!("{counts}: {}", cause.text),
    };
    cause
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;
    use crate::net::reachability::Book;

    const HOME: [IpAddr; 1] = [IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 4))];

    /// What a head knows whose tcp and QUIC addresses were dialled with these results.
    fn tried(tcp: &[bool], quic: &[bool]) -> Report {
        let addrs = ["/ip4/203.0.113.9/tcp/4003", "/ip4/203.0.113.9/udp/4003/quic-v1"];
        let addrs = addrs.map(|addr| addr.parse().expect("an address"));
        let mut book = Book::new(&addrs);
        for (addr, results) in addrs.iter().zip([tcp, quic]) {
            for reached in results {
                book.answered(addr, PeerId::random(), Some(*reached), std::time::Instant::now());
            }
        }
        book.next(&[PeerId::random()], std::time::Instant::now());
        book.report()
    }

    fn told(reports: &[Report]) -> Check {
        let heads: Vec<_> = reports.iter().map(|report| (report, &HOME[..])).collect();
        reach(&heads, true)
    }

    #[test]
    fn every_cause_of_silence_has_its_own_code() {
        assert_eq!(outbound("bootstrap: /dnsaddr/x does not resolve").0, "DNS_FAILING");
        assert_eq!(outbound("/ip4/1.2.3.4/tcp/1: No route to host (os error 113)").0, "NO_ROUTE");
        assert_eq!(outbound("Network is unreachable (os error 101)").0, "NO_ROUTE");
        assert_eq!(outbound("Connection refused (os error 111)").0, "BOOTSTRAP_FAILING");
        assert_eq!(files(1000, 1010).code, "FILES_EXHAUSTED");
        assert_eq!(files(1000, 1_048_576).finding, Finding::Ok);
        let (now, hour) = (UNIX_EPOCH + Duration::from_secs(1_790_000_000), Duration::from_secs(3600));
        assert_eq!(clock(now + hour, now, hour).finding, Finding::Ok);
        let set = clock(now + 2 * hour, now, hour);
        assert_eq!((set.code, &*set.text), ("CLOCK_WRONG", "the clock was set 60 min ahead since the start"));
        assert_eq!(clock(now - hour, now, hour).finding, Finding::Warn);
        let old = clock(UNIX_EPOCH, UNIX_EPOCH, Duration::ZERO);
        assert!(old.finding == Finding::Fail && old.text.contains("1970"), "{}", old.text);
    }

    #[test]
    fn a_closed_port_is_named_and_a_private_address_too() {
        let check = not_reached(&tried(&[], &[false, false, false]), &HOME);
        assert_eq!(check.text, "port 4003/udp of 203.0.113.9 does not answer from outside");
        assert_eq!(
            (check.code, check.finding),
            ("PORT_CLOSED", Finding::InProgress),
            "tcp is still open to hope"
        );
        let shut = not_reached(&tried(&[false; 3], &[false; 3]), &HOME);
        assert_eq!(shut.finding, Finding::Fail);
        let private = not_reached(&Report::default(), &HOME);
        assert_eq!((private.code, private.finding), ("ADDRESS_PRIVATE", Finding::Fail));
        assert!(private.text.starts_with("10.0.0.4 is private"), "{}", private.text);
        assert_eq!(not_reached(&tried(&[], &[]), &HOME).code, "REACH_UNKNOWN");
    }

    #[test]
    fn all_heads_together_are_told_by_count_and_the_first_that_is_shut() {
        let open = tried(&[true], &[true]);
        assert_eq!(told(&[open.clone(), open.clone()]).text, "tcp 2/2, quic 2/2 heads dialled back by peers");
        let half = told(&[open.clone(), tried(&[true], &[false; 3])]);
        assert_eq!(half.text, "tcp 2/2, quic 1/2: port 4003/udp of 203.0.113.9 does not answer from outside");
        assert_eq!((half.code, half.finding), ("PORT_CLOSED", Finding::Warn));
        let shut = tried(&[false; 3], &[false; 3]);
        assert_eq!(told(&[open, shut.clone()]).finding, Finding::Warn);
        let all = told(&[shut.clone(), shut]);
        assert_eq!((all.code, all.finding), ("PORT_CLOSED", Finding::Fail));
        assert!(all.text.ends_with("(and 3 more)"), "{}", all.text);
    }

    #[test]
    fn patience_ends_in_a_warning() {
        let waiting = tried(&[], &[]);
        let heads = [(&waiting, &HOME[..])];
        assert_eq!(reach(&heads, true).finding, Finding::InProgress);
        assert_eq!(reach(&heads, false).finding, Finding::Warn);
    }
}
