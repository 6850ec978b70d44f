//! The peers as a picture: counts by place, by agent and by connection, who came and went, and
//! one page of them.
//!
//! Reads each peer once, off the tasks that answer, and holds no lock while it does.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use hydra_protocol::v1::{
    AgentCount, ConnectionCount, Direction, PeerFlow, PeerScope, PeerSort, SurveyPeersRequest,
    SurveyPeersResponse,
};

use crate::api::control::convert;
use crate::api::control::peer::filter::Filter;
use crate::api::control::peer::known::{Known, gather};
use crate::api::control::peer::order;
use crate::hydra::Hydra;
use crate::routing::churn::{Flow, KEPT};
use crate::routing::contacts::OpenCounts;
use crate::routing::coverage::Zone;
use crate::wire::Key256;

/// Parts of the range that are counted when the asker names no number, and at most.
const BINS: (u32, u32) = (232, 1_024);

/// Rows when the asker names no number, and at most.
const ROWS: (u32, u32) = (50, 200);

/// Parts of the range in which changes are counted, and for how long.
const FLOWS: usize = 16;
const FLOWS_FOR: Duration = Duration::from_secs(600);

/// Agents with a count of their own.
const AGENTS: usize = 8;

/// A question that was understood.
#[derive(Debug)]
pub(super) struct Asked {
    zone: Zone,
    bins: usize,
    filter: Filter,
    scope: PeerScope,
    sort: PeerSort,
    descending: bool,
    range: (usize, usize),
}

impl Asked {
    /// Reads a question; the error says what is wrong with it.
    pub(super) fn read(request: &SurveyPeersRequest) -> Result<Self, String> {
        let or = |asked: u32, (default, most): (u32, u32)| {
            (if asked == 0 { default } else { asked.min(most) }) as usize
        };
        Ok(Self {
            zone: zone(request.prefix_bits, &request.prefix)?,
            bins: or(request.bins, BINS),
            filter: Filter::parse(&request.filter)?,
            scope: request.scope(),
            sort: request.sort(),
            descending: request.descending,
            range: (request.offset as usize, or(request.limit, ROWS)),
        })
    }
}

fn zone(bits: u32, prefix: &[u8]) -> Result<Zone, String> {
    if bits > Zone::MAX_PARTED {
        return Err(format!("prefix_bits: {bits}; at most {}", Zone::MAX_PARTED));
    }
    if prefix.len() < bits.div_ceil(8) as usize || prefix.len() > 32 {
        return Err(format!("prefix: {} bytes do not hold {bits} bits of a key", prefix.len()));
    }
    let mut start = Key256([0; 32]);
    for bit in 0..bits as usize {
        start.0[bit / 8] |= prefix[bit / 8] & 0x80 >> (bit % 8);
    }
    Ok(Zone { start, bits })
}

/// Looks at all peers.
pub(super) fn survey(hydra: &Hydra, asked: &Asked, unique_peers_24h: u64) -> SurveyPeersResponse {
    let known = gather(hydra.contacts.all(), hydra.table.members(), PeerScope::Unspecified);
    let heads = hydra.heads();
    let keys: Vec<Key256> = heads.iter().map(|head| head.key).collect();
    let mut picture = Picture::of(&known, asked);
    let total = picture.fitting.len() as u64;
    let fitting = std::mem::take(&mut picture.fitting);
    let page = order::page(fitting, asked.sort, asked.descending, &keys, asked.range);
    let now = SystemTime::now();
    let crawl = hydra.scout.report().crawl;
    let silent = (crawl.waiting + crawl.lost) as u64;
    let hour = hydra.table.flows(&asked.zone, 1, KEPT);
    let agents = Agents::of(picture.agents);
    SurveyPeersResponse {
        at: convert::timestamp(now),
        live: picture.live,
        bins: picture.bins,
        connected: picture.connected,
        known: hydra.table.others() as u64 + silent,
        silent,
        flows_10m: hydra.table.flows(&asked.zone, FLOWS, FLOWS_FOR).iter().map(flow).collect(),
        flow_1h: hour.first().map(flow),
        flows_since: convert::timestamp(now - hydra.table.flows_reach()),
        agents: agents.counts,
        agents_unknown: agents.unknown,
        agents_other: agents.other,
        connections: connections(hydra.contacts.open()),
        unique_peers_24h,
        peers: page.iter().map(|known| known.row(&heads)).collect(),
        total,
    }
}

fn flow(flow: &Flow) -> PeerFlow {
    PeerFlow { joined: flow.joined, left: flow.left }
}

fn connections(open: OpenCounts) -> Vec<ConnectionCount> {
    let quic_out = open.quic.saturating_sub(open.quic_in);
    let counts = [
        ("tcp", Direction::In, open.inbound.saturating_sub(open.quic_in)),
        ("tcp", Direction::Out, open.outbound.saturating_sub(quic_out)),
        ("quic", Direction::In, open.quic_in),
        ("quic", Direction::Out, quic_out),
    ];
    let count = |(transport, direction, open): (&str, Direction, u64)| ConnectionCount {
        transport: transport.to_owned(),
        direction: direction.into(),
        open,
    };
    counts.into_iter().filter(|(.., open)| *open > 0).map(count).collect()
}

