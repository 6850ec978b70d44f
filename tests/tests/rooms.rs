//! The order of the rooms: fails on an import of hydrad against it.
//!
//! Reads every path that begins at the crate's root, in `use` lines and in the code, of
//! each file below `daemon/src`, tests included. `lib.rs` and `main.rs` stand above the
//! rooms and may import all of them. The reading is on tokens, so comments, strings and
//! line breaks do not matter; it is tested on samples below.

use std::fs;
use std::path::{Path, PathBuf};

/// From the top down: a room imports only rooms that stand after it
/// (`docs/architecture.md`, "Rooms").
const ORDER: [&str; 17] = [
    "boot",
    "commands",
    "config",
    "api",
    "hydra",
    "head",
    "scout",
    "prefetch",
    "net",
    "dht",
    "routing",
    "belly",
    "state",
    "identity",
    "wire",
    "limits",
    "telemetry",
];

#[test]
fn no_room_imports_a_room_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon/src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 5, "no sources below {}", src.display());
    files.sort();
    let mut wrong = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("read {}: {e}", file.display()));
        let inside = file.strip_prefix(&src).expect("below src");
        for fault in faults(inside, &text) {
            wrong.push(format!("daemon/src/{}:{}: {}", inside.display(), fault.line, fault.text));
        }
    }
    assert!(wrong.is_empty(), "imports against the order of rooms:\n{}\n", wrong.join("\n"));
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("list {}: {e}", dir.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[derive(Debug, PartialEq)]
struct Fault {
    line: usize,
    text: String,
}

/// What is wrong with one file; `inside` is its path below `src`.
fn faults(inside: &Path, text: &str) -> Vec<Fault> {
    let module = module_path(inside);
    let Some(room) = module.first() else { return Vec::new() };
    let Some(place) = ORDER.iter().position(|r| r == room) else {
        return vec![Fault {
            line: 1,
            text: format!("`{room}` is no room: give it a place in ORDER of tests/tests/rooms.rs"),
        }];
    };
    let mut out = Vec::new();
    for (line, target) in root_paths(&tokens(text), module.len()) {
        let text = match ORDER.iter().position(|r| *r == target) {
            Some(other) if other >= place => continue,
            Some(_) => format!("{room} imports {target}, which stands above it"),
            None => format!("{room} imports `{target}` from the crate's root, which stands above every room"),
        };
        out.push(Fault { line, text });
    }
    out
}

/// `head/mod.rs` is [head], `head/swarm.rs` is [head, swarm], the crate's root is [].
fn module_path(inside: &Path) -> Vec<String> {
    let mut path: Vec<String> = inside.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    let file = path.pop().unwrap_or_default();
    match file.as_str() {
        "mod.rs" => {}
        "lib.rs" | "main.rs" if path.is_empty() => {}
        name => path.push(name.trim_end_matches(".rs").to_owned()),
    }
    path
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    line: usize,
    /// An identifier, or one of `::`, `{`, `}`, `,`, `*`, or any other character.
    text: String,
}

/// The tokens of a Rust file without comments, strings and character literals.
fn tokens(text: &str) -> Vec<Token> {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let (mut i, mut line, mut out) = (0, 1, Vec::new());
    while i < c.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < c.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= c.len() {
                        break;
                    }
                }
            }
            'r' | 'b' | 'c' if raw_hashes(&c, i).is_some() => {
                let (open, hashes) = raw_hashes(&c, i).expect("just seen");
                i = open + 1;
                while i < c.len() && !(at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#')) {
                    i += 1;
                }
                i += 1 + hashes;
            }
            '"' => {
                i += 1;
                while i < c.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character literal, unless it is a lifetime.
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                i += if at(i + 1) == '\\' { 3 } else { 2 };
                while i < c.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            ':' if at(i + 1) == ':' => {
                out.push(Token { line, text: "::".into() });
                i += 2;
            }
            ch if ch.is_alphanumeric() || ch == '_' => {
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                out.push(Token { line, text: c[start..i].iter().collect() });
            }
            ch => {
                if !ch.is_whitespace() {
                    out.push(Token { line, text: ch.into() });
                }
                i += 1;
            }
        }
        line += c[start..i.min(c.len())].iter().filter(|ch| **ch == '\n').count();
    }
    out
}

