//! Series of values: which there are, and what they were.

use hydra_protocol::v1;
use serde::Serialize;

use super::Moment;
use crate::output::text::neutral;

/// A series, as `stats list` prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    pub name: String,
    /// per_second, count, bytes, bytes_per_second, seconds or ratio.
    pub unit: String,
    /// Of the newest complete step.
    pub value: Option<f32>,
    /// What a longer step has of its seconds: mean, most or sum.
    pub fold: String,
    /// Steps at which it is kept.
    pub steps_seconds: Vec<u32>,
    pub meaning: String,
}

impl From<&v1::Series> for Series {
    fn from(series: &v1::Series) -> Self {
        Self {
            name: neutral(&series.name),
            unit: neutral(&series.unit),
            value: series.newest.map(|value| value as f32),
            fold: neutral(&series.fold),
            steps_seconds: series.steps_seconds.clone(),
            meaning: neutral(&series.meaning),
        }
    }
}

/// A value of a step, as `stats history` prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StatsPoint {
    /// When the step began.
    pub at: Option<Moment>,
    pub series: String,
    /// Null: not measured.
    pub value: Option<f32>,
    /// As in [`Series`].
    pub unit: String,
    pub step_seconds: u32,
    /// The daemon started within the step.
    pub restarted: bool,
}
