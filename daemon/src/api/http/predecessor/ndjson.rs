//! Lists as lines of JSON, made only as fast as they are read.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use futures::Stream;
use serde::Serialize;

/// Lines are handed out in pieces of about this size, in bytes.
pub(super) const PIECE: usize = 32 << 10;

/// An answer of lines.
pub(super) fn answer(body: Body) -> axum::response::Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

/// An answer of lines that come in pieces.
pub(super) fn streamed<S, E>(pieces: S) -> axum::response::Response
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    answer(Body::from_stream(pieces))
}

/// One line for each row; a row becomes text when its turn comes.
pub(super) fn rows<T, I>(rows: I) -> axum::response::Response
where
    T: Serialize,
    I: IntoIterator<Item = T>,
    I::IntoIter: Send + 'static,
{
    let mut rows = rows.into_iter();
    let pieces = std::iter::from_fn(move || {
        let mut piece = Vec::new();
        while piece.len() < PIECE
            && let Some(row) = rows.next()
        {
            line(&mut piece, &row);
        }
        (!piece.is_empty()).then(|| Ok::<_, Infallible>(Bytes::from(piece)))
    });
    streamed(futures::stream::iter(pieces))
}

/// Appends one line.
pub(super) fn line(out: &mut Vec<u8>, row: &impl Serialize) {
    let before = out.len();
    match serde_json::to_writer(&mut *out, row) {
        Ok(()) => out.push(b'\n'),
        // texts and numbers always become JSON
        Err(_) => out.truncate(before),
    }
}
