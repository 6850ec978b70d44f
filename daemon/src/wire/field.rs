//! Reading protobuf fields as Go does: strict about form, open about content.
//!
//! A field with an unknown number or with another wire type than the schema's is
//! skipped, groups too; a varint of more than 64 bits, a cut field and field number 0
//! end the message (google.golang.org/protobuf `encoding/protowire`).

/// Groups nested deeper than this are refused.
const MAX_GROUP_DEPTH: u8 = 32;

/// The bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a protobuf message")]
pub struct Malformed;

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Fixed32, fixed64 or a group: nothing here has a field of these types.
    Other,
}

/// One field, and the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
    pub raw: &'a [u8],
}

/// The fields of a message, in order; ends after the first error.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<Field<'a>, Malformed> {
        let start = self.rest;
        let (number, wire_type) = tag(&mut self.rest)?;
        let value = match wire_type {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => fixed(&mut self.rest, 8)?,
            2 => {
                let len = usize::try_from(varint(&mut self.rest)?).map_err(|_| Malformed)?;
                Value::Bytes(take(&mut self.rest, len)?)
            }
            3 => {
                skip_group(&mut self.rest, number, 0)?;
                Value::Other
            }
            5 => fixed(&mut self.rest, 4)?,
            _ => return Err(Malformed),
        };
        Ok(Field { number, value, raw: &start[..start.len() - self.rest.len()] })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn tag(rest: &mut &[u8]) -> Result<(u32, u8), Malformed> {
    let tag = varint(rest)?;
    let number = u32::try_from(tag >> 3).map_err(|_| Malformed)?;
    if number == 0 || number > (1 << 29) - 1 {
        return Err(Malformed);
    }
    Ok((number, (tag & 7) as u8))
}

fn fixed<'a>(rest: &mut &'a [u8], len: usize) -> Result<Value<'a>, Malformed> {
    take(rest, len).map(|_| Value::Other)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Malformed> {
    let (taken, left) = rest.split_at_checked(len).ok_or(Malformed)?;
    *rest = left;
    Ok(taken)
}

/// Reads one base-128 varint of at most 64 bits.
fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for (i, byte) in rest.iter().enumerate().take(10) {
        if i == 9 && *byte > 1 {
            return Err(Malformed);
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *rest = &rest[i + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn skip_group(rest: &mut &[u8], group: u32, depth: u8) -> Result<(), Malformed> {
    if depth == MAX_GROUP_DEPTH {
        return Err(Malformed);
    }
    loop {
        let (number, wire_type) = tag(rest)?;
        match wire_type {
            0 => {
                varint(rest)?;
            }
            1 => {
                take(rest, 8)?;
            }
            2 => {
                let len = usize::try_from(varint(rest)?).map_err(|_| Malformed)?;
                take(rest, len)?;
            }
            3 => skip_group(rest, number, depth + 1)?,
            4 if number == group => return Ok(()),
            5 => {
                take(rest, 4)?;
            }
            _ => return Err(Malformed),
        }
    }
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`put_varint`] writes.
#[must_use]
pub fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a length-delimited field.
pub fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number << 3 | 2));
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a varint field; nothing for zero, as proto3 does.
pub fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_varint(out, u64::from(number << 3));
        put_varint(out, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_come_back_and_have_the_length_foretold(value: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_len(value));
            let mut rest = &out[..];
            prop_assert_eq!(varint(&mut rest), Ok(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut read = 0;
            for field in Fields::new(&bytes).flatten() {
                read += field.raw.len();
            }
            prop_assert!(read <= bytes.len());
        }
    }

    #[test]
    fn groups_are_skipped_and_unclosed_ones_refused() {
        let closed = [0x0b, 0x10, 0x05, 0x0c, 0x08, 0x01];
        let numbers: Vec<_> = Fields::new(&closed).map(|f| f.expect("well formed").number).collect();
        assert_eq!(numbers, [1, 1]);
        assert_eq!(Fields::new(&[0x0b, 0x10, 0x05]).next(), Some(Err(Malformed)));
        let deep = [0x0b; 100];
        assert_eq!(Fields::new(&deep).next(), Some(Err(Malformed)));
    }

    #[test]
    fn a_varint_of_65_bits_is_refused() {
        let mut tag_and_value = vec![0x08];
        tag_and_value.extend([0xff; 9]);
        tag_and_value.push(0x02);
        assert_eq!(Fields::new(&tag_and_value).next(), Some(Err(Malformed)));
    }
}
