//! *Neighbourhood*: who lives near the head. A sudden crowd beside a head is an attack.

use hydra_protocol::v1::{Head, SurveyPeersResponse};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::paint::{self, inset, span, title, top};
use super::super::strip;
use super::super::theme::{Meaning, Theme};
use crate::tui::state::feed::Ask;

/// Rows of the pane.
pub(super) const ROWS: u16 = 3;

pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    head: &Head,
    ask: &Ask,
    around: &SurveyPeersResponse,
    theme: &Theme,
) {
    let Ask::Around { bits, .. } = *ask else { return };
    let signs = if theme.is_ascii() { ['.', '|', '#'] } else { ['·', '|', '■'] };
    let [_, one, more] = signs;
    let unit = if area.width >= 100 { format!("{one} a peer, {more} two or more") } else { String::new() };
    title(buffer, area, theme, &what(&head.key, bits), &unit);
    let (_, body) = top(area, 1);
    let picture = strip::area(body);
    let sign = |count: &u64| signs.get(usize::try_from(*count).unwrap_or(2).min(2)).copied().unwrap_or(' ');
    let peers: String = strip::cells(&around.bins, picture.width).iter().map(sign).collect();
    paint::line(buffer, body, 0, "  peers");
    paint::line(buffer, picture, 0, peers);
    let at = place(&head.key, bits, picture.width);
    let mark = span(theme, Meaning::Head, theme.symbol(Meaning::Head));
    let name = format!(" {}", head.name);
    let (_, below) = top(picture, 1);
    let words = if at + paint::width(&name) < picture.width {
        (inset(below, at), Line::from(vec![mark, Span::raw(name)]))
    } else {
        // at the right edge its name stands before it
        let start = at.saturating_sub(paint::width(&name));
        (inset(below, start), Line::from(vec![Span::raw(format!("{} ", head.name)), mark]))
    };
    paint::line(buffer, words.0, 0, words.1);
}

/// `Neighbourhood: keys 8800… to 8bff… (1/64 of the keyspace)`.
fn what(key: &[u8], bits: u32) -> String {
    let first = key.iter().chain(&[0; 4]).take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    let rest = u32::MAX.checked_shr(bits).unwrap_or(0);
    let (from, to) = (first & !rest, first | rest);
    if bits == 0 {
        return "Neighbourhood: the whole keyspace".to_owned();
    }
    let digits = if bits > 14 { 8 } else { 4 };
    let hex = |place: u32| format!("{place:08x}").chars().take(digits).collect::<String>();
    let part = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
    let part = crate::tui::number::count(part);
    format!("Neighbourhood: keys {}… to {}… (1/{part} of the keyspace)", hex(from), hex(to))
}

/// The cell of a key within the part of the keyspace that shares so many bits with it.
fn place(key: &[u8], bits: u32, cells: u16) -> u16 {
    let first = key.iter().chain(&[0; 8]).take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let within = first.checked_shl(bits).unwrap_or(0) >> 32;
    u16::try_from((within * u64::from(cells)) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_the_keyspace_is_told_by_its_ends() {
        let key = [0x89, 0x04, 0xd6, 0xda];
        assert_eq!(what(&key, 6), "Neighbourhood: keys 8800… to 8bff… (1/64 of the keyspace)");
        assert_eq!(what(&key, 0), "Neighbourhood: the whole keyspace");
        assert_eq!(
            what(&[], 99),
            "Neighbourhood: keys 00000000… to 00000000… (1/18446744.1 T of the keyspace)"
        );
        assert_eq!((place(&key, 6, 112), place(&key, 0, 16), place(&[], 99, 9)), (28, 8, 0));
    }
}
