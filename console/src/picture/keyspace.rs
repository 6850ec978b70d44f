//! The ring of keys: servers outside, heads inside, and the keys that are surely theirs.

use std::f64::consts::TAU;

use jiff::Timestamp;
use plotters::backend::DrawingBackend;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Polygon};
use plotters::style::Color as _;
use plotters::style::text_anchor::HPos;

use super::Theme;
use super::canvas::Drawn;
use super::pen::{Pen, TEXT};
use super::theme::{BLUE, GREY};

/// Servers that a record is kept by.
const K: usize = 20;

/// Who is where at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keyspace {
    /// Name of the hydra.
    pub hydra: String,
    /// Version of the daemon.
    pub version: String,
    /// Unix second.
    pub at: i64,
    /// First 64 bits of the keys of known servers.
    pub peers: Vec<u64>,
    pub heads: Vec<HeadAt>,
}

/// A head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadAt {
    pub index: u32,
    /// First 64 bits of its key.
    pub key: u64,
    /// Of the servers nearest to it, the share that lists it.
    pub presence: Option<f64>,
}

/// First and last key of the part in which a head is surely among the 20 nearest: that of the
/// shortest prefix of its key which fewer than 20 others share.
fn part(head: u64, sorted: &[u64]) -> (u64, u64) {
    let within = |bits: u32| {
        let rest = if bits == 0 { u64::MAX } else { u64::MAX >> bits };
        (head & !rest, head | rest)
    };
    let others = |(first, last): (u64, u64)| {
        let from = sorted.partition_point(|key| *key < first);
        sorted.partition_point(|key| *key <= last) - from - usize::from(sorted.binary_search(&head).is_ok())
    };
    (0..63).map(within).find(|part| others(*part) < K).unwrap_or((head, head))
}

/// Clockwise from the top, as a share of the ring.
fn turn(key: u64) -> f64 {
    key as f64 / 2.0_f64.powi(64)
}

pub(super) fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    keys: &Keyspace,
    theme: Theme,
    scale: i32,
) -> Drawn<DB> {
    let pen = Pen { area, theme, scale };
    let at = Timestamp::from_second(keys.at).map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
    let title = format!("{} · keyspace · {} UTC", keys.hydra, at.unwrap_or_default());
    pen.sheet(&title, &keys.version)?;
    let (width, height) = area.dim_in_pixel();
    let (width, height) = (width as i32, height as i32);
    let middle = (width / 2, height / 2);
    let outer = f64::from(width.min(height) / 2 - 90 * scale).max(20.0);
    let place = |turn: f64, radius: f64| {
        let angle = turn * TAU;
        let x = f64::from(middle.0) + radius * angle.sin();
        let y = f64::from(middle.1) - radius * angle.cos();
        (x.round() as i32, y.round() as i32)
    };
    for sixteenth in 0..16_u8 {
        let turn = f64::from(sixteenth) / 16.0;
        pen.line(vec![place(turn, outer * 0.55), place(turn, outer * 1.02)], theme.grid(), 1)?;
        let (x, y) = place(turn, outer * 1.09);
        pen.text(&format!("{sixteenth:x}…"), (x, y - 7 * scale), TEXT, HPos::Center, theme.text())?;
    }
    let dot = GREY.filled();
    for peer in &keys.peers {
        area.draw(&Circle::new(place(turn(*peer), outer), 2 * scale, dot))?;
    }
    let mut all: Vec<u64> =
        keys.peers.iter().copied().chain(keys.heads.iter().map(|head| head.key)).collect();
    all.sort_unstable();
    for head in &keys.heads {
        let (first, last) = part(head.key, &all);
        let (from, to) = (turn(first), turn(last));
        // a part too small to be seen is drawn as wide as a line
        let to = to.max(from + 0.002);
        let thick = outer * (0.02 + 0.10 * head.presence.unwrap_or(0.0));
        let steps = 2 + ((to - from) * 720.0) as u32;
        let along = |at: u32| from + (to - from) * f64::from(at) / f64::from(steps);
        let inside = (0..=steps).map(|at| place(along(at), outer * 0.80));
        let outside = (0..=steps).rev().map(|at| place(along(at), outer * 0.80 + thick));
        area.draw(&Polygon::new(inside.chain(outside).collect::<Vec<_>>(), BLUE.filled()))?;
        let (x, y) = place(turn(head.key), outer * 0.72);
        pen.text(&format!("▲{}", head.index), (x, y - 7 * scale), TEXT, HPos::Center, BLUE)?;
    }
    let lines = [
        format!("{} servers, each a dot at its key", keys.peers.len()),
        format!("▲ {} heads; arc: keys of which the head is surely", keys.heads.len()),
        "one of the 20 nearest; thicker: listed by more".to_owned(),
    ];
    for (at, line) in (0..).zip(lines) {
        let y = middle.1 + (at * 20 - 30) * scale;
        pen.text(&line, (middle.0, y), TEXT, HPos::Center, theme.text())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_head_is_the_shortest_prefix_that_fewer_than_twenty_others_share() {
        // 64 keys, evenly: each sixteenth has four
        let keys: Vec<u64> = (0..64).map(|at| at << 58).collect();
        // a quarter of the ring has sixteen: the head and 15 others
        assert_eq!(part(0, &keys), (0, u64::MAX >> 2));
        assert_eq!(part(63 << 58, &keys), (3 << 62, u64::MAX));
        assert_eq!(part(7, &[7]), (0, u64::MAX), "alone, all of it");
        assert_eq!(part(5, &[]), (0, u64::MAX));
    }
}
