//! What a power cut leaves: everything that was synced, and of the rest whatever chance has
//! written, torn between sectors.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::disk::Op;

/// What a disk writes whole.
const SECTOR: usize = 512;

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    /// Writes and truncations since the last sync.
    pending: Vec<Op>,
}

impl File {
    fn apply(&mut self, op: &Op) {
        match op {
            Op::Write { at, bytes, .. } => {
                let at = *at as usize;
                if self.durable.len() < at + bytes.len() {
                    self.durable.resize(at + bytes.len(), 0);
                }
                self.durable[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Op::Truncate { len, .. } => self.durable.resize(*len as usize, 0),
            _ => {}
        }
    }

    fn sync(&mut self) {
        for op in std::mem::take(&mut self.pending) {
            self.apply(&op);
        }
    }

    /// Of each pending operation all, nothing, or some sectors.
    fn settle_by_chance(&mut self, rng: &mut StdRng) {
        // Often all is there or nothing is, seldom half of it.
        let share = [0.0, 0.1, 0.5, 0.9, 1.0][rng.random_range(0..5)];
        for op in std::mem::take(&mut self.pending) {
            match &op {
                Op::Write { inode, at, bytes } if rng.random_bool(0.3) => {
                    let first = SECTOR - *at as usize % SECTOR;
                    let mut from = 0;
                    while from < bytes.len() {
                        let to = if from == 0 { first } else { from + SECTOR }.min(bytes.len());
                        if rng.random_bool(share) {
                            let bytes = bytes[from..to].into();
                            self.apply(&Op::Write { inode: *inode, at: at + from as u64, bytes });
                        }
                        from = to;
                    }
                }
                _ if rng.random_bool(share) => self.apply(&op),
                _ => {}
            }
        }
    }
}

/// The disk as it is at some point of its history.
pub(crate) struct Image {
    files: Vec<File>,
    names: BTreeMap<OsString, usize>,
    /// Links and unlinks since the directory was synced.
    pending: Vec<Op>,
    rng: StdRng,
}

impl Image {
    /// The history until a cut. `seed` decides what is left.
    pub(crate) fn after(ops: &[Op], seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        let mut image = Self { files: Vec::new(), names: BTreeMap::new(), pending: Vec::new(), rng };
        ops.iter().for_each(|op| image.then(op));
        image.cut();
        image
    }

    fn file(&mut self, inode: usize) -> &mut File {
        if self.files.len() <= inode {
            self.files.resize_with(inode + 1, File::default);
        }
        &mut self.files[inode]
    }

    fn then(&mut self, op: &Op) {
        match op {
            Op::Write { inode, .. } | Op::Truncate { inode, .. } => {
                self.file(*inode).pending.push(op.clone());
            }
            Op::Sync { inode } => self.file(*inode).sync(),
            Op::SyncFailed { inode } => {
                let mut file = std::mem::take(self.file(*inode));
                file.settle_by_chance(&mut self.rng);
                *self.file(*inode) = file;
            }
            Op::Link { .. } | Op::Unlink { .. } => self.pending.push(op.clone()),
            Op::SyncDir => std::mem::take(&mut self.pending).iter().for_each(|op| self.rename(op)),
        }
    }

    fn rename(&mut self, op: &Op) {
        match op {
            Op::Link { name, inode } => drop(self.names.insert(name.clone(), *inode)),
            Op::Unlink { name } => drop(self.names.remove(name)),
            _ => {}
        }
    }

    fn cut(&mut self) {
        for op in std::mem::take(&mut self.pending) {
            if self.rng.random_bool(0.5) {
                self.rename(&op);
            }
        }
        for file in &mut self.files {
            file.settle_by_chance(&mut self.rng);
        }
    }

    /// Writes the files; the index of a write-ahead log never outlives its machine.
    pub(crate) fn write(&self, dir: &Path) {
        for (name, inode) in &self.names {
            if name.to_string_lossy().ends_with("-shm") {
                continue;
            }
            let bytes = self.files.get(*inode).map_or(&[][..], |file| &file.durable);
            fs::write(dir.join(name), bytes).expect("written");
        }
    }
}
