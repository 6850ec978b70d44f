//! Keeps the books on disk: once a minute and at the end, on a thread of its own.
//!
//! Nobody waits for it. When it cannot write, the history goes on in memory, an event says so,
//! and it tries again every minute.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::telemetry::history::archive::{Archive, Books};
use crate::telemetry::history::book::Book;
use crate::telemetry::history::{file, unix_now};
use crate::telemetry::{Events, Level};

/// Between two writes; a crash loses no more.
const EVERY: Duration = Duration::from_secs(60);

const WHOLE: &str = "history-hydra.bin";
const HEADS: &str = "history-heads.bin";

/// A larger file is not one of ours.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// The thread that writes.
#[derive(Debug)]
pub struct Keeper {
    stop: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

/// A file, or what must be made anew.
struct Kept {
    path: PathBuf,
    file: Option<File>,
}

impl Keeper {
    /// Reads what the directory has into the archive, and keeps it there from now on. Blocks
    /// while it reads. What is wrong with a file is told, and the history begins anew.
    #[must_use]
    pub fn start(dir: &Path, archive: Arc<Archive>, events: Arc<Events>) -> Self {
        let now = unix_now();
        let mut books = archive.books.lock();
        let Books { whole, .. } = &mut *books;
        let whole = Kept::load(dir.join(WHOLE), whole, now, &events);
        let path = dir.join(HEADS);
        // heads come and go: the file says whose its columns are
        if let Some(names) = read(&path).ok().flatten().as_deref().and_then(file::names) {
            books.name_heads(names);
        }
        let heads = Kept::load(path, &mut books.heads, now, &events);
        drop(books);
        let (stop, stopped) = sync_channel(1);
        let (keeping, told) = (Arc::clone(&archive), Arc::clone(&events));
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || keep(&keeping, &told, [whole, heads], &stopped));
        if let Err(error) = &thread {
            fail(&archive, &events, &format!("start the thread that keeps the history: {error}"));
        }
        Self { stop, thread: thread.ok() }
    }

    /// Writes what is new and ends. Blocks for as long as that takes.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that keeps the history died: its last minute is not on disk");
        }
    }
}

fn keep(archive: &Archive, events: &Events, [mut whole, mut heads]: [Kept; 2], stopped: &Receiver<()>) {
    loop {
        let ended = !matches!(stopped.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout));
        let written = whole.write(archive, |books| (&mut books.whole, false)).and_then(|()| {
            heads.write(archive, |books| {
                let reshaped = std::mem::take(&mut books.heads_reshaped);
                (&mut books.heads, reshaped)
            })
        });
        match written {
            Ok(()) => {
                if archive.trouble.lock().take().is_some() {
                    events.good("history", "history is kept on disk again");
                }
            }
            Err(error) => fail(archive, events, &error),
        }
        if ended {
            return;
        }
    }
}

/// Told once, not every minute.
fn fail(archive: &Archive, events: &Events, error: &str) {
    if archive.trouble.lock().replace(error.to_owned()).is_none() {
        let text = format!(
            "{error}; history goes on in memory and is lost at the end of hydrad: free space or make the data \
             directory writable, it is tried again every minute"
        );
        events.tell(Level::Warn, "history", "HISTORY_NOT_KEPT", text);
    }
}

/// The whole file; `None` when there is none.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(found) if found.len() > FILE_MAX => Err(io::Error::other("it is too large to be a history")),
        _ => std::fs::read(path).map(Some),
    }
}

impl Kept {
    fn load(path: PathBuf, book: &mut Book, now: i64, events: &Events) -> Self {
        let anew = |why: &str| {
            let text = format!("{}: {why}; the history begins anew", path.display());
            events.tell(Level::Warn, "history", "HISTORY_DAMAGED", text);
        };
        let bytes = match read(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Self { path, file: None },
            Err(error) => {
                anew(&error.to_string());
                return Self { path, file: None };
            }
        };
        let Some(loaded) = file::load(book, &bytes, now) else {
            anew("not a history of this version, or damaged");
            return Self { path, file: None };
        };
        tracing::debug!(rows = loaded.rows, path = %path.display(), "read the history");
        let same = loaded.same_shape.then(|| File::options().write(true).open(&path).ok());
        Self { path, file: same.flatten() }
    }

