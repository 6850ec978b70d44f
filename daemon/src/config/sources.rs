//! The four places a value can come from, laid over each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use super::error::{Problem, nearest};
use super::file;
use super::origin::Origin;
use super::paths;
use super::predecessor;
use super::settings::{Kind, SETTINGS, Setting, find};
use super::surroundings::Surroundings;

/// Names the configuration file when no flag does.
pub const CONFIG_VARIABLE: &str = "HYDRA_CONFIG";

/// Most files of `conf.d` that are read.
const MAX_FRAGMENTS: usize = 256;

/// What was written for a setting, before it is understood: one text, or those of a list.
pub(super) type Written = Vec<String>;

/// A value and where it stood.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) origin: Origin,
    pub(super) written: Written,
}

/// What the command line said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    values: BTreeMap<&'static str, Written>,
    /// Those that only hydra-booster had.
    predecessor: BTreeMap<&'static str, String>,
}

/// Everything given, per key, weakest first.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) given: BTreeMap<&'static str, Vec<Given>>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// Files that were read, weakest first.
    pub(super) files: Vec<PathBuf>,
}

/// The arguments of all settings, `--config`, and, hidden, those of hydra-booster.
#[must_use]
pub fn arguments() -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help(format!(
            "The configuration file; conf.d/*.toml beside it is read after it [env: {CONFIG_VARIABLE}]"
        ));
    let settings = SETTINGS.iter().map(argument);
    std::iter::once(config).chain(settings).chain(predecessor::arguments()).collect()
}

fn argument(setting: &'static Setting) -> Arg {
    let default = if setting.default.is_empty() { "none" } else { setting.default };
    let value = match setting.kind {
        Kind::Number => "N",
        Kind::Size => "SIZE",
        Kind::List => "LIST",
        Kind::Text | Kind::Mixed => "VALUE",
        Kind::Switch => "BOOL",
    };
    let help = format!(
        "{}\nAllowed: {} [env: {}] [key: {}] [default: {default}]",
        setting.meaning,
        setting.allowed,
        setting.variables.join(", "),
        setting.key,
    );
    // The first sentence; a full stop within a word (an address, a key) does not end it.
    let short = setting.meaning.split(". ").next().unwrap_or_default();
    let action = if setting.kind == Kind::List { ArgAction::Append } else { ArgAction::Set };
    let arg = Arg::new(setting.key);
    let arg = if setting.kind == Kind::Switch {
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        arg
    };
    arg.long(setting.flag)
        .visible_aliases(setting.flag_alias)
        .value_name(value)
        .action(action)
        .allow_hyphen_values(setting.kind == Kind::Number)
        .global(setting.key == "data_dir")
        .help(short.trim_end_matches('.').to_owned())
        .long_help(help)
}

impl Flags {
    /// What was said on the command line, where `arguments` were added to the command.
    #[must_use]
    pub fn of(matches: &ArgMatches) -> Self {
        let said = |id: &str| {
            let known = matches.try_contains_id(id).unwrap_or(false);
            known && matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        let mut flags = Self::default();
        if said("config") {
            flags.config = matches.get_one::<PathBuf>("config").cloned();
        }
        for setting in SETTINGS.iter().filter(|setting| said(setting.key)) {
            let values: Vec<&String> = matches.get_many(setting.key).into_iter().flatten().collect();
            let written = match setting.kind {
                Kind::List => values.into_iter().flat_map(|text| split(text)).collect(),
                _ => values.into_iter().cloned().collect(),
            };
            flags.values.insert(setting.key, written);
        }
        for flag in predecessor::flags().filter(|flag| said(flag)) {
            flags.predecessor.extend(matches.get_one(flag).map(|text: &String| (flag, text.clone())));
        }
        flags
    }
}

/// A list as it stands in a flag or a variable.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Gathers all sources: defaults, files, variables, flags.
pub(super) fn gather(flags: &Flags, at: &Surroundings) -> Layers {
    let mut layers = Layers::default();
    for setting in SETTINGS {
        layers.add(setting, Origin::Default, of_text(setting, setting.default));
    }
    let heard = predecessor::listen(&flags.predecessor, at);
    layers.lay(heard.fallbacks);
    layers.read_files(flags, at);
    layers.lay(heard.by_variables);
    layers.read_variables(at);
    layers.lay(heard.by_flags);
    layers.problems.extend(heard.problems);
    layers.warnings.extend(heard.warnings);
    for setting in SETTINGS {
        if let Some(written) = flags.values.get(setting.key) {
            layers.add(setting, Origin::Flag(setting.flag), written.clone());
        }
    }
    layers
}

fn of_text(setting: &Setting, text: &str) -> Written {
    if setting.kind == Kind::List { split(text) } else { vec![text.to_owned()] }
}

impl Layers {
    pub(super) fn add(&mut self, setting: &'static Setting, origin: Origin, written: Written) {
        self.given.entry(setting.key).or_default().push(Given { origin, written });
    }

