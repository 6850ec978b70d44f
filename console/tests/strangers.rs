//! What strangers write (agents, addresses, ids, names of sources, log lines) cannot move the cursor,
//! set the title of a terminal or turn the direction of writing: in no command, in no format.

mod common;

use common::{Lerna, Outcome, Reader};
use hydractl::fixture;
use hydractl::fixture::server::World;

/// Clears the screen, sets the title, moves by a C1 control, deletes, turns the direction, hides.
const EVIL: &str = "\x1b[2J\x1b]0;pwned\x07\u{9b}5A\x7f\r\n\u{202e}\u{200b}";

fn spoil(text: &mut String) {
    text.push_str(EVIL);
}

fn spoil_all(texts: &mut Vec<String>) {
    texts.iter_mut().for_each(spoil);
    texts.push(EVIL.to_owned());
}

/// A hydra in which every text is a stranger's.
fn spoiled() -> World {
    let mut world = World { written_by_a_stranger: EVIL.into(), ..World::default() };
    for head in &mut world.heads {
        spoil(&mut head.state_reason);
        spoil(&mut head.address_group);
        spoil_all(&mut head.addresses);
        for neighbour in &mut head.nearest {
            spoil(&mut neighbour.peer_id);
        }
    }
    for peer in &mut world.peers {
        spoil(&mut peer.agent);
        spoil(&mut peer.transport);
        spoil(&mut peer.nearest_head);
        spoil_all(&mut peer.addresses);
        spoil_all(&mut peer.protocols);
        spoil_all(&mut peer.connected_heads);
    }
    for record in &mut world.records {
        spoil(&mut record.cid_raw);
        spoil(&mut record.provider_peer_id);
        spoil(&mut record.head);
        spoil_all(&mut record.addresses);
    }
    let status = &mut world.status;
    [&mut status.name, &mut status.version, &mut status.data_dir, &mut status.control_socket]
        .into_iter()
        .for_each(spoil);
    for warning in &mut status.warnings {
        [&mut warning.code, &mut warning.text, &mut warning.remedy].into_iter().for_each(spoil);
    }
    for check in &mut status.network {
        [&mut check.name, &mut check.text, &mut check.remedy].into_iter().for_each(spoil);
    }
    for door in &mut status.doors {
        spoil(&mut door.name);
        spoil_all(&mut door.addresses);
    }
    for group in &mut world.network.head_groups {
        spoil(&mut group.group);
    }
    for source in &mut world.prefetch.sources {
        [&mut source.name, &mut source.trouble].into_iter().for_each(spoil);
    }
    spoil(&mut world.prefetch.paused_reason);
    for key in &mut world.prefetch_keys {
        [&mut key.cid_raw, &mut key.nearest_head].into_iter().for_each(spoil);
    }
    [&mut world.incomplete_reason, &mut world.empty_reason, &mut world.version.0].into_iter().for_each(spoil);
    world
}

#[test]
fn no_command_lets_a_stranger_move_the_cursor() {
    let lerna = Lerna::with(spoiled());
    let key = fixture::CID;
    let get = format!("records get {key}");
    let fetch = format!("records fetch {key}");
    let lines = [
        "status",
        "version",
        "heads list",
        "heads show head-2",
        "heads stop head-2",
        "heads start head-2",
        "heads add 1 --dry-run",
        "peers list",
        "peers show …Vis6135",
        "peers unique",
        "records list",
        "records list --key ff",
        "records stat",
        "records top",
        "records export",
        &get,
        &fetch,
        "prefetch status",
        "prefetch queue",
        "prefetch pause --reason x",
        "prefetch resume",
        "network",
        "network coverage",
        "network plan --coverage 0.9",
        "events",
        "events -w",
        "log tail",
        "log tail --no-follow",
        "log level get",
        "config show",
        "config show --origin",
        "stats list",
        "doctor --only reach,network,presence,belly,prefetch",
        "heads show \u{9b}5A",
        "records get \u{9b}5A",
    ];
    let mut spoke = 0;
    for line in lines {
        for format in ["auto", "wide", "json", "ndjson", "csv", "name"] {
            for reader in [Reader::Person, Reader::Pipe] {
                let Outcome { out, err, .. } = lerna.run(&format!("{line} -o {format}"), reader);
                let harmful =
                    |c: &char| (c.is_control() && *c != '\n') || matches!(c, '\u{202e}' | '\u{200b}');
                let found = (out.clone() + &err).chars().find(harmful);
                assert_eq!(found, None, "{line} -o {format}: {out}{err}");
                spoke += usize::from(out.contains('\u{fffd}') || err.contains('\u{fffd}'));
            }
        }
    }
    assert!(spoke > 100, "what was written must have been printed at all: {spoke}");
}

#[test]
fn json_stays_json_whatever_a_stranger_writes() {
    let lerna = Lerna::with(spoiled());
    for line in ["status", "heads list", "peers list", "records list", "prefetch status", "config show"] {
        let out = lerna.run(&format!("{line} -o json"), Reader::Pipe).out;
        assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{line}: {out}");
    }
}
