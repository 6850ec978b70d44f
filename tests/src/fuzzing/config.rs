//! The configuration file.

use std::collections::BTreeMap;
use std::fs;

use hydrad::config::{Config, Flags, Surroundings, table, to_json};

/// Loads a file of any text: a configuration or refusals with words, and never a secret in them.
pub fn config_toml(data: &[u8]) {
    thread_local! {
        static ROOT: tempfile::TempDir = tempfile::tempdir().expect("a directory");
    }
    let root = ROOT.with(|root| root.path().to_owned());
    fs::write(root.join("hydrad.toml"), data).expect("written");
    let variables = BTreeMap::from([("HOME".to_owned(), "/home-of-nobody".to_owned())]);
    let at = Surroundings { variables, root, system: false, hostname: "lerna".to_owned() };
    let mut flags = Flags::default();
    flags.config = Some("/hydrad.toml".into());
    match Config::of(&flags, &at) {
        Ok(config) => {
            let shown = table(&config) + &to_json(&config) + &config.warnings.concat();
            let seed = config.identity.seed.map(|seed| seed.to_base64());
            assert!(seed.is_none_or(|seed| !shown.contains(&seed)), "a seed is shown: {shown}");
            assert!(config.heads.count <= hydrad::config::MAX_HEADS);
        }
        Err(errors) => {
            assert!(!errors.problems().is_empty());
            assert!(errors.problems().iter().all(|problem| !problem.text.is_empty()));
        }
    }
}
