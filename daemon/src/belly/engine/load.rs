//! From the files into memory, at the start.
//!
//! Providers first, from all files, the newest first; then the records, by several
//! threads, the newest files first: those of a sealed file from its segment, which is in
//! the order of the index, all others from their pages. The order of the files does not
//! matter for the outcome: of two records the newer generation stands. Must not write.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::catalogue::{Entry, KEPT_HOURS, Numbers, SERVED_HOURS};
use super::merge::{self, Way};
use super::progress::Share;
use super::pulse::Reason;
use super::shared::Shared;
use crate::belly::database::{self, BellyError, Trouble};
use crate::belly::log::{LogReader, Name, Page};
use crate::belly::segments::Header;
use crate::belly::{PROVIDER_VALIDITY, Progress};

/// Records that are sorted together before they go into the index: the passes over its
/// shards are then sequential.
const BATCH: usize = 1 << 20;

/// Pages of one file that one thread reads at a time.
const PORTION: i64 = 2_000;

/// Blocks of a segment that one thread reads at a time: half a million entries.
const BLOCKS: i64 = 1_000;

/// A file that is read.
pub(super) struct Source {
    pub(super) name: Name,
    pub(super) generation: u8,
    pub(super) numbers: Arc<Numbers>,
    /// Its segment takes the place of the first pages.
    pub(super) segment: Option<Header>,
    /// What is done with its segment; decided when its turn comes.
    pub(super) way: OnceLock<Way>,
    /// Somebody does what is to be done once for the whole segment.
    pub(super) settled: AtomicBool,
}

/// Some rows of a file.
struct Portion {
    source: Arc<Source>,
    rows: Rows,
}

enum Rows {
    Pages(RangeInclusive<i64>),
    Blocks(RangeInclusive<i64>),
}

/// How far the loading is.
#[derive(Default)]
pub(super) struct Loading {
    portions: Vec<Portion>,
    next: AtomicUsize,
    /// Portions of the last day that are not yet read.
    day_left: AtomicUsize,
    left: AtomicUsize,
    all: Share,
    /// Of the last day.
    day: Share,
    /// Entries of segments that are on their way into the index.
    pub(super) merging: Mutex<u64>,
    /// When, in seconds since the Unix epoch.
    began: u32,
    pub(super) cancelled: AtomicBool,
}

impl Loading {
    pub(super) fn read(&self, name: Name, note: impl Fn(&Share)) {
        note(&self.all);
        if of_last_day(name, self.began) {
            note(&self.day);
        }
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        let left = self.left.load(Ordering::Acquire);
        let ((records, expected), (day_records, day_expected)) = (self.all.figures(), self.day.figures());
        let day = self.day_left.load(Ordering::Acquire) == 0;
        (left > 0).then_some(Progress { records, expected, day_records, day_expected, day })
    }
}

/// Files that are there, the newest first.
pub(super) fn list(dir: &Path) -> std::io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        names.extend(Name::parse(&entry?.file_name().to_string_lossy()));
    }
    names.sort_unstable();
    names.reverse();
    Ok(names)
}

