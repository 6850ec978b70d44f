//! `/records/list`: all provider records, a page at a time, in constant memory.
//!
//! The belly is read by its own thread and at the pace of the reader; a client that goes ends
//! the list.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use cid::Cid;
use cid::multihash::Multihash;
use data_encoding::{BASE32_NOPAD, BASE64};
use jiff::Timestamp;
use libp2p::PeerId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{LISTS, Shared, ndjson};
use crate::api::http::Refusal;
use crate::belly::{Page, Query, Record, Source, Unavailable};
use crate::hydra::Hydra;

/// Records of a page, which is also how long the list holds the belly's reader.
const PAGE: usize = 1000;

/// Pages ready ahead of a slow reader.
const AHEAD: usize = 2;

/// Providers whose texts are kept while a list is written.
const MAX_TEXTS: usize = 4096;

/// Raw bytes: the codec of a CID that stands for a bare multihash.
const RAW: u64 = 0x55;

pub(super) async fn list(State(shared): State<Shared>) -> Result<Response, Refusal> {
    let place = Arc::clone(&shared.lists).try_acquire_owned().map_err(|_| {
        let text = format!("{LISTS} lists of all records are being read already; ask again later");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(10)
    })?;
    let hydra = shared.hydra;
    let first = page(&hydra, None).await.map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the belly could not be read: {error}"))
    })?;
    let incomplete = hydra.warming().map(|warming| warming.text());
    let (send, pieces) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        write(&hydra, first, &send).await;
        drop(place);
    });
    let mut response = ndjson::streamed(ReceiverStream::new(pieces));
    // said before the records that are missing are missed
    if let Some(text) = incomplete.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert("hydra-incomplete", text);
    }
    Ok(response)
}

async fn page(hydra: &Hydra, after: Option<crate::belly::Cursor>) -> Result<Page, Unavailable> {
    hydra.belly.page(Query::default(), after, PAGE).await
}

/// Sends page after page. An error cuts the answer off, so that nobody takes it for whole.
async fn write(hydra: &Hydra, first: Page, send: &mpsc::Sender<Result<Bytes, Unavailable>>) {
    let (mut lines, mut page_now) = (Lines::default(), first);
    loop {
        let after = page_now.next.take();
        let piece = lines.of(&page_now.records);
        // a page may be empty because looking for records took long enough
        if (!piece.is_empty() && send.send(Ok(piece)).await.is_err()) || send.is_closed() {
            return;
        }
        let Some(after) = after else { return };
        match page(hydra, Some(after)).await {
            Ok(next) => page_now = next,
            Err(error) => {
                send.send(Err(error)).await.ok();
                return;
            }
        }
    }
}

/// Records as lines; what is dear to write is written once for each provider.
#[derive(Default)]
struct Lines {
    providers: HashMap<PeerId, (crate::wire::AddrList, Arc<ProviderText>)>,
}

struct ProviderText {
    base32: String,
    /// `"Provider":"…","Addrs":[…]`
    fields: String,
}

impl Lines {
    fn of(&mut self, records: &[Record]) -> Bytes {
        let mut out = String::with_capacity(records.len() * 512);
        for record in records {
            self.line(&mut out, record);
        }
        out.into()
    }

    fn provider(&mut self, record: &Record) -> Arc<ProviderText> {
        if let Some((addrs, text)) = self.providers.get(&record.provider)
            && *addrs == record.addrs
        {
            return Arc::clone(text);
        }
        if self.providers.len() >= MAX_TEXTS {
            self.providers.clear();
        }
        let addrs: Vec<String> = record.addrs.parsed().map(|addr| format!("\"{addr}\"")).collect();
        let text = Arc::new(ProviderText {
            base32: BASE32_NOPAD.encode(&record.provider.to_bytes()),
            fields: format!("\"Provider\":\"{}\",\"Addrs\":[{}]", record.provider, addrs.join(",")),
        });
        self.providers.insert(record.provider, (record.addrs.clone(), Arc::clone(&text)));
        text
    }

