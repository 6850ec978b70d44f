//! A peer's addresses as they stand in a message: raw multiaddrs, not parsed.

use std::fmt;
use std::sync::Arc;

use libp2p::Multiaddr;

/// Most addresses kept or sent for one peer.
pub const MAX_ADDRS: usize = 16;

/// Most bytes of addresses kept or sent for one peer, framing included.
pub const MAX_ADDRS_BYTES: usize = 1024;

/// Protobuf key of `Message.Peer.addrs` (field 2, length-delimited).
const FIELD_ADDRS: u8 = 0x12;

/// At most [`MAX_ADDRS`] multiaddrs in at most [`MAX_ADDRS_BYTES`], held as the
/// `addrs` fields of a `Message.Peer`: writing them into a reply is one copy, and so
/// is writing them to disk. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct AddrList(Option<Arc<[u8]>>);

impl AddrList {
    /// Takes addresses in order until a bound is reached; repeats and empty ones are left out.
    pub fn from_raw<'a>(addrs: impl IntoIterator<Item = &'a [u8]>) -> Self {
        // on the stack, so that the list itself is the only allocation
        let mut out = [0; MAX_ADDRS_BYTES];
        let (mut len, mut count) = (0, 0);
        for addr in addrs {
            if count == MAX_ADDRS {
                break;
            }
            let end = len + framed_len(addr);
            if addr.is_empty() || end > MAX_ADDRS_BYTES || iter(&out[..len]).any(|a| a == addr) {
                continue;
            }
            frame(&mut out[len..end], addr);
            (len, count) = (end, count + 1);
        }
        if len == 0 { Self(None) } else { Self(Some(out[..len].into())) }
    }

    /// From bytes that [`Self::as_fields`] gave; `None` when they are not of that form
    /// or exceed the bounds.
    #[must_use]
    pub fn from_fields(fields: &[u8]) -> Option<Self> {
        if fields.is_empty() {
            return Some(Self(None));
        }
        let mut consumed = 0;
        let mut count = 0;
        for addr in iter(fields) {
            consumed += framed_len(addr);
            count += 1;
        }
        let whole = consumed == fields.len() && count <= MAX_ADDRS && fields.len() <= MAX_ADDRS_BYTES;
        whole.then(|| Self(Some(fields.into())))
    }

    /// These addresses first, then those of `older` that are new and fit.
    #[must_use]
    pub fn union(&self, older: &Self) -> Self {
        if older.iter().all(|a| self.iter().any(|b| a == b)) {
            return self.clone();
        }
        Self::from_raw(self.iter().chain(older.iter()))
    }

    /// The raw multiaddrs.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        iter(self.as_fields())
    }

    /// The addresses that parse, for people and for dialling.
    pub fn parsed(&self) -> impl Iterator<Item = Multiaddr> + '_ {
        self.iter().filter_map(|raw| Multiaddr::try_from(raw.to_vec()).ok())
    }

    /// The bytes as they stand in a `Message.Peer`.
    #[must_use]
    pub fn as_fields(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }
}

impl<'a> FromIterator<&'a Multiaddr> for AddrList {
    fn from_iter<I: IntoIterator<Item = &'a Multiaddr>>(addrs: I) -> Self {
        Self::from_raw(addrs.into_iter().map(AsRef::as_ref))
    }
}

impl fmt::Debug for AddrList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parsed().map(|a| a.to_string())).finish()
    }
}

fn framed_len(addr: &[u8]) -> usize {
    1 + if addr.len() < 0x80 { 1 } else { 2 } + addr.len()
}

/// `addr` is shorter than [`MAX_ADDRS_BYTES`], so two length bytes suffice.
fn frame(out: &mut [u8], addr: &[u8]) {
    out[0] = FIELD_ADDRS;
    if addr.len() < 0x80 {
        out[1] = addr.len() as u8;
    } else {
        out[1] = (addr.len() & 0x7f) as u8 | 0x80;
        out[2] = (addr.len() >> 7) as u8;
    }
    let at = out.len() - addr.len();
    out[at..].copy_from_slice(addr);
}

/// Yields until the bytes end or are not of the form that [`frame`] writes.
fn iter(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let [FIELD_ADDRS, low, tail @ ..] = rest else { return None };
        let (len, tail) = match (low & 0x80, tail) {
            (0, tail) => (usize::from(*low), tail),
            (_, [high @ 1..0x80, tail @ ..]) => (usize::from(low & 0x7f) | usize::from(*high) << 7, tail),
            _ => return None,
        };
        let (addr, tail) = tail.split_at_checked(len).filter(|_| len > 0)?;
        rest = tail;
        Some(addr)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order_within_the_bounds(
            addrs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40)
        ) {
            let list = AddrList::from_raw(addrs.iter().map(Vec::as_slice));
            prop_assert!(list.len() <= MAX_ADDRS);
            prop_assert!(list.as_fields().len() <= MAX_ADDRS_BYTES);
            let mut source = addrs.iter();
            for addr in list.iter() {
                prop_assert!(source.any(|a| a == addr));
            }
            prop_assert_eq!(AddrList::from_fields(list.as_fields()), Some(list.clone()));
        }

        #[test]
        fn garbage_is_refused_or_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..1200)) {
            if let Some(list) = AddrList::from_fields(&bytes) {
                prop_assert_eq!(list.as_fields(), &bytes[..]);
            }
        }
    }

    #[test]
    fn a_union_keeps_the_newer_addresses_first() {
        let new = AddrList::from_raw([&b"new"[..], b"both"]);
        let old = AddrList::from_raw([&b"both"[..], b"old"]);
        let union = new.union(&old);
        assert_eq!(union.iter().collect::<Vec<_>>(), [&b"new"[..], b"both", b"old"]);
    }
}
