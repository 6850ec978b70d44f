//! `records export`: everything, as lines, in constant memory.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use hydra_protocol::client::Access;
use hydra_protocol::v1::ExportRecordsRequest;

use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::export::{Export, Lines};
use crate::output::text::{count_of, neutral, wait};
use crate::session::{Session, Target};
use crate::ui::Ui;

/// Between two words about how far it is.
const PROGRESS: Duration = Duration::from_millis(500);

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
-o ndjson (the usual) is what `hydrad belly import` reads; -o csv is for other tools. The daemon waits for a
slow reader. What is announced again meanwhile may be left out; nothing comes twice. Nothing is
compressed: hydractl records export | zstd > records.ndjson.zst")]
pub(in crate::cli) struct Arguments {
    /// A file to make, instead of stdout
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    to: Option<PathBuf>,
}

pub(super) async fn run(arguments: &Arguments, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    let lines = match ui.format {
        Format::Auto | Format::Ndjson => Lines::Ndjson,
        Format::Csv => Lines::Csv,
        _ => return Err(Error::new(Kind::Usage, "an export is lines").hint("use -o ndjson or -o csv")),
    };
    let session = target.open(Access::Read).await?;
    let Some(path) = &arguments.to else {
        let mut out = std::mem::replace(&mut ui.out, Box::new(std::io::sink()));
        let done = write(lines, &session, &mut out, ui).await;
        ui.out = out;
        return done.map(|done| told(&done, ui));
    };
    let mut file = BufWriter::new(File::create_new(path).map_err(|error| {
        match error.kind() {
            ErrorKind::AlreadyExists => {
                Error::new(Kind::Failed, format!("{} is there already", path.display()))
                    .hint("name a new file, or remove that one")
            }
            _ => failed(path, &error),
        }
    })?);
    let done = match write(lines, &session, &mut file, ui).await {
        Ok(done) => file.flush().and_then(|()| file.get_ref().sync_all()).map(|()| done).map_err(Error::from),
        Err(error) => Err(error),
    };
    let done = done.map_err(|error| error.hint(format!("{} has what came until then", path.display())))?;
    ui.note(&format!("{}: {} records", path.display(), ui.look.count(done.records)));
    told(&done, ui);
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Failed, format!("cannot write {}: {error}", path.display()))
}

/// What was written.
struct Done {
    records: u64,
    incomplete_reason: String,
}

fn told(done: &Done, ui: &mut Ui<'_>) {
    if !done.incomplete_reason.is_empty() {
        ui.note(&neutral(&format!("incomplete: {}", done.incomplete_reason)));
    }
}

/// Writes each message before it asks for the next: the output sets the pace of the daemon.
async fn write(lines: Lines, session: &Session, out: &mut dyn Write, ui: &mut Ui<'_>) -> Result<Done, Error> {
    let mut messages = session.call(session.client.records().export_records(ExportRecordsRequest {})).await?;
    let (began, mut last) = (Instant::now(), Instant::now());
    let mut done = Done { records: 0, incomplete_reason: String::new() };
    let mut expected = 0;
    let mut export = Export::begin(lines, ui.headers, out)?;
    while let Some(message) = session.within(messages.message()).await? {
        expected = message.records_expected.max(expected);
        done.records += export.push(&message, out)?;
        if !message.incomplete_reason.is_empty() {
            done.incomplete_reason = message.incomplete_reason;
        }
        if last.elapsed() >= PROGRESS {
            last = Instant::now();
            let text = progress(done.records, expected, began.elapsed());
            ui.progress(&text);
        }
    }
    ui.progress("");
    Ok(done)
}

/// "44.1 of 561.3 M records, 12 min 40 s left".
fn progress(written: u64, expected: u64, took: Duration) -> String {
    let rate = written as f64 / took.as_secs_f64();
    let left = expected.saturating_sub(written) as f64 / rate;
    let left = if left.is_finite() { format!(", {} left", wait(left.ceil() as u64)) } else { String::new() };
    format!("{} records{left}", count_of(written, expected.max(written)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_has_one_unit_and_a_time_once_there_is_a_rate() {
        let after = Duration::from_millis(64_800);
        assert_eq!(progress(44_100_000, 561_312_408, after), "44.1 of 561.3 M records, 12 min 40 s left");
        assert_eq!(progress(0, 561_312_408, after), "0.0 of 561.3 M records");
        assert_eq!(progress(10, 5, after), "10 of 10 records, 0 s left");
    }
}
