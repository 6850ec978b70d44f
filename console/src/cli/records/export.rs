//! `records export`: everything, as lines, in constant memory.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

/// Written to a program at a time.
const BUFFER: usize = 64 << 10;

/// Between two words about how far it is.
const PROGRESS: Duration = Duration::from_millis(500);

#[derive(Args, Clone, Debug)]
#[command(after_help = "\
-o ndjson (the usual) is what `hydrad belly import` reads; -o csv is for other tools. The daemon waits for a
slow reader. What is announced again meanwhile may be left out; nothing comes twice.
A file whose name ends in .zst or .gz is compressed by zstd or gzip, which must be installed.")]
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
    let mut file = Destination::make(path)?;
    let done = write(lines, &session, &mut file.out, ui).await;
    let ended = file.end(path);
    // a packer that ended is why nothing could be written to it
    let done = match (done, ended) {
        (Ok(done), ended) => ended.map(|()| done),
        (Err(error), Err(ended)) if error.kind() == Kind::BrokenPipe => Err(ended),
        (Err(error), _) => Err(error),
    };
    let done = done.map_err(|error| error.hint(format!("{} has what came until then", path.display())))?;
    ui.note(&format!("{}: {} records", path.display(), ui.look.count(done.records)));
    told(&done, ui);
    Ok(())
}

/// A new file, behind a program that compresses when the name says so.
struct Destination {
    out: Box<dyn Write>,
    file: File,
    packer: Option<(&'static str, Child)>,
}

impl Destination {
    fn make(path: &Path) -> Result<Self, Error> {
        let file = File::create_new(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                Error::new(Kind::Failed, format!("{} is there already", path.display()))
                    .hint("name a new file, or remove that one")
            }
            _ => failed(path, &error),
        })?;
        let program = match path.extension().and_then(|end| end.to_str()) {
            Some("zst") => "zstd",
            Some("gz") => "gzip",
            _ => {
                let out = file.try_clone().map_err(|error| failed(path, &error))?;
                return Ok(Self { out: Box::new(BufWriter::new(out)), file, packer: None });
            }
        };
        let started = file.try_clone().and_then(|out| {
            Command::new(program).args(["-q", "-c"]).stdin(Stdio::piped()).stdout(out).spawn()
        });
        let started = started.and_then(|mut child| {
            let stdin = child.stdin.take().ok_or_else(|| std::io::Error::from(ErrorKind::BrokenPipe))?;
            Ok((stdin, child))
        });
        match started {
            Ok((stdin, child)) => {
                let out = Box::new(BufWriter::with_capacity(BUFFER, stdin));
                Ok(Self { out, file, packer: Some((program, child)) })
            }
            Err(error) => {
                // made a moment ago, and empty
                std::fs::remove_file(path).ok();
                let text = format!("cannot start {program} for {}: {error}", path.display());
                let end = path.extension().unwrap_or_default().to_string_lossy();
                Err(Error::new(Kind::Failed, text)
                    .hint(format!("install {program}, or name a file without .{end}")))
            }
        }
    }

    /// Has everything on the disk.
    fn end(mut self, path: &Path) -> Result<(), Error> {
        let flushed = self.out.flush();
        drop(self.out);
        if let Some((program, mut child)) = self.packer {
            let status = child.wait().map_err(|error| failed(path, &error))?;
            if !status.success() {
                return Err(Error::new(Kind::Failed, format!("{program} for {}: {status}", path.display()))
                    .hint("it says why above; check that the disk has room"));
            }
        }
        flushed.and_then(|()| self.file.sync_all()).map_err(|error| failed(path, &error))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Failed, format!("cannot write {}: {error}", path.display()))
        .hint("check that the directory is there, that you may write it, and that it has room")
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
