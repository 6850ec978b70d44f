//! What happened.

use std::collections::BTreeMap;

use hydra_protocol::v1;
use serde::Serialize;

use super::{Moment, known, moment};
use crate::output::text::neutral;

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub at: Option<Moment>,
    /// info, warn, error.
    pub level: &'static str,
    /// hydrad, scout, belly, …; of an event of a head its name.
    pub part: String,
    /// Stable, upper case; null when there is none.
    pub code: Option<String>,
    /// The head that it is about; null when it is about none alone.
    pub head: Option<String>,
    /// For people.
    pub text: String,
    /// Numbers that the text tells, by name.
    pub fields: BTreeMap<String, u64>,
}

impl From<&v1::Event> for Event {
    fn from(event: &v1::Event) -> Self {
        let part = neutral(&event.part);
        Self {
            at: moment(event.at),
            level: match event.level() {
                v1::Finding::Fail => "error",
                v1::Finding::Warn => "warn",
                _ => "info",
            },
            code: known(&event.code),
            head: part.starts_with("head-").then(|| part.clone()),
            part,
            text: neutral(&event.text),
            fields: event.fields.iter().map(|(name, number)| (neutral(name), *number)).collect(),
        }
    }
}
