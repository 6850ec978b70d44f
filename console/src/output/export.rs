//! Records by the hundred million: lines that `hydrad belly import` reads, and CSV.
//!
//! The fields are those of a record in JSON, less what changes while one looks. What repeats
//! (providers, times) is put into words once a message.

use std::fmt::Write as _;
use std::io::{self, Write};

use data_encoding::HEXLOWER;
use hydra_protocol::v1::{ExportRecordsResponse, ExportedProvider, ExportedRecord};
use jiff::Timestamp;

use super::look::exact;
use super::text::neutral;

/// How records are written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values.
    Csv,
}

/// Title of the CSV.
const TITLE: &str = "multihash_hex,provider_peer_id,head,near,announced_at,expires_at,addresses\n";

/// A provider in the words of the format.
struct Provider {
    id: String,
    addresses: String,
}

/// A time in words, and the one before, which is often the same.
#[derive(Default)]
struct Clock {
    seconds: Option<i64>,
    text: String,
}

impl Clock {
    fn text(&mut self, seconds: i64) -> &str {
        if self.seconds != Some(seconds) {
            self.seconds = Some(seconds);
            self.text = Timestamp::from_second(seconds).map(exact).unwrap_or_default();
        }
        &self.text
    }
}

/// Writes messages as lines.
pub struct Export {
    lines: Lines,
    announced: Clock,
    expires: Clock,
    line: String,
}

impl Export {
    /// Begins with the title, if there is to be one.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn begin(lines: Lines, title: bool, out: &mut dyn Write) -> io::Result<Self> {
        if title && lines == Lines::Csv {
            out.write_all(TITLE.as_bytes())?;
        }
        Ok(Self { lines, announced: Clock::default(), expires: Clock::default(), line: String::new() })
    }

    /// Writes the records of a message; says how many there were.
    ///
    /// # Errors
    /// When the output cannot be written, or a record names no provider.
    pub fn push(&mut self, message: &ExportRecordsResponse, out: &mut dyn Write) -> io::Result<u64> {
        let providers: Vec<Provider> = message
            .providers
            .iter()
            .map(|provider| words(self.lines, provider))
            .collect::<io::Result<_>>()?;
        for record in &message.records {
            let nobody = || io::Error::other("hydrad sent a record without a provider");
            let provider = providers.get(record.provider as usize).ok_or_else(nobody)?;
            self.line(record, provider);
            out.write_all(self.line.as_bytes())?;
        }
        Ok(message.records.len() as u64)
    }

    fn line(&mut self, record: &ExportedRecord, Provider { id, addresses }: &Provider) {
        let Self { lines, announced, expires, line } = self;
        line.clear();
        let (near, announced, expires) = (
            record.near,
            announced.text(record.announced_at_seconds),
            expires.text(record.expires_at_seconds),
        );
        // writing to a String does not fail
        _ = match lines {
            Lines::Ndjson => {
                line.push_str("{\"multihash_hex\":\"");
                HEXLOWER.encode_append(&record.multihash, line);
                let head = record.head.map_or_else(|| "null".to_owned(), |head| format!("\"head-{head}\""));
                writeln!(
                    line,
                    "\",\"provider_peer_id\":{id},\"head\":{head},\"near\":{near},\
                     \"announced_at\":\"{announced}\",\"expires_at\":\"{expires}\",\"addresses\":{addresses}}}"
                )
            }
            Lines::Csv => {
                HEXLOWER.encode_append(&record.multihash, line);
                let head = record.head.map(|head| format!("head-{head}")).unwrap_or_default();
                writeln!(line, ",{id},{head},{near},{announced},{expires},{addresses}")
            }
        };
    }
}

fn words(lines: Lines, provider: &ExportedProvider) -> io::Result<Provider> {
    let id = neutral(&provider.peer_id);
    let addresses: Vec<String> = provider.addresses.iter().map(|address| neutral(address)).collect();
    Ok(match lines {
        Lines::Ndjson => {
            Provider { id: serde_json::to_string(&id)?, addresses: serde_json::to_string(&addresses)? }
        }
        Lines::Csv => Provider { id, addresses: quoted(&addresses.join(" ")) },
    })
}

/// A field as RFC 4180 has it.
fn quoted(field: &str) -> String {
    if field.contains(['"', ',']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}