/// What one look at each peer gives.
#[derive(Default)]
struct Picture<'a> {
    live: u64,
    connected: u64,
    bins: Vec<u32>,
    /// Of live servers, by name without version; empty: unknown.
    agents: HashMap<&'a str, u64>,
    fitting: Vec<&'a Known>,
}

impl<'a> Picture<'a> {
    fn of(known: &'a [Known], asked: &Asked) -> Self {
        let mut picture = Self { bins: vec![0; asked.bins], ..Self::default() };
        let mut scratch = String::new();
        for known in known {
            let Some(bin) = asked.zone.part(known.key.start(), asked.bins) else { continue };
            let (with_heads, in_table) = (known.with_heads(), known.member.is_some());
            picture.connected += u64::from(with_heads);
            if in_table {
                picture.live += 1;
                picture.bins[bin] += 1;
                *picture.agents.entry(name(known.agent())).or_default() += 1;
            }
            let in_scope = match asked.scope {
                PeerScope::Unspecified => true,
                PeerScope::Connected => with_heads,
                PeerScope::Known => in_table,
            };
            if in_scope && asked.filter.fits(known, &mut scratch) {
                picture.fitting.push(known);
            }
        }
        picture
    }
}

/// An agent without its version: "kubo/0.39.0/1f4a7c9" is "kubo", and what Go writes of itself,
/// "github.com/libp2p/go-libp2p@v0.47.0", is "go-libp2p".
fn name(agent: &str) -> &str {
    let path = agent.split('@').next().unwrap_or_default();
    let first = path.split('/').next().unwrap_or_default();
    if first.contains('.') { path.rsplit('/').next().unwrap_or_default() } else { first }
}

/// Agents by how frequent they are.
struct Agents {
    counts: Vec<AgentCount>,
    unknown: u64,
    other: u64,
}

