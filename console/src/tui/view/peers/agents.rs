//! *Agents*: what the live peers run, and over what they are connected.

use hydra_protocol::v1::{ConnectionCount, Direction, SurveyPeersResponse};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, left, right, span, title};
use super::super::theme::{Meaning, Theme};
use crate::tui::chart::bar::bar;
use crate::tui::number::{count, percent};
use crate::tui::table::direction_word;

/// Cells of a bar, of the names of agents, and of the agents with their numbers.
const BAR: u16 = 8;
const NAME: u16 = 19;
const AGENTS: u16 = 33;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, survey: &SurveyPeersResponse, theme: &Theme) {
    let open = sum(&survey.connections, |_| true);
    let unit = format!("{} connections", count(open));
    title(buffer, area, theme, &format!("Agents of the {}", count(survey.live)), &unit);
    let (_, body) = paint::top(area, 1);
    let agents = agents(survey);
    let ways = ways(&survey.connections, open, theme);
    for row in 0..body.height {
        let at = usize::from(row);
        let agent = agents.get(at).map(|(name, peers)| {
            let share = share(*peers, survey.live)
                .map_or_else(|| "—".to_owned(), |share| format!("{:.1} %", share * 100.0));
            format!(" {}{}{}", left(name, NAME), right(&count(*peers), 6), right(&share, 7))
        });
        let way = ways.get(at).cloned().unwrap_or_default();
        let line = Line::from(vec![
            Span::raw(left(&agent.unwrap_or_default(), AGENTS)),
            Span::raw(format!("   {way}")),
        ]);
        paint::line(buffer, body, row, line);
    }
}

/// The same in a line: ` kubo 71 % · go-libp2p 11 % · … · tcp 63 %, quic 37 %`.
pub(super) fn line(buffer: &mut Buffer, area: Rect, survey: &SurveyPeersResponse, theme: &Theme) {
    let of = |number: u64, all: u64| share(number, all).map_or_else(|| "—".to_owned(), percent);
    let agents = agents(survey)
        .into_iter()
        .take(4)
        .map(|(name, peers)| format!("{} {}", paint::cut(&name, 16), of(peers, survey.live)));
    let open = sum(&survey.connections, |_| true);
    let ways = ["tcp", "quic"]
        .map(|way| format!("{way} {}", of(sum(&survey.connections, |one| one.transport == way), open)));
    let text = agents.chain([ways.join(", ")]).collect::<Vec<_>>().join(" · ");
    paint::line(buffer, area, 0, span(theme, Meaning::Quiet, paint::cut(&format!(" {text}"), area.width)));
}

/// The most frequent first, then the others, then those that did not say.
fn agents(survey: &SurveyPeersResponse) -> Vec<(String, u64)> {
    let told = survey.agents.iter().map(|agent| (agent.name.clone(), agent.peers));
    let rest = [("others".to_owned(), survey.agents_other), ("unknown".to_owned(), survey.agents_unknown)];
    told.chain(rest.into_iter().filter(|(_, peers)| *peers > 0)).collect()
}

/// Transports and directions, with bars of their shares.
fn ways(connections: &[ConnectionCount], open: u64, theme: &Theme) -> Vec<String> {
    let row = |name: &str, number: u64| {
        let share = share(number, open);
        let bar = bar(share.unwrap_or(0.0), BAR, theme.is_ascii());
        let share = share.map_or_else(|| "—".to_owned(), percent);
        format!("{}{} {bar} {}", left(name, 5), right(&count(number), 6), right(&share, 4))
    };
    let transports = ["tcp", "quic"].map(|way| row(way, sum(connections, |one| one.transport == way)));
    let directions = [Direction::In, Direction::Out]
        .map(|way| row(direction_word(way), sum(connections, |one| one.direction() == way)));
    transports.into_iter().chain(directions).collect()
}

fn sum(connections: &[ConnectionCount], fits: impl Fn(&ConnectionCount) -> bool) -> u64 {
    connections.iter().filter(|one| fits(one)).map(|one| one.open).fold(0, u64::saturating_add)
}

fn share(number: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| number as f64 / all as f64)
}
