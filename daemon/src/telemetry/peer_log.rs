//! The peer log: one JSON line for each peer that says who it is, for joining with other logs.
//!
//! Owns a thread and its files. Lines go through a bounded channel: when the disk is slower
//! than the peers, lines are dropped and counted, and nobody waits. When the file is as large
//! as it may be it becomes `NAME.1`, that one `NAME.2`, and the last is deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use crate::telemetry::{Drop as Reason, drops};

/// Lines that wait for the disk.
const QUEUE: usize = 4096;

/// Lines are on their way to the disk within this time.
const FLUSH: Duration = Duration::from_secs(1);

/// After a failed write the file is opened again no sooner.
const RETRY: Duration = Duration::from_secs(10);

/// Where the log lies and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub path: PathBuf,
    /// Of one file, in bytes.
    pub max_bytes: u64,
    /// Files kept, the current one included.
    pub files: u32,
}

/// One line. Names of fields are part of the API.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// RFC 3339, UTC.
    #[serde(serialize_with = "at")]
    pub at: SystemTime,
    pub peer: String,
    /// As the peer says of itself.
    pub agent: String,
    /// Name of the head it is connected to.
    pub head: String,
    /// IP group of its address; null for one that is not public.
    pub address_group: Option<String>,
}

fn at<S: serde::Serializer>(at: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
    match jiff::Timestamp::try_from(*at) {
        Ok(at) => out.collect_str(&at),
        Err(_) => out.serialize_none(),
    }
}

/// The running log; what waits is written when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct PeerLog {
    lines: SyncSender<Line>,
}

impl PeerLog {
    /// Opens the file and starts the thread.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn start(config: Config) -> io::Result<Self> {
        let (lines, inbox) = sync_channel(QUEUE);
        let writer = Writer::open(config)?;
        std::thread::Builder::new().name("peer-log".to_owned()).spawn(move || run(writer, &inbox))?;
        Ok(Self { lines })
    }

    /// Writes a line soon, or counts that there was no room for it.
    pub fn write(&self, line: Line) {
        if self.lines.try_send(line).is_err() {
            drops::count(Reason::PeerLogQueue);
        }
    }
}

