//! Small values under names: what operators chose at run time, and marks of other rooms.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Failure, MAX_SETTING_KEY, MAX_SETTING_VALUE, StateError, seed};

pub(super) fn get(db: &Connection, _: &Path, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    permitted(key)?;
    Ok(read(db, key)?)
}

pub(super) fn set(db: &Connection, _: &Path, key: &str, value: Option<&[u8]>) -> Result<(), Failure> {
    permitted(key)?;
    let length = value.map_or(0, <[u8]>::len);
    if length > MAX_SETTING_VALUE {
        return Err(
            StateError::SettingTooLarge { key: key.to_owned(), length, limit: MAX_SETTING_VALUE }.into()
        );
    }
    Ok(write(db, key, value)?)
}

/// The seed's names are not for others: it leaves this room by [`super::State::seed`] only.
fn permitted(key: &str) -> Result<(), StateError> {
    if key.len() > MAX_SETTING_KEY {
        let shown = key[..key.floor_char_boundary(40)].to_owned();
        return Err(StateError::SettingTooLarge { key: shown, length: key.len(), limit: MAX_SETTING_KEY });
    }
    if [seed::SEED, seed::FINGERPRINT].contains(&key) {
        return Err(StateError::SettingReserved { key: key.to_owned() });
    }
    Ok(())
}

pub(super) fn read(db: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = db.prepare_cached("SELECT value FROM settings WHERE key = ?1")?;
    select.query_row([key], |row| row.get(0)).optional()
}

pub(super) fn write(db: &Connection, key: &str, value: Option<&[u8]>) -> rusqlite::Result<()> {
    match value {
        Some(value) => db
            .prepare_cached("INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)")?
            .execute(params![key, value])?,
        None => db.prepare_cached("DELETE FROM settings WHERE key = ?1")?.execute([key])?,
    };
    Ok(())
}
