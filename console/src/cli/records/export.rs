//! `records export`: everything, as lines, in constant memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use hydra_protocol::client::Access;
use hydra_protocol::v1::ExportRecordsRequest;

use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::export::{Export, Lines};
use crate::output::text::neutral;
use crate::session::Target;
use crate::ui::Ui;

/// Between two words about how far it is.
const PROGRESS: Duration = Duration::from_millis(500);

#[derive(Args, Debug)]
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
    let mut messages = session.call(session.client.records().export_records(ExportRecordsRequest {})).await?;
    let failed = |path: &PathBuf, error: std::io::Error| {
        Error::new(Kind::Failed, format!("cannot write {}: {error}", path.display()))
    };
    let mut file = match &arguments.to {
        Some(path) => Some(BufWriter::new(File::create_new(path).map_err(|error| {
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    Error::new(Kind::Failed, format!("{} is there already", path.display()))
                        .hint("name a new file, or remove that one")
                }
                _ => failed(path, error),
            }
        })?)),
        None => None,
    };
    let explain = |error: std::io::Error| match &arguments.to {
        Some(path) => failed(path, error),
        None => Error::from(error),
    };

    let (began, mut told) = (Instant::now(), Instant::now());
    let (mut written, mut expected, mut incomplete) = (0, 0, String::new());
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => &mut ui.out,
    };
    let mut export = Export::begin(lines, ui.headers, out).map_err(explain)?;
    while let Some(message) = session.within(messages.message()).await? {
        expected = message.records_expected.max(expected);
        if !message.incomplete_reason.is_empty() {
            incomplete.clone_from(&message.incomplete_reason);
        }
        let out: &mut dyn Write = match &mut file {
            Some(file) => file,
            None => &mut ui.out,
        };
        written += export.push(&message, out).map_err(explain)?;
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            let text = progress(written, expected, began.elapsed(), ui);
            ui.progress(&text);
        }
    }
    ui.progress("");
    if let Some(file) = file {
        let file = file.into_inner().map_err(|error| explain(error.into_error()))?;
        file.sync_all().map_err(explain)?;
    }
    if let Some(path) = &arguments.to {
        ui.note(&format!("{}: {} records", path.display(), ui.look.count(written)));
    }
    if !incomplete.is_empty() {
        ui.note(&neutral(&format!("incomplete: {incomplete}")));
    }
    Ok(())
}

/// "44.1 M of 561.3 M records, 12m left".
fn progress(written: u64, expected: u64, took: Duration, ui: &Ui<'_>) -> String {
    let rate = written as f64 / took.as_secs_f64();
    let left = expected.saturating_sub(written) as f64 / rate;
    let count = |number| crate::output::text::count(number);
    let left = if rate > 0.0 { format!(", {} left", ui.look.span(left)) } else { String::new() };
    format!("{} of {} records{left}", count(written), count(expected.max(written)))
}
