//! The heads.

use hydra_protocol::v1::{Head, Rates};

use super::{Column, Rank, Table, hex};
use crate::tui::number::{count, megabytes as mb, short_id, short_key, tight_or_none};
use crate::tui::state::hydra::{connections, others, requests, state_word};

/// One row a head.
pub const HEADS: Table<Head> = Table {
    id: |head| head.name.clone(),
    columns: &[
        text("HEAD", 7, |head| head.name.clone(), |head| Rank::Least(f64::from(head.index))),
        text("KEY", 4, |head| short_key(&head.key), |head| Rank::Text(hex(&head.key))),
        text("PEER ID", 12, |head| short_id(&head.peer_id), |head| Rank::Text(head.peer_id.clone())),
        text("ADDRESS", 20, address, |head| Rank::Text(address(head))),
        text(
            "STATE",
            11,
            |head| state_word(head.state()).1.to_owned(),
            |head| Rank::Least(f64::from(head.state)),
        ),
        number("CONNS", 6, |head| count(connections(head)), |head| Rank::Most(connections(head) as f64)),
        number("PRES", 7, presence, presence_rank),
        number("REQ/s", 6, |head| of(head, requests), |head| rank(head, requests)),
        number("ADD/s", 6, |head| of(head, |r| r.add_provider), |head| rank(head, |r| r.add_provider)),
        number("GET/s", 6, |head| of(head, |r| r.get_providers), |head| rank(head, |r| r.get_providers)),
        number("FIND/s", 7, |head| of(head, |r| r.find_node), |head| rank(head, |r| r.find_node)),
        number("OTHER", 6, |head| of(head, others), |head| rank(head, others)),
        number("IN", 5, |head| megabytes(head, |r| r.bytes_in), |head| rank(head, |r| r.bytes_in)),
        number("OUT", 6, |head| megabytes(head, |r| r.bytes_out), |head| rank(head, |r| r.bytes_out)),
        number("RST/m", 6, |head| of(head, |r| r.resets * 60.0), |head| rank(head, |r| r.resets)),
    ],
};

const fn text(
    title: &'static str,
    cells: u16,
    text: fn(&Head) -> String,
    rank: fn(&Head) -> Rank,
) -> Column<Head> {
    Column { title, cells, to_right: false, text, rank }
}

const fn number(
    title: &'static str,
    cells: u16,
    text: fn(&Head) -> String,
    rank: fn(&Head) -> Rank,
) -> Column<Head> {
    Column { title, cells, to_right: true, text, rank }
}

/// A rate of a head, `—` while none is measured.
fn of(head: &Head, rate: fn(&Rates) -> f64) -> String {
    tight_or_none(head.rates_1m.as_ref().map(rate))
}

fn rank(head: &Head, rate: fn(&Rates) -> f64) -> Rank {
    Rank::most(head.rates_1m.as_ref().map(rate))
}

fn megabytes(head: &Head, bytes: fn(&Rates) -> f64) -> String {
    mb(head.rates_1m.as_ref().map(bytes))
}

/// Of the servers nearest to it, how many list the head.
fn presence(head: &Head) -> String {
    match (head.presence_listed, head.presence_asked) {
        (Some(listed), Some(asked)) => format!("{listed}/{asked}"),
        _ => "—".to_owned(),
    }
}

fn presence_rank(head: &Head) -> Rank {
    let asked = head.presence_asked.filter(|asked| *asked > 0).map(f64::from);
    Rank::most(head.presence_listed.map(f64::from).zip(asked).map(|(listed, asked)| listed / asked))
}

/// Host and port of the first announced address, else of the port it listens on.
fn address(head: &Head) -> String {
    let announced = head.addresses.iter().find_map(|address| {
        let mut parts = address.split('/').skip(1);
        let (kind, host, _, port) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        port.parse::<u16>().ok()?;
        Some(if kind == "ip6" { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    });
    announced.unwrap_or_else(|| format!("{}:{}", head.listen_ip, head.port))
}
