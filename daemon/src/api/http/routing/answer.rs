//! Answers with records: bodies and the headers that caches go by.

use std::time::SystemTime;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LAST_MODIFIED, VARY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _, stream};
use jiff::fmt::rfc2822::DateTimePrinter;

use super::form::{JSON, NDJSON};

/// Records are cached for five minutes and their absence for fifteen seconds; either is better
/// than nothing as long as a record of the DHT lives, which is 48 hours.
const SOME: HeaderValue =
    HeaderValue::from_static("public, max-age=300, stale-while-revalidate=172800, stale-if-error=172800");
const NONE: HeaderValue =
    HeaderValue::from_static("public, max-age=15, stale-while-revalidate=172800, stale-if-error=172800");

/// A list of records being written, as JSON or as lines.
pub(super) struct List {
    body: Vec<u8>,
    records: usize,
}

impl List {
    /// `{"Providers":[` or `{"Peers":[`.
    pub(super) fn json(field: &str) -> Self {
        let mut body = Vec::with_capacity(4096);
        body.extend_from_slice(b"{\"");
        body.extend_from_slice(field.as_bytes());
        body.extend_from_slice(b"\":[");
        Self { body, records: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.records
    }

    /// Adds a record, if `write` writes one.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        let before = self.body.len();
        if self.records > 0 {
            self.body.push(b',');
        }
        match write(&mut self.body) {
            true => self.records += 1,
            false => self.body.truncate(before),
        }
    }

    pub(super) fn answer(mut self) -> Response {
        self.body.extend_from_slice(b"]}\n");
        with_headers(self.records > 0, JSON, Body::from(self.body))
    }
}

/// Lines as they come. The answer begins with the first of them: its headers say whether there
/// is any.
pub(super) async fn lines(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let mut lines = Box::pin(lines);
    let Some(first) = lines.next().await else { return with_headers(false, NDJSON, Body::empty()) };
    let all = stream::iter([first]).chain(lines).map(Ok::<_, std::convert::Infallible>);
    with_headers(true, NDJSON, Body::from_stream(all))
}

fn with_headers(some: bool, kind: &'static str, body: Body) -> Response {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, if some { SOME } else { NONE }),
        (VARY, HeaderValue::from_static("Accept")),
        (LAST_MODIFIED, date(SystemTime::now())),
    ];
    (StatusCode::OK, headers, body).into_response()
}

/// An HTTP date.
pub(super) fn date(time: SystemTime) -> HeaderValue {
    let timestamp = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX);
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).unwrap_or_default();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