    /// The predecessor's fields in its order, then ours. All texts are of plain characters.
    fn line(&mut self, out: &mut String, record: &Record) {
        let (value, size) = varint(record.announced);
        let provider = self.provider(record);
        out.push_str("{\"Key\":\"/providers/");
        BASE32_NOPAD.encode_append(&record.key, out);
        out.push('/');
        out.push_str(&provider.base32);
        out.push_str("\",\"Value\":\"");
        BASE64.encode_append(&value[..size], out);
        let cid = Multihash::<64>::from_bytes(&record.key).map(|hash| Cid::new_v1(RAW, hash));
        // writing to a String does not fail
        write!(out, "\",\"Expiration\":\"0001-01-01T00:00:00Z\",\"Size\":{size}").ok();
        match cid {
            Ok(cid) => write!(out, ",\"Cid\":\"{cid}\",").ok(),
            Err(_) => write!(out, ",\"Cid\":null,").ok(),
        };
        out.push_str(&provider.fields);
        write!(out, ",\"Announced\":\"{}\",\"Expires\":\"{}\"", time(record.announced), time(record.expires))
            .ok();
        let prefetched = matches!(record.source, Source::Prefetched(_));
        write!(out, ",\"Prefetched\":{prefetched},\"Near\":{}}}", record.near).ok();
        out.push('\n');
    }
}

/// Go's `binary.PutVarint` of nanoseconds since 1970, as the predecessor kept times.
fn varint(time: SystemTime) -> ([u8; 10], usize) {
    let nanos = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let mut rest = (nanos << 1) as u64 ^ (nanos >> 63) as u64;
    let (mut out, mut size) = ([0; 10], 0);
    loop {
        let more = rest >= 0x80;
        out[size] = rest as u8 & 0x7f | u8::from(more) << 7;
        size += 1;
        rest >>= 7;
        if !more {
            return (out, size);
        }
    }
}

fn time(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp::from_second(i64::try_from(seconds).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A record of the predecessor's own belly (hydra-booster issue #134).
    const KEY: &str = "/providers/CIQA3J2WKKA57UENKRIJLB236L74NFIZSDZMMM4ZJP53CO2LLJFF3JQ/CIQFVBUR6S5EJ3GQ3TP7XXVEFDXTMA2Q6SIRPC7FKX3JEQODCRMQK7Y";
    const VALUE: &str = "wMPj0q3H7Zct";

    fn record() -> Record {
        let bytes = |at: usize| {
            let part = KEY.split('/').nth(at).expect("three parts");
            BASE32_NOPAD.decode(part.as_bytes()).expect("base32")
        };
        let addr: libp2p::Multiaddr = "/ip4/203.0.113.5/tcp/4001".parse().expect("an address");
        let announced = UNIX_EPOCH + Duration::from_nanos(1_628_010_709_749_887_200);
        Record {
            key: bytes(2).into(),
            provider: PeerId::from_bytes(&bytes(3)).expect("a peer id"),
            source: Source::Announced,
            head: Some(0),
            near: true,
            announced,
            expires: announced + Duration::from_secs(48 * 3600),
            addrs: crate::wire::AddrList::from_raw([addr.as_ref()]),
            addrs_expire: None,
        }
    }

    #[test]
    fn a_line_is_the_predecessors_and_says_more_after_it() {
        let line = Lines::default().of(&[record()]);
        let line = std::str::from_utf8(&line).expect("text");
        let same = format!(
            "{{\"Key\":\"{KEY}\",\"Value\":\"{VALUE}\",\"Expiration\":\"0001-01-01T00:00:00Z\",\"Size\":9,\"Cid\":\""
        );
        assert!(line.starts_with(&same) && line.ends_with("}\n"), "{line}");
        let parsed: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(parsed["Provider"], "QmUS2R8YEjwdFpiCjEnoUfHknhTDW7kzt99eDqYyVpCtMc");
        assert_eq!(parsed["Addrs"][0], "/ip4/203.0.113.5/tcp/4001");
        assert_eq!(parsed["Announced"], "2021-08-03T17:11:49Z");
        assert_eq!(parsed["Expires"], "2021-08-05T17:11:49Z");
        let cid: Cid = parsed["Cid"].as_str().expect("a CID").parse().expect("a CID");
        assert_eq!(cid.hash().to_bytes(), record().key);
    }

    #[test]
    fn a_key_that_is_no_multihash_has_no_cid_and_new_addresses_are_told() {
        let (mut lines, mut other) = (Lines::default(), record());
        lines.of(&[record()]);
        other.key = Bytes::from_static(b"\xff");
        other.addrs = crate::wire::AddrList::default();
        let line = lines.of(&[other]);
        let parsed: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        assert!(parsed["Cid"].is_null());
        assert_eq!(parsed["Addrs"].as_array().map(Vec::len), Some(0));
    }
}
