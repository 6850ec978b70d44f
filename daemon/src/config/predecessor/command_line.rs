//! Go's way of writing flags, spelt so that clap reads it.
//!
//! Go knows `-x v`, `-x=v`, both with two dashes as well, truth values that stand alone, and
//! takes the last of a flag that comes twice. Its flags end at the first word that is none.

use std::ffi::{OsStr, OsString};

use super::table::{self, Entry, Kind};
use super::words::Translated;
use super::{SETTINGS, STRAY, is_ours};

/// Commands of ours: what follows them is theirs.
pub const COMMANDS: [&str; 5] = ["belly", "help", "import", "seed", "state"];

/// Flags of ours that take no value, or only with `=`.
const SWITCHES: [&str; 4] = ["check-config", "help", "print-config", "version"];

/// The arguments (the program's name first) in words that clap reads: those of hydra-booster as
/// `--flag=value`, the others as they were.
pub fn spell<I, T>(args: I) -> Vec<OsString>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let mut args = args.into_iter().map(Into::into);
    let mut out: Vec<OsString> = args.next().into_iter().collect();
    let mut last: Vec<(&str, Option<OsString>)> = Vec::new();
    let mut of_go = false;
    while let Some(arg) = args.next() {
        let Some(Flag { name, value, dashes }) = Flag::of(&arg) else {
            let command = COMMANDS.iter().any(|command| arg == *command);
            if of_go && !command && arg != "--" {
                out.push(format!("--{STRAY}={}", arg.to_string_lossy()).into());
            } else {
                out.push(arg);
                out.extend(args);
            }
            break;
        };
        if let Some(entry) = table::of_flag(name) {
            of_go |= dashes == 1 || !is_ours(name);
            let flag = entry.flag.unwrap_or_default();
            let value = value.map(OsString::from).or_else(|| match entry.kind {
                Kind::Bool => Some("true".into()),
                Kind::Number | Kind::Text => args.next(),
            });
            last.retain(|(earlier, _)| *earlier != flag);
            last.push((flag, spelt(entry, flag, value)));
            continue;
        }
        let takes_value = name == "config" || is_ours(name);
        let alone = value.is_none();
        if dashes == 1 && (takes_value || SWITCHES.contains(&name)) {
            of_go = true;
            let mut long = OsString::from("-");
            long.push(&arg);
            out.push(long);
        } else {
            out.push(arg.clone());
        }
        if takes_value && alone {
            out.extend(args.next());
        }
    }
    // before a command, whose arguments must stay last
    let spelt = last.into_iter().filter_map(|(_, token)| token);
    out.splice(1.min(out.len())..1.min(out.len()), spelt);
    out
}

/// One token for clap; none for what says nothing. A value that Go would not take stays as it is,
/// for the check of the setting to refuse.
fn spelt(entry: &Entry, flag: &str, value: Option<OsString>) -> Option<OsString> {
    let mut token = OsString::from(format!("--{flag}"));
    let Some(value) = value else { return Some(token) };
    let ours = SETTINGS.iter().any(|setting| setting.flag == flag || setting.flag_alias == Some(flag));
    let translated = value.to_str().filter(|_| ours).map(|text| entry.translate(text));
    token.push("=");
    match translated {
        Some(Ok(Translated::Unset)) => return None,
        Some(Ok(Translated::Value(text))) => token.push(text),
        _ => token.push(value),
    }
    Some(token)
}

struct Flag<'a> {
    name: &'a str,
    value: Option<&'a str>,
    dashes: usize,
}

impl<'a> Flag<'a> {
    /// `None` for what is no flag to Go: no dash, a lone `-`, and `--`.
    fn of(arg: &'a OsStr) -> Option<Self> {
        let text = arg.to_str()?;
        let (dashes, rest) = match text.strip_prefix("--") {
            Some(rest) => (2, rest),
            None => (1, text.strip_prefix('-')?),
        };
        let (name, value) = match rest.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (rest, None),
        };
        (!name.is_empty()).then_some(Self { name, value, dashes })
    }
}
