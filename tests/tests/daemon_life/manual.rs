//! docs/operations.md names what an operator will meet.

use hydrad::telemetry::Drop;

const MANUAL: &str = include_str!("../../../docs/operations.md");

#[test]
fn the_manual_explains_every_reason_for_a_drop() {
    for reason in Drop::ALL {
        assert!(MANUAL.contains(&format!("| `{}` |", reason.reason())), "{} is missing", reason.reason());
    }
}

#[test]
fn the_manual_explains_every_warning() {
    let sources = [
        include_str!("../../../daemon/src/hydra/warnings.rs"),
        include_str!("../../../daemon/src/hydra/network.rs"),
    ];
    let is_code = |text: &&str| {
        text.len() > 6 && text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let codes: Vec<&str> = sources.iter().flat_map(|text| text.split('"')).filter(is_code).collect();
    assert!(codes.len() >= 9, "{codes:?}");
    for code in codes {
        assert!(MANUAL.contains(&format!("`{code}`")), "{code} is missing");
    }
}
