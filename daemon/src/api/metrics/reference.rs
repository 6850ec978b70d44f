//! The list of all series, and the documentation that follows from it.

use std::fmt::Write as _;

use crate::api::metrics::series::{Kind, Series};
use crate::api::metrics::{
    SCRAPE, belly, compat, dht, doors, heads, limits, network, peers, prefetch, process,
};

/// A subject: its title and its series, in the order of a scrape.
pub type Subject = (&'static str, &'static [&'static Series]);

/// All series of our own.
pub const SUBJECTS: &[Subject] = &[
    ("Heads", heads::ALL),
    ("DHT requests", dht::ALL),
    ("Peers and connections", peers::ALL),
    ("The network", network::ALL),
    ("The belly", belly::ALL),
    ("Prefetch", prefetch::ALL),
    ("Limits, warnings and drops", limits::ALL),
    ("Doors for other programs", doors::ALL),
    ("The process", process::ALL),
    ("The scrape itself", &[&SCRAPE]),
];

/// The predecessor's, with `metrics.compatibility`.
pub const COMPATIBLE: &[&Series] = compat::ALL;

/// Every label, and the values that it may have.
pub const LABELS: &[(&str, &str)] = &[
    ("api", "version of the control API"),
    ("cause", "`share`, `budget`, `room`"),
    (
        "check",
        "conditions as `hydractl status` names them: `ports`, `files`, `clock`, `outbound`, `table`, `reach`, `address`, `inbound`, `presence`",
    ),
    ("code", "codes of warnings ([operations.md](operations.md#warnings))"),
    ("direction", "`in`: a peer began it, or sent it; `out`: we did"),
    ("door", "`http`, `metrics`, `routing`: sections of the configuration"),
    ("head", "index of a head; only while there are no more than 64 heads and `metrics.per_head` is true"),
    ("kind", "`near`, `far`, `value`, `prefetched`"),
    ("le", "upper edge of a bucket, in the unit of the name"),
    ("lists", "`yes`, `group_full`, `no_answer`, `not_yet` (connected), `not_connected`"),
    ("method", "`crawl`, `distance` ([coverage.md](coverage.md))"),
    (
        "outcome",
        "how it ended; the words are in the meaning, those of a miss in `hydractl prefetch status -o json`",
    ),
    (
        "reason",
        "for `hydra_drops_total` and `hydra_belly_drops_total` the reasons of [operations.md](operations.md#what-was-dropped); for dials `timeout`, `refused`, `unreachable`, `reset`, `other_peer`, `no_address`, `handshake`",
    ),
    ("rpc", "`FIND_NODE`, `GET_PROVIDERS`, `ADD_PROVIDER`, `GET_VALUE`, `PUT_VALUE`, `PING`"),
    ("seen_by", "`connection` with a head, `request` to a head, `crawl` of the scout"),
    ("source", "`dht`, or a configured router"),
    ("stage", "the words are in the meaning"),
    ("state", "states of a head, or of the daemon"),
    ("status", "`1xx` to `5xx`"),
    ("transport", "`tcp`, `quic`"),
    ("version", "of hydrad"),
];

/// The tables of docs/metrics.md.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    for (title, series) in SUBJECTS {
        table(&mut text, title, series);
    }
    text.push_str("## Labels\n\n| label | values |\n|---|---|\n");
    for (name, values) in LABELS {
        // writing to a String does not fail
        writeln!(text, "| `{name}` | {values} |").ok();
    }
    text.push('\n');
    table(&mut text, "Names of hydra-booster", COMPATIBLE);
    text
}

fn table(text: &mut String, title: &str, series: &[&Series]) {
    writeln!(text, "## {title}\n\n| series | type | labels | meaning |\n|---|---|---|---|").ok();
    for series in series {
        let labels = series.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let kind = match series.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
            Kind::Unknown => "unknown",
        };
        writeln!(text, "| `{}` | {kind} | {labels} | {} |", series.name(), series.help).ok();
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::api::metrics::Unit;

    fn all() -> impl Iterator<Item = &'static Series> {
        SUBJECTS.iter().flat_map(|(_, series)| series.iter().copied())
    }

    #[test]
    fn every_name_says_whose_it_is_and_its_unit_and_every_label_is_known() {
        let mut names = BTreeSet::new();
        for series in all() {
            let name = series.family();
            assert!(names.insert(name.clone()), "{name} stands there twice");
            assert!(name.starts_with("hydra_") || name.starts_with("process_"), "{name}");
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit();
            assert!(name.bytes().all(plain) && !name.contains("__"), "{name}");
            assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}: the kind adds that");
            for word in ["seconds", "bytes", "ratio"] {
                let says = name.split('_').any(|part| part == word);
                assert_eq!(says, series.unit.name() == word, "{name}: its unit stands at its end, and once");
            }
            assert!(series.help.ends_with('.') && !series.help.contains('\n'), "{name}: {}", series.help);
            for label in series.labels {
                assert!(LABELS.iter().any(|(known, _)| known == label), "{name} has the label {label}");
                assert!(!name.split('_').any(|part| part == *label) || *label == "head", "{name} by {label}");
            }
            let kind_fits = series.kind != Kind::Histogram || series.unit == Unit::Seconds;
            assert!(kind_fits && series.kind != Kind::Unknown, "{name}");
        }
        let used: BTreeSet<&str> = all().flat_map(|series| series.labels).copied().chain(["le"]).collect();
        assert_eq!(used, LABELS.iter().map(|(label, _)| *label).collect(), "labels that no series has");
    }

    #[test]
    fn the_predecessors_names_are_its_own() {
        for series in COMPATIBLE {
            assert!(
                series.name().starts_with("hydrabooster_") && series.kind != Kind::Counter,
                "{}",
                series.stem
            );
        }
    }

    fn manual() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md")
    }

    #[test]
    fn the_documentation_of_series_is_fresh() {
        const BEGIN: &str = "<!-- series: HYDRA_BLESS=1 cargo test --lib metrics -->\n\n";
        const END: &str = "<!-- end of series -->\n";
        let text = fs::read_to_string(manual()).expect("docs/metrics.md");
        let (head, rest) = text.split_once(BEGIN).expect("the beginning is marked");
        let (_, tail) = rest.split_once(END).expect("the end is marked");
        let expected = format!("{head}{BEGIN}{}{END}{tail}", markdown());
        if std::env::var_os("HYDRA_BLESS").is_some() {
            fs::write(manual(), &expected).expect("written");
        }
        let found = fs::read_to_string(manual()).unwrap_or_default();
        assert!(found == expected, "docs/metrics.md is stale: run HYDRA_BLESS=1 cargo test --lib metrics");
    }
}
