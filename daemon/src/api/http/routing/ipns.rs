//! `/routing/v1/ipns/{name}`: GET the record of a name, PUT a new one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, LAST_MODIFIED,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;

use super::answer::date;
use super::asker::Asker;
use super::{Desk, LOOKUP, name};
use crate::api::http::Refusal;
use crate::dht::NotKept;
use crate::dht::records::{self, Choice, Lifetime};
use crate::wire::Key256;

const RECORD: &str = "application/vnd.ipfs.ipns-record";

/// How long a record is fresh that does not say (the specification's number).
const FRESH: Duration = Duration::from_secs(60);

/// Answers with the record that is here while it is fresh, which its publisher decides; then
/// the network may know a newer one.
pub(super) async fn get(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    takes_records(&headers)?;
    let key = records::ipns_key(&name::ipns(&name)?);
    let stored = desk.belly.value(&key).await.ok().flatten();
    let now = SystemTime::now();
    // it was valid when it came
    let here = stored.filter(|stored| records::validate(&key, &stored.value, now).is_ok());
    let fresh = here.as_ref().is_some_and(|here| {
        let ttl = records::lifetime(&here.value).and_then(|life| life.ttl).unwrap_or(FRESH);
        now.duration_since(here.received).is_ok_and(|age| age < ttl)
    });
    let here = here.map(|here| here.value.to_vec());
    let best = if fresh {
        here
    } else {
        match desk.turn(asker) {
            Ok(turn) => better(&key, here, turn.network.value(key.clone(), LOOKUP).await, now),
            Err(refusal) if here.is_none() => return Err(refusal),
            Err(_) => here,
        }
    };
    Ok(best.map_or_else(nothing, |value| found(&name, value, &headers)))
}

/// 406 for those who take anything but a record; without a header it is taken.
fn takes_records(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if accept.peek().is_none()
        || accept.any(|it| [RECORD, "*/*", "application/*"].iter().any(|k| it.contains(k)))
    {
        return Ok(());
    }
    let reason = format!("an IPNS record is all there is here: retry with Accept: {RECORD}");
    Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, reason))
}

/// Both are valid.
fn better(key: &[u8], here: Option<Vec<u8>>, there: Option<Vec<u8>>, now: SystemTime) -> Option<Vec<u8>> {
    match (here, there) {
        (Some(here), Some(there)) => match records::select(key, &there, &here, now) {
            Choice::New => Some(there),
            Choice::Old | Choice::Same => Some(here),
        },
        (here, there) => there.or(here),
    }
}

/// Any other content type than a record's says that there is none (IPIP-513).
fn nothing() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=15, stale-while-revalidate=172800, stale-if-error=172800"),
        (VARY, "Accept"),
    ];
    (StatusCode::OK, headers, "no record of this name was found\n").into_response()
}

fn found(name: &str, value: Vec<u8>, headers: &HeaderMap) -> Response {
    let now = SystemTime::now();
    let etag = format!("\"{}\"", HEXLOWER.encode(&Key256::of(&value).0[..16]));
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let unchanged =
        known.flat_map(|tags| tags.split(',')).any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag);
    let life = records::lifetime(&value);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let file = format!("attachment; filename=\"{}.ipns-record\"", plain(name));
        ([(CONTENT_TYPE, RECORD.to_owned()), (CONTENT_DISPOSITION, file)], Body::from(value)).into_response()
    };
    let out = response.headers_mut();
    let header = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    out.insert(ETAG, header(etag));
    out.insert(VARY, HeaderValue::from_static("Accept"));
    out.insert(LAST_MODIFIED, date(now));
    out.insert(CACHE_CONTROL, header(cache(life.as_ref(), now)));
    if let Some(life) = life {
        out.insert(EXPIRES, date(life.until));
    }
    response
}

/// Nobody may go on with a record after its end: freshness and staleness together last until
/// then.
fn cache(life: Option<&Lifetime>, now: SystemTime) -> String {
    let left = life.and_then(|life| life.until.duration_since(now).ok()).unwrap_or_default().as_secs();
    if left == 0 {
        return "no-store".to_owned();
    }
    let fresh = life.and_then(|life| life.ttl).unwrap_or(FRESH).as_secs().min(left);
    let stale = left - fresh;
    format!("public, max-age={fresh}, stale-while-revalidate={stale}, stale-if-error={stale}")
}

/// Names are letters and digits; nothing else goes into a header.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Keeps a valid record here, where every head answers with it, and puts it to the peers
/// nearest to its key. It is published when it is kept: that none of them can be reached is no
/// reason to refuse it.
pub(super) async fn put(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().contains(RECORD) {
        let reason = format!("the body is to be an IPNS record: retry with Content-Type: {RECORD}");
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, reason));
    }
    let key = records::ipns_key(&name::ipns(&name)?);
    // the same rule as for a look-up: it costs others as much
    let turn = desk.turn(asker)?;
    desk.service.keep_value(&key, &body).await.map_err(refused)?;
    let took = turn.network.put_value(key, body.to_vec(), LOOKUP).await;
    tracing::debug!(name = plain(&name), peers = took, "an IPNS record was put");
    Ok(StatusCode::OK.into_response())
}

fn refused(why: NotKept) -> Refusal {
    match why {
        NotKept::Rate => {
            let text = "more records come than can be checked; try again";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, text).retry_after(1)
        }
        NotKept::Invalid(invalid) => Refusal::bad_request(format!("the record is not taken: {invalid}")),
        NotKept::Old => Refusal::bad_request("the record is not taken: a newer one of this name is here"),
        NotKept::Store(reason) => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason.meaning()).retry_after(10)
        }
    }
}
