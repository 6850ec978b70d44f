//! `hydrad import`: the records of hydra-booster's LevelDB, into the belly.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;

use super::progress::Progress;
use super::{Outcome, UNHEALTHY};
use crate::belly::BellyError;
use crate::belly::offline::{self, Moved, OfflineError, Rules};
use crate::config::Config;
use crate::dht::records::{Choice, select, validate};
use crate::limits::Machine;

const AFTER: &str = "Only reads PATH. Records keep their time; those whose time is over are left out. hydra-booster kept \
                     who has a key and not where: until a provider announces again, askers look it up by its id. \
                     May be done again: nothing comes twice.";

pub(super) fn command() -> Command {
    let from = Arg::new("from")
        .long("from")
        .value_name("PATH")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The directory that hydra-booster had as -db or HYDRA_DB; hydra-belly when it had none");
    let json =
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print the counts as one JSON object");
    Command::new("import")
        .about("Take in the records of hydra-booster's LevelDB; while neither daemon runs")
        .arg(from)
        .arg(json)
        .after_help(AFTER)
}

/// The rules that a head has for PUT_VALUE, at this time.
struct OfTheNetwork(SystemTime);

impl Rules for OfTheNetwork {
    fn valid(&self, key: &[u8], value: &[u8]) -> bool {
        validate(key, value, self.0).is_ok()
    }

    fn better(&self, key: &[u8], new: &[u8], old: &[u8]) -> bool {
        select(key, new, old, self.0) == Choice::New
    }
}

pub(super) fn perform(args: &ArgMatches, config: &Config) -> Outcome {
    let store = config.belly(&Machine::read());
    let from = args.get_one::<PathBuf>("from").cloned().unwrap_or_default();
    let mut progress = Progress::begin("import", "bytes");
    let outcome = offline::move_in(store, &from, &OfTheNetwork(SystemTime::now()), &mut |done, of| {
        progress.tell(done, of);
    });
    progress.end();
    match outcome {
        Ok(moved) => {
            let out = if args.get_flag("json") { as_json(&moved) } else { for_people(&moved) };
            let damaged = moved.damaged_blocks + moved.damaged_files > 0;
            let (err, code) = if damaged { (harm(&from), UNHEALTHY) } else { (String::new(), super::OK) };
            Outcome { out, err, code, ..Outcome::default() }
        }
        Err(error) => {
            let mut outcome = Outcome::failed(&error);
            if matches!(error, OfflineError::Belly(BellyError::Locked { .. })) {
                outcome.err += "  nothing was taken; stop it first: sudo systemctl stop hydrad\n";
            }
            outcome
        }
    }
}

fn for_people(moved: &Moved) -> String {
    let Moved { providers, values, expired, refused, damaged_blocks, damaged_files } = moved;
    let mut out = format!("{providers} provider records and {values} value records taken\n");
    let mut line = |count: u64, what: &str| {
        if count > 0 {
            // writing to a String does not fail
            writeln!(out, "{count} {what}").ok();
        }
    };
    line(*expired, "left out: their time is over");
    for (why, count) in refused {
        line(*count, &format!("refused: {why}"));
    }
    line(*damaged_blocks, "blocks of the database are broken");
    line(*damaged_files, "files of the database cannot be read");
    out
}

fn as_json(moved: &Moved) -> String {
    let Moved { providers, values, expired, refused, damaged_blocks, damaged_files } = moved;
    let counts = json!({
        "schema": "hydra.v1/Import",
        "provider_records": providers,
        "value_records": values,
        "expired": expired,
        "refused": refused,
        "damaged_blocks": damaged_blocks,
        "damaged_files": damaged_files,
    });
    format!("{counts}\n")
}

fn harm(from: &Path) -> String {
    format!(
        "what could be read of {} is taken; what stood in the broken parts comes again within a day, when its \
         providers announce it. A file that cannot be read may also be one that was being written when hydra-booster was \
         stopped: nothing is lost by that, it is in others\n",
        from.display()
    )
}
