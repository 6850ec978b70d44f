//! A count of distinct peers that can be united with the counts of other hydras: HyperLogLog.
//!
//! Owns the form in which such a count crosses the socket and lies in files, and its
//! arithmetic. 16,384 registers, an error of about 0.8 %. A peer is placed by bytes 8 to 15 of
//! the SHA-256 of its id: every hydra places it alike, and peers that chose ids near each
//! other in the keyspace, where the first bytes agree, still count apart.
//!
//! Estimator: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (arXiv 1702.01284), section 4: no tables, no thresholds, right from the first peer on.

/// Bits that choose the register.
pub const PRECISION: u32 = 14;

/// Registers of a sketch.
pub const REGISTERS: usize = 1 << PRECISION;

/// The largest value of a register: all other bits zero.
pub const MAX_RANK: u8 = (64 - PRECISION) as u8 + 1;

/// Bytes of a packed sketch: two of mark, then six bits a register.
pub const PACKED_BYTES: usize = 2 + REGISTERS * 6 / 8;

/// What a packed sketch begins with: the version of its form, and the precision.
const MARK: [u8; 2] = [1, PRECISION as u8];

/// A set of peers, as far as counting it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch(Box<[u8]>);

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

/// These bytes are no sketch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSketch {
    #[error("it has {0} bytes; a sketch of hydra.v1 has {PACKED_BYTES}")]
    Length(usize),
    #[error("it is of another form or precision than this program's")]
    Form,
}

impl Sketch {
    /// The register of a peer and its rank there; `place` is SHA-256 of the peer id's bytes.
    #[must_use]
    pub fn place(place: &[u8; 32]) -> (usize, u8) {
        let mut bits = [0; 8];
        bits.copy_from_slice(&place[8..16]);
        let bits = u64::from_be_bytes(bits);
        let register = (bits >> (64 - PRECISION)) as usize;
        // a one below the last bit ends the run of zeros
        let rank = (bits << PRECISION | 1 << (PRECISION - 1)).leading_zeros() + 1;
        (register, rank as u8)
    }

    /// Counts a peer.
    pub fn insert(&mut self, place: &[u8; 32]) {
        let (register, rank) = Self::place(place);
        self.raise(register, rank);
    }

    /// Raises a register; what is out of range changes nothing.
    pub fn raise(&mut self, register: usize, rank: u8) {
        if let Some(old) = self.0.get_mut(register) {
            *old = (*old).max(rank.min(MAX_RANK));
        }
    }

    /// Joins the peers of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// The registers, in order.
    #[must_use]
    pub fn registers(&self) -> &[u8] {
        &self.0
    }

    /// How many distinct peers it has seen, about.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        let mut counts = [0.0; MAX_RANK as usize + 1];
        for rank in &self.0 {
            counts[usize::from(*rank)] += 1.0;
        }
        let m = REGISTERS as f64;
        let mut z = m * tau(1.0 - counts[usize::from(MAX_RANK)] / m);
        for count in counts[1..usize::from(MAX_RANK)].iter().rev() {
            z = 0.5 * (z + count);
        }
        z += m * sigma(counts[0] / m);
        (m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }

    /// The bytes that cross the socket and lie in files.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PACKED_BYTES);
        out.extend(MARK);
        for four in self.0.chunks_exact(4) {
            let bits = four.iter().fold(0u32, |bits, rank| bits << 6 | u32::from(*rank));
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not of that form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoSketch> {
        if bytes.len() != PACKED_BYTES {
            return Err(NoSketch::Length(bytes.len()));
        }
        let packed = bytes.strip_prefix(&MARK).ok_or(NoSketch::Form)?;
        let mut registers = Vec::with_capacity(REGISTERS);
        for three in packed.chunks_exact(3) {
            let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
            registers.extend([18, 12, 6, 0].map(|shift| (bits >> shift & 0x3f) as u8));
        }
        match registers.iter().all(|rank| *rank <= MAX_RANK) {
            true => Ok(Self(registers.into())),
            false => Err(NoSketch::Form),
        }
    }
}

/// Ertl's σ: the part of the empty registers.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

/// Ertl's τ: the part of the full registers.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distinct places that look random: SplitMix64.
    fn place(n: u64) -> [u8; 32] {
        let mut out = [0; 32];
        let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out[8..16].copy_from_slice(&(x ^ (x >> 31)).to_be_bytes());
        out
    }

    fn of(range: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        for n in range {
            sketch.insert(&place(n));
        }
        sketch
    }

    #[test]
    fn the_estimate_is_near_the_exact_count_at_every_size() {
        assert_eq!(Sketch::default().estimate(), 0);
        for exact in [1, 2, 10, 100, 1_000, 10_000, 40_000, 100_000, 1_000_000] {
            let estimate = of(0..exact).estimate() as f64;
            let error = (estimate - exact as f64).abs() / exact as f64;
            assert!(error < 0.025, "{exact} peers counted as {estimate}");
        }
    }

    #[test]
    fn a_peer_counts_once_and_a_union_counts_what_both_saw_once() {
        let mut united = of(0..30_000);
        united.merge(&of(0..30_000));
        assert_eq!(united, of(0..30_000));
        united.merge(&of(20_000..50_000));
        assert_eq!(united, of(0..50_000));
    }

    #[test]
    fn peers_near_each_other_in_the_keyspace_count_apart() {
        let mut sketch = Sketch::default();
        for n in 0..5_000 {
            let mut near = place(n);
            near[..8].fill(7);
            sketch.insert(&near);
        }
        assert!((4_900..5_100).contains(&sketch.estimate()));
    }

    #[test]
    fn bytes_are_read_as_they_were_written_and_others_are_refused() {
        for sketch in [Sketch::default(), of(0..12_345)] {
            let bytes = sketch.to_bytes();
            assert_eq!(bytes.len(), PACKED_BYTES);
            assert_eq!(Sketch::from_bytes(&bytes), Ok(sketch));
        }
        assert_eq!(Sketch::from_bytes(&[]), Err(NoSketch::Length(0)));
        let mut other = Sketch::default().to_bytes();
        other[0] = 2;
        assert_eq!(Sketch::from_bytes(&other), Err(NoSketch::Form));
        assert_eq!(Sketch::from_bytes(&[0xff; PACKED_BYTES]), Err(NoSketch::Form));
        let mut impossible = Sketch::default().to_bytes();
        impossible[2] = 0xff;
        assert_eq!(Sketch::from_bytes(&impossible), Err(NoSketch::Form));
    }

    #[test]
    fn the_rank_is_in_range_for_any_bits() {
        let mut zero = [0; 32];
        assert_eq!(Sketch::place(&zero), (0, MAX_RANK));
        zero[8..16].fill(0xff);
        assert_eq!(Sketch::place(&zero), (REGISTERS - 1, 1));
    }
}
