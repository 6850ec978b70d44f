//! Value records.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hydrad::dht::records::testing::IpnsRecord;
use hydrad::dht::records::{Choice, MAX_SIZE, ipns_key, pk_key, select, validate};
use libp2p::identity::Keypair;

use super::{byte, piece};

/// Validates and compares two records: any bytes, or bytes that are signed as a record's fields.
pub fn ipns_validate(mut data: &[u8]) {
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let how = byte(&mut data);
    let key = Keypair::ed25519_from_bytes([1; 32]).expect("32 bytes are a key");
    let name = key.public().to_peer_id();
    let free = piece(&mut data);
    let place = match how & 3 {
        0 | 1 => ipns_key(&name),
        2 => pk_key(&name),
        _ => free.to_vec(),
    };
    let mut record = || {
        let raw = piece(&mut data);
        if how & 4 == 0 { raw.to_vec() } else { signed(raw, &key, now) }
    };
    let (one, other) = (record(), record());
    for value in [&one, &other] {
        if validate(&place, value, now).is_ok() {
            assert!(value.len() <= MAX_SIZE);
            assert_eq!(select(&place, value, value, now), Choice::Same);
            assert_eq!(select(&place, value, b"", now), Choice::New, "nothing defends no place");
        }
    }
    if how & 3 < 2 && validate(&place, &one, now).is_ok() && validate(&place, &other, now).is_ok() {
        let both = (select(&place, &one, &other, now), select(&place, &other, &one, now));
        let sound = [(Choice::New, Choice::Old), (Choice::Old, Choice::New), (Choice::Same, Choice::Same)];
        assert!(sound.contains(&both), "{both:?}");
    } else {
        // what is in the store was valid once, or was written by another program
        let _choice = select(&place, &one, &other, now);
    }
}

/// A record with a good signature over fields that the fuzzer chooses.
fn signed(mut raw: &[u8], key: &Keypair, now: SystemTime) -> Vec<u8> {
    let how = byte(&mut raw);
    let numbers: [u8; 8] = std::array::from_fn(|_| byte(&mut raw));
    let number = i64::from_be_bytes(numbers);
    let mut record = IpnsRecord::new(piece(&mut raw), number.cast_unsigned(), now + Duration::from_secs(60));
    record.hybrid = how & 1 != 0;
    if how & 2 != 0 {
        record.ttl = number;
    }
    if how & 4 != 0 {
        record.validity_type = number;
    }
    if how & 8 != 0 {
        record.validity = String::from_utf8_lossy(raw).into_owned();
    }
    record.sign(key).expect("an Ed25519 key signs")
}