    /// Writes what is new, or all of it where there is no file yet or the columns are others.
    fn write(
        &mut self,
        archive: &Archive,
        of: impl Fn(&mut Books) -> (&mut Book, bool),
    ) -> Result<(), String> {
        let mut books = archive.books.lock();
        let (book, reshaped) = of(&mut books);
        let all = reshaped || self.file.is_none();
        let (head, rows) = (file::head(book), file::rows(book, all));
        drop(books);
        let written = match self.file.take().filter(|_| !all) {
            Some(file) => file::write(&file, &rows).map(|()| file),
            None => file::create(&self.path, &head, &rows),
        };
        // after a failure, all of it is written again
        self.file = Some(written.map_err(|error| format!("write {}: {error}", self.path.display()))?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::history::{HeadReading, Readings, Series};

    fn fill(archive: &Archive, from: i64, seconds: i64) {
        let mut readings = Readings::default();
        readings.set(Series::FindNode, 5.0);
        let head = HeadReading { index: 7, requests: 5.0, connections: 2.0, presence: Some(0.5) };
        (from..from + seconds).for_each(|second| archive.push(second, &readings, &[head]));
    }

    fn values(archive: &Archive, name: &str, since: i64, step: u32) -> Vec<f32> {
        let mut stretch = archive.read(&[name.to_owned()], since, unix_now(), Some(step)).expect("a series");
        stretch.values.remove(0)
    }

    #[test]
    fn history_outlives_its_keeper_with_the_heads_and_goes_on_in_the_same_file() {
        let (dir, events) = (tempfile::tempdir().expect("a directory"), Arc::<Events>::default());
        let began = unix_now() - 400;
        for part in 0..3 {
            let archive = Arc::new(Archive::default());
            let keeper = Keeper::start(dir.path(), Arc::clone(&archive), Arc::clone(&events));
            fill(&archive, began + part * 120, 100);
            keeper.stop();
        }
        let archive = Arc::new(Archive::default());
        Keeper::start(dir.path(), Arc::clone(&archive), Arc::clone(&events)).stop();
        let seconds = values(&archive, "requests.find_node", began, 1);
        assert!(seconds[..99].iter().all(|value| *value == 5.0), "{seconds:?}");
        assert!(seconds[101..119].iter().all(|value| value.is_nan()), "a gap between: {seconds:?}");
        assert!(seconds[121..218].iter().all(|value| *value == 5.0), "{seconds:?}");
        assert_eq!(values(&archive, "head-7.presence", began + 60, 60)[0], 0.5);
        assert!(archive.trouble().is_none() && events.last(1).0.is_empty());
    }

    #[test]
    fn a_damaged_file_is_told_and_replaced() {
        let (dir, events) = (tempfile::tempdir().expect("a directory"), Arc::<Events>::default());
        std::fs::write(dir.path().join(WHOLE), b"something else").expect("written");
        for _ in 0..2 {
            let archive = Arc::new(Archive::default());
            let keeper = Keeper::start(dir.path(), Arc::clone(&archive), Arc::clone(&events));
            fill(&archive, unix_now() - 50, 10);
            keeper.stop();
        }
        let told: Vec<_> = events.last(9).0.iter().map(|event| event.code).collect();
        assert_eq!(told, ["HISTORY_DAMAGED"]);
    }

    #[test]
    fn without_a_writable_directory_it_goes_on_in_memory_and_says_so_once() {
        let (dir, events) = (tempfile::tempdir().expect("a directory"), Arc::<Events>::default());
        let archive = Arc::new(Archive::default());
        let gone = dir.path().join("gone");
        let keeper = Keeper::start(&gone, Arc::clone(&archive), Arc::clone(&events));
        fill(&archive, unix_now() - 50, 40);
        keeper.stop();
        assert!(archive.trouble().is_some_and(|text| text.contains("history-hydra.bin")));
        assert_eq!(values(&archive, "requests.find_node", unix_now() - 45, 1)[0], 5.0);
        assert_eq!(events.last(9).0.iter().filter(|event| event.code == "HISTORY_NOT_KEPT").count(), 1);
    }
}