impl Agents {
    fn of(mut agents: HashMap<&str, u64>) -> Self {
        let unknown = agents.remove("").unwrap_or_default();
        let mut agents: Vec<(&str, u64)> = agents.into_iter().collect();
        agents.sort_unstable_by_key(|(name, peers)| (std::cmp::Reverse(*peers), *name));
        let (most, rest) = agents.split_at(agents.len().min(AGENTS));
        let count = |(name, peers): &(&str, u64)| AgentCount { name: (*name).to_owned(), peers: *peers };
        Self {
            counts: most.iter().map(count).collect(),
            unknown,
            other: rest.iter().map(|(_, peers)| peers).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::control::peer::known::tests::{connected, member};

    fn asked(request: SurveyPeersRequest) -> Asked {
        Asked::read(&request).expect("a question")
    }

    #[test]
    fn every_live_server_of_the_range_is_in_one_bin_and_has_one_agent() {
        let mut peers: Vec<Known> = (0..100)
            .map(|n| member(["kubo/0.39", "go-ipfs/0.12", ""][n % 3], "/ip4/192.0.2.1/tcp/1", None))
            .collect();
        peers.extend((0..20).map(|_| connected("js", "/ip4/192.0.2.1/tcp/1", &[0], true)));
        let whole = Picture::of(&peers, &asked(SurveyPeersRequest { bins: 7, ..Default::default() }));
        assert_eq!((whole.live, whole.connected, whole.bins.len(), whole.fitting.len()), (100, 20, 7, 120));
        assert_eq!(whole.bins.iter().map(|n| u64::from(*n)).sum::<u64>(), 100);
        assert_eq!((whole.agents["kubo"], whole.agents["go-ipfs"], whole.agents[""]), (34, 33, 33));
        let halves = [0x00, 0x80].map(|first| {
            let request =
                SurveyPeersRequest { prefix_bits: 1, prefix: vec![first, 0xff], ..Default::default() };
            Picture::of(&peers, &asked(request))
        });
        assert!(halves.iter().all(|half| half.live > 0 && half.bins.len() == 232));
        assert_eq!(halves.iter().map(|half| half.live).sum::<u64>(), 100);
        assert_eq!(halves.iter().map(|half| half.fitting.len()).sum::<usize>(), 120);
        let scope = PeerScope::Connected.into();
        let some = Picture::of(&peers, &asked(SurveyPeersRequest { scope, ..Default::default() }));
        assert_eq!((some.live, some.fitting.len()), (100, 20));
        let filter = "agent:ipfs".to_owned();
        let some = Picture::of(&peers, &asked(SurveyPeersRequest { filter, ..Default::default() }));
        assert_eq!((some.live, some.fitting.len()), (100, 33));
    }

    #[test]
    fn a_question_is_bounded_and_one_without_sense_is_refused() {
        let many = asked(SurveyPeersRequest { bins: 9_999, limit: 9_999, offset: 7, ..Default::default() });
        assert_eq!((many.bins, many.range), (1_024, (7, 200)));
        let refused = |bits, prefix: &[u8]| zone(bits, prefix).expect_err("refused");
        assert!(refused(49, &[0; 32]).contains("at most 48"));
        assert!(refused(9, &[1]).contains("1 bytes do not hold 9 bits"));
        assert!(refused(0, &[0; 33]).contains("33 bytes"));
        let zone = zone(9, &[0xab, 0xff, 0xff]).expect("a zone");
        assert_eq!((zone.bits, &zone.start.0[..3]), (9, [0xab, 0x80, 0].as_slice()));
    }

    #[test]
    fn agents_are_told_without_versions_and_the_rare_ones_together() {
        assert_eq!(name("kubo/0.39.0/1f4a7c9"), "kubo");
        assert_eq!(name("github.com/libp2p/go-libp2p@v0.47.0"), "go-libp2p");
        assert_eq!((name("js-libp2p"), name(""), name("/x"), name("x.y/")), ("js-libp2p", "", "", ""));
        let names: Vec<String> = (0..12).map(|n| format!("agent-{n:02}")).collect();
        let counts = names.iter().zip(1..).map(|(name, peers)| (name.as_str(), peers));
        let agents = Agents::of(counts.chain([("", 5)]).collect());
        assert_eq!((agents.counts.len(), agents.unknown, agents.other), (8, 5, 1 + 2 + 3 + 4));
        assert_eq!((agents.counts[0].name.as_str(), agents.counts[0].peers), ("agent-11", 12));
    }

    /// 50,000 connections and 10,000 servers with `HYDRA_FIGURES=1`, in a release build for its
    /// times (at most 10 ms in all); otherwise a part.
    #[test]
    #[expect(clippy::print_stderr, reason = "a figure is to be seen")]
    fn figure_a_survey_of_a_large_crowd_finds_everybody() {
        use std::sync::Arc;
        use std::time::Instant;

        use libp2p::PeerId;
        use libp2p::swarm::ConnectionId;

        use crate::routing::contacts::{Contact, Contacts, Side};
        use crate::routing::table::{Found, Table};
        use crate::wire::AddrList;

        let whole = std::env::var_os("HYDRA_FIGURES").is_some();
        let (open, known): (usize, usize) = if whole { (50_000, 10_000) } else { (500, 100) };
        let (contacts, table) = (Contacts::default(), Table::default());
        for n in 0..open.max(known) {
            let peer = PeerId::random();
            let at: libp2p::Multiaddr =
                format!("/ip4/10.{}.{}.1/tcp/4001", n / 250, n % 250).parse().expect("an address");
            let agent = format!("kubo/0.{}.0", n % 40);
            if n < open {
                let id = ConnectionId::new_unchecked(n);
                let side = Side::Head((n % 10) as u32);
                contacts.opened(Arc::new(Contact::new(id, peer, side, true, at.clone())));
                contacts.identified(&peer, &agent, "/ipfs/kad/1.0.0", AddrList::default());
            }
            if n < known {
                let found = Found { agent: agent.into(), ..Found::at(AddrList::from_iter([&at])) };
                table.put(peer, found).expect("there is room");
            }
        }
        let heads: Vec<Key256> = (0..10u8).map(|n| Key256::of(&[n])).collect();
        for (filter, sort, fitting) in [
            ("", PeerSort::Heads, open),
            ("agent:kubo/0.1.0", PeerSort::Rtt, open / 40),
            ("10.1.", PeerSort::Seen, open.min(500).saturating_sub(250)),
            ("zzzzz", PeerSort::Agent, 0),
        ] {
            let asked =
                asked(SurveyPeersRequest { filter: filter.into(), sort: sort.into(), ..Default::default() });
            let began = Instant::now();
            let (all, members) = (contacts.all(), table.members());
            let copied = began.elapsed();
            let known_peers = gather(all, members, PeerScope::Unspecified);
            let gathered = began.elapsed();
            let picture = Picture::of(&known_peers, &asked);
            let looked = began.elapsed();
            assert_eq!((picture.live, picture.connected), (known as u64, open as u64));
            assert!(picture.fitting.len() >= fitting, "{filter}: {}", picture.fitting.len());
            let page = order::page(picture.fitting, sort, true, &heads, (0, 50));
            assert!(page.len() <= 50);
            if whole {
                let paged = began.elapsed();
                eprintln!(
                    "{filter:>18} {sort:?}: copied {copied:?}, gathered {gathered:?}, looked {looked:?}, paged {paged:?}"
                );
            }
        }
    }

    #[test]
    fn connections_are_told_by_transport_and_direction() {
        let open = OpenCounts { inbound: 10, outbound: 5, quic: 4, quic_in: 4 };
        let told: Vec<(String, i32, u64)> = connections(open)
            .into_iter()
            .map(|count| (count.transport, count.direction, count.open))
            .collect();
        let [tcp, quic] = ["tcp", "quic"].map(str::to_owned);
        let (inward, out) = (Direction::In as i32, Direction::Out as i32);
        assert_eq!(told, [(tcp.clone(), inward, 6), (tcp, out, 5), (quic, inward, 4)]);
    }
}