/// Where the quote of a raw string stands, and its number of `#`.
fn raw_hashes(c: &[char], mut i: usize) -> Option<(usize, usize)> {
    if i > 0 && (c[i - 1].is_alphanumeric() || c[i - 1] == '_') {
        return None;
    }
    if matches!(c.get(i), Some('b' | 'c')) {
        i += 1;
    }
    if c.get(i) != Some(&'r') {
        return None;
    }
    let hashes = c[i + 1..].iter().take_while(|ch| **ch == '#').count();
    let quote = i + 1 + hashes;
    (c.get(quote) == Some(&'"')).then_some((quote, hashes))
}

/// Line and first name of each path that leads through the crate's root, by `crate::` or
/// by as many `super::` as the module is deep (inline modules counted).
fn root_paths(tokens: &[Token], depth: usize) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut braces: Vec<bool> = Vec::new();
    let mut inline = 0;
    for (i, token) in tokens.iter().enumerate() {
        let before = |n: usize| i.checked_sub(n).and_then(|i| tokens.get(i)).map_or("", |t| t.text.as_str());
        match token.text.as_str() {
            "{" => {
                let is_module = before(2) == "mod";
                inline += usize::from(is_module);
                braces.push(is_module);
            }
            "}" => inline -= usize::from(braces.pop() == Some(true)),
            // `$crate` is a macro's way to say crate; a path that goes on is read from its start.
            "crate" | "super" if before(1) != "::" && !in_use_group(tokens, i) => {
                walk(tokens, i, depth + inline, &mut out);
            }
            _ => {}
        }
    }
    out
}

/// `super` inside `use a::{super::b}` is read with the path around it.
fn in_use_group(tokens: &[Token], at: usize) -> bool {
    let mut open = 0;
    for i in (0..at).rev() {
        match tokens[i].text.as_str() {
            "}" => open += 1,
            "{" if open > 0 => open -= 1,
            "{" => return i > 0 && tokens[i - 1].text == "::",
            ";" if open == 0 => return false,
            _ => {}
        }
    }
    false
}

/// Reads a path or a use tree; `up` is how many `super` lead to the root (0: there already).
fn walk(tokens: &[Token], mut i: usize, mut up: usize, out: &mut Vec<(usize, String)>) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let mut at_root = false;
    loop {
        match text(i) {
            "crate" => (up, at_root) = (0, true),
            "super" => {
                up = up.saturating_sub(1);
                at_root = up == 0;
            }
            "self" if !at_root => {}
            "{" => {
                i += 1;
                while !matches!(text(i), "}" | "") {
                    i = if at_root { walk_from_root(tokens, i, out) } else { walk(tokens, i, up, out) };
                    if text(i) == "," {
                        i += 1;
                    }
                }
                return i + 1;
            }
            name if at_root => {
                out.push((tokens.get(i).map_or(0, |t| t.line), name.to_owned()));
                return skip_tree(tokens, i);
            }
            _ => return skip_tree(tokens, i),
        }
        if text(i + 1) != "::" {
            return skip_tree(tokens, i);
        }
        i += 2;
    }
}

/// One branch of a group that hangs on the root.
fn walk_from_root(tokens: &[Token], i: usize, out: &mut Vec<(usize, String)>) -> usize {
    if let Some(token) = tokens.get(i) {
        out.push((token.line, token.text.clone()));
    }
    skip_tree(tokens, i)
}

/// The index behind a path, its groups and its `as`: at a `,`, a `}` or whatever ends it.
fn skip_tree(tokens: &[Token], mut i: usize) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    loop {
        i += 1;
        match text(i) {
            "::" | "as" => {
                i += 1;
                if text(i) == "{" {
                    let mut open = 1;
                    while open > 0 && i < tokens.len() {
                        i += 1;
                        open += i32::from(text(i) == "{") - i32::from(text(i) == "}");
                    }
                }
            }
            _ => return i,
        }
    }
}

#[cfg(test)]
mod samples {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<(usize, String)> {
        faults(Path::new(file), text).into_iter().map(|f| (f.line, f.text)).collect()
    }

    /// Lines and rooms of the imports that are refused.
    fn refused(file: &str, text: &str) -> Vec<(usize, String)> {
        let room = |text: String| {
            let word = text.split(" imports ").nth(1).and_then(|t| t.split([',', ' ']).next());
            word.unwrap_or(&text).trim_matches('`').to_owned()
        };
        found(file, text).into_iter().map(|(line, text)| (line, room(text))).collect()
    }

