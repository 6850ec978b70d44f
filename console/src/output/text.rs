//! Words and numbers as people see them: strangers' strings made harmless, counts, sizes, spans,
//! short ids and addresses.
//!
//! Pure functions of their arguments; nothing here knows a terminal or a clock.

/// A share: 2.8 %, 46 %, 99.7 %; finer where a whole per cent would hide it.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let whole = format!("{percent:.1}").ends_with(".0");
    if percent > 0.0 && !whole && !(9.95..99.0).contains(&percent) && percent < 99.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// Makes a stranger's string safe to print on one line: control characters, which can move the
/// cursor, set the title or hide text, become `�`, and so do the characters that turn the
/// direction of writing or take no room.
#[must_use]
pub fn neutral(text: &str) -> String {
    neutral_owned(text.to_owned())
}

/// As [`neutral`]; a text that is harmless, as nearly all are, is not copied.
#[must_use]
pub fn neutral_owned(text: String) -> String {
    // printable ASCII
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text;
    }
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

/// All digits with commas: 2,412.
#[must_use]
pub fn commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count: all digits below ten million, else SI with one decimal: 561.3 M.
#[must_use]
pub fn count(number: u64) -> String {
    match number {
        ..10_000_000 => commas(number),
        10_000_000..1_000_000_000 => format!("{:.1} M", number as f64 / 1e6),
        _ => format!("{:.2} G", number as f64 / 1e9),
    }
}

/// Two counts in the unit of the second: 44.1 of 561.3 M; a first that would be 0.0 keeps its own.
#[must_use]
pub fn count_of(part: u64, whole: u64) -> String {
    let (unit, digits) = match whole {
        ..10_000_000 => return format!("{} of {}", commas(part), commas(whole)),
        10_000_000..1_000_000_000 => (1e6, 1),
        _ => (1e9, 2),
    };
    let part = match part as f64 / unit {
        scaled if scaled < 0.05 && part > 0 => count(part),
        scaled => format!("{scaled:.digits$}"),
    };
    format!("{part} of {}", count(whole))
}

/// A time to wait, in two units: 40 s, 12 min 40 s, 3 h 12 min.
#[must_use]
pub fn wait(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {} min", minutes % 60),
    }
}

/// Bytes in SI units: 47.7 GB.
#[must_use]
pub fn size(bytes: u64) -> String {
    let (unit, name) = size_unit(bytes);
    if unit == 1 { format!("{bytes} B") } else { format!("{:.1} {name}", bytes as f64 / unit as f64) }
}

/// Two sizes in the unit of the second: 47.7 of 80.0 GB; a first that would be 0.0 keeps its own.
#[must_use]
pub fn size_of(bytes: u64, limit: u64) -> String {
    let (unit, name) = size_unit(limit);
    if bytes > 0 && bytes < unit / 20 {
        return format!("{} of {}", size(bytes), size(limit));
    }
    let scaled = |bytes: u64| bytes as f64 / unit as f64;
    format!("{:.1} of {:.1} {name}", scaled(bytes), scaled(limit))
}

fn size_unit(bytes: u64) -> (u64, &'static str) {
    match bytes {
        ..1_000 => (1, "B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        1_000_000_000..1_000_000_000_000 => (1_000_000_000, "GB"),
        _ => (1_000_000_000_000, "TB"),
    }
}

/// A stretch of time with its two largest units: 12 s, 41m, 44h 48m, 6d 4h.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes}m"),
        // Records live 48 h: within three days hours are what one compares.
        3_600..259_200 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{}d {}h", hours / 24, hours % 24),
    }
}

/// A latency with two digits: 0.6 ms, 24 ms, 1.9 s.
#[must_use]
pub fn latency(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if ms < 9.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else {
        format!("{seconds:.1} s")
    }
}

/// 4 first, …, 7 last characters of a peer id: every Ed25519 id starts alike, the tail tells.
#[must_use]
pub fn short_id(id: &str) -> String {
    shorten(id, 7)
}

/// 4 first, …, 10 last characters of a CID.
#[must_use]
pub fn short_cid(cid: &str) -> String {
    shorten(cid, 10)
}

fn shorten(text: &str, tail: usize) -> String {
    let length = text.chars().count();
    if length <= 4 + 1 + tail {
        return text.to_owned();
    }
    let first: String = text.chars().take(4).collect();
    let last: String = text.chars().skip(length - tail).collect();
    format!("{first}…{last}")
}

/// Host and port of a multiaddr: `203.0.113.7:30000`, `[2001:db8::1]:4001`; one of another form
/// is returned whole.
#[must_use]
pub fn host_port(address: &str) -> String {
    let mut parts = address.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("ip6"), Some(host), Some("tcp" | "udp"), Some(port)) => format!("[{host}]:{port}"),
        (Some("ip4" | "dns" | "dns4" | "dns6"), Some(host), Some("tcp" | "udp"), Some(port)) => {
            format!("{host}:{port}")
        }
        _ => address.to_owned(),
    }
}

/// Name and version of an agent string: `kubo 0.39.0` of `kubo/0.39.0/1f4a7c9`.
#[must_use]
pub fn agent(agent: &str) -> String {
    let mut parts = agent.splitn(3, '/');
    match (parts.next(), parts.next()) {
        (Some(name), Some(version)) if !version.is_empty() => format!("{name} {version}"),
        _ => agent.to_owned(),
    }
}

