//! What the dialogs of Prefetch and Network say.

use hydra_protocol::v1::{PlanCoverageResponse, PlannedNetwork};

use super::super::paint::wrap;
use crate::tui::number::count;
use crate::tui::state::dialog::{Clear, Pause, Plan};

/// Lines of a dialog of so many cells.
struct Lines {
    cells: u16,
    lines: Vec<String>,
}

impl Lines {
    /// A text, broken at blanks.
    fn say(&mut self, text: &str) {
        self.lines.extend(wrap(text, self.cells));
    }

    /// A row of a table, as it stands.
    fn row(&mut self, text: String) {
        self.lines.push(text);
    }
}

fn keys(number: u64) -> String {
    if number == 1 { "1 key".to_owned() } else { format!("{} keys", count(number)) }
}

pub(super) fn pause(pause: &Pause, cells: u16) -> Vec<String> {
    let mut lines = Lines { cells, lines: Vec::new() };
    let work = &pause.work;
    lines.say(&format!(
        "Pause prefetching? The {} look-ups under way go on, {} stay queued. Misses ({} in the last minute) \
         are answered with closer peers only.",
        count(work.lookups),
        keys(work.waiting),
        count(work.misses_1m)
    ));
    lines.say("");
    match &pause.reason {
        None => lines.say("Why? Whoever looks later reads it; may be empty."),
        Some(reason) => {
            lines.say(&format!("Why: {}", if reason.is_empty() { "not said" } else { reason }));
            lines.say("How long? 30m, 2h; empty: until it is resumed.");
        }
    }
    lines.say(&format!("> {}_", pause.typed));
    lines.say(&pause.error);
    lines.say(if pause.reason.is_none() {
        "Enter goes on, Esc leaves."
    } else {
        "Enter pauses, Esc leaves."
    });
    lines.lines
}

pub(super) fn resume(waiting: u64, reason: &str, cells: u16) -> Vec<String> {
    let mut lines = Lines { cells, lines: Vec::new() };
    lines.say(&format!(
        "Prefetching is paused: {}",
        if reason.is_empty() { "no reason was given" } else { reason }
    ));
    lines.say(&format!("Have it go on? {} wait and are looked up first.", keys(waiting)));
    lines.say("");
    lines.say("y resumes it, Esc leaves.");
    lines.lines
}

pub(super) fn clear(clear: &Clear, cells: u16) -> Vec<String> {
    let mut lines = Lines { cells, lines: Vec::new() };
    lines.say(&format!(
        "{} wait to be looked up. They are forgotten until somebody asks for them again; the {} look-ups under \
         way go on.",
        keys(clear.work.waiting),
        count(clear.work.lookups)
    ));
    lines.say("");
    lines.say("Type clear to forget them:");
    lines.say(&format!("> {}_", clear.typed));
    lines.say(&clear.error);
    lines.say("Enter confirms, Esc leaves.");
    lines.lines
}

pub(super) fn plan(plan: &Plan, cells: u16) -> Vec<String> {
    let mut lines = Lines { cells, lines: Vec::new() };
    match (&plan.told, plan.asked) {
        (Some(told), _) => planned(told, &mut lines),
        (None, Some(per_mille)) => {
            lines.say(&format!("Reckoning what a coverage of {} takes …", share(f64::from(per_mille) / 1e3)));
            lines.say("This is work of some seconds for hydrad.");
        }
        (None, None) => {
            lines.say(
                "Plan: of which share of all keys shall one of the heads be among the 20 nearest servers?",
            );
            lines.say("");
            lines.say(&format!("> {}_", plan.typed));
            lines.say(&plan.error);
            lines.say("Enter reckons, nothing is made. Esc leaves.");
        }
    }
    lines.lines
}

fn planned(plan: &PlanCoverageResponse, lines: &mut Lines) {
    lines.say(&format!("{} of all keys, from {} heads on:", share(plan.coverage), count(plan.heads.into())));
    lines.say("");
    lines.row(format!("{:<6}{:>11}{:>9}{:>13}{:>12}", "", "SERVERS", "NOW AT", "MORE HEADS", "AT PLACES"));
    for network in &plan.networks {
        lines.row(row(network));
    }
    if !plan.places.is_empty() {
        lines.say("");
        lines.say(&format!("Best places, of {}:", count(plan.places_total)));
        let place = |place: &hydra_protocol::v1::PlannedPlace| {
            let digits = (place.bits as usize).div_ceil(4).clamp(1, 12);
            let key: String = place.key.iter().map(|byte| format!("{byte:02x}")).collect();
            let key = key.get(..digits.min(key.len())).unwrap_or_default();
            format!("{key}… +{}", share(place.gain))
        };
        lines.say(&plan.places.iter().map(place).collect::<Vec<_>>().join(" · "));
        lines.say("The first: hydractl heads add --near PLACE. Each: hydractl network plan.");
    }
    lines.say("");
    lines.say("Esc closes.");
}

fn row(network: &PlannedNetwork) -> String {
    let when = if network.today { "today" } else { "if" };
    format!(
        "{when:<6}{:>11}{:>9}{:>13}{:>12}",
        count(network.peers),
        share(network.coverage),
        count(network.heads_by_chance),
        count(network.heads_placed)
    )
}

fn share(ratio: f64) -> String {
    if ratio.is_finite() { format!("{:.1} %", ratio * 100.0) } else { "—".to_owned() }
}
