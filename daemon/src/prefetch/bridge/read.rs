//! Reading an answer: records line by line as they come, or one JSON document.
//!
//! At most [`MAX_BODY`] bytes of either, and no further than the records that are wanted: a
//! public router once sent 14,000 records, over 4 MiB, for one key.

use std::mem::take;

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::Value;

/// Most bytes that are read of one answer.
pub const MAX_BODY: usize = 1 << 20;

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Providers", default)]
    providers: Option<Vec<Value>>,
}

/// Hands each record to `take`, until that has enough and says false, or the answer ends.
///
/// # Errors
/// What is wrong with the answer. Records that came before it were handed over.
pub(super) async fn records(
    mut answer: Response,
    mut wanted: impl FnMut(Value) -> bool,
) -> Result<(), String> {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != NDJSON && kind != JSON {
        return Err(format!(
            "answered with {}, not with JSON",
            kind.escape_debug().take(80).collect::<String>()
        ));
    }
    if answer.content_length().is_some_and(|length| length > MAX_BODY as u64) && kind == JSON {
        return Err(too_much());
    }
    let (mut body, mut read) = (Vec::new(), 0);
    while let Some(part) = answer.chunk().await.map_err(|error| words(&error))? {
        read += part.len();
        if read > MAX_BODY {
            return Err(too_much());
        }
        if kind == JSON {
            body.extend_from_slice(&part);
            continue;
        }
        let mut rest = &part[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            body.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            if !line(&take(&mut body), &mut wanted)? {
                return Ok(());
            }
        }
        body.extend_from_slice(rest);
    }
    if kind == NDJSON {
        return line(&body, &mut wanted).map(|_| ());
    }
    let document: Document = serde_json::from_slice(&body).map_err(|_| not_json())?;
    document.providers.unwrap_or_default().into_iter().all(wanted);
    Ok(())
}

fn line(line: &[u8], wanted: &mut impl FnMut(Value) -> bool) -> Result<bool, String> {
    if line.trim_ascii().is_empty() {
        return Ok(true);
    }
    serde_json::from_slice(line).map(wanted).map_err(|_| not_json())
}

fn too_much() -> String {
    "sent more than 1 MiB".to_owned()
}

fn not_json() -> String {
    "sent what is not JSON".to_owned()
}

/// The innermost cause: what the outer ones add is the address, which is known.
pub(super) fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