    fn lay(&mut self, values: Vec<(&'static str, Origin, String)>) {
        for (key, origin, text) in values {
            if let Some(setting) = find(key) {
                self.add(setting, origin, of_text(setting, &text));
            }
        }
    }

    fn read_files(&mut self, flags: &Flags, at: &Surroundings) {
        let named = flags.config.clone().or_else(|| at.variable(CONFIG_VARIABLE).map(PathBuf::from));
        let must_exist = named.is_some();
        let Some(path) = named.or_else(|| paths::config_file(at)) else {
            return;
        };
        if must_exist || at.real(&path).exists() {
            self.read_file(&path, at);
        }
        let dir = path.parent().unwrap_or(Path::new("")).join("conf.d");
        for fragment in self.fragments(&dir, at) {
            self.read_file(&fragment, at);
        }
    }

    /// `conf.d/*.toml` in the order of names.
    fn fragments(&mut self, dir: &Path, at: &Surroundings) -> Vec<PathBuf> {
        let entries = match fs::read_dir(at.real(dir)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.problems
                    .push(Problem::of(dir.display().to_string(), format!("cannot be read: {error}")));
                return Vec::new();
            }
        };
        let names = entries.filter_map(Result::ok).map(|entry| PathBuf::from(entry.file_name()));
        let mut names: Vec<PathBuf> = names
            .filter(|name| name.extension().is_some_and(|extension| extension == "toml"))
            .filter(|name| !name.as_os_str().as_encoded_bytes().starts_with(b"."))
            .collect();
        names.sort();
        if names.len() > MAX_FRAGMENTS {
            let text = format!("it has {} files; at most {MAX_FRAGMENTS} are read", names.len());
            self.problems.push(Problem::of(dir.display().to_string(), text));
            names.truncate(MAX_FRAGMENTS);
        }
        names.into_iter().map(|name| dir.join(name)).collect()
    }

    fn read_file(&mut self, path: &Path, at: &Surroundings) {
        match file::text(&at.real(path)) {
            Ok(text) => file::read(&text, path, self),
            Err(problem) => {
                let next = "name another with --config, or let this user read it";
                self.problems.push(Problem::of(path.display().to_string(), problem).next(next));
            }
        }
        self.files.push(path.to_owned());
    }

    /// A variable that is set but empty counts as not set.
    fn read_variables(&mut self, at: &Surroundings) {
        for setting in SETTINGS {
            let set = |name: &&&'static str| at.variable(name).is_some();
            let mut names = setting.variables.iter().filter(set);
            let Some(first) = names.next() else {
                continue;
            };
            let value = at.variable(first).unwrap_or_default();
            for other in names.filter(|other| at.variable(other) != Some(value)) {
                let text = format!("{other} says another value; set one of them");
                self.problems.push(Problem::at(setting.key, &Origin::Variable(first), text));
            }
            self.add(setting, Origin::Variable(first), of_text(setting, value));
        }
        let known =
            || SETTINGS.iter().flat_map(|setting| setting.variables).copied().chain([CONFIG_VARIABLE]);
        for name in at.variables.keys().filter(|name| name.starts_with("HYDRA_")) {
            if known().chain(predecessor::variables()).all(|other| other != name)
                && name != "HYDRA_SOCKET"
                && let Some(near) = nearest(name, known())
            {
                self.warnings
                    .push(format!("{name} is no setting of hydrad and ignored; did you mean {near}?"));
            }
        }
    }
}
