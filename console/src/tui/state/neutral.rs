//! Texts of strangers, made harmless before anything keeps them.

use std::borrow::Cow;

use hydra_protocol::v1::{Event, FetchedProvider, Head, NetworkCheck, Peer, Record, Status, Warning};

use super::feed::Told;

/// The longest text that is kept, in characters: more than any screen shows on a line.
const LONGEST: usize = 2_000;

/// Without characters that steer a terminal or hide in a line: controls, line breaks, invisible
/// characters and those that turn the direction of writing. Each becomes a `?`.
#[must_use]
pub fn neutral(text: &str) -> String {
    cleaned(text).into_owned()
}

fn cleaned(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().take(LONGEST).map(|c| if steers(c) { '?' } else { c }).collect())
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn clean(text: &mut String) {
    if let Cow::Owned(cleaned) = cleaned(text) {
        *text = cleaned;
    }
}

pub(super) fn clean_status(status: &mut Status) {
    let own = [&mut status.name, &mut status.version, &mut status.control_socket, &mut status.data_dir];
    own.into_iter().for_each(clean);
    for Warning { code, text, remedy, .. } in &mut status.warnings {
        [code, text, remedy].into_iter().for_each(clean);
    }
    for NetworkCheck { name, text, remedy, .. } in &mut status.network {
        [name, text, remedy].into_iter().for_each(clean);
    }
    status.drops.iter_mut().for_each(|drop| clean(&mut drop.reason));
    for door in &mut status.doors {
        clean(&mut door.name);
        door.addresses.iter_mut().for_each(clean);
    }
}

pub(super) fn clean_head(head: &mut Head) {
    let own = [
        &mut head.name,
        &mut head.peer_id,
        &mut head.state_reason,
        &mut head.listen_ip,
        &mut head.address_group,
    ];
    own.into_iter().for_each(clean);
    head.addresses.iter_mut().for_each(clean);
    for neighbour in &mut head.nearest {
        [&mut neighbour.peer_id, &mut neighbour.reason].into_iter().for_each(clean);
    }
    head.reach.iter_mut().for_each(|reach| clean(&mut reach.address));
}

fn clean_peer(peer: &mut Peer) {
    [&mut peer.peer_id, &mut peer.agent, &mut peer.transport, &mut peer.nearest_head]
        .into_iter()
        .for_each(clean);
    for texts in [&mut peer.addresses, &mut peer.connected_heads, &mut peer.protocols] {
        texts.iter_mut().for_each(clean);
    }
}

fn clean_record(record: &mut Record) {
    [&mut record.cid_raw, &mut record.provider_peer_id, &mut record.head].into_iter().for_each(clean);
    record.addresses.iter_mut().for_each(clean);
}

pub(super) fn clean_told(told: &mut Told) {
    match told {
        Told::Head(head) => clean_head(head),
        Told::Peer(peer) => clean_peer(peer),
        Told::Survey(survey) | Told::Around(survey) => {
            survey.peers.iter_mut().for_each(clean_peer);
            survey.agents.iter_mut().for_each(|agent| clean(&mut agent.name));
            survey.connections.iter_mut().for_each(|count| clean(&mut count.transport));
        }
        Told::Record(found) => {
            found.records.iter_mut().for_each(clean_record);
            [&mut found.empty_reason, &mut found.incomplete_reason].into_iter().for_each(clean);
        }
        Told::Records(found) => {
            found.records.iter_mut().for_each(clean_record);
            [&mut found.empty_reason, &mut found.incomplete_reason].into_iter().for_each(clean);
        }
        Told::Belly(belly) => {
            clean(&mut belly.trouble);
            belly.drops.iter_mut().for_each(|drop| clean(&mut drop.reason));
        }
        Told::MostAsked(told) => told.keys.iter_mut().for_each(|key| clean(&mut key.cid_raw)),
        Told::Prefetch(prefetch) => {
            clean(&mut prefetch.paused_reason);
            for source in &mut prefetch.sources {
                [&mut source.name, &mut source.trouble].into_iter().for_each(clean);
            }
        }
        Told::PrefetchKeys(told) => {
            for key in &mut told.keys {
                [&mut key.cid_raw, &mut key.nearest_head].into_iter().for_each(clean);
            }
        }
        Told::Network(network) => network.head_groups.iter_mut().for_each(|group| clean(&mut group.group)),
        Told::Events(told) => told.events.iter_mut().for_each(clean_event),
        Told::Audit(told) => told.lines.iter_mut().for_each(|line| clean(&mut line.text)),
        Told::Past(past) => {
            clean(&mut past.trouble);
            past.series.iter_mut().for_each(|series| clean(&mut series.name));
        }
        Told::Traffic(traffic) => {
            traffic.served.iter_mut().for_each(|served| clean(&mut served.rpc));
            traffic.asked.iter_mut().for_each(|asked| clean(&mut asked.rpc));
        }
        Told::Regions(_) => {}
    }
}

pub(super) fn clean_fetched(provider: &mut FetchedProvider) {
    [&mut provider.peer_id, &mut provider.from_peer_id].into_iter().for_each(clean);
    provider.addresses.iter_mut().for_each(clean);
}

pub(super) fn clean_event(event: &mut Event) {
    [&mut event.part, &mut event.code, &mut event.text].into_iter().for_each(clean);
}

#[cfg(test)]
mod tests {
    use super::neutral;

    #[test]
    fn what_steers_a_terminal_becomes_a_question_mark() {
        assert_eq!(neutral("a\x1b[2Jb\nc\u{9b}d\u{202e}e\u{200b}f"), "a?[2Jb?c?d?e?f");
    }

    #[test]
    fn letters_of_any_script_stay() {
        assert_eq!(neutral("Λέρνη レルネー ●"), "Λέρνη レルネー ●");
    }

    #[test]
    fn a_text_without_end_is_cut() {
        assert_eq!(neutral(&"x".repeat(1 << 20)).len(), 2_000);
    }
}