fn run(mut writer: Writer, inbox: &Receiver<Line>) {
    let mut flushed = Instant::now();
    loop {
        match inbox.recv_timeout(FLUSH) {
            Ok(line) => writer.write(&line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return writer.flush(),
        }
        if flushed.elapsed() >= FLUSH {
            writer.flush();
            flushed = Instant::now();
        }
    }
}

/// The current file.
struct Writer {
    config: Config,
    file: Option<io::BufWriter<File>>,
    bytes: u64,
    failed_at: Option<Instant>,
}

impl Writer {
    fn open(config: Config) -> io::Result<Self> {
        let (file, bytes) = append(&config.path)?;
        Ok(Self { config, file: Some(file), bytes, failed_at: None })
    }

    fn write(&mut self, line: &Line) {
        if self.file.is_none() && !self.open_again() {
            return drops::count(Reason::PeerLogDisk);
        }
        let Ok(mut text) = serde_json::to_vec(line) else { return drops::count(Reason::PeerLogDisk) };
        text.push(b'\n');
        if self.bytes > 0 && self.bytes + text.len() as u64 > self.config.max_bytes {
            let rotated = self.rotate();
            self.checked(rotated, "rotate");
        }
        let Some(file) = &mut self.file else { return drops::count(Reason::PeerLogDisk) };
        let written = file.write_all(&text);
        if written.is_ok() {
            self.bytes += text.len() as u64;
        } else {
            drops::count(Reason::PeerLogDisk);
        }
        self.checked(written, "write");
    }

    fn flush(&mut self) {
        if let Some(file) = &mut self.file {
            let flushed = file.flush();
            self.checked(flushed, "write");
        }
    }

    /// The first failure is told; the file is closed and tried again later.
    fn checked(&mut self, done: io::Result<()>, what: &str) {
        let Err(error) = done else { return };
        let path = self.config.path.display();
        tracing::warn!("{what} the peer log {path}: {error}; lines are dropped until it works again");
        self.file = None;
        self.failed_at = Some(Instant::now());
    }

    fn open_again(&mut self) -> bool {
        let rested = |at: Instant| at.elapsed() >= RETRY;
        if !self.failed_at.is_none_or(rested) {
            return false;
        }
        match append(&self.config.path) {
            Ok((file, bytes)) => {
                (self.file, self.bytes, self.failed_at) = (Some(file), bytes, None);
                true
            }
            Err(_) => {
                self.failed_at = Some(Instant::now());
                false
            }
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.flush()?;
        }
        let name = |n: u32| match n {
            0 => self.config.path.clone(),
            n => PathBuf::from(format!("{}.{n}", self.config.path.display())),
        };
        let last = self.config.files.saturating_sub(1);
        for n in (0..last).rev() {
            match fs::rename(name(n), name(n + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if last == 0 {
            fs::remove_file(name(0))?;
        }
        let (file, bytes) = append(&self.config.path)?;
        (self.file, self.bytes) = (Some(file), bytes);
        Ok(())
    }
}

/// Opens for appending; only the owner may read who was here.
fn append(path: &Path) -> io::Result<(io::BufWriter<File>, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((io::BufWriter::new(file), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u32) -> Line {
        Line {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            peer: format!("12D3{n}"),
            agent: "kubo/0.39.0\n\"".to_owned(),
            head: "head-3".to_owned(),
            address_group: (n > 0).then(|| "203.0.0.0/16".to_owned()),
        }
    }

    fn config(dir: &Path, files: u32) -> Config {
        Config { path: dir.join("peers.ndjson"), max_bytes: 1_000, files }
    }

    #[test]
    fn a_line_is_json_with_the_names_that_are_documented() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut writer = Writer::open(config(dir.path(), 3)).expect("opens");
        writer.write(&line(0));
        writer.write(&line(1));
        writer.flush();
        let text = fs::read_to_string(dir.path().join("peers.ndjson")).expect("readable");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines[0]["at"], "2027-01-15T08:00:00Z");
        assert_eq!(
            (&lines[0]["address_group"], &lines[0]["head"]),
            (&serde_json::Value::Null, &"head-3".into())
        );
        assert_eq!(
            (&lines[1]["address_group"], &lines[1]["peer"]),
            (&"203.0.0.0/16".into(), &"12D31".into())
        );
        assert_eq!(lines[1]["agent"], "kubo/0.39.0\n\"");
    }

    #[test]
    fn files_are_bounded_in_size_and_number_and_the_newest_lines_are_kept() {
        for files in [1, 3] {
            let dir = tempfile::tempdir().expect("a directory");
            let mut writer = Writer::open(config(dir.path(), files)).expect("opens");
            for n in 0..100 {
                writer.write(&line(n));
            }
            writer.flush();
            let sizes: Vec<u64> = fs::read_dir(dir.path())
                .expect("readable")
                .map(|entry| entry.and_then(|entry| entry.metadata()).expect("readable").len())
                .collect();
            assert_eq!(sizes.len(), files as usize);
            assert!(sizes.iter().all(|bytes| *bytes <= 1_000), "{sizes:?}");
            let newest = fs::read_to_string(dir.path().join("peers.ndjson")).expect("readable");
            assert!(newest.contains("12D399"));
        }
    }

    #[test]
    fn a_log_goes_on_where_the_last_run_ended() {
        let dir = tempfile::tempdir().expect("a directory");
        for n in 0..2 {
            let mut writer = Writer::open(config(dir.path(), 3)).expect("opens");
            writer.write(&line(n));
            writer.flush();
        }
        let text = fs::read_to_string(dir.path().join("peers.ndjson")).expect("readable");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_disk_that_fails_costs_lines_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = Config { path: dir.path().join("sub/peers.ndjson"), max_bytes: 300, files: 2 };
        fs::create_dir(dir.path().join("sub")).expect("made");
        let mut writer = Writer::open(config).expect("opens");
        fs::remove_dir_all(dir.path().join("sub")).expect("removed");
        for n in 0..10 {
            writer.write(&line(n));
        }
        assert!(writer.file.is_none());
        fs::create_dir(dir.path().join("sub")).expect("made");
        writer.failed_at = None;
        writer.write(&line(11));
        writer.flush();
        let text = fs::read_to_string(dir.path().join("sub/peers.ndjson")).expect("readable");
        assert!(text.contains("12D311"));
    }

    #[test]
    fn the_log_takes_lines_without_waiting() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = PeerLog::start(Config { max_bytes: 1 << 30, ..config(dir.path(), 2) }).expect("starts");
        for n in 0..100_000 {
            log.write(line(n));
        }
        drop(log);
        let dropped =
            drops::counts().find(|(reason, _)| *reason == Reason::PeerLogQueue).map_or(0, |(_, n)| n);
        for _ in 0..1_000 {
            let text = fs::read_to_string(dir.path().join("peers.ndjson")).expect("readable");
            if text.lines().count() as u64 + dropped == 100_000 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("lines are missing");
    }
}
