//! Numbers and addresses of providers.

use super::*;

fn list(addrs: &[&[u8]]) -> AddrList {
    AddrList::from_raw(addrs.iter().copied())
}

fn providers(max: u64) -> Providers {
    Providers::new(SipKey([3; 16]), max)
}

#[test]
fn addresses_of_all_announcements_are_joined_and_each_lapses_by_itself() {
    let providers = providers(10);
    let peer = PeerId::random();
    assert!(providers.hear(peer, &list(&[b"a", b"b"]), 1_000).expect("room").moved);
    assert!(providers.hear(peer, &list(&[b"c"]), 2_000).expect("room").moved);
    assert!(!providers.hear(peer, &list(&[b"b"]), 3_000).expect("room").moved);
    let at = |now| {
        let addrs = providers.addresses(&peer, now).unwrap_or_default();
        addrs.iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    assert_eq!(at(3_000), [b"c".to_vec(), b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(at(1_000 + ADDRS_SECS), [b"c".to_vec(), b"b".to_vec()]);
    assert_eq!(at(2_000 + ADDRS_SECS), [b"b".to_vec()]);
    assert!(providers.addresses(&peer, 3_000 + ADDRS_SECS).is_none());
}

#[test]
fn the_newest_addresses_stay_when_there_is_no_room_for_all() {
    let providers = providers(10);
    let peer = PeerId::random();
    for n in 0..20u8 {
        providers.hear(peer, &list(&[&[n + 1]]), 1_000 + u32::from(n)).expect("room");
    }
    let addrs = providers.addresses(&peer, 2_000).expect("has addresses");
    assert_eq!(addrs.len(), 16);
    assert_eq!(addrs.iter().next(), Some(&[20u8][..]));
    assert!(!addrs.iter().any(|a| a == [1]));
}

#[test]
fn a_number_comes_back_only_when_no_record_and_no_file_names_it() {
    let providers = providers(2);
    let (holder, idle) = (PeerId::random(), PeerId::random());
    let now = 3600 * 1_000;
    for peer in [holder, idle] {
        providers.hear(peer, &AddrList::default(), now).expect("room");
    }
    assert!(providers.hear(PeerId::random(), &AddrList::default(), now).is_none());
    let number = providers.number(&idle).expect("known");
    providers.gain_record(providers.number(&holder).expect("known"));
    providers.sweep(now + 60, 1_000);
    assert_eq!(providers.count(), 2);
    // addresses lapsed, and a file of that hour is there: crowded, so it goes, but not its number
    providers.sweep(now + ADDRS_SECS, 1_000);
    assert!(providers.number(&holder).is_some() && providers.number(&idle).is_none());
    let other = providers.hear(PeerId::random(), &AddrList::default(), now + ADDRS_SECS).expect("room");
    assert_ne!(other.number, number);
    providers.sweep(now + 3 * ADDRS_SECS, 1_001);
    let later = providers.hear(PeerId::random(), &AddrList::default(), now + 3 * ADDRS_SECS).expect("room");
    assert_eq!(later.number, number);
}

#[test]
fn rows_of_files_keep_their_numbers_or_get_others_and_gaps_are_filled() {
    let providers = providers(100);
    let (a, b, c) = (PeerId::random(), PeerId::random(), PeerId::random());
    let row = |number, peer, addrs: &[&[u8]], heard: &[u32]| Row {
        number,
        peer,
        addrs: list(addrs),
        heard: heard.into(),
        seen: 900,
        version: 0,
    };
    assert_eq!(providers.load(row(3, a, &[b"new"], &[900]), 1_000), Some(3));
    assert_eq!(providers.load(row(3, b, &[], &[]), 1_000), Some(4));
    assert_eq!(providers.load(row(9, a, &[b"old"], &[800]), 1_000), Some(3));
    assert_eq!(providers.addresses(&a, 1_000), Some(list(&[b"new", b"old"])));
    assert_eq!(providers.load(row(6, c, &[], &[]), 1_000), Some(6));
    providers.loaded(|number| number == 1);
    let fresh: Vec<u32> = (0..5)
        .map(|_| providers.hear(PeerId::random(), &AddrList::default(), 1_000).expect("room").number)
        .collect();
    assert_eq!(fresh, [0, 2, 5, 7, 8]);
}
