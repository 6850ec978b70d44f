//! `metrics print`, `metrics write`: what a scrape has, for collectors that read files.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use hydra_protocol::client::Access;
use hydra_protocol::v1::GetMetricsRequest;

use crate::error::{Error, Kind};
use crate::output::Format;
use crate::session::Target;
use crate::ui::Ui;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Print everything in the text format of Prometheus
    Print,
    /// Write it to a file, whole or not at all: for the textfile collector of node_exporter
    #[command(after_help = "\
From a timer, every minute or so: hydractl metrics write /var/lib/prometheus/node-exporter/hydra.prom")]
    Write {
        /// The file; one that is there is replaced
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
}

pub(super) async fn run(command: Command, target: &Target, ui: &mut Ui<'_>) -> Result<(), Error> {
    if ui.format != Format::Auto {
        return Err(
            Error::new(Kind::Usage, "metrics have one format, that of Prometheus").hint("leave -o out")
        );
    }
    let session = target.open(Access::Read).await?;
    let text = session.call(session.client.status().get_metrics(GetMetricsRequest {})).await?.text;
    match command {
        Command::Print => ui.say(&text),
        Command::Write { file } => {
            replace(&file, &text).map_err(|error| {
                Error::new(Kind::Failed, format!("cannot write {}: {error}", file.display()))
                    .hint("check that the directory is there and that you may write it")
            })?;
            ui.note(&format!("{}: {} bytes", file.display(), text.len()));
            Ok(())
        }
    }
}

/// Whoever reads the file meanwhile reads the old one or the new one.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    // the collector reads only names that end in .prom
    let mut beside = name.to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = file.with_file_name(beside);
    let written = File::create_new(&beside).and_then(|mut new| new.write_all(text.as_bytes()));
    let renamed = written.and_then(|()| fs::rename(&beside, file));
    if renamed.is_err() {
        fs::remove_file(&beside).ok();
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let dir = std::env::temp_dir().join(format!("hydractl-metrics-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let file = dir.join("hydra.prom");
        for text in ["a 1\n", "a 2\n"] {
            replace(&file, text).expect("written");
            assert_eq!(fs::read_to_string(&file).expect("read"), text);
        }
        replace(&dir.join("none/x.prom"), "").expect_err("no such directory");
        assert_eq!(fs::read_dir(&dir).expect("listed").count(), 1);
        fs::remove_dir_all(&dir).expect("removed");
    }
}