    fn one(line: usize, room: &str) -> Vec<(usize, String)> {
        vec![(line, room.to_owned())]
    }

    #[test]
    fn imports_downwards_and_within_a_room_pass() {
        let text = "use crate::belly::{Belly, Provider};\nuse crate::{wire::Key256, dht::service};\n\
                    use super::service;\nuse std::sync::Arc;\npub(crate) fn f() { crate::wire::class::class(&[]); }";
        assert_eq!(found("dht/find_node.rs", text), []);
    }

    #[test]
    fn an_import_upwards_is_named_with_its_line() {
        let text = "//! Doc.\n\nuse crate::wire::AddrList;\nuse crate::head::Head;\n";
        assert_eq!(found("dht/mod.rs", text), [(4, "dht imports head, which stands above it".to_owned())]);
    }

    #[test]
    fn groups_and_nested_groups_are_read() {
        assert_eq!(
            refused("net/dial.rs", "use crate::{wire::{a, b::{c, d}}, dht, head::{x, y}};"),
            one(1, "head")
        );
        assert_eq!(
            refused(
                "belly/mod.rs",
                "use crate::{\n    wire::{Key256,\n        AddrList},\n    routing::{groups::Group},\n    net,\n};"
            ),
            [(4, "routing".to_owned()), (5, "net".to_owned())]
        );
        assert_eq!(refused("wire/mod.rs", "use {crate::state::Db, std::fmt};"), one(1, "state"));
        assert_eq!(refused("wire/mod.rs", "use crate::{telemetry as t, api as a};"), one(1, "api"));
    }

    #[test]
    fn paths_in_code_types_and_visibility_are_read() {
        assert_eq!(refused("wire/mod.rs", "fn f(x: &crate::dht::Service) {}"), one(1, "dht"));
        assert_eq!(refused("wire/mod.rs", "fn f() { crate\n  ::\n  head::go() }"), one(3, "head"));
        assert_eq!(refused("wire/mod.rs", "macro_rules! m { () => { $crate::api::x() } }"), one(1, "api"));
        assert_eq!(refused("wire/mod.rs", "fn f() { g::<crate::net::Dial>() }"), one(1, "net"));
        assert_eq!(refused("wire/mod.rs", "pub(crate) use self::key::Key256;"), []);
    }

    #[test]
    fn super_that_climbs_out_of_the_room_is_read() {
        assert_eq!(refused("wire/mod.rs", "use super::routing::Table;"), one(1, "routing"));
        assert_eq!(refused("wire/key.rs", "use super::super::routing::Table;"), one(1, "routing"));
        assert_eq!(refused("wire/key.rs", "use super::{addrs, super::{limits, net::Dial}};"), one(1, "net"));
        assert_eq!(refused("wire/key.rs", "use super::addrs::AddrList;"), []);
        let inline = "mod tests {\n    use super::*;\n    use super::super::super::net::Dial;\n}\nuse super::super::dht;";
        assert_eq!(refused("wire/key.rs", inline), [(3, "net".to_owned()), (5, "dht".to_owned())]);
    }

    #[test]
    fn comments_strings_and_characters_are_not_read() {
        let text = r####"
            //! [`crate::head`]
            /* use crate::head; /* crate::api::x */ crate::net::y */
            const A: &str = "crate::head::X \" crate::head";
            const B: &str = r#"use crate::api; "quoted" "#;
            const C: (char, char, u8) = ('"', '\'', b'"');
            fn f<'a>(x: &'a str) -> &'a str { x }
            use crate::scout::Late;
        "####;
        assert_eq!(refused("dht/mod.rs", text), one(8, "scout"));
    }

    #[test]
    fn the_root_stands_above_every_room() {
        assert_eq!(refused("api/mod.rs", "use crate::boot;"), one(1, "boot"));
        assert_eq!(refused("api/mod.rs", "use crate::*;"), one(1, "*"));
        assert_eq!(found("lib.rs", "use crate::head::Head; use crate::api;"), []);
    }

    #[test]
    fn a_module_that_is_no_room_is_refused() {
        assert_eq!(
            found("utils.rs", ""),
            [(1, "`utils` is no room: give it a place in ORDER of tests/tests/rooms.rs".to_owned())]
        );
    }
}
