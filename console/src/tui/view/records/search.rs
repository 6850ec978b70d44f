//! The search line, and what is known of the key besides its records.

use data_encoding::HEXLOWER;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::paint::{self, cut, span, split, width};
use super::super::theme::{Meaning, Theme};
use crate::tui::number::count;
use crate::tui::state::prompt::Purpose;
use crate::tui::state::{Hydra, Sought, State};

const KINDS: &str = "CID · multihash · key prefix · peer id";

pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &State, hydra: &Hydra, theme: &Theme) {
    let sought = &state.records().sought;
    let prompt = state.prompt().filter(|prompt| prompt.purpose == Purpose::Search);
    let typed = match prompt {
        Some(prompt) => format!("{}_", prompt.typed),
        None => sought.text().to_owned(),
    };
    let kinds = if area.width >= 100 { KINDS } else { "" };
    let mark = theme.symbol(Meaning::Selected);
    let title = span(theme, Meaning::Title, format!(" Search {mark} "));
    let room = area.width.saturating_sub(10 + width(kinds) + 1);
    let text = match (prompt, sought) {
        (None, Sought::Nothing) => span(theme, Meaning::Quiet, cut("/ types what to look for", room)),
        // the end of a long text tells more than its beginning
        _ => Span::raw(tail(&typed, room)),
    };
    split(buffer, area, 0, vec![title, text], span(theme, Meaning::Quiet, kinds));
    let facts = cut(&format!(" {}", facts(state, hydra)), area.width);
    let style = if state.age().is_some() { theme.style(Meaning::Old) } else { Default::default() };
    paint::line(buffer, area, 1, Span::styled(facts, style));
}

fn tail(text: &str, cells: u16) -> String {
    let skip = text.chars().count().saturating_sub(usize::from(cells));
    text.chars().skip(skip).collect()
}

fn facts(state: &State, hydra: &Hydra) -> String {
    match &state.records().sought {
        Sought::Nothing => String::new(),
        Sought::Prefix(prefix) => format!("all keys that begin with {prefix}"),
        Sought::Provider(_) => "all keys of this provider".to_owned(),
        Sought::Key(key) => of_key(key, state, hydra),
    }
}

/// `key 89592f69e795… · sha2-256 · our nearest is head-2, 9 bits in common · asked 1,284 times`.
fn of_key(key: &str, state: &State, hydra: &Hydra) -> String {
    let Some(told) = hydra.feeds.record(key) else { return String::new() };
    let asked = state.popular().into_iter().find(|one| one.key.multihash == told.multihash);
    let place = told.records.first().map(|record| record.key.clone());
    let place = place.or_else(|| asked.as_ref().map(|one| one.key.key.clone()));
    let mut facts = Vec::new();
    if let Some(place) = place {
        let hex = HEXLOWER.encode(&place);
        facts.push(format!("key {}…", hex.get(..12).unwrap_or(&hex)));
        facts.extend(hash_name(&told.multihash).map(str::to_owned));
        let heads = hydra.heads().map(|head| (shared_bits(&head.key, &place), &head.name));
        if let Some((bits, name)) = heads.max_by_key(|(bits, _)| *bits) {
            facts.push(format!("our nearest is {name}, {bits} bits in common"));
        }
    }
    if let Some(one) = asked {
        facts.push(format!("asked {} times, {} most", count(one.key.requests), ordinal(one.rank)));
    }
    facts.join(" · ")
}

fn ordinal(number: u32) -> String {
    let end = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

/// The name of a multihash's function, by the code at its beginning.
fn hash_name(multihash: &[u8]) -> Option<&'static str> {
    match multihash {
        [0x12, 0x20, ..] => Some("sha2-256"),
        [0x13, 0x40, ..] => Some("sha2-512"),
        [0x11, 0x14, ..] => Some("sha1"),
        [0x1e, 0x20, ..] => Some("blake3"),
        [0xa0, 0xe4, 0x02, ..] => Some("blake2b-256"),
        [0x00, ..] => Some("identity"),
        _ => None,
    }
}

/// Leading bits that two keys share.
fn shared_bits(a: &[u8], b: &[u8]) -> u32 {
    let mut bits = 0;
    for (a, b) in a.iter().zip(b) {
        let same = (a ^ b).leading_zeros();
        bits += same;
        if same < u8::BITS {
            break;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_share_bits_until_the_first_that_differs() {
        assert_eq!(shared_bits(&[0xff, 0x00], &[0xff, 0x01]), 15);
        assert_eq!(shared_bits(&[0x80], &[0x00]), 0);
        assert_eq!(shared_bits(&[], &[1]), 0);
        assert_eq!(
            [1, 2, 3, 4, 11, 112, 23].map(ordinal),
            ["1st", "2nd", "3rd", "4th", "11th", "112th", "23rd"]
        );
    }
}
