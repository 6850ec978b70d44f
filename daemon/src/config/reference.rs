//! The example file and the table of the documentation, written from the table of settings.

use std::fmt::Write;

use super::settings::{Kind, SECTIONS, SETTINGS, Setting};
use super::sources::split;

/// The example file, as it is installed. Blessed by `HYDRA_BLESS=1 cargo test -p hydrad config`.
pub const EXAMPLE: &str = include_str!("../../../assets/hydrad.example.toml");

const HEAD: &str = "\
# hydrad.toml: the settings of a hydra.
#
# Every setting stands here with its default, commented out. Put your own into this file, or
# into files of conf.d/ beside it (*.toml, read in the order of names; later ones win). A
# variable wins over files, a flag wins over all. `hydrad --print-config` shows what is in
# force and where it came from, `hydrad --check-config` whether all is well.
";

/// The text that [`EXAMPLE`] must be.
#[must_use]
pub fn example() -> String {
    let mut out = HEAD.to_owned();
    for (section, about) in SECTIONS {
        let about = about.replace('`', "");
        if section.is_empty() {
            out.push_str(&format!("\n# {about}.\n"));
        } else {
            out.push_str(&format!("\n# {about}.\n[{section}]\n"));
        }
        for setting in of(section) {
            out.push('\n');
            for line in
                wrap(setting.meaning).into_iter().chain(wrap(&format!("Allowed: {}.", setting.allowed)))
            {
                out.push_str(&format!("# {line}\n"));
            }
            out.push_str(&format!("#{} = {}\n", setting.parts().1, in_toml(setting)));
        }
    }
    out
}

/// The table of docs/configuration.md, between its marks.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::new();
    for (section, about) in SECTIONS {
        let title = if section.is_empty() { String::new() } else { format!("`[{section}]` ") };
        out.push_str(&format!("\n### {title}{about}\n\n"));
        out.push_str("| key | flag | variable | default | change | allowed | meaning |\n");
        out.push_str("|---|---|---|---|---|---|---|\n");
        for setting in of(section) {
            let alias = setting.flag_alias.map(|alias| format!(", `--{alias}`")).unwrap_or_default();
            let variables: Vec<_> = setting.variables.iter().map(|name| format!("`{name}`")).collect();
            let default =
                if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
            let change = if setting.live { "live" } else { "restart" };
            let escape = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
            let written = writeln!(
                out,
                "| `{}` | `--{}`{alias} | {} | {default} | {change} | {} | {} |",
                setting.key,
                setting.flag,
                variables.join(", "),
                escape(setting.allowed),
                escape(setting.meaning),
            );
            debug_assert!(written.is_ok(), "a String takes everything");
        }
    }
    out
}

fn of(section: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.parts().0 == section)
}

/// The default as it is written in a file.
fn in_toml(setting: &Setting) -> String {
    let number = setting.default.bytes().all(|byte| byte.is_ascii_digit()) && !setting.default.is_empty();
    match setting.kind {
        Kind::Number if number => setting.default.to_owned(),
        Kind::Switch => setting.default.to_owned(),
        Kind::List => {
            let items: Vec<_> = split(setting.default).iter().map(|item| format!("\"{item}\"")).collect();
            format!("[{}]", items.join(", "))
        }
        _ => format!("\"{}\"", setting.default),
    }
}

/// Lines of at most 90 characters.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.chars().count() + word.chars().count() >= 90);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
