//! From the files into memory, at the start.
//!
//! Providers first, from all files, the newest first; then the records, by several
//! threads, the newest files first. The order does not matter for the outcome: of two
//! records the newer generation stands. Must not write.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::catalogue::{Entry, KEPT_HOURS, Numbers, SERVED_HOURS};
use super::pulse::Reason;
use super::shared::Shared;
use crate::belly::database::{self, BellyError, Trouble};
use crate::belly::log::{LogReader, Name, Page};
use crate::belly::{PROVIDER_VALIDITY, Progress};

/// Records that are sorted together before they go into the index: the passes over its
/// shards are then sequential.
const BATCH: usize = 1 << 20;

/// Records of a page, on the average; for the estimate before the first is read.
const PAGE_RECORDS: u64 = 700;

/// Pages of one file that one thread reads at a time.
const PORTION: i64 = 2_000;

/// Some pages of a file.
struct Portion {
    name: Name,
    generation: u8,
    numbers: Arc<Numbers>,
    pages: RangeInclusive<i64>,
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
    /// When, in seconds since the Unix epoch.
    began: u32,
    pub(super) cancelled: AtomicBool,
}

/// How much of some files is read.
#[derive(Default)]
struct Share {
    records: AtomicU64,
    pages: AtomicU64,
    /// Pages there are.
    of: u64,
}

impl Share {
    fn read(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    /// Records read, and how many there are if all pages are as full as those read.
    fn figures(&self) -> (u64, u64) {
        let records = self.records.load(Ordering::Relaxed);
        let expected = match self.pages.load(Ordering::Relaxed) {
            0 => self.of * PAGE_RECORDS,
            pages => records.saturating_mul(self.of) / pages,
        };
        (records, expected.max(records))
    }
}

impl Loading {
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
        let mut entry = Entry { generation: 0, bytes: database::bytes(&path), numbers: None, written: false };
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
            if let Ok((numbers, ..)) = &read {
                numbers.set_unsound();
            }
        }
        let (numbers, bad, pages) = match read {
            Ok(read) => read,
            Err(trouble) if trouble.is_damage() => {
                broken_at_start(shared, &path, &trouble)?;
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
        shared.catalogue.insert(name, entry);
        loading.all.of += pages.unsigned_abs();
        if of_last_day(name, now) {
            loading.day.of += pages.unsigned_abs();
        }
        for from in (1..=pages).step_by(PORTION as usize) {
            let pages = from..=pages.min(from + PORTION - 1);
            loading.portions.push(Portion { name, generation, numbers: numbers.clone(), pages });
            day_left += usize::from(of_last_day(name, now));
        }
    }
    shared.providers.loaded(|_| false);
    loading.left = AtomicUsize::new(loading.portions.len());
    loading.day_left = AtomicUsize::new(day_left);
    Ok(loading)
}

/// How the file's numbers are to be read, rows that made no sense, and the last page.
fn read_providers(shared: &Shared, path: &Path) -> Result<(Numbers, u64, i64), Trouble> {
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
    Ok((numbers, bad + refused, log.last()?))
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

fn of_last_day(name: Name, now: u32) -> bool {
    name.hour + 24 >= now / 3600
}

/// One of several threads that read.
pub(super) fn run(shared: &Shared) {
    let loading = &shared.loading;
    while let Some(portion) = loading.portions.get(loading.next.fetch_add(1, Ordering::AcqRel)) {
        let name = portion.name;
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
    let Portion { name, generation, numbers, pages } = portion;
    let (name, generation) = (*name, *generation);
    let day = of_last_day(name, shared.loading.began);
    let log = LogReader::open(&name.path(&shared.dir))?;
    let tombstones = shared.tombstones.read().clone();
    let mut batch: Vec<(u64, u32)> = Vec::new();
    let (mut garbled, mut unknown) = (0u64, 0u64);
    let lost = log.pages(pages.clone(), |bytes| {
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
            batch.push((hash, provider));
        });
        shared.loading.all.read(read);
        if day {
            shared.loading.day.read(read);
        }
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

fn put(shared: &Shared, batch: &mut Vec<(u64, u32)>, generation: u8) {
    batch.sort_unstable();
    let group = |provider| shared.providers.group(provider);
    let at = (generation, shared.clock.secs());
    shared.index.put_sorted(batch, at, shared.max_records, &group, |provider| {
        shared.providers.gain_record(provider);
    });
    batch.clear();
}

/// A store that was not used for so long has nothing to serve.
const _: () = assert!(PROVIDER_VALIDITY.as_secs() == (SERVED_HOURS as u64 - 1) * 3600);
