//! Words and numbers as people see them: strangers' strings made harmless, counts, sizes, spans,
//! short ids and addresses.
//!
//! Pure functions of their arguments; nothing here knows a terminal or a clock.

/// Makes a stranger's string safe to print on one line: control characters, which can move the
/// cursor, set the title or hide text, become `�`, and so do the characters that turn the
/// direction of writing or take no room.
#[must_use]
pub fn neutral(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// As [`neutral`], a line at a time.
#[must_use]
pub fn neutral_lines(text: &str) -> Vec<String> {
    text.lines().map(|line| neutral(line.trim_end_matches('\r'))).collect()
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
