//! Which share of all keys each head is the nearest of our heads to; exact.

/// Bits of a place in the keyspace.
const BITS: usize = 256;

/// For each key its share, in their order. Keys of which several are the same share theirs.
#[must_use]
pub fn shares(keys: &[&[u8]]) -> Vec<f64> {
    let mut shares = vec![0.0; keys.len()];
    // each is split where its keys part for the first time; no bit is looked at twice
    let mut open = vec![((0..keys.len()).collect::<Vec<usize>>(), 0, 1.0)];
    while let Some((group, from, share)) = open.pop() {
        let parted = (from..BITS).find_map(|bit| {
            let (zeros, ones): (Vec<usize>, Vec<usize>) =
                group.iter().partition(|at| !is_one(keys.get(**at).copied().unwrap_or_default(), bit));
            (!zeros.is_empty() && !ones.is_empty()).then_some((zeros, ones, bit))
        });
        match parted {
            Some((zeros, ones, bit)) => {
                open.extend([zeros, ones].map(|part| (part, bit + 1, share / 2.0)));
            }
            None => {
                for at in &group {
                    if let Some(of) = shares.get_mut(*at) {
                        *of = share / group.len() as f64;
                    }
                }
            }
        }
    }
    shares
}

fn is_one(key: &[u8], bit: usize) -> bool {
    key.get(bit / 8).is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1)
}

/// Where in `cells` equal parts of the keyspace a key lies.
#[must_use]
pub fn cell(key: &[u8], cells: u16) -> u16 {
    let first = key.iter().chain(&[0; 4]).take(4).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    u16::try_from((first * u64::from(cells)) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_alone_has_all_keys_and_two_that_part_late_share_a_part() {
        assert_eq!(shares(&[]), [] as [f64; 0]);
        assert_eq!(shares(&[&[7; 32]]), [1.0]);
        assert_eq!(shares(&[&[0x00], &[0x80]]), [0.5, 0.5]);
        assert_eq!(shares(&[&[0x00], &[0x01], &[0x80]]), [0.25, 0.25, 0.5]);
        assert_eq!(shares(&[&[1; 32], &[1; 32]]), [0.5, 0.5], "the same twice");
        let heads = [0x7b, 0xb5, 0x89, 0x1a, 0x25].map(|byte| vec![byte; 32]);
        let keys: Vec<&[u8]> = heads.iter().map(Vec::as_slice).collect();
        assert_eq!(shares(&keys), [0.25, 0.25, 0.25, 0.125, 0.125], "as on the picture");
    }

    #[test]
    fn the_cell_of_a_key_is_its_part_of_the_keyspace() {
        assert_eq!([&[0_u8][..], &[0x80], &[0xff; 32], &[]].map(|key| cell(key, 112)), [0, 56, 111, 0]);
        assert_eq!(cell(&[0xff; 32], 0), 0);
    }
}
