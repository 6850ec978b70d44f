//! What hydra-booster's values come to, word by word.

use super::shorten;

/// What a value comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Translated {
    /// The setting takes this value.
    Value(String),
    /// So it does, and this is told.
    Told { value: String, said: String },
    /// As if it had not been given, as hydra-booster had it.
    Unset,
    /// Accepted without effect; the table's words are told.
    Nothing,
    /// It asks for something that is not built, or is no value: what, and what to do.
    Refused { why: String, next: &'static str },
}

pub(super) fn same(text: &str) -> Translated {
    if text.is_empty() { Translated::Unset } else { Translated::Value(text.to_owned()) }
}

pub(super) fn nothing(text: &str) -> Translated {
    if text.is_empty() || text == "false" { Translated::Unset } else { Translated::Nothing }
}

/// -1 was the flag's way to say that it was not given.
pub(super) fn unless_minus_one(text: &str) -> Translated {
    if text == "-1" { Translated::Unset } else { same(text) }
}

/// Any other negative number was 0.
pub(super) fn offset(text: &str) -> Translated {
    match text {
        "-1" => Translated::Unset,
        negative if negative.starts_with('-') => Translated::Value("0".to_owned()),
        text => same(text),
    }
}

/// The value is not repeated: it may hold a password.
pub(super) fn db(text: &str) -> Translated {
    const NEXT: &str = "leave it out, and hydrad keeps the records in its own store, in the data directory; it fills \
                        within a day as providers announce again";
    let engine = if text.starts_with("postgresql://") || text.starts_with("postgres://") {
        "PostgreSQL"
    } else if text.starts_with("dynamodb://") {
        "DynamoDB"
    } else {
        let path = text.trim_end_matches('/');
        return match path {
            "" => Translated::Unset,
            path => {
                let shown = shorten(path);
                let said = format!(
                    "the LevelDB in {shown} is not read: hydrad has a store of its own, in data_dir. Once, before the \
                     start: hydrad import --from {shown} --data-dir DIR, with the data_dir that --print-config shows"
                );
                Translated::Told { value: format!("{path}.hydrad"), said }
            }
        };
    };
    Translated::Refused { why: format!("{engine} as the record store is not built yet"), next: NEXT }
}

pub(super) fn provider_store(text: &str) -> Translated {
    let why = if text.starts_with("dynamodb://") {
        "DynamoDB as the store of provider records is not built yet"
    } else if text.starts_with("https://") {
        "a remote HTTP service as the store of provider records is not built"
    } else {
        return nothing(text);
    };
    let next = "leave it out, and hydrad keeps provider records in its own store, in the data directory";
    Translated::Refused { why: why.to_owned(), next }
}

/// What was neither of the others was logey.
pub(super) fn theme(text: &str) -> Translated {
    Translated::Value(if matches!(text, "none" | "gooey") { text } else { "logey" }.to_owned())
}

pub(super) fn prefetch_off(text: &str) -> Translated {
    if text == "true" { Translated::Value("off".to_owned()) } else { Translated::Unset }
}

/// go-log: levels joined by commas, those of a subsystem as `name=level`.
pub(super) fn log_level(text: &str) -> Translated {
    let lone = text.split(',').map(str::trim).rfind(|part| !part.contains('=') && !part.is_empty());
    let level = match lone.map(str::to_ascii_lowercase).as_deref() {
        Some("debug") => "debug",
        Some("info") => "info",
        Some("warn" | "warning") => "warn",
        Some("error" | "dpanic" | "panic" | "fatal") => "error",
        Some(_) => return Translated::Nothing,
        None => return Translated::Unset,
    };
    Translated::Value(level.to_owned())
}
