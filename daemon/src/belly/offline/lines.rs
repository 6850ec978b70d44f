//! A record as a line of text, ndjson or CSV: written, and read in again.
//!
//! The fields are those of `hydractl records list`, and are found by their names: what that
//! writes is read, too. Others are passed over.

use std::io::{self, BufRead, Write};
use std::time::SystemTime;

use csv::StringRecord;
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

const FIELDS: [&str; 7] =
    ["multihash_hex", "provider_peer_id", "head", "near", "announced_at", "expires_at", "addresses"];

#[derive(Serialize, Deserialize)]
struct Line {
    multihash_hex: String,
    provider_peer_id: String,
    /// "head-3"; `None` when not known.
    #[serde(default)]
    head: Option<String>,
    /// Near, when it is not said: near records are kept before far ones.
    #[serde(default = "near")]
    near: bool,
    announced_at: String,
    #[serde(default)]
    expires_at: String,
    #[serde(default)]
    addresses: Vec<String>,
}

fn near() -> bool {
    true
}

impl From<&Record> for Line {
    fn from(record: &Record) -> Self {
        Self {
            multihash_hex: HEXLOWER.encode(&record.key),
            provider_peer_id: record.provider.to_base58(),
            head: record.head.map(|index| format!("head-{index}")),
            near: record.near,
            announced_at: text(record.announced),
            expires_at: text(record.expires),
            addresses: record.addrs.parsed().map(|addr| addr.to_string()).collect(),
        }
    }
}

fn text(time: SystemTime) -> String {
    Timestamp::try_from(time).map(|time| time.to_string()).unwrap_or_default()
}

/// Writes records out.
pub(super) enum Lines<W: Write> {
    Ndjson(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> Lines<W> {
    pub(super) fn begin(format: Format, out: W) -> io::Result<Self> {
        Ok(match format {
            Format::Ndjson => Self::Ndjson(out),
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
                writer.write_record(FIELDS)?;
                Self::Csv(Box::new(writer))
            }
        })
    }

    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        let line = Line::from(record);
        match self {
            Self::Ndjson(out) => {
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")
            }
            Self::Csv(writer) => {
                let near = if line.near { "true" } else { "false" };
                let addresses = line.addresses.join(" ");
                let fields = [
                    &*line.multihash_hex,
                    &line.provider_peer_id,
                    line.head.as_deref().unwrap_or_default(),
                    near,
                    &line.announced_at,
                    &line.expires_at,
                    &addresses,
                ];
                Ok(writer.write_record(fields)?)
            }
        }
    }

    pub(super) fn end(self) -> io::Result<W> {
        match self {
            Self::Ndjson(out) => Ok(out),
            Self::Csv(writer) => writer.into_inner().map_err(csv::IntoInnerError::into_error),
        }
    }
}

/// A record that was read.
pub(super) struct Read {
    key: Vec<u8>,
    provider: PeerId,
    addrs: AddrList,
    head: u32,
    near: bool,
    pub(super) announced: SystemTime,
}

impl Read {
    pub(super) fn announcement(&self) -> Announcement<'_> {
        Announcement {
            key: &self.key,
            provider: self.provider,
            addrs: self.addrs.clone(),
            head: self.head,
            near: self.near,
        }
    }
}

impl TryFrom<Line> for Read {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        const UNKNOWN: u32 = u16::MAX as u32;
        let key =
            HEXLOWER.decode(line.multihash_hex.as_bytes()).map_err(|e| format!("multihash_hex: {e}"))?;
        if key.is_empty() || key.len() > MAX_PROVIDER_KEY {
            return Err(format!("multihash_hex: {} bytes; 1 to {MAX_PROVIDER_KEY} are allowed", key.len()));
        }
        let provider = line.provider_peer_id.parse().map_err(|e| format!("provider_peer_id: {e}"))?;
        let announced: Timestamp = line.announced_at.parse().map_err(|e| format!("announced_at: {e}"))?;
        let addrs: Result<Vec<Multiaddr>, _> =
            line.addresses.iter().map(|a| a.parse::<Multiaddr>()).collect();
        let addrs = addrs.map_err(|e| format!("addresses: {e}"))?.iter().collect();
        let index = |name: &str| name.strip_prefix("head-").unwrap_or(name).parse().ok();
        let head = line.head.as_deref().and_then(index).unwrap_or(UNKNOWN);
        Ok(Self { key, provider, addrs, head, near: line.near, announced: announced.into() })
    }
}

/// Where something stands in a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// From 1 on.
    pub(super) line: u64,
    /// Bytes before its end.
    pub(super) bytes: u64,
}

/// Reads a file of either format, told apart by its first byte, record by record; stops at
/// the first that is none, or that `each` does not want.
pub(super) fn read<E>(
    mut file: impl BufRead,
    mut each: impl FnMut(Place, Result<Read, String>) -> Result<(), E>,
) -> Result<io::Result<()>, E> {
    match file.fill_buf() {
        Err(error) => Ok(Err(error)),
        Ok(start) if start.first().is_some_and(|byte| *byte == b'm') => read_csv(file, each),
        Ok(_) => {
            let mut place = Place::default();
            let mut text = String::new();
            loop {
                text.clear();
                match file.read_line(&mut text) {
                    Ok(0) => return Ok(Ok(())),
                    Ok(bytes) => place = Place { line: place.line + 1, bytes: place.bytes + bytes as u64 },
                    Err(error) => return Ok(Err(error)),
                }
                if !text.trim().is_empty() {
                    let line: Result<Line, _> = serde_json::from_str(&text);
                    let line = line.map_err(|e| format!("not a record: {e}"));
                    each(place, line.and_then(Read::try_from))?;
                }
            }
        }
    }
}

fn read_csv<E>(
    file: impl BufRead,
    mut each: impl FnMut(Place, Result<Read, String>) -> Result<(), E>,
) -> Result<io::Result<()>, E> {
    let mut reader = csv::Reader::from_reader(file);
    let titles = match reader.headers() {
        Ok(titles) => titles.clone(),
        Err(error) => return Ok(Err(error.into())),
    };
    let mut row = StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(false) => return Ok(Ok(())),
            Ok(true) => {}
            Err(error) => return Ok(Err(error.into())),
        }
        let line = row.position().map_or(0, csv::Position::line);
        let place = Place { line, bytes: reader.position().byte() };
        each(place, of_csv(&titles, &row).and_then(Read::try_from))?;
    }
}

fn of_csv(titles: &StringRecord, row: &StringRecord) -> Result<Line, String> {
    let find = |name: &str| titles.iter().position(|title| title == name).and_then(|at| row.get(at));
    let need = |name: &str| find(name).map(str::to_owned).ok_or_else(|| format!("not a record: no {name}"));
    Ok(Line {
        multihash_hex: need("multihash_hex")?,
        provider_peer_id: need("provider_peer_id")?,
        head: find("head").map(str::to_owned),
        near: find("near").is_none_or(|near| near != "false"),
        announced_at: need("announced_at")?,
        expires_at: find("expires_at").unwrap_or_default().to_owned(),
        addresses: find("addresses").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
    })
}
