//! GET_VALUE and PUT_VALUE: IPNS records and public keys.

use std::time::SystemTime;

use bytes::Bytes;

use crate::dht::add_provider::reason;
use crate::dht::closer::Closer;
use crate::dht::records::{self, Choice, Invalid};
use crate::dht::{Local, Served, Service};
use crate::routing::contacts::Contact;
use crate::telemetry::Drop as Reason;
use crate::wire::bounds::MAX_MESSAGE;
use crate::wire::message::reply_cluster_level;
use crate::wire::{Key256, Kind, Message, Reply};

/// kad-dht `handleGetValue`: any key that is not empty; the record is not checked again, for
/// the asker checks whatever it gets.
pub(super) async fn get(service: &Service, to: &Local, from: &Contact, request: &Message<'_>) -> Served {
    if request.key.is_empty() {
        return Served::Reset(Reason::RequestRefused);
    }
    // a belly that cannot be read leaves the heads answering with closer peers
    let stored = service.belly.value(request.key).await.ok().flatten();
    let limit = service.reply_max(from);
    let mut reply = Reply::new(Kind::GetValue, request.key, reply_cluster_level(request.cluster_level_raw));
    if let Some(stored) = stored {
        reply.record(request.key, &stored.value, &rfc3339(stored.received));
    }
    if reply.body_len() > MAX_MESSAGE {
        // the echo of such a key is what nobody reads
        return Served::Reset(Reason::RequestRefused);
    }
    let except = [&to.key, &from.key];
    Closer::new(&mut reply, limit).fill(&service.table.snapshot(), &Key256::of(request.key), &except);
    Served::Reply(reply.into_frame())
}

/// kad-dht `handlePutValue`: the record's key is the message's; it must be valid and not
/// worse than what is here; answered with the request itself once it is on disk.
pub(super) async fn put(service: &Service, request: &Message<'_>) -> Served {
    let Some(record) = request.record else { return Served::Reset(Reason::RequestRefused) };
    if request.key.is_empty() || record.key != request.key {
        return Served::Reset(Reason::RequestRefused);
    }
    match service.keep_value(record.key, record.value).await {
        Ok(()) => Served::Reply(Reply::of(&request.echo()).into_frame()),
        Err(why) => {
            if matches!(why, NotKept::Rate | NotKept::Store(_)) {
                service.requests.dropped(Kind::PutValue as usize);
            }
            Served::Reset(why.reason())
        }
    }
}

/// Why a value record is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// More come than can be checked.
    Rate,
    Invalid(Invalid),
    /// A better one is here.
    Old,
    /// The belly does not take it, or cannot say what it has.
    Store(Reason),
}

impl NotKept {
    /// Under which it is counted.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Rate => Reason::ValidationRate,
            Self::Invalid(_) => Reason::RecordInvalid,
            Self::Old => Reason::RecordOld,
            Self::Store(reason) => reason,
        }
    }
}

impl Service {
    /// Keeps a value record that is valid and not worse than what is here; it is on disk when
    /// this answers.
    ///
    /// # Errors
    /// Why it is not kept; not yet counted.
    pub async fn keep_value(&self, key: &[u8], value: &[u8]) -> Result<(), NotKept> {
        if !self.validations.take() {
            return Err(NotKept::Rate);
        }
        let now = SystemTime::now();
        if let Err(invalid) = records::validate(key, value, now) {
            tracing::debug!(%invalid, "value record refused");
            return Err(NotKept::Invalid(invalid));
        }
        let place = Key256::of(key).0[31] as usize;
        let _one_at_a_time = self.puts[place % self.puts.len()].lock().await;
        let Ok(stored) = self.belly.value(key).await else {
            return Err(NotKept::Store(Reason::RecordUnavailable));
        };
        let choice = stored.map_or(Choice::New, |old| records::select(key, value, &old.value, now));
        if choice == Choice::Old {
            return Err(NotKept::Old);
        }
        let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        let stored = self.belly.put_value(key, value).await;
        stored.map_err(|refused| NotKept::Store(reason(refused)))
    }
}

/// As Go's `internal.FormatRFC3339`: UTC with nanoseconds.
fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|t| t.to_string()).unwrap_or_default()
}
