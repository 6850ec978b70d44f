//! Each rule of a value record, broken one at a time.

use std::collections::BTreeMap;

use ipld_core::ipld::Ipld;

use super::*;

#[test]
fn records_of_every_kind_of_key_are_valid_hybrid_or_not() {
    for key in [keypair(1), Keypair::generate_secp256k1(), Keypair::generate_ecdsa()] {
        for hybrid in [true, false] {
            let record = IpnsRecord { hybrid, ..record(1, now() + HOUR) };
            assert_eq!(check(&key, &signed(&record, &key)), Ok(()));
        }
    }
}

#[test]
fn a_record_is_valid_until_its_end_and_not_a_moment_longer() {
    let key = keypair(1);
    let nano = Duration::from_nanos(1);
    assert_eq!(check(&key, &signed(&record(1, now() + nano), &key)), Ok(()));
    assert_eq!(check(&key, &signed(&record(1, now()), &key)), Err(Invalid::Expired));
    let broken = |validity: &str| {
        check(&key, &signed(&IpnsRecord { validity: validity.into(), ..record(1, now()) }, &key))
    };
    assert_eq!(broken("9999-12-31T23:59:59Z"), Ok(()));
    assert_eq!(broken("tomorrow"), Err(Invalid::Validity));
    let other = IpnsRecord { validity_type: 1, ..record(1, now() + HOUR) };
    assert_eq!(check(&key, &signed(&other, &key)), Err(Invalid::ValidityType));
}

#[test]
fn ten_kib_are_taken_and_a_byte_more_is_not() {
    let key = keypair(1);
    let sized = |len| {
        let record = IpnsRecord { value: vec![b'x'; len], hybrid: false, ..record(1, now() + HOUR) };
        signed(&record, &key)
    };
    let spare = MAX_SIZE - sized(10_000).len();
    let (fits, over) = (sized(10_000 + spare), sized(10_000 + spare + 1));
    assert_eq!((fits.len(), over.len()), (MAX_SIZE, MAX_SIZE + 1));
    assert_eq!(check(&key, &fits), Ok(()));
    assert_eq!(check(&key, &over), Err(Invalid::Size(MAX_SIZE + 1)));
}

#[test]
fn the_signature_must_be_there_and_be_that_of_the_name() {
    let (key, other) = (keypair(1), keypair(2));
    let value = signed(&record(1, now() + HOUR), &key);
    assert_eq!(check(&other, &value), Err(Invalid::Signature));
    let change = |change: fn(&mut Entry)| {
        let mut entry = record(1, now() + HOUR).entry(&key).expect("signs");
        change(&mut entry);
        check(&key, &entry.encode_to_vec())
    };
    assert_eq!(change(|e| e.signature_v2 = None), Err(Invalid::NoSignature));
    assert_eq!(change(|e| e.signature_v2 = Some(Vec::new())), Err(Invalid::NoSignature));
    assert_eq!(change(|e| e.data = None), Err(Invalid::NoData));
    assert_eq!(change(|e| e.signature_v1 = None), Ok(()));
    assert_eq!(change(|e| e.signature_v1 = Some(vec![1])), Ok(()));
    assert_eq!(change(|e| e.pub_key = Some(vec![1, 2, 3])), Err(Invalid::PublicKey));
    let foreign = |e: &mut Entry| e.pub_key = Some(keypair(2).public().encode_protobuf());
    assert_eq!(change(foreign), Err(Invalid::OtherKey));
    assert_eq!(change(|e| e.pub_key = Some(keypair(1).public().encode_protobuf())), Ok(()));
}

#[test]
fn a_hashed_name_needs_the_key_in_the_record() {
    let key = Keypair::generate_ecdsa();
    let mut entry = record(1, now() + HOUR).entry(&key).expect("signs");
    assert!(entry.pub_key.is_some());
    entry.pub_key = None;
    assert_eq!(check(&key, &entry.encode_to_vec()), Err(Invalid::NoPublicKey));
}

#[test]
fn each_unsigned_copy_of_a_hybrid_record_must_equal_the_signed_field() {
    let key = keypair(1);
    type Change = fn(&mut Entry);
    let changes: [(Change, &str); 7] = [
        (|e| e.value = Some(b"/ipfs/other".to_vec()), "value"),
        (|e| e.value = None, "value"),
        (|e| e.validity = None, "validity"),
        (|e| e.validity_type = Some(1), "validityType"),
        (|e| e.sequence = Some(2), "sequence"),
        (|e| e.ttl = Some(1), "ttl"),
        (|e| e.ttl = None, "ttl"),
    ];
    for (change, field) in changes {
        let mut entry = record(1, now() + HOUR).entry(&key).expect("signs");
        change(&mut entry);
        assert_eq!(check(&key, &entry.encode_to_vec()), Err(Invalid::Mismatch(field)));
        // Without the marks of a hybrid record nobody looks at the copies.
        (entry.value, entry.signature_v1) = (None, None);
        assert_eq!(check(&key, &entry.encode_to_vec()), Ok(()));
    }
}

