//! Settings in the files that are not those that run: told by `config`, shown as warnings.

use crate::hydra::Hydra;

/// What the files say now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// Why they are no good configuration; empty: they are one.
    pub wrong: String,
    /// Keys of which they say something else than what runs, and that a reload changes.
    pub reload: Vec<&'static str>,
    /// The same, and a restart changes them.
    pub restart: Vec<&'static str>,
}

impl Hydra {
    /// Notes what the files say now.
    pub fn set_pending(&self, pending: Pending) {
        *self.pending.lock() = pending;
    }
}
