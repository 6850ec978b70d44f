//! The older text format of Prometheus (0.0.4), for scrapers and collectors that read no other.

/// From OpenMetrics: the name of a counter's family is that of its samples, and what the older
/// format has no word for is said in its words.
#[must_use]
pub fn plain(open: &str) -> String {
    let mut out = String::with_capacity(open.len());
    let mut lines = open.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("# HELP ") else {
            if !line.starts_with("# ") {
                out.push_str(line);
                out.push('\n');
            }
            continue;
        };
        let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
        // a family's TYPE follows its HELP
        let kind = lines.next_if(|line| line.starts_with("# TYPE "));
        let kind = kind.and_then(|line| line.rsplit_once(' ')).map_or("unknown", |(_, kind)| kind);
        let (suffix, kind) = match kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            "unknown" => ("", "untyped"),
            kind => ("", kind),
        };
        out.push_str(&format!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_the_names_and_types_of_the_older_format() {
        let open = "# HELP a_bytes Bytes \\\"x\\\".\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\na_bytes_total{b=\"c\"} 1\n\
                    # HELP d Build.\n# TYPE d info\nd_info{v=\"# 1\"} 1\n\
                    # HELP e E.\n# TYPE e unknown\ne 2\n# HELP f F.\n# TYPE f gauge\nf 0.5\n# EOF\n";
        let expected = "# HELP a_bytes_total Bytes \\\"x\\\".\n# TYPE a_bytes_total counter\na_bytes_total{b=\"c\"} 1\n\
                        # HELP d_info Build.\n# TYPE d_info gauge\nd_info{v=\"# 1\"} 1\n\
                        # HELP e E.\n# TYPE e untyped\ne 2\n# HELP f F.\n# TYPE f gauge\nf 0.5\n";
        assert_eq!(plain(open), expected);
    }
}
