//! The belly: what it holds, what it takes, how fast it is, what it refused.

use std::fmt;

use crate::api::metrics::look::Look;
use crate::api::metrics::series::{Page, Series};

const RECORDS: Series = Series::gauge(
    "hydra_records",
    "Records: provider records that were near a head when they were announced, and far ones, value records \
     (IPNS and public keys), and prefetched provider records.",
)
.by(&["kind"]);
const PROVIDERS: Series = Series::gauge("hydra_record_providers", "Different providers of the records.");
const UNSAVED: Series = Series::gauge("hydra_records_unsaved", "Accepted records that are not on disk yet.");
const EXPIRED: Series = Series::counter("hydra_records_expired", "Provider records whose time was over.");
const DISK: Series = Series::gauge("hydra_belly_disk", "The belly on disk.").bytes();
const DISK_LIMIT: Series =
    Series::gauge("hydra_belly_disk_limit", "Disk that the belly may use; absent when that is not limited.")
        .bytes();
const INDEX: Series =
    Series::gauge("hydra_belly_index", "Memory of the index of records; at most a minute old.").bytes();
const SEGMENTS: Series = Series::gauge(
    "hydra_belly_segments",
    "Memory of the filters and directories of segments; at most a minute old.",
)
.bytes();
const SEGMENT_RECORDS: Series = Series::gauge(
    "hydra_belly_segment_records",
    "Of the records, those that are answered from segments on disk; at most a minute old.",
);
const COMMITS: Series =
    Series::histogram("hydra_belly_commit_duration", "Commits of provider records to the disk.");
const LOOKUPS: Series = Series::histogram(
    "hydra_belly_lookup_duration",
    "Look-ups of providers in the belly, of one in 16: multiply the count.",
);
const TROUBLED: Series =
    Series::gauge("hydra_belly_troubled", "1 while the belly cannot be written, or was damaged (for 24 h).");
const WARMING: Series =
    Series::gauge("hydra_belly_warming", "1 while the belly reads what it had before the start.");
const READ: Series = Series::gauge(
    "hydra_belly_warming_records",
    "While the belly is read at the start: records read, and about how many there are. Absent when it has all.",
)
.by(&["stage"]);
const DROPS: Series =
    Series::counter("hydra_belly_drops", "What the belly refused or lost (docs/operations.md).")
        .by(&["reason"]);

pub(super) const ALL: &[&Series] = &[
    &RECORDS,
    &PROVIDERS,
    &UNSAVED,
    &EXPIRED,
    &DISK,
    &DISK_LIMIT,
    &INDEX,
    &SEGMENTS,
    &SEGMENT_RECORDS,
    &COMMITS,
    &LOOKUPS,
    &TROUBLED,
    &WARMING,
    &READ,
    &DROPS,
];

pub(super) fn write(page: &mut Page<'_>, look: &Look<'_>) -> fmt::Result {
    let (belly, counts, health) = (&look.hydra.belly, &look.counts, &look.health);
    page.put(&RECORDS, |out| {
        out.put(&["near"], counts.near)?;
        out.put(&["far"], counts.records.saturating_sub(counts.near))?;
        out.put(&["value"], counts.values)?;
        out.put(&["prefetched"], counts.prefetched)
    })?;
    page.one(&PROVIDERS, counts.providers)?;
    page.one(&UNSAVED, counts.unsaved)?;
    let books = belly.books();
    page.one(&EXPIRED, books.expired)?;
    page.one(&DISK, health.disk_bytes)?;
    page.maybe(&DISK_LIMIT, health.max_disk)?;
    let footprint = &look.dear.footprint;
    page.one(&INDEX, footprint.index_bytes)?;
    page.one(&SEGMENTS, footprint.segment_bytes)?;
    page.one(&SEGMENT_RECORDS, footprint.segment_records)?;
    page.put(&COMMITS, |out| out.times(&[], &books.commits))?;
    page.put(&LOOKUPS, |out| out.times(&[], &look.hydra.service.requests.lookup_times()))?;
    page.one(&TROUBLED, health.trouble.is_some())?;
    let warming = belly.warming();
    page.one(&WARMING, warming.is_some())?;
    page.put(&READ, |out| {
        let Some(progress) = warming else { return Ok(()) };
        out.put(&["read"], progress.records)?;
        out.put(&["expected"], progress.expected)
    })?;
    page.put(&DROPS, |out| {
        belly.drops().into_iter().try_for_each(|(reason, count)| out.put(&[reason], count))
    })
}