/// Takes in the files' providers and prepares the reading of their records.
pub(super) fn prepare(shared: &Shared, names: Vec<Name>) -> Result<Loading, BellyError> {
    let now = shared.clock.secs();
    let mut loading = Loading { began: now, ..Loading::default() };
    let mut day_left = 0;
    for name in names {
        let path = name.path(&shared.dir);
        let mut entry = Entry { bytes: database::bytes(&path), ..Entry::default() };
        if name.hour.saturating_add(SERVED_HOURS) <= now / 3600 {
            if name.hour.saturating_add(KEPT_HOURS) > now / 3600 {
                shared.catalogue.insert(name, entry);
            } else if let Err(error) = database::unlink(&path) {
                tracing::warn!("cannot delete {}: {error}", path.display());
            }
            continue;
        }
        let mut read = read_providers(shared, &path);
        if read.as_ref().is_err_and(Trouble::is_damage) && database::mend_cut(&path).unwrap_or(false) {
            shared.pulse.set_notice(format!(
                "the record store's {} was cut; what was in the missing part fills again as providers announce (22 h), \
                 and its damaged pages are counted",
                path.display()
            ));
            read = read_providers(shared, &path);
            if let Ok(found) = &read {
                found.numbers.set_unsound();
            }
        }
        let Found { numbers, bad, pages, segment } = match read {
            Ok(read) => read,
            Err(trouble) if trouble.is_damage() => {
                broken_at_start(shared, &path, &trouble)?;
                continue;
            }
            Err(trouble) if trouble.is_io() => {
                unreadable_at_start(shared, &path, &trouble);
                continue;
            }
            Err(trouble) => return Err(trouble.at(&path)),
        };
        shared.pulse.add(Reason::RowDamaged, bad);
        let Some(generation) = shared.catalogue.adopt(&shared.index.generations, name) else {
            shared.pulse.set_notice(format!("{} is not read: there are too many hours", path.display()));
            continue;
        };
        let numbers = Arc::new(numbers);
        entry.generation = generation;
        entry.numbers = Some(numbers.clone());
        // of an unsound file each page is looked at
        entry.segment = segment.filter(|header| header.last_page() <= pages && entry.is_sound());
        let segment = entry.segment;
        shared.catalogue.insert(name, entry);
        let covered = segment.map_or(0, |header| header.last_page());
        let entries = segment.map_or(0, |header| header.entries);
        loading.all.expect(entries, pages - covered);
        if of_last_day(name, now) {
            loading.day.expect(entries, pages - covered);
        }
        let (way, settled) = (OnceLock::new(), AtomicBool::new(false));
        let source = Arc::new(Source { name, generation, numbers, segment, way, settled });
        let blocks = segment.iter().flat_map(|header| parts(header.rows(), BLOCKS));
        let portions = blocks.map(Rows::Blocks);
        let portions = portions.chain(parts(covered + 1..=pages, PORTION).map(Rows::Pages));
        for rows in portions {
            loading.portions.push(Portion { source: source.clone(), rows });
            day_left += usize::from(of_last_day(name, now));
        }
    }
    shared.providers.loaded(|_| false);
    loading.left = AtomicUsize::new(loading.portions.len());
    loading.day_left = AtomicUsize::new(day_left);
    Ok(loading)
}

fn parts(rows: RangeInclusive<i64>, size: i64) -> impl Iterator<Item = RangeInclusive<i64>> {
    let end = *rows.end();
    rows.step_by(size as usize).map(move |from| from..=end.min(from + size - 1))
}

/// What a file says before its records are read.
struct Found {
    /// How its numbers are to be read.
    numbers: Numbers,
    /// Rows that made no sense.
    bad: u64,
    /// The last page.
    pages: i64,
    segment: Option<Header>,
}

fn read_providers(shared: &Shared, path: &Path) -> Result<Found, Trouble> {
    let now = shared.clock.secs();
    let log = LogReader::open(path)?;
    let mut numbers = Numbers::default();
    let mut refused = 0;
    let bad = log.providers(|row| {
        let in_file = row.number;
        match shared.providers.load(row, now) {
            Some(number) => numbers.insert(in_file, number),
            None => refused += 1,
        }
    })?;
    if bad + refused > 0 {
        numbers.set_unsound();
    }
    let segment = match Header::of(&log) {
        Err(error) if database::is_damage(&error) => None,
        header => header?,
    };
    Ok(Found { numbers, bad: bad + refused, pages: log.last()?, segment })
}

/// A file of which nothing can be read is set aside, and told.
fn broken_at_start(shared: &Shared, path: &Path, trouble: &Trouble) -> Result<(), BellyError> {
    let aside = database::move_aside(path)?;
    shared.pulse.count(Reason::FileDamaged);
    shared.pulse.set_notice(format!(
        "the record store's {} was damaged ({trouble}) and is now {}; what was in it fills again as providers \
         announce (22 h)",
        path.display(),
        aside.display()
    ));
    Ok(())
}

