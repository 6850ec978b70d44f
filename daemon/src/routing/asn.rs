//! Which autonomous system announces an IPv6 network.
//!
//! The table is the one that Go peers group by (go-libp2p-asn-util, `assets/asn/`), read
//! as it stands: sorted 20-byte entries of first /64, last /64 and number. To bring it up
//! to date: `assets/asn/rebuild VERSION`.

use std::net::Ipv6Addr;
use std::num::NonZeroU32;

static TABLE: &[u8] = include_bytes!("../../../assets/asn/sorted-network-list.bin");

/// Little-endian: first /64 (8 bytes), last /64 (8 bytes), number (4 bytes).
const ENTRY: usize = 20;

/// The autonomous system of an address; `None` when the table has no network for it.
/// About 17 probes into 1.6 MB: keep the answer rather than ask for each reply.
#[must_use]
pub fn asn(ip: Ipv6Addr) -> Option<NonZeroU32> {
    let network = (ip.to_bits() >> 64) as u64;
    let (entries, _) = TABLE.as_chunks::<ENTRY>();
    // The last entry that begins at or before the network.
    let after = entries.partition_point(|entry| first(entry) <= network);
    let entry = entries.get(after.checked_sub(1)?)?;
    if last(entry) < network { None } else { NonZeroU32::new(number(entry)) }
}

fn first(entry: &[u8; ENTRY]) -> u64 {
    u64::from_le_bytes(entry[..8].try_into().unwrap_or_default())
}

fn last(entry: &[u8; ENTRY]) -> u64 {
    u64::from_le_bytes(entry[8..16].try_into().unwrap_or_default())
}

fn number(entry: &[u8; ENTRY]) -> u32 {
    u32::from_le_bytes(entry[16..].try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn of(ip: &str) -> Option<u32> {
        asn(ip.parse().expect("an IPv6 address")).map(NonZeroU32::get)
    }

    /// go-libp2p-asn-util v0.4.1 `asn_test.go`, and three that this table knows.
    #[test]
    fn known_networks_have_their_number() {
        assert_eq!(of("2001:4860:4860::8888"), Some(15169));
        assert_eq!(of("2a03:2880:f003:c07:face:b00c::2"), Some(32934));
        assert_eq!(of("2601::"), Some(7922));
        assert_eq!(of("2606:4700:4700::1111"), Some(13335));
        assert_eq!(of("::"), None);
        assert_eq!(of("2001:db8::1"), None);
        assert_eq!(of("ffff::"), None);
    }

    #[test]
    fn each_network_is_found_at_both_its_ends() {
        let (entries, rest) = TABLE.as_chunks::<ENTRY>();
        assert!(rest.is_empty() && entries.len() > 50_000, "a whole table");
        for pair in entries.windows(2) {
            assert!(
                first(&pair[0]) <= last(&pair[0]) && last(&pair[0]) < first(&pair[1]),
                "sorted and apart"
            );
        }
        for entry in entries {
            for network in [first(entry), last(entry)] {
                let ip = Ipv6Addr::from_bits(u128::from(network) << 64 | 1);
                assert_eq!(asn(ip).map_or(0, NonZeroU32::get), number(entry));
            }
        }
    }

    #[test]
    fn the_table_is_the_one_that_the_checksum_names() {
        let sums = include_str!("../../../assets/asn/SHA256SUMS");
        let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(TABLE));
        assert_eq!(sums, format!("{sum}  sorted-network-list.bin\n"), "run assets/asn/rebuild");
    }
}