#[test]
fn the_signed_fields_must_be_there_and_of_their_kind() {
    let key = keypair(1);
    let fields = || {
        let eol = b"2100-01-01T00:00:00Z".to_vec();
        BTreeMap::from([
            ("Validity".to_owned(), Ipld::Bytes(eol)),
            ("ValidityType".to_owned(), Ipld::Integer(0)),
            ("Sequence".to_owned(), Ipld::Integer(1)),
        ])
    };
    let verdict = |fields: BTreeMap<String, Ipld>| {
        let data = serde_ipld_dagcbor::to_vec(&Ipld::Map(fields)).expect("encodes");
        check(&key, &sign_data(data, &key).expect("signs").encode_to_vec())
    };
    assert_eq!(verdict(fields()), Ok(()));
    for name in ["Validity", "ValidityType", "Sequence"] {
        let mut without = fields();
        without.remove(name);
        assert_eq!(verdict(without), Err(Invalid::Field(name)));
        let mut odd = fields();
        odd.insert(name.to_owned(), Ipld::List(Vec::new()));
        assert_eq!(verdict(odd), Err(Invalid::Field(name)));
    }
    let with = |name: &str, value| {
        let mut fields = fields();
        fields.insert(name.to_owned(), value);
        verdict(fields)
    };
    assert_eq!(with("TTL", Ipld::Integer(-1)), Err(Invalid::NegativeTtl));
    assert_eq!(with("TTL", Ipld::Integer(0)), Ok(()));
    assert_eq!(with("_mine", Ipld::String("extensions are ignored".into())), Ok(()));
    assert_eq!(with("Sequence", Ipld::Integer(i128::from(u64::MAX))), Err(Invalid::Field("Sequence")));
    let not_a_map = sign_data(vec![0x01], &key).expect("signs").encode_to_vec();
    assert_eq!(check(&key, &not_a_map), Err(Invalid::Cbor));
}

#[test]
fn keys_of_other_namespaces_and_without_a_peer_id_are_refused() {
    let key = keypair(1);
    let value = signed(&record(1, now() + HOUR), &key);
    let id = key.public().to_peer_id().to_bytes();
    for prefix in ["", "/", "/ipn/", "ipns/", "//ipns/", "/ipns", "/providers/", "/IPNS/"] {
        let key = [prefix.as_bytes(), &id].concat();
        assert_eq!(validate(&key, &value, now()), Err(Invalid::Namespace), "{prefix}");
    }
    for id in [&b""[..], b"/", b"bad key", &[id.as_slice(), b"x"].concat(), &id[..10]] {
        assert_eq!(validate(&[b"/ipns/", id].concat(), &value, now()), Err(Invalid::Name));
        assert_eq!(validate(&[b"/pk/", id].concat(), &value, now()), Err(Invalid::Name));
    }
}

#[test]
fn a_public_key_is_valid_under_its_own_id_only_and_always_gives_way() {
    let (key, other) = (keypair(1), keypair(2));
    let place = pk_key(&key.public().to_peer_id());
    let value = key.public().encode_protobuf();
    assert_eq!(validate(&place, &value, now()), Ok(()));
    assert_eq!(validate(&place, &other.public().encode_protobuf(), now()), Err(Invalid::OtherKey));
    assert_eq!(validate(&place, b"", now()), Err(Invalid::PublicKey));
    assert_eq!(select(&place, &value, &value, now()), Choice::Same);
    assert_eq!(select(&place, &value, b"old", now()), Choice::New);
}

#[test]
fn the_better_record_is_kept_by_version_sequence_end_and_bytes() {
    let key = keypair(1);
    let place = ipns_key(&key.public().to_peer_id());
    let choose = |new: &[u8], old: &[u8]| select(&place, new, old, now());
    let make = |sequence, hours: u32| signed(&record(sequence, now() + hours * HOUR), &key);
    let base = make(5, 2);
    assert_eq!(choose(&base, &base), Choice::Same);
    assert_eq!((choose(&make(6, 1), &base), choose(&base, &make(6, 1))), (Choice::New, Choice::Old));
    assert_eq!((choose(&make(5, 3), &base), choose(&base, &make(5, 3))), (Choice::New, Choice::Old));
    let v2 = IpnsRecord { hybrid: false, ..record(5, now() + 2 * HOUR) };
    let v2 = signed(&v2, &key);
    let larger = if v2 > base { Choice::New } else { Choice::Old };
    assert_eq!(choose(&v2, &base), larger);
    assert_ne!(choose(&base, &v2), larger);
    let mut v1 = record(9, now() + 9 * HOUR).entry(&key).expect("signs");
    v1.signature_v2 = None;
    assert_eq!(choose(&base, &v1.encode_to_vec()), Choice::New);
}

#[test]
fn a_record_that_expired_or_cannot_be_read_does_not_defend_its_place() {
    let key = keypair(1);
    let place = ipns_key(&key.public().to_peer_id());
    let new = signed(&record(1, now() + HOUR), &key);
    let expired = signed(&record(9, now() - HOUR), &key);
    assert_eq!(select(&place, &new, &expired, now()), Choice::New);
    assert_eq!(select(&place, &new, &expired, now() - 2 * HOUR), Choice::Old);
    assert_eq!(select(&place, &new, b"garbage", now()), Choice::New);
    assert_eq!(select(&place, b"garbage", &new, now()), Choice::Old);
    assert_eq!(select(b"/other/", &new, &expired, now()), Choice::Old);
}
