//! `heads show`: whether strangers can dial the head, and who should list it and does not.

use std::collections::BTreeMap;

use crate::output::dto::{Head, Neighbour};
use crate::output::text::host_port;

/// The lines of a head; none of what is not known.
pub(super) fn lines(head: &Head) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let reach = head.reach.iter().map(|reach| {
        let transport = if reach.address.contains("/quic") { "quic" } else { "tcp" };
        let word = match reach.reachable {
            "yes" => "dialled back".to_owned(),
            "no" => "does not answer from outside".to_owned(),
            _ if reach.failures > 0 => format!("no answer to {} dials so far", reach.failures),
            _ => "nobody has tried yet".to_owned(),
        };
        format!("{transport} {}: {word}", host_port(&reach.address))
    });
    lines.extend(super::super::continued("reached", &reach.collect::<Vec<_>>()));
    if let Some((listed, asked)) = head.presence_listed.zip(head.presence_asked) {
        lines.push(("presence", format!("{listed} of {asked}{}", why_not(&head.nearest))));
    }
    lines
}

/// " · not: 2 refused (group 203.0.0.0/16 full), 1 no answer, 1 does not list us yet".
fn why_not(nearest: &[Neighbour]) -> String {
    let mut reasons: BTreeMap<(u8, String), usize> = BTreeMap::new();
    for neighbour in nearest {
        let reason = match neighbour.lists_us {
            "group_full" => {
                (0, format!("refused (group {} full)", neighbour.reason.as_deref().unwrap_or("unknown")))
            }
            "no_answer" => (1, "no answer".to_owned()),
            "not_yet" => (2, "does not list us yet".to_owned()),
            "not_connected" => (3, "not connected".to_owned()),
            "not_asked" => (4, "not asked this time".to_owned()),
            _ => continue,
        };
        *reasons.entry(reason).or_default() += 1;
    }
    let reasons: Vec<String> = reasons.into_iter().map(|((_, reason), n)| format!("{n} {reason}")).collect();
    if reasons.is_empty() { String::new() } else { format!(" · not: {}", reasons.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::dto::Reach;

    fn neighbour(lists_us: &'static str, reason: Option<&str>) -> Neighbour {
        let (peer_id, reason) = ("12D3".to_owned(), reason.map(str::to_owned));
        Neighbour { rank: 1, peer_id, shared_bits: 9, lists_us, reason }
    }

    #[test]
    fn those_who_do_not_list_a_head_are_told_by_reason() {
        let full = || neighbour("group_full", Some("203.0.0.0/16"));
        let nearest = [
            neighbour("yes", None),
            full(),
            neighbour("not_yet", None),
            neighbour("no_answer", None),
            full(),
        ];
        assert_eq!(
            why_not(&nearest),
            " · not: 2 refused (group 203.0.0.0/16 full), 1 no answer, 1 does not list us yet"
        );
        assert_eq!(why_not(&nearest[..1]), "");
    }

    #[test]
    fn each_address_is_told_with_what_came_of_it() {
        let reach = |address: &str, reachable, failures| Reach {
            address: address.to_owned(),
            reachable,
            configured: true,
            failures,
            tried_at: None,
        };
        let head = Head {
            reach: vec![
                reach("/ip4/203.0.113.9/tcp/4003", "yes", 0),
                reach("/ip4/203.0.113.9/udp/4003/quic-v1", "no", 3),
            ],
            ..Head::default()
        };
        let lines: Vec<String> = lines(&head).into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            lines,
            ["tcp 203.0.113.9:4003: dialled back", "quic 203.0.113.9:4003: does not answer from outside"]
        );
    }
}
