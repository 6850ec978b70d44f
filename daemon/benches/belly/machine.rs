//! What the kernel says of this process, and what it is told of files.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Advice, fadvise};

/// Takes the files of a directory out of the page cache, so that they are read from the disk.
pub(crate) fn evict(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let file = File::open(entry?.path())?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

/// A line of a file of `/proc`, as a number.
pub(crate) fn proc(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// Bytes of a line of `/proc/self/status`.
pub(crate) fn status(name: &str) -> u64 {
    proc("/proc/self/status", name) * 1024
}

/// CPU time of this process, to a hundredth of a second.
pub(crate) fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // user and system time are the 14th and 15th field; the 2nd may have spaces in it
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

pub(crate) fn cpu_us(since: Duration) -> f64 {
    (cpu() - since).as_secs_f64() * 1e6
}
