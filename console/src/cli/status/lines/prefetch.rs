//! The line of prefetching: its queue and its walk budget, and what they refused.

use super::Line;
use crate::output::dto::{PrefetchSummary, Warning};
use crate::output::look::{Look, Tone};

/// The warning that this line tells.
pub(super) const QUEUE_FULL: &str = "PREFETCH_QUEUE_FULL";

/// "queue 12, but full 03:05:58–03:06:50: …" or "12 of 1,000 keys wait · 27 of 32 look-ups/s · …".
pub(super) fn line(summary: &PrefetchSummary, warnings: &[Warning], look: &Look) -> Line {
    let count = |n| look.count(n);
    let (waiting, limit) = (count(summary.waiting), count(summary.waiting_limit));
    let full = warnings.iter().find(|warning| warning.code == QUEUE_FULL);
    let mut line = match (&summary.paused_reason, full) {
        (Some(reason), _) => {
            Line::new(Tone::Off, "prefetch", format!("paused: {reason} · {waiting} of {limit} keys wait"))
        }
        (None, Some(warning)) => {
            // what comes before the colon is in this line already
            let cause = warning.text.split_once(": ").map_or(warning.text.as_str(), |(_, cause)| cause);
            let when = match (warning.since_at, warning.until_at) {
                (Some(since), Some(until)) => {
                    format!(", but full {}–{}", look.clock(since.0), look.clock(until.0))
                }
                (Some(since), None) => format!(", full since {}", look.clock(since.0)),
                _ => ", full".to_owned(),
            };
            let mut line = Line::new(Tone::Look, "prefetch", format!("queue {waiting}{when}: {cause}"));
            line.remedy.clone_from(&warning.remedy);
            line
        }
        (None, None) => running(summary, look),
    };
    line.more.extend(budget(summary, look));
    line
}

fn running(summary: &PrefetchSummary, look: &Look) -> Line {
    let count = |n| look.count(n);
    let mut answer = format!(
        "{} of {} keys wait · {} look-ups begun in 1 min, {}/s allowed",
        count(summary.waiting),
        count(summary.waiting_limit),
        count(summary.walks_1m),
        count(summary.walks_per_second_limit.into())
    );
    if summary.misses_10m > 0 {
        let found = summary.found_10m as f64 * 100.0 / summary.misses_10m as f64;
        answer += &format!(" · {found:.0} % of {} misses found (10 min)", count(summary.misses_10m));
    }
    let tone = if summary.misses_10m == 0 { Tone::Off } else { Tone::Good };
    Line::new(tone, "prefetch", answer)
}

/// What the budget and the bounds of the queue refused.
fn budget(summary: &PrefetchSummary, look: &Look) -> Option<String> {
    let refused = [
        ("walk budget", summary.refused_by_budget),
        ("no room", summary.refused_by_room),
        ("asker's share", summary.refused_by_share),
    ];
    let each: Vec<String> = refused
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(why, n)| format!("{why} {}", look.count(n)))
        .collect();
    let allowed = look.count(summary.walks_per_second_limit.into());
    (!each.is_empty())
        .then(|| format!("{allowed} look-ups/s allowed; refused since the start: {}", each.join(" · ")))
}
