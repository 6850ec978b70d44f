//! One page of many peers in some order, without sorting the others.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use hydra_protocol::v1::PeerSort;

use crate::api::control::peer::known::Known;
use crate::wire::Key256;

/// What a peer is sorted by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank<'a> {
    Number(u64),
    Pair(u64, u64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Host(IpAddr, u16),
}

/// The rows of a page: `limit` of them after `offset`. Equal ones are by ascending key, and
/// those of which nothing is known are last in both directions. Linear in the number of peers.
pub(super) fn page<'a>(
    peers: Vec<&'a Known>,
    by: PeerSort,
    descending: bool,
    heads: &[Key256],
    (offset, limit): (usize, usize),
) -> Vec<&'a Known> {
    let mut ranked: Vec<(Option<Rank<'a>>, &'a Known)> =
        peers.into_iter().map(|known| (rank(known, by, heads), known)).collect();
    let order = |a: &(Option<Rank<'_>>, &Known), b: &(Option<Rank<'_>>, &Known)| {
        let ranks = match (&a.0, &b.0) {
            (Some(a), Some(b)) if descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        // the key itself is the last word in both directions, or it is what is asked for
        ranks.then_with(|| match by {
            PeerSort::Unspecified | PeerSort::Key if descending => b.1.key.cmp(&a.1.key),
            _ => a.1.key.cmp(&b.1.key),
        })
    };
    let rest = after(&mut ranked, offset, order);
    let page = before(rest, limit, order);
    page.sort_unstable_by(order);
    page.iter().map(|(_, known)| *known).collect()
}

/// All but the first `n`, in no order.
fn after<T>(all: &mut [T], n: usize, order: impl Fn(&T, &T) -> Ordering) -> &mut [T] {
    if n >= all.len() {
        return &mut [];
    }
    if n > 0 {
        all.select_nth_unstable_by(n, order);
    }
    &mut all[n..]
}

/// The first `n`, in no order.
fn before<T>(all: &mut [T], n: usize, order: impl Fn(&T, &T) -> Ordering) -> &mut [T] {
    if n >= all.len() {
        return all;
    }
    all.select_nth_unstable_by(n, order);
    &mut all[..n]
}

fn rank<'a>(known: &'a Known, by: PeerSort, heads: &[Key256]) -> Option<Rank<'a>> {
    let contact = known.oldest();
    match by {
        PeerSort::Unspecified | PeerSort::Key => Some(Rank::Number(known.key.start())),
        PeerSort::PeerId => Some(Rank::Bytes(known.peer.as_ref().digest())),
        PeerSort::Agent => Some(Rank::Text(known.agent())).filter(|rank| *rank != Rank::Text("")),
        PeerSort::Address => known.host().map(|(ip, port)| Rank::Host(ip, port)),
        PeerSort::Transport => contact.map(|contact| Rank::Text(if contact.quic { "quic" } else { "tcp" })),
        PeerSort::Direction => contact.map(|contact| Rank::Number(u64::from(!contact.inbound))),
        // of those with as many heads, who sends most
        PeerSort::Heads => Some(Rank::Pair(known.heads().len() as u64, announced(known))),
        PeerSort::Rtt => known.rtt().map(|rtt| Rank::Number(rtt.as_micros() as u64)),
        PeerSort::AddProviderPerMinute => Some(Rank::Number(announced(known))),
        PeerSort::Seen => {
            let seen = known.seen_at()?.duration_since(UNIX_EPOCH).ok()?;
            Some(Rank::Number(seen.as_millis() as u64))
        }
        PeerSort::SharedBits => {
            heads.iter().map(|head| head.shared_bits(&known.key)).max().map(|bits| Rank::Number(bits.into()))
        }
    }
}

/// ADD_PROVIDER in a thousand minutes.
fn announced(known: &Known) -> u64 {
    (known.announced_1m() * 1e3) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::api::control::peer::known::tests::{connected, member};

    /// The agents of a page.
    fn agents(peers: &[Known], by: PeerSort, descending: bool, range: (usize, usize)) -> String {
        let page = page(peers.iter().collect(), by, descending, &[], range);
        page.iter().map(|known| known.agent()).collect()
    }

    #[test]
    fn a_page_is_what_sorting_all_of_them_gives() {
        let millis = |n| Some(Duration::from_millis(n));
        let peers = [
            member("c", "/ip4/192.0.2.30/tcp/1", millis(300)),
            connected("a", "/ip4/192.0.2.4/udp/1/quic-v1", &[0, 1], true),
            member("d", "/ip4/192.0.2.4/tcp/2", millis(20)),
            connected("b", "/ip4/10.0.0.1/tcp/1", &[1, 2, 3], false),
        ];
        let all = (0, 9);
        assert_eq!(agents(&peers, PeerSort::Agent, false, all), "abcd");
        assert_eq!(agents(&peers, PeerSort::Agent, true, all), "dcba");
        assert_eq!(agents(&peers, PeerSort::Agent, true, (1, 2)), "cb");
        assert_eq!(agents(&peers, PeerSort::Agent, true, (4, 2)), "");
        assert_eq!(agents(&peers, PeerSort::Address, false, all), "badc");
        assert_eq!(&agents(&peers, PeerSort::Heads, true, (0, 2)), "ba");
        // those that were not measured are last both ways
        assert!(agents(&peers, PeerSort::Rtt, false, all).starts_with("dc"));
        assert!(agents(&peers, PeerSort::Rtt, true, all).starts_with("cd"));
        assert!(agents(&peers, PeerSort::Transport, false, all).starts_with("ab"));
        assert!(agents(&peers, PeerSort::Direction, true, all).starts_with("ba"));
    }

    #[test]
    fn pages_join_without_gaps_where_all_are_equal() {
        let peers: Vec<Known> = (0..50).map(|_| member("x", "/ip4/192.0.2.1/tcp/1", None)).collect();
        for (by, descending) in [(PeerSort::Agent, true), (PeerSort::Key, false), (PeerSort::Key, true)] {
            let mut keys: Vec<Key256> = (0..6)
                .flat_map(|n| page(peers.iter().collect(), by, descending, &[], (n * 9, 9)))
                .map(|known| known.key)
                .collect();
            if (by, descending) == (PeerSort::Key, true) {
                keys.reverse();
            }
            assert_eq!(keys.len(), 50);
            assert!(keys.is_sorted());
        }
    }
}
