//! *Reachable*: which heads strangers could dial, by address and transport.

use hydra_protocol::v1::{Head, Reach, Reachable};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, left, sign, span, title, top};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::minute;
use crate::tui::state::{Hydra, Level};

/// Cells of an address.
const ADDRESS: u16 = 16;

/// Of what is known of the addresses of a head over one transport: the best.
fn level<'a>(of: impl Iterator<Item = &'a Reach>) -> Level {
    let mut best = Level::Off;
    for reach in of {
        match reach.reachable() {
            Reachable::Yes => return Level::Good,
            Reachable::No if reach.configured => best = Level::Broken,
            _ => {}
        }
    }
    best
}

/// The two transports: tcp, then quic.
pub(in super::super) fn transports(head: &Head) -> [Level; 2] {
    let is_quic = |reach: &&Reach| reach.address.contains("/quic");
    [level(head.reach.iter().filter(|reach| !is_quic(reach))), level(head.reach.iter().filter(is_quic))]
}

/// Draws the pane; gives back what is left of the area.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, hydra: &Hydra, theme: &Theme) -> Rect {
    if area.height < 2 {
        return area;
    }
    let tried =
        hydra.heads().flat_map(|head| &head.reach).filter_map(|reach| reach.tried_at).map(|at| at.seconds);
    let when =
        tried.max().map_or_else(String::new, |at| format!("dialled back by strangers, {}", minute(at)));
    title(buffer, area, theme, "Reachable", &when);
    let (_, mut rest) = top(area, 1);
    if hydra.heads().all(|head| head.reach.is_empty()) {
        let why = match hydra.heads().next() {
            Some(_) => " not asked: private network, or reachability = \"assume-public\"",
            None => " no heads yet",
        };
        paint::line(buffer, rest, 0, span(theme, Meaning::Quiet, why));
        return top(rest, 1).1;
    }
    // in the order of the heads
    let mut hosts: Vec<(&str, Vec<&Head>)> = Vec::new();
    for head in hydra.heads() {
        match hosts.iter_mut().find(|(host, _)| *host == head.listen_ip) {
            Some((_, heads)) => heads.push(head),
            None => hosts.push((&head.listen_ip, vec![head])),
        }
    }
    for (host, heads) in hosts {
        let cell = 14.max(heads.iter().map(|head| paint::width(&head.name)).max().unwrap_or(0).min(20) + 8);
        let fit = usize::from(rest.width.saturating_sub(ADDRESS + 1) / cell).max(1);
        for (number, heads) in heads.chunks(fit).enumerate() {
            let host = if number == 0 { host } else { "" };
            let mut words = vec![Span::raw(format!(" {}", left(host, ADDRESS)))];
            for head in heads {
                let [tcp, quic] = transports(head);
                words.push(Span::raw(format!("{} ", paint::cut(&head.name, cell - 8))));
                words.extend([sign(theme, tcp), Span::raw(" "), sign(theme, quic), Span::raw("   ")]);
            }
            paint::line(buffer, rest, 0, Line::from(words));
            rest = top(rest, 1).1;
        }
    }
    let (line, mut rest) = top(rest, 1);
    paint::line(buffer, line, 0, span(theme, Meaning::Quiet, " first mark tcp, second quic"));
    let six = hydra.heads().flat_map(|head| &head.addresses).any(|address| address.starts_with("/ip6/"));
    if !six {
        paint::line(buffer, rest, 0, " IPv6 — no head announces an IPv6 address");
        rest = top(rest, 1).1;
    }
    rest
}