/// Names that end in a number, neighbours joined: `head-0 to head-4, head-7`.
#[must_use]
pub fn ranges(names: &[String]) -> String {
    let number = |name: &str| -> Option<u64> { name.rsplit_once('-')?.1.parse().ok() };
    let mut parts: Vec<(&str, &str)> = Vec::new();
    for name in names {
        match parts.last_mut() {
            Some((_, last)) if number(last).is_some_and(|before| number(name) == Some(before + 1)) => {
                *last = name;
            }
            _ => parts.push((name, name)),
        }
    }
    let text = |(first, last): &(&str, &str)| {
        if first == last { (*first).to_owned() } else { format!("{first} to {last}") }
    };
    parts.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Folds the symbols of the house into ASCII, for terminals that do not speak UTF-8. What is
/// not a symbol of ours stays.
#[must_use]
pub fn ascii(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '●' => folded.push('+'),
            '▲' => folded.push('!'),
            '✖' => folded.push('X'),
            '◐' => folded.push('%'),
            '○' => folded.push('o'),
            '·' => folded.push('|'),
            '≈' => folded.push('~'),
            '…' => folded.push_str(".."),
            '—' | '–' => folded.push('-'),
            '≤' => folded.push_str("<="),
            '±' => folded.push_str("+-"),
            '\u{fffd}' => folded.push('?'),
            c => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_read_as_in_the_pictures() {
        assert_eq!(
            [0, 999, 2_412, 9_999_999, 561_312_408].map(count),
            ["0", "999", "2,412", "9,999,999", "561.3 M"]
        );
        let counts = [(44_100_000, 561_312_408), (0, 561_312_408), (7_000, 561_312_408), (1_234, 5_678)];
        let counts = counts.map(|(part, whole)| count_of(part, whole));
        assert_eq!(counts, ["44.1 of 561.3 M", "0.0 of 561.3 M", "7,000 of 561.3 M", "1,234 of 5,678"]);
        assert_eq!(count_of(1_500_000_000, 2_000_000_000), "1.50 of 2.00 G");
        assert_eq!([40, 760, 11_520].map(wait), ["40 s", "12 min 40 s", "3 h 12 min"]);
        assert_eq!(size_of(47_700_000_000, 80_000_000_000), "47.7 of 80.0 GB");
        assert_eq!(size_of(40_960, 80_000_000_000), "41.0 kB of 80.0 GB");
        assert_eq!([0, 40_960, 47_700_000_000].map(size), ["0 B", "41.0 kB", "47.7 GB"]);
        let spans = [0, 59, 60, 2_460, 11_520, 161_280, 155_100, 532_948].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1m", "41m", "3h 12m", "44h 48m", "43h 05m", "6d 4h"]);
        let shares = [0.0, 0.002_1, 0.028, 0.099_6, 0.46, 0.989, 0.997, 0.03, 0.999_9, 1.0].map(percent);
        assert_eq!(
            shares,
            ["0 %", "0.2 %", "2.8 %", "10 %", "46 %", "99 %", "99.7 %", "3 %", "100 %", "100 %"]
        );
        assert_eq!([0.000_6, 0.024, 0.999_9, 1.9].map(latency), ["0.6 ms", "24 ms", "1.0 s", "1.9 s"]);
    }

    #[test]
    fn ids_and_addresses_are_short_and_odd_ones_stay() {
        assert_eq!(short_id("12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ"), "12D3…dybLUPZ");
        assert_eq!(short_id("QmShort"), "QmShort");
        assert_eq!(
            short_cid("bafkreid4ca2qy2cyg3fseshha4ubpgkkmlmjppkdq4paa5hbm3spmtkkem"),
            "bafk…m3spmtkkem"
        );
        assert_eq!(host_port("/ip4/203.0.113.7/udp/30000/quic-v1"), "203.0.113.7:30000");
        assert_eq!(host_port("/ip6/2001:db8::1/tcp/4001"), "[2001:db8::1]:4001");
        assert_eq!(host_port("/memory/7"), "/memory/7");
        assert_eq!(agent("kubo/0.39.0/1f4a7c9"), "kubo 0.39.0");
        assert_eq!(agent("plain"), "plain");
    }

    #[test]
    fn neighbouring_names_are_joined() {
        let names = |names: &[&str]| ranges(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(
            names(&["head-0", "head-1", "head-2", "head-5", "head-7", "head-8"]),
            "head-0 to head-2, head-5, head-7 to head-8"
        );
        assert_eq!(names(&[]), "");
    }

    const RIGHT_TO_LEFT: char = '\u{202e}';

    proptest! {
        #[test]
        fn nothing_that_moves_a_cursor_is_left_of_any_string(text in ".*") {
            let harmful = neutral(&text).chars().any(|c| c.is_control() || c == RIGHT_TO_LEFT);
            prop_assert!(!harmful);
        }

        #[test]
        fn no_string_makes_an_abbreviation_panic(text in ".*") {
            let _short = (short_id(&text), short_cid(&text), host_port(&text), agent(&text), ascii(&text));
        }
    }
}
