//! Where a value came from, and what it took the place of.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The source of a value, weakest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Default,
    /// A file; the line counts from 1 and is missing when the file is the value.
    File {
        path: PathBuf,
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(&'static str),
    /// A flag, without its dashes.
    Flag(&'static str),
}

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotated {
    pub key: &'static str,
    /// For people; secrets are hidden.
    pub value: String,
    /// With its type; secrets are hidden.
    pub json: Value,
    pub origin: Origin,
    /// Such as "trailing newline trimmed"; may be empty.
    pub note: String,
    /// What it overrode, strongest first, defaults aside; secrets are hidden.
    pub overrides: Vec<(Origin, String)>,
}

impl Origin {
    /// Short form of a file beside the one that overrides it.
    fn brief(&self) -> String {
        match self {
            Self::File { path, line: Some(line) } => format!("{}:{line}", name(path)),
            other => other.to_string(),
        }
    }

    fn json(&self) -> serde_json::Map<String, Value> {
        let value = match self {
            Self::Default => json!({"origin": "default"}),
            Self::File { path, line } => {
                json!({"origin": "file", "path": path.to_string_lossy(), "line": line})
            }
            Self::Variable(name) => json!({"origin": "env", "variable": name}),
            Self::Flag(name) => json!({"origin": "flag", "flag": format!("--{name}")}),
        };
        match value {
            Value::Object(map) => map,
            _ => serde_json::Map::new(),
        }
    }
}

impl Annotated {
    /// The column FROM.
    #[must_use]
    pub fn from(&self) -> String {
        let mut text = self.origin.to_string();
        if !self.note.is_empty() {
            text.push_str(&format!(" ({})", self.note));
        }
        for (origin, value) in &self.overrides {
            text.push_str(&format!(", over {} ({value})", origin.brief()));
        }
        text
    }

    /// One item of the JSON list.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = serde_json::Map::new();
        map.insert("key".to_owned(), self.key.into());
        map.insert("value".to_owned(), self.json.clone());
        map.extend(self.origin.json());
        if !self.note.is_empty() {
            map.insert("note".to_owned(), self.note.clone().into());
        }
        let over = self.overrides.iter().map(|(origin, value)| {
            let mut over = origin.json();
            over.insert("value".to_owned(), value.clone().into());
            Value::Object(over)
        });
        map.insert("overrides".to_owned(), over.collect());
        Value::Object(map)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