/// A file that the disk does not give is left as it is, and told.
fn unreadable_at_start(shared: &Shared, path: &Path, trouble: &Trouble) {
    shared.pulse.count(Reason::FileDamaged);
    shared.pulse.set_notice(format!(
        "the record store's {} cannot be read ({trouble}): mend the disk and restart hydrad; what is in it fills \
         again as providers announce (22 h)",
        path.display()
    ));
}

fn of_last_day(name: Name, now: u32) -> bool {
    name.hour + 24 >= now / 3600
}

/// One of several threads that read.
pub(super) fn run(shared: &Shared) {
    let loading = &shared.loading;
    while let Some(portion) = loading.portions.get(loading.next.fetch_add(1, Ordering::AcqRel)) {
        let name = portion.source.name;
        if !loading.cancelled.load(Ordering::Relaxed)
            && let Err(trouble) = read(shared, portion)
        {
            shared.pulse.count(Reason::FileDamaged);
            shared
                .pulse
                .set_notice(format!("the record store's {name} cannot be read to its end: {trouble}"));
        }
        if of_last_day(name, loading.began) {
            loading.day_left.fetch_sub(1, Ordering::AcqRel);
        }
        loading.left.fetch_sub(1, Ordering::AcqRel);
    }
}

fn read(shared: &Shared, portion: &Portion) -> Result<(), Trouble> {
    let source = &*portion.source;
    let log = LogReader::open(&source.name.path(&shared.dir))?;
    match (&portion.rows, source.segment) {
        (Rows::Pages(pages), _) => read_pages(shared, source, &log, pages.clone()),
        (Rows::Blocks(blocks), Some(header)) => merge::read(shared, source, header, &log, blocks.clone()),
        (Rows::Blocks(_), None) => Ok(()),
    }
}

pub(super) fn read_pages(
    shared: &Shared,
    source: &Source,
    log: &LogReader,
    pages: RangeInclusive<i64>,
) -> Result<(), Trouble> {
    let Source { name, generation, numbers, .. } = source;
    let (name, generation) = (*name, *generation);
    let tombstones = shared.tombstones.read().clone();
    let mut batch: Vec<(u64, u32)> = Vec::new();
    let (mut garbled, mut unknown) = (0u64, 0u64);
    let lost = log.pages(pages, |bytes| {
        let Some(page) = Page::open(bytes, name.hour) else {
            garbled += 1;
            return;
        };
        let mut read = 0;
        page.each(|key, tail| {
            read += 1;
            let Some(provider) = numbers.read(tail.provider) else {
                unknown += 1;
                return;
            };
            let hash = shared.key.hash(key);
            let at = super::purge::time(name.hour, tail.minute);
            if !tombstones.is_empty() && tombstones.cover(hash, provider, at) {
                return;
            }
            batch.push((shared.index.place(hash), provider));
        });
        shared.loading.read(name, |share| share.page(read));
        if batch.len() >= BATCH {
            put(shared, &mut batch, generation);
        }
    })?;
    put(shared, &mut batch, generation);
    shared.pulse.add(Reason::PageDamaged, lost + garbled);
    shared.pulse.add(Reason::ProviderUnknown, unknown);
    if lost + garbled + unknown > 0 {
        numbers.set_unsound();
        let text = format!(
            "the record store's {name} has {} damaged pages and {unknown} records without a provider; the rest is served",
            lost + garbled
        );
        shared.pulse.set_notice(text);
    }
    Ok(())
}

pub(super) fn put(shared: &Shared, batch: &mut Vec<(u64, u32)>, generation: u8) {
    batch.sort_unstable(); // one pass when they are in order
    let group = |provider| shared.providers.group(provider);
    let at = (generation, shared.clock.secs());
    shared.index.put_sorted(batch, at, shared.max_entries(), &group, |provider| {
        shared.providers.gain_record(provider);
    });
    batch.clear();
}

/// A store that was not used for so long has nothing to serve.
const _: () = assert!(PROVIDER_VALIDITY.as_secs() == (SERVED_HOURS as u64 - 1) * 3600);
