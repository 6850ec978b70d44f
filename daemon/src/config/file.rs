//! Reading one TOML file: which keys it sets, on which line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, nearest};
use super::origin::Origin;
use super::settings::{Kind, SECTIONS, SETTINGS, Setting, find};
use super::sources::{Layers, Written};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// The text of a file, or why there is none.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("it has more than {MAX_FILE} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        format!("byte {} is not UTF-8", good + 1)
    })
}

/// Adds what a file says to the layers.
pub(super) fn read(text: &str, path: &Path, layers: &mut Layers) {
    let lines = Lines { text, path };
    match DeTable::parse(text) {
        Ok(table) => {
            for (key, value) in table.get_ref() {
                top(key, value, &lines, layers);
            }
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let what = error.message().replace('\n', ", ");
            let mut problem = Problem::of(lines.origin(at).to_string(), format!("not TOML: {what}"));
            if let Some(line) = text.lines().nth(lines.line(at) - 1) {
                // A line with a seed is not repeated: it would end up in a log.
                let shown: String = line.trim().chars().take(60).collect();
                if !shown.is_empty() && !shown.contains("seed") {
                    problem = problem.next(format!("the line is: {shown}"));
                }
            }
            layers.problems.push(problem);
        }
    }
}

struct Lines<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Lines<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn origin(&self, at: usize) -> Origin {
        Origin::File { path: self.path.to_owned(), line: Some(self.line(at)) }
    }
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

fn top(key: &Key<'_>, value: &Spanned<DeValue<'_>>, lines: &Lines<'_>, layers: &mut Layers) {
    let name = key.get_ref().as_ref();
    let section = SECTIONS.iter().any(|(section, _)| !section.is_empty() && *section == name);
    match value.get_ref() {
        DeValue::Table(table) if section => {
            for (inner, value) in table {
                leaf(&format!("{name}.{}", inner.get_ref()), inner, value, lines, layers);
            }
        }
        DeValue::Table(_) if find(name).is_none() => {
            let mut problem = Problem::at(name, &lines.origin(key.span().start), "no such section");
            let sections = SECTIONS.iter().map(|(section, _)| *section).filter(|section| !section.is_empty());
            if let Some(near) = nearest(name, sections) {
                problem = problem.next(format!("did you mean [{near}]?"));
            }
            layers.problems.push(problem);
        }
        _ if section => {
            let text = format!("it is a section: write [{name}] and its keys below");
            layers.problems.push(Problem::at(name, &lines.origin(key.span().start), text));
        }
        _ => leaf(name, key, value, lines, layers),
    }
}

fn leaf(name: &str, key: &Key<'_>, value: &Spanned<DeValue<'_>>, lines: &Lines<'_>, layers: &mut Layers) {
    let origin = lines.origin(key.span().start);
    let Some(setting) = find(name) else {
        let mut problem = Problem::at(name, &origin, "no such setting");
        if let Some(near) = meant(name) {
            problem = problem.next(format!("did you mean {near}?"));
        }
        layers.problems.push(problem);
        return;
    };
    match written(setting, value.get_ref()) {
        Ok(written) => layers.add(setting, origin, written),
        Err(text) => {
            let text = format!("{text}; allowed: {}", setting.allowed);
            layers.problems.push(Problem::at(setting.key, &origin, text));
        }
    }
}

/// The key that was meant: by its last part, by its flag, or by a slip of few letters.
fn meant(name: &str) -> Option<&'static str> {
    let last = name.rsplit('.').next().unwrap_or(name).replace('-', "_");
    let same = |setting: &&Setting| setting.parts().1 == last || setting.flag.replace('-', "_") == last;
    let exact = SETTINGS.iter().find(same).map(|setting| setting.key);
    exact.or_else(|| nearest(name, SETTINGS.iter().map(|setting| setting.key))).or_else(|| {
        let near = nearest(&last, SETTINGS.iter().map(|setting| setting.parts().1))?;
        SETTINGS.iter().find(|setting| setting.parts().1 == near).map(|setting| setting.key)
    })
}

fn written(setting: &Setting, value: &DeValue<'_>) -> Result<Written, String> {
    let wanted = match setting.kind {
        Kind::Text => "a text in quotes",
        Kind::Number => "a whole number",
        Kind::Mixed => "a text in quotes or a whole number",
        Kind::Size => "a size such as \"64 KiB\"",
        Kind::List => "a list of texts",
        Kind::Switch => "true or false",
    };
    let wrong = |value: &DeValue<'_>| Err(format!("it is {}, not {wanted}", kind(value)));
    match (setting.kind, value) {
        (Kind::Text | Kind::Mixed | Kind::Size | Kind::List, DeValue::String(text)) => {
            Ok(vec![text.to_string()])
        }
        (Kind::Switch, DeValue::Boolean(on)) => Ok(vec![on.to_string()]),
        (Kind::Number, DeValue::String(text)) if text.as_ref() == "auto" => Ok(vec![text.to_string()]),
        (Kind::Number, DeValue::String(text)) => {
            Err(format!("{:?} is a text, not a whole number", text.chars().take(60).collect::<String>()))
        }
        (Kind::Number | Kind::Mixed | Kind::Size, DeValue::Integer(number)) => {
            match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Ok(vec![number.to_string()]),
                Err(_) => wrong(value),
            }
        }
        (Kind::List, DeValue::Array(items)) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                other => Err(format!("it is a list with {} in it, not {wanted}", kind(other))),
            })
            .collect(),
        _ => wrong(value),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
