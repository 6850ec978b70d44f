//! A record as a line of text: ndjson, which can be read in again, or CSV for other tools.

use std::io::{self, Write};
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use libp2p::{Multiaddr, PeerId};
use serde::{Deserialize, Serialize};

use crate::belly::{Announcement, MAX_PROVIDER_KEY, Record};
use crate::wire::AddrList;

/// How records are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Ndjson,
    Csv,
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// The multihash in hex.
    multihash: String,
    provider: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<u32>,
    announced: String,
    expires: String,
    addresses: Vec<String>,
}

impl From<&Record> for Line {
    fn from(record: &Record) -> Self {
        Self {
            multihash: HEXLOWER.encode(&record.key),
            provider: record.provider.to_base58(),
            head: record.head,
            announced: text(record.announced),
            expires: text(record.expires),
            addresses: record.addrs.parsed().map(|addr| addr.to_string()).collect(),
        }
    }
}

fn text(time: SystemTime) -> String {
    Timestamp::try_from(time).map(|time| time.to_string()).unwrap_or_default()
}

impl Format {
    pub(super) fn head(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Ndjson => Ok(()),
            Self::Csv => out.write_all(b"multihash,provider,head,announced,expires,addresses\n"),
        }
    }

    pub(super) fn write(self, out: &mut impl Write, record: &Record) -> io::Result<()> {
        let line = Line::from(record);
        match self {
            Self::Ndjson => {
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")
            }
            // no field has a comma, a quote or a line break in it: an address's text is escaped
            Self::Csv => {
                let Line { multihash, provider, head, announced, expires, addresses } = line;
                let head = head.map(|head| head.to_string()).unwrap_or_default();
                let addresses = addresses.join(" ").replace(['"', ',', '\n', '\r'], "?");
                writeln!(out, "{multihash},{provider},{head},{announced},{expires},{addresses}")
            }
        }
    }
}

/// A line that was read.
pub(super) struct Read {
    key: Vec<u8>,
    provider: PeerId,
    addrs: AddrList,
    head: u32,
    pub(super) announced: SystemTime,
}

impl Read {
    pub(super) fn announcement(&self) -> Announcement<'_> {
        Announcement {
            key: &self.key,
            provider: self.provider,
            addrs: self.addrs.clone(),
            head: self.head,
            near: true,
        }
    }
}

pub(super) fn read(text: &str) -> Result<Read, String> {
    let line: Line = serde_json::from_str(text).map_err(|e| format!("not a record: {e}"))?;
    let key = HEXLOWER.decode(line.multihash.as_bytes()).map_err(|e| format!("multihash: {e}"))?;
    if key.is_empty() || key.len() > MAX_PROVIDER_KEY {
        return Err(format!("multihash: {} bytes; 1 to {MAX_PROVIDER_KEY} are allowed", key.len()));
    }
    let provider = line.provider.parse().map_err(|e| format!("provider: {e}"))?;
    let announced: Timestamp = line.announced.parse().map_err(|e| format!("announced: {e}"))?;
    let addrs: Result<Vec<Multiaddr>, _> = line.addresses.iter().map(|a| a.parse::<Multiaddr>()).collect();
    let addrs = addrs.map_err(|e| format!("addresses: {e}"))?.iter().collect();
    Ok(Read { key, provider, addrs, head: line.head.unwrap_or(u16::MAX.into()), announced: announced.into() })
}
