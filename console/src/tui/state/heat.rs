//! How much more a part of the keyspace is asked for than is usual for a place as near to a head.
//!
//! A head is asked for the keys near to it, so the parts around our heads are always busy. What is
//! usual is therefore the mean of the parts that are equally far from the nearest of our heads, by
//! the leading bits that their first byte shares with its key.

use hydra_protocol::v1::Region;

use crate::tui::table::Heat;

/// Bits of the first byte: a head that shares them all is in the part.
pub const ALL: u32 = 8;

/// The parts beside what is usual. `heads`: names and keys.
pub(super) fn heat(regions: &[Region], heads: &[(&str, &[u8])]) -> Vec<Heat> {
    let nearest = |prefix: u32| {
        let bits = |key: &[u8]| {
            let first = u32::from(key.first().copied().unwrap_or_default());
            ((first ^ prefix) & 0xff).leading_zeros().saturating_sub(u32::BITS - ALL)
        };
        let away = |key: &[u8]| (u32::from(key.first().copied().unwrap_or_default()) ^ prefix) & 0xff;
        heads.iter().min_by_key(|(_, key)| away(key)).map(|(name, key)| (bits(key), *name))
    };
    let placed: Vec<(&Region, Option<(u32, &str)>)> =
        regions.iter().map(|region| (region, nearest(region.prefix))).collect();
    let mut sums = [(0_u64, 0_u64); ALL as usize + 1];
    for (region, near) in &placed {
        if let Some((sum, number)) = sums.get_mut(near.map_or(0, |(bits, _)| bits) as usize) {
            *sum = sum.saturating_add(region.reads);
            *number += 1;
        }
    }
    placed
        .into_iter()
        .map(|(region, near)| {
            let (sum, number) =
                sums.get(near.map_or(0, |(bits, _)| bits) as usize).copied().unwrap_or_default();
            // one alone is always as usual: that says nothing
            let usual = (number > 1 && sum > 0).then(|| sum as f64 / number as f64);
            Heat {
                prefix: region.prefix,
                reads: region.reads,
                times_usual: usual.map(|usual| region.reads as f64 / usual),
                head: near.map(|(_, name)| name.to_owned()),
                bits: near.map_or(0, |(bits, _)| bits),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(prefix: u32, reads: u64) -> Region {
        Region { prefix, reads, ..Region::default() }
    }

    #[test]
    fn a_part_is_compared_with_those_as_far_from_a_head() {
        let regions =
            [region(0x80, 900), region(0x81, 300), region(0x40, 30), region(0x20, 10), region(0x00, 20)];
        let heads: [(&str, &[u8]); 2] = [("head-0", &[0x80]), ("head-1", &[0x81])];
        let heat = heat(&regions, &heads);
        let told: Vec<_> = heat.iter().map(|one| (one.bits, one.times_usual)).collect();
        assert_eq!(told, [(8, Some(1.5)), (8, Some(0.5)), (0, Some(1.5)), (0, Some(0.5)), (0, Some(1.0))]);
        assert_eq!(heat[1].head.as_deref(), Some("head-1"));
    }

    #[test]
    fn of_heads_that_share_as_many_bits_the_nearer_is_told() {
        let heads: [(&str, &[u8]); 2] = [("head-1", &[0xb5]), ("head-2", &[0x89])];
        let near = &heat(&[region(0xd3, 1)], &heads)[0];
        assert_eq!((near.head.as_deref(), near.bits), (Some("head-2"), 1));
    }

    #[test]
    fn without_others_nothing_is_usual() {
        assert_eq!(heat(&[region(1, 5)], &[("head-0", &[1])])[0].times_usual, None);
        assert_eq!(heat(&[region(1, 0), region(2, 0)], &[])[0].times_usual, None);
        assert_eq!(heat(&[region(1, 1), region(2, 3)], &[])[1].times_usual, Some(1.5));
        assert_eq!(heat(&[region(u32::MAX, 1)], &[("head-0", &[])]).len(), 1);
    }
}
