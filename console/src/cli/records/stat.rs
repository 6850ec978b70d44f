//! `records stat`: the belly as a whole.

use hydra_protocol::v1::GetBellyRequest;

use crate::cli::labelled;
use crate::error::Error;
use crate::output::dto::{Belly, BellyWarming, Drop, Generation};
use crate::output::look::Look;
use crate::output::object;
use crate::output::text::latency;
use crate::session::Session;
use crate::ui::Ui;

/// Hours since the last announcement by which ages are told apart; the last is the life of a record.
const AGES: [i64; 5] = [1, 6, 12, 24, 49];

pub(super) async fn run(session: &Session, ui: &mut Ui<'_>) -> Result<(), Error> {
    let reply = session.call(session.client.belly().get_belly(GetBellyRequest {})).await?;
    let Some(belly) = reply.belly else {
        return Err(Error::empty_answer("a belly"));
    };
    let belly = Belly::from(&belly);
    let text = text(&belly, &ui.look);
    object::print(ui, "hydra.v1/Belly", &belly, "belly", &text)
}

fn text(belly: &Belly, look: &Look) -> String {
    let count = |number| look.count(number);
    let near = |near: bool| belly.generations.iter().filter(move |one| one.near == near);
    let records = |near_ones: bool| near(near_ones).map(|one| one.records).sum::<u64>();
    let mut lines = vec![
        (
            "records",
            format!(
                "{} in force: {} near our heads, {} far",
                count(belly.records),
                count(records(true)),
                count(records(false))
            ),
        ),
        ("providers", count(belly.providers)),
        ("values", format!("{} (IPNS and public keys)", count(belly.values))),
        ("disk", disk(belly, look)),
        ("index", index(belly, look)),
        ("ages", ages(belly, look)),
        ("generations", generations(belly, look)),
        ("dropped", dropped(&belly.drops, look)),
    ];
    lines.extend(belly.warming.as_ref().map(|warming| ("reading", reading(warming, look))));
    lines.extend(belly.trouble.clone().map(|trouble| ("trouble", trouble)));
    labelled(&lines)
}

fn disk(belly: &Belly, look: &Look) -> String {
    let mut parts = vec![look.size_of(belly.disk_bytes, belly.disk_limit_bytes.unwrap_or(0))];
    parts.extend(belly.commit_p99_seconds.map(|p99| format!("commit p99 {} (1 min)", latency(p99))));
    parts.push(format!("{} records not on disk yet", look.count(belly.records_unsaved)));
    parts.push(format!("a crash loses ≤ {} s", belly.unsaved_max_seconds));
    parts.join(" · ")
}

fn index(belly: &Belly, look: &Look) -> String {
    let held = belly.records.saturating_sub(belly.segment_records);
    let each = match held {
        0 => String::new(),
        records => format!(" · {:.1} B a record", belly.index_bytes as f64 / records as f64),
    };
    let segments = match belly.segment_records {
        0 => String::new(),
        records => {
            format!(
                " · {} records in segments on disk, {} of memory",
                look.count(records),
                look.size(belly.segment_bytes)
            )
        }
    };
    format!("{} of memory{each}{segments}", look.size(belly.index_bytes))
}

/// How many records were announced last within how many hours.
fn ages(belly: &Belly, look: &Look) -> String {
    let Some(now) = belly.at else { return "—".to_owned() };
    let age = |one: &Generation| Some((now.0.as_second() - one.begins_at?.0.as_second()) / 3_600);
    let mut from = i64::MIN;
    let parts = AGES.map(|until| {
        let within =
            belly.generations.iter().filter(|one| age(one).is_some_and(|age| (from..until).contains(&age)));
        let records: u64 = within.map(|one| one.records).sum();
        from = until;
        format!("< {until} h {}", look.count(records))
    });
    parts.join(" · ")
}

fn generations(belly: &Belly, look: &Look) -> String {
    let moments = || belly.generations.iter().filter_map(|one| one.begins_at);
    let (Some(newest), Some(oldest)) = (moments().max(), moments().min()) else { return "none".to_owned() };
    let memory = belly.generations.iter().filter(|one| one.memory_only).count();
    let memory = if memory > 0 { format!(", {memory} in memory only") } else { String::new() };
    let ages = [newest, oldest].map(|at| look.age(Some(at.0)).unwrap_or_default());
    match look.terminal {
        true => format!("{}{memory}; begun {} to {} ago", belly.generations.len(), ages[0], ages[1]),
        false => format!("{}{memory}; begun {} back to {}", belly.generations.len(), ages[0], ages[1]),
    }
}

fn dropped(drops: &[Drop], look: &Look) -> String {
    let mut some: Vec<&Drop> = drops.iter().filter(|drop| drop.count > 0).collect();
    some.sort_by_key(|drop| std::cmp::Reverse(drop.count));
    if some.is_empty() {
        return "nothing since the start".to_owned();
    }
    let each: Vec<String> =
        some.iter().map(|drop| format!("{} {}", drop.reason, look.count(drop.count))).collect();
    format!("{} (since the start)", each.join(" · "))
}

/// "last 24 h: 411.0 of ≈ 581.0 M records · 48,000/s · 14 s to go".
pub(in crate::cli) fn reading(warming: &BellyWarming, look: &Look) -> String {
    let (what, read, of, left) = if warming.day_read {
        ("all", warming.records, warming.records_expected, warming.left_seconds)
    } else {
        ("last 24 h", warming.day_records, warming.day_records_expected, warming.day_left_seconds)
    };
    let mut parts = vec![format!("{what}: {} of ≈ {} records read", look.count(read), look.count(of))];
    parts.extend(warming.records_per_second.map(|rate| format!("{}/s", look.rate(rate))));
    parts.extend(left.map(|left| format!("{} to go", look.span(left.ceil()))));
    parts.join(" · ")
}
