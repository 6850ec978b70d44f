//! One message as one line.

use std::time::Duration;

use data_encoding::BASE64;
use hydra_protocol::v1::WatchStatusResponse;
use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::Entry;
use crate::tui::state::feed::{Ask, Told};
use crate::tui::state::{Cause, Message};

/// What a line says.
#[derive(Serialize, Deserialize)]
struct Line {
    after_ms: u64,
    #[serde(flatten)]
    said: Said,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Said {
    Connecting,
    Connected {
        control: bool,
    },
    /// A `WatchStatusResponse`.
    Update {
        data: String,
    },
    /// What the answer to this question is, in the protocol.
    Told {
        ask: Ask,
        data: String,
    },
    NotTold {
        ask: Ask,
        why: String,
    },
    Down {
        what: String,
        advice: String,
        attempt: u32,
        retry_in_ms: u64,
    },
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The line of a message; `None` for one that is not recorded.
pub(super) fn write(message: &Message, after: Duration) -> Option<String> {
    let said = match message {
        Message::Connecting => Said::Connecting,
        Message::Connected { control } => Said::Connected { control: *control },
        Message::Update(update) => Said::Update { data: BASE64.encode(&update.encode_to_vec()) },
        Message::Told { ask, result: Ok(told) } => {
            Said::Told { ask: ask.clone(), data: BASE64.encode(&told.encode()) }
        }
        Message::Told { ask, result: Err(why) } => Said::NotTold { ask: ask.clone(), why: why.clone() },
        Message::Down { cause, attempt, retry_in } => Said::Down {
            what: cause.what.clone(),
            advice: cause.advice.clone(),
            attempt: *attempt,
            retry_in_ms: millis(*retry_in),
        },
        Message::Answer(_) | Message::Exported(_) | Message::Fetched { .. } => return None,
    };
    serde_json::to_string(&Line { after_ms: millis(after), said }).ok()
}

/// The message of a line.
pub(super) fn read(line: &str) -> Result<Entry, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let bytes = |data: &str| BASE64.decode(data.as_bytes()).map_err(|error| error.to_string());
    let message = match line.said {
        Said::Connecting => Message::Connecting,
        Said::Connected { control } => Message::Connected { control },
        Said::Update { data } => {
            let update = WatchStatusResponse::decode(&*bytes(&data)?).map_err(|error| error.to_string())?;
            Message::Update(Box::new(update))
        }
        Said::Told { ask, data } => {
            let told = Told::decode(&ask, &bytes(&data)?).map_err(|error| error.to_string())?;
            Message::Told { ask, result: Ok(Box::new(told)) }
        }
        Said::NotTold { ask, why } => Message::Told { ask, result: Err(why) },
        Said::Down { what, advice, attempt, retry_in_ms } => Message::Down {
            cause: Cause { what, advice },
            attempt,
            retry_in: Duration::from_millis(retry_in_ms),
        },
    };
    Ok(Entry { after: Duration::from_millis(line.after_ms), message })
}
