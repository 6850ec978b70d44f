//! The live peers over the window of the page.

use super::plot::Chart;
use crate::tui::chart::plot::Shape;
use crate::tui::number::{self, count, rate};
use crate::tui::state::past::Fold;

/// Seconds over which the daemon tells who came and went.
const HOUR: i64 = 3_600;

/// Servers of the routing table.
pub(super) const LIVE: Chart = Chart {
    title: "Live peers in the table",
    scope: "",
    short: "live",
    live: None,
    series: &["peers.live"],
    shape: Shape::Line,
    fold: Fold::Mean,
    limit: |_| None,
    now: |hydra| Some(hydra.status.peers_live as f64),
    label: rate,
    beside: |state, hydra, _| {
        let Some(survey) = hydra.feeds.survey() else { return vec![] };
        let Some(flow) = survey.flow_1h else { return vec![] };
        let reach = survey
            .at
            .zip(survey.flows_since)
            .map_or(HOUR, |(at, since)| at.seconds.saturating_sub(since.seconds));
        let window = number::window(reach.clamp(1, HOUR));
        let range = if state.peers().zoomed_to().is_some() { "in the range, " } else { "" };
        vec![format!("{range}{window} +{} −{}", count(flow.joined), count(flow.left))]
    },
};
