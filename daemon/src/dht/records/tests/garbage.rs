//! Bytes from strangers: no panic, no forgery, no deep recursion.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_bytes_panic(key in prop::collection::vec(any::<u8>(), 0..80), value in prop::collection::vec(any::<u8>(), 0..400)) {
        for prefix in [&b""[..], b"/ipns/", b"/pk/"] {
            let key = [prefix, &key[..]].concat();
            prop_assert!(validate(&key, &value, now()).is_err());
            let _choice = select(&key, &value, &value[value.len() / 2..], now());
        }
    }

    #[test]
    fn a_changed_byte_never_makes_another_valid_signed_record(at in any::<prop::sample::Index>(), flip in 1..=255u8, hybrid: bool) {
        let key = keypair(1);
        let entry = IpnsRecord { hybrid, ..record(7, now() + HOUR) }.entry(&key).expect("signs");
        let mut value = entry.encode_to_vec();
        let at = at.index(value.len());
        value[at] ^= flip;
        if check(&key, &value).is_ok() {
            let changed = Entry::decode(&value[..]).expect("is valid");
            prop_assert_eq!(changed.data, entry.data);
            prop_assert_eq!(changed.signature_v2, entry.signature_v2);
        }
    }

    #[test]
    fn signed_garbage_is_refused_without_a_panic(data in prop::collection::vec(any::<u8>(), 1..300)) {
        let key = keypair(1);
        let value = sign_data(data, &key).expect("signs").encode_to_vec();
        prop_assert!(check(&key, &value).is_err());
    }

    #[test]
    fn a_choice_never_keeps_both(a in 0..4u64, b in 0..4u64, hours in 0..3u32, others in 0..3u32) {
        let key = keypair(1);
        let place = ipns_key(&key.public().to_peer_id());
        let x = signed(&record(a, now() + (1 + hours) * HOUR), &key);
        let y = signed(&record(b, now() + (1 + others) * HOUR), &key);
        let pair = (select(&place, &x, &y, now()), select(&place, &y, &x, now()));
        let sound = [(Choice::New, Choice::Old), (Choice::Old, Choice::New), (Choice::Same, Choice::Same)];
        prop_assert!(sound.contains(&pair));
        prop_assert_eq!(pair.0 == Choice::Same, x == y);
    }
}

#[test]
fn deeply_nested_and_falsely_long_data_is_refused() {
    let key = keypair(1);
    let nested_lists = vec![0x81; 9_000];
    let nested_maps = b"\xa1\x61x".repeat(3_000);
    let nested_tags = vec![0xd8; 9_000];
    let long_list = b"\xa1\x61x\x9b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
    let long_map = b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
    let long_bytes = b"\xa1\x61x\x5b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
    let long_text = b"\xa1\x7b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
    for data in [nested_lists, nested_maps, nested_tags, long_list, long_map, long_bytes, long_text] {
        let value = sign_data(data, &key).expect("signs").encode_to_vec();
        assert_eq!(check(&key, &value), Err(Invalid::Cbor));
        // Without a signature nobody gets as far as parsing, but a stored record is parsed for selection.
        let place = ipns_key(&key.public().to_peer_id());
        assert_eq!(select(&place, &value, b"", now()), Choice::Old);
    }
}
