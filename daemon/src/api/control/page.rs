//! Pages of lists: sizes and opaque tokens, bound to the request they came from (AIP-158).

use data_encoding::BASE64URL_NOPAD;
use tonic::Status;

/// Items on a page when the asker names no number.
const DEFAULT: u32 = 50;

/// Items on a page at most.
pub(super) const MAX: u32 = 1000;

/// Items on the page asked for.
pub(super) fn size(asked: u32) -> usize {
    (if asked == 0 { DEFAULT } else { asked.min(MAX) }) as usize
}

/// A token that continues after `cursor` in the list that `request` describes.
pub(super) fn token(request: &[u8], cursor: &[u8]) -> String {
    let mut bytes = mark(request, cursor).to_vec();
    bytes.extend_from_slice(cursor);
    BASE64URL_NOPAD.encode(&bytes)
}

/// The cursor in a token; `None` for the first page.
///
/// Refuses what is no token, one that was cut, and a token of another list.
pub(super) fn cursor(request: &[u8], token: &str) -> Result<Option<Vec<u8>>, Box<Status>> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok();
    let Some((marked, cursor)) = bytes.as_deref().and_then(|bytes| bytes.split_at_checked(MARK)) else {
        return Err(Box::new(Status::invalid_argument("page_token: not one that this daemon gave")));
    };
    if marked != mark(request, cursor) {
        let why = "page_token: cut, or of another list; begin again without it, or keep filter and order";
        return Err(Box::new(Status::invalid_argument(why)));
    }
    Ok(Some(cursor.to_vec()))
}

/// [`cursor`] of a list whose cursors have this many bytes.
pub(super) fn fixed<const N: usize>(request: &[u8], token: &str) -> Result<Option<[u8; N]>, Box<Status>> {
    let whole = |cursor: Vec<u8>| {
        let cut = |_| Box::new(Status::invalid_argument("page_token: not one that this daemon gave"));
        cursor.try_into().map_err(cut)
    };
    cursor(request, token)?.map(whole).transpose()
}

const MARK: usize = 8;

/// Tells a cut or changed cursor as well: the stores take one they do not know for the start.
fn mark(request: &[u8], cursor: &[u8]) -> [u8; MARK] {
    let length = (request.len() as u64).to_be_bytes();
    let key = crate::wire::Key256::of(&[&length, request, cursor].concat());
    std::array::from_fn(|i| key.0[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_continues_its_own_list_only() {
        let token = token(b"heads", b"42");
        assert_eq!(cursor(b"heads", &token).expect("its own"), Some(b"42".to_vec()));
        assert!(cursor(b"peers", &token).is_err());
        assert!(cursor(b"heads", "not a token!").is_err());
        assert!(cursor(b"heads", "AAA").is_err());
        assert_eq!(cursor(b"heads", "").expect("the first page"), None);
        assert_eq!(fixed(b"heads", &token).expect("its own"), Some(*b"42"));
        assert!(fixed::<3>(b"heads", &token).is_err(), "a cursor of another length");
        for cut in 1..token.len() {
            assert!(cursor(b"heads", &token[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!([0, 7, 5000].map(size), [50, 7, 1000]);
    }
}
