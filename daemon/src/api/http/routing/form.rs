//! In which form a client takes an answer: one JSON document, or a record a line.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

use crate::api::http::Refusal;

pub(super) const JSON: &str = "application/json";
pub(super) const NDJSON: &str = "application/x-ndjson";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// Only for those who name it.
    Ndjson,
}

impl Form {
    /// Of the Accept headers; JSON without any. Of the two forms the one with more weight, and
    /// the stream when they weigh the same.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let (mut json, mut ndjson, mut any) = (0.0_f32, 0.0_f32, false);
        for header in headers.get_all(ACCEPT) {
            any = true;
            let text = header.to_str().map_err(|_| Refusal::bad_request("the Accept header is no text"))?;
            for range in text.split(',') {
                let (kind, weight) = weighed(range);
                match kind.to_ascii_lowercase().as_str() {
                    NDJSON => ndjson = ndjson.max(weight),
                    JSON | "*/*" | "application/*" => json = json.max(weight),
                    _ => {}
                }
            }
        }
        if ndjson > 0.0 && ndjson >= json {
            Ok(Self::Ndjson)
        } else if json > 0.0 || !any {
            Ok(Self::Json)
        } else {
            Err(Refusal::bad_request(format!("the Accept header takes neither {JSON} nor {NDJSON}")))
        }
    }
}

/// A media range and its weight; one that cannot be read is as without.
fn weighed(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (kind, weight.and_then(|text| text.parse().ok()).unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(accept: &[&str]) -> Option<Form> {
        let mut headers = HeaderMap::new();
        for text in accept {
            headers.append(ACCEPT, text.parse().expect("a header"));
        }
        Form::of(&headers).ok()
    }

    #[test]
    fn streams_are_for_those_who_ask_for_them() {
        for accept in [
            &[][..],
            &["*/*"],
            &["application/json"],
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            &["application/json, application/x-ndjson;q=0.5"],
            &["application/x-ndjson;q=0, application/json"],
            &["application/*"],
        ] {
            assert_eq!(form(accept), Some(Form::Json), "{accept:?}");
        }
        for accept in [
            &["application/x-ndjson"][..],
            &["application/x-ndjson,application/json"],
            &["application/json", "Application/X-NDJSON"],
            &["*/*;q=0.1, application/x-ndjson; q=0.9"],
        ] {
            assert_eq!(form(accept), Some(Form::Ndjson), "{accept:?}");
        }
        for accept in [&["text/html"][..], &["application/x-ndjson;q=0"], &[""], &[";;,,"]] {
            assert_eq!(form(accept), None, "{accept:?}");
        }
    }
}
