//! `hydrad import` on databases that goleveldb wrote, through go-ds-leveldb and with hydra-booster's
//! keys: what it takes, what it says, and that it leaves the database as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use hydra_tests::harness::binaries::{counterpart, hydrad};
use serde_json::Value;
use tempfile::TempDir;

struct World {
    dir: TempDir,
    /// What the writer says of the database.
    expected: Value,
}

impl World {
    /// `None` when the Go counterpart is not installed.
    fn with(keys: u32) -> anyhow::Result<Option<Self>> {
        let Some(program) = counterpart("go/counterpart") else { return Ok(None) };
        let dir = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.args(["leveldb", "-n", &keys.to_string(), "-out"]).arg(dir.path().join("hydra-belly"));
        let made = command.output()?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Ok(Some(Self { dir, expected: serde_json::from_slice(&made.stdout)? }))
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("hydra-belly")
    }

    fn hydrad(&self, data: &str, args: &[&str]) -> anyhow::Result<Output> {
        let program = hydrad().map_err(|missing| anyhow::anyhow!(missing.0))?;
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.dir.path()).args(args);
        command.arg("--data-dir").arg(self.dir.path().join(data));
        Ok(command.output()?)
    }

    fn import(&self, data: &str) -> anyhow::Result<(Value, i32)> {
        let from = self.database();
        let from = from.to_str().context("a path of UTF-8")?;
        let done = self.hydrad(data, &["import", "--json", "--from", from])?;
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        let counts = serde_json::from_slice(&done.stdout).with_context(|| error)?;
        Ok((counts, done.status.code().unwrap_or(-1)))
    }

    fn tables(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut tables = Vec::new();
        for entry in fs::read_dir(self.database())? {
            tables.extend(Some(entry?.path()).filter(|path| path.extension().is_some_and(|e| e == "ldb")));
        }
        tables.sort();
        Ok(tables)
    }
}

fn contents(dir: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        files.insert(path, bytes);
    }
    Ok(files)
}

#[test]
fn a_database_of_several_tables_is_taken_whole_and_left_as_it_was() -> anyhow::Result<()> {
    let Some(world) = World::with(60_000)? else { return Ok(()) };
    ensure!(world.tables()?.len() > 2, "goleveldb made {:?}", world.tables()?);
    let before = contents(&world.database())?;
    let (counts, code) = world.import("data")?;
    ensure!(contents(&world.database())? == before, "the database is another");
    let sum = |refused: &Value| -> u64 {
        refused.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
    };
    assert_eq!(
        (code, &counts["damaged_blocks"], &counts["damaged_files"]),
        (0, &0.into(), &0.into()),
        "{counts}"
    );
    for name in ["provider_records", "value_records", "expired"] {
        assert_eq!(counts[name], world.expected[name], "{name} of {counts}");
    }
    assert_eq!(sum(&counts["refused"]), world.expected["refused"], "{counts}");

    // and they are there: as many as were taken, each once
    let file = world.dir.path().join("records.ndjson");
    let done = world.hydrad("data", &["belly", "export", file.to_str().context("a path")?])?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = fs::read_to_string(file)?;
    assert_eq!(text.lines().count() as u64, world.expected["provider_records"], "exported");
    let key = world.expected["key_hex"].as_str().context("a key")?;
    ensure!(text.lines().filter(|line| line.contains(key)).count() == 2, "the key has its two providers");
    Ok(())
}

#[test]
fn a_database_with_broken_and_missing_files_gives_what_is_left() -> anyhow::Result<()> {
    let Some(world) = World::with(60_000)? else { return Ok(()) };
    let tables = world.tables()?;
    let [lost, footless, holed, ..] = &tables[..] else { anyhow::bail!("{tables:?}") };
    fs::remove_file(lost)?;
    let bytes = fs::read(footless)?;
    fs::write(footless, &bytes[..bytes.len() / 2])?;
    let mut bytes = fs::read(holed)?;
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xff);
    fs::write(holed, &bytes)?;
    for name in ["CURRENT", "MANIFEST-000012"] {
        if world.database().join(name).exists() {
            fs::write(world.database().join(name), "damaged")?;
        }
    }
    let (counts, code) = world.import("data")?;
    assert_eq!((code, &counts["damaged_files"]), (8, &1.into()), "{counts}");
    ensure!(counts["damaged_blocks"].as_u64() >= Some(4), "{counts}");
    let taken = counts["provider_records"].as_u64().unwrap_or(0);
    let whole = world.expected["provider_records"].as_u64().unwrap_or(0);
    ensure!(taken > whole / 4 && taken < whole, "{taken} of {whole}");
    Ok(())
}
