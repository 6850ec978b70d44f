//! Writes a recording, on a thread of its own: a slow disk never holds the screen up.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Error, LONGEST_FILE, SCHEMA, line};
use crate::tui::state::Message;

/// Lines that may wait for the disk.
const WAITING: usize = 256;

/// A recording that is being written.
#[derive(Debug)]
pub struct Recorder {
    lines: Option<SyncSender<String>>,
    writer: Option<JoinHandle<io::Result<u64>>>,
    left_out: u64,
}

impl Recorder {
    /// Begins a recording; a file that is there is written over.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(|source| Error::file("create", path, source))?;
        let (lines, written) = sync_channel(WAITING);
        let writer = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || write(file, &written))
            .map_err(|source| Error::file("record to", path, source))?;
        Ok(Self { lines: Some(lines), writer: Some(writer), left_out: 0 })
    }

    /// Records a message. One that the disk is too slow for is left out, and counted.
    pub fn take(&mut self, message: &Message, after: Duration) {
        let (Some(lines), Some(line)) = (&self.lines, line::write(message, after)) else { return };
        if lines.try_send(line).is_err() {
            self.left_out += 1;
        }
    }

    /// Writes what waits; answers how many messages were left out.
    ///
    /// # Errors
    /// When the disk did not take them.
    pub fn finish(mut self) -> io::Result<u64> {
        self.lines = None;
        let written = self.writer.take().map(JoinHandle::join);
        let beyond = match written {
            Some(Ok(beyond)) => beyond?,
            Some(Err(_)) | None => return Err(io::Error::other("the writer of the recording ended")),
        };
        Ok(self.left_out + beyond)
    }
}

/// Writes lines until the last; answers how many were beyond the longest file.
fn write(file: File, lines: &Receiver<String>) -> io::Result<u64> {
    let mut file = BufWriter::new(file);
    let version = env!("CARGO_PKG_VERSION");
    let head = format!("{{\"schema\":\"{SCHEMA}\",\"hydractl\":\"{version}\"}}");
    let (mut bytes, mut beyond) = (0, 0);
    for line in std::iter::once(head).chain(lines) {
        bytes += line.len() as u64 + 1;
        if bytes > LONGEST_FILE {
            beyond += 1;
        } else {
            writeln!(file, "{line}")?;
        }
    }
    file.flush()?;
    Ok(beyond)
}
