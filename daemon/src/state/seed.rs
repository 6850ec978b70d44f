//! Which seed the heads here are made from.
//!
//! A seed made at the first start is kept; of a configured one only the fingerprint is, so
//! that the secret lies in one place. Heads that exist bind the state to their seed: with
//! another one every peer id would change without anybody having asked for it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::settings::{read, write};
use super::{Failure, StateError};
use crate::identity::{SEED_BYTES, Seed};

pub(super) const SEED: &str = "seed";
pub(super) const FINGERPRINT: &str = "seed fingerprint";

/// Where the seed in use came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedOrigin {
    /// From the configuration.
    Configured,
    /// Made at an earlier start.
    Kept,
    /// Made just now.
    Made,
}

pub(super) fn choose(
    db: &mut Connection,
    path: &Path,
    configured: Option<Seed>,
) -> Result<(Seed, SeedOrigin), Failure> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (seed, origin) = match (configured, kept(&change, path)?) {
        (Some(seed), _) => (seed, SeedOrigin::Configured),
        (None, Some(seed)) => (seed, SeedOrigin::Kept),
        (None, None) => (fresh(path)?, SeedOrigin::Made),
    };
    let bound = read(&change, FINGERPRINT)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let fingerprint = seed.fingerprint();
    if let Some(bound) = bound
        && bound != fingerprint
        && heads(&change)? > 0
    {
        let given = match origin {
            SeedOrigin::Configured => format!("the configured one has {fingerprint}"),
            SeedOrigin::Kept => "which is not configured now, and the one kept here is another".to_owned(),
            SeedOrigin::Made => "which is not configured now".to_owned(),
        };
        return Err(StateError::OtherSeed { path: path.to_owned(), kept: bound, given }.into());
    }
    if origin == SeedOrigin::Made {
        write(&change, SEED, Some(seed.as_bytes()))?;
    }
    write(&change, FINGERPRINT, Some(fingerprint.as_bytes()))?;
    change.commit()?;
    Ok((seed, origin))
}

fn heads(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT count(*) FROM heads", [], |row| row.get(0))
}

fn kept(db: &Connection, path: &Path) -> Result<Option<Seed>, Failure> {
    let Some(bytes) = read(db, SEED)? else {
        return Ok(None);
    };
    let length = bytes.len();
    let bytes: [u8; SEED_BYTES] = bytes.try_into().map_err(|_| StateError::Damaged {
        path: path.to_owned(),
        reason: format!("its seed has {length} bytes, not {SEED_BYTES}"),
    })?;
    Ok(Some(Seed::from_bytes(bytes)))
}

fn fresh(path: &Path) -> Result<Seed, StateError> {
    Seed::generate().map_err(|error| StateError::Database {
        operation: "make a seed for",
        path: path.to_owned(),
        reason: error.to_string(),
        next: "check that getrandom(2) is allowed here".to_owned(),
    })
}
