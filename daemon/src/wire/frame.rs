//! Cutting a stream of bytes into messages: an unsigned varint of the length, then the message.

use super::bounds::{MAX_MESSAGE, MAX_PREFIX};

/// The stream is not a sequence of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    #[error("the length prefix is not a minimal varint of at most 9 bytes")]
    Prefix,
    #[error("a message of {0} bytes; at most {MAX_MESSAGE} are read")]
    TooLong(u64),
}

/// What stands at the beginning of the bytes received so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The message is `start..end`.
    Whole { start: usize, end: usize },
    /// More bytes are needed: so many in all, as far as is known.
    More { needed: usize },
}

/// Looks for one message at the beginning of `received`.
///
/// # Errors
/// When no message can follow: the stream is to be reset. Strict as Go's
/// `multiformats/go-varint` is.
pub fn cut(received: &[u8]) -> Result<Cut, BadFrame> {
    let mut len = 0u64;
    for (i, byte) in received.iter().enumerate() {
        if i == MAX_PREFIX {
            return Err(BadFrame::Prefix);
        }
        len |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 != 0 {
            continue;
        }
        if *byte == 0 && i > 0 {
            return Err(BadFrame::Prefix);
        }
        if len > MAX_MESSAGE as u64 {
            return Err(BadFrame::TooLong(len));
        }
        let start = i + 1;
        let end = start + len as usize;
        return Ok(if received.len() >= end { Cut::Whole { start, end } } else { Cut::More { needed: end } });
    }
    if received.len() >= MAX_PREFIX {
        return Err(BadFrame::Prefix);
    }
    Ok(Cut::More { needed: received.len() + 1 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::field::put_varint;

    proptest! {
        #[test]
        fn a_message_is_found_however_it_is_split(body in prop::collection::vec(any::<u8>(), 0..700), tail: u8) {
            let mut stream = Vec::new();
            put_varint(&mut stream, body.len() as u64);
            stream.extend(&body);
            let whole = stream.len();
            stream.push(tail);
            for end in 0..whole {
                let part = cut(&stream[..end]).expect("a good beginning");
                let more = matches!(part, Cut::More { needed } if needed > end && needed <= whole);
                prop_assert!(more);
            }
            prop_assert_eq!(cut(&stream), Ok(Cut::Whole { start: whole - body.len(), end: whole }));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(Cut::Whole { start, end }) = cut(&bytes) {
                prop_assert!(start <= end && end <= bytes.len());
            }
        }
    }

    #[test]
    fn bounds_are_inclusive_and_prefixes_minimal() {
        let prefix = |len: u64| {
            let mut out = Vec::new();
            put_varint(&mut out, len);
            out
        };
        assert!(matches!(cut(&prefix(MAX_MESSAGE as u64)), Ok(Cut::More { .. })));
        assert!(matches!(cut(&prefix(MAX_MESSAGE as u64 + 1)), Err(BadFrame::TooLong(_))));
        assert_eq!(cut(&[0x80, 0x00]), Err(BadFrame::Prefix));
        assert_eq!(cut(&[0xff; 9]), Err(BadFrame::Prefix));
        assert_eq!(cut(&[0x00]), Ok(Cut::Whole { start: 1, end: 1 }));
    }
}
