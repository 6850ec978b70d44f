//! Parameters as Go's `FormValue` reads them: of a form in the body, or else of the query.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;

/// The first value of a name; `None` when there is none or it is empty.
pub(super) fn value(name: &str, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM));
    let body = if form { std::str::from_utf8(body).unwrap_or_default() } else { "" };
    let query = uri.query().unwrap_or_default();
    [body, query]
        .into_iter()
        .flat_map(pairs)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
        .filter(|v| !v.is_empty())
}

const FORM: &str = "application/x-www-form-urlencoded";

fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    })
}

/// Without `%xx` and `+`; `None` when that is no text.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).map(|digit| digit as u8);
                digit(bytes.next())? << 4 | digit(bytes.next())?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str, body: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, FORM.parse().expect("a type"))]);
        value("n", &uri.parse().expect("a uri"), &headers, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn the_form_comes_before_the_query_and_the_first_before_the_next() {
        assert_eq!(of("/?n=1&n=2", ""), Some("1".to_owned()));
        assert_eq!(of("/?n=1", "x=9&n=5"), Some("5".to_owned()));
        assert_eq!(of("/?x=1", ""), None);
        assert_eq!(of("/?n=", ""), None);
        assert_eq!(of("/?n=a%20b+c", ""), Some("a b c".to_owned()));
        assert_eq!(of("/?n=%zz&n=%f", ""), None);
    }
}
