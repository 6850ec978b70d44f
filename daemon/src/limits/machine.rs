//! What this machine, or the control group we run in, gives.

use std::fs;
use std::path::Path;

/// Limits of the machine, read once at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// The smaller of RAM and the control group's limit, in bytes.
    pub memory: u64,
    /// Soft limit of open files, after raising it to the hard one.
    pub files: u64,
}

impl Machine {
    /// Reads the limits, and raises the soft limit of open files to the hard one.
    #[must_use]
    pub fn read() -> Self {
        Self { memory: memory_limit(Path::new("/")), files: raise_files() }
    }
}

/// Resident memory of this process, in bytes; 0 where `/proc` does not tell.
#[must_use]
pub fn rss_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// Open descriptors of this process; 0 where `/proc` does not tell.
#[must_use]
pub fn open_files() -> u64 {
    // since Linux 6.2 the size of the directory is the count; before, it is 0 and we list
    match fs::metadata("/proc/self/fd").map(|dir| dir.len()) {
        Ok(count @ 1..) => count,
        _ => fs::read_dir("/proc/self/fd").map_or(0, |dir| dir.count() as u64),
    }
}

/// Bytes that this user may still write to the disk of a directory, or of the nearest one
/// above it that there is; all there can be when it does not tell.
#[must_use]
pub fn disk_free(dir: &Path) -> u64 {
    let stat = dir.ancestors().find_map(|dir| rustix::fs::statvfs(dir).ok());
    stat.map_or(u64::MAX / 2, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Bytes of the files in a directory, not of those in directories below it.
#[must_use]
pub fn dir_bytes(dir: &Path) -> u64 {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|meta| meta.len()).sum()
}

fn raise_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let raised = setrlimit(Resource::Nofile, wanted).is_ok();
    let soft = if raised { limit.maximum } else { limit.current };
    soft.unwrap_or(u64::MAX)
}

/// `root` is "/" save in tests.
fn memory_limit(root: &Path) -> u64 {
    let ram = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
    });
    let ram = ram.map_or(u64::MAX, |kib| kib * 1024);
    ram.min(cgroup_limit(root).unwrap_or(u64::MAX))
}

/// The tightest `memory.max` (v2) or `memory.limit_in_bytes` (v1) from our group upwards.
fn cgroup_limit(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mut tightest = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let (base, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            c if c.split(',').any(|c| c == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        for group in Path::new(group.trim_start_matches('/')).ancestors() {
            let limit = fs::read_to_string(root.join(base).join(group).join(file)).ok();
            if let Some(limit) = limit.and_then(|text| text.trim().parse::<u64>().ok()) {
                tightest = Some(tightest.map_or(limit, |t: u64| t.min(limit)));
            }
        }
    }
    tightest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_group_limit_counts_when_it_is_tighter_than_the_ram() {
        let root = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("make directories");
            fs::write(path, text).expect("write");
        };
        write("proc/meminfo", "MemTotal:       1000 kB\nMemFree: 1 kB\n");
        assert_eq!(memory_limit(root.path()), 1_024_000);
        write("proc/self/cgroup", "0::/system.slice/hydrad.service\n");
        write("sys/fs/cgroup/system.slice/hydrad.service/memory.max", "max\n");
        assert_eq!(memory_limit(root.path()), 1_024_000);
        write("sys/fs/cgroup/system.slice/memory.max", "500000\n");
        assert_eq!(memory_limit(root.path()), 500_000);
    }

    #[test]
    fn this_process_has_memory_and_files() {
        assert!(rss_bytes() > 1 << 20);
        assert!(open_files() >= 3);
        assert!(Machine::read().files >= open_files());
    }
}
