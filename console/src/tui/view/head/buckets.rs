//! *Buckets*: is the head connected into every distance. Servers known and connected by the bits
//! that they share with it.

use hydra_protocol::v1::Bucket;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::paint::{self, left, right, span, title, top};
use super::super::theme::{Meaning, Theme};
use crate::tui::chart::bar::bar;
use crate::tui::number::count;

/// A full bucket.
const FULL: u32 = 20;
/// Rows of single distances; nearer ones stand together.
const ROWS: usize = 11;

/// Bits, known, connected; the last row has all that are nearer.
fn rows(buckets: &[Bucket], most: usize) -> Vec<(String, u32, u32)> {
    let one = |bucket: &Bucket| (bucket.bits.to_string(), bucket.known, bucket.connected);
    if buckets.len() <= most {
        return buckets.iter().map(one).collect();
    }
    let (single, near) = buckets.split_at(most.saturating_sub(1).min(buckets.len()));
    let mut rows: Vec<_> = single.iter().map(one).collect();
    let from = near.first().map_or(0, |bucket| bucket.bits);
    let sum = |of: fn(&Bucket) -> u32| near.iter().map(of).fold(0, u32::saturating_add);
    rows.push((format!("{from}+"), sum(|bucket| bucket.known), sum(|bucket| bucket.connected)));
    rows
}

/// Draws the pane; gives back what is left of the area.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, buckets: &[Bucket], theme: &Theme) -> Rect {
    let what = match area.width {
        50.. => "Buckets of the shared table, as seen from here",
        _ => "Buckets, as seen from here",
    };
    title(buffer, area, theme, what, "");
    let (_, body) = top(area, 1);
    if buckets.is_empty() {
        paint::line(buffer, body, 0, span(theme, Meaning::Quiet, " no server is known"));
        return top(body, 2).1;
    }
    let cells = body.width.saturating_sub(20).min(18);
    let names = format!(
        "{}{}{} 0{}",
        right("BITS", 5),
        right("KNOWN", 7),
        right("CONN", 6),
        right("full (20)", cells.saturating_sub(1))
    );
    paint::line(buffer, body, 0, span(theme, Meaning::Title, names));
    let (_, mut rest) = top(body, 1);
    let line = |bits: &str, known: u32, connected: u32| {
        format!("{}{}{}", right(bits, 5), right(&count(known.into()), 7), right(&count(connected.into()), 6))
    };
    let most = usize::from(rest.height.saturating_sub(1)).min(ROWS + 1);
    for (bits, known, connected) in rows(buckets, most) {
        let filled = f64::from(known.min(FULL)) / f64::from(FULL);
        let text = format!("{} {}", line(&bits, known, connected), bar(filled, cells, theme.is_ascii()));
        paint::line(buffer, rest, 0, left(&text, rest.width));
        rest = top(rest, 1).1;
    }
    let sum = |of: fn(&Bucket) -> u32| buckets.iter().map(of).fold(0, u32::saturating_add);
    let all = line("all", sum(|bucket| bucket.known), sum(|bucket| bucket.connected));
    paint::line(buffer, rest, 0, span(theme, Meaning::Title, all));
    top(rest, 1).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_for_which_there_is_no_row_stand_together() {
        let buckets: Vec<Bucket> =
            (0..5).map(|bits| Bucket { bits, known: 10 + bits, connected: bits }).collect();
        assert_eq!(rows(&buckets, 5).len(), 5);
        let rows = rows(&buckets, 3);
        assert_eq!(rows.last(), Some(&("2+".to_owned(), 39, 9)));
        assert_eq!(super::rows(&buckets, 0), [("0+".to_owned(), 60, 10)]);
    }
}
