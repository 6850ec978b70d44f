//! The rules of the house that a compiler does not check: what lies at the top, how long a
//! file may be, what each module says of itself, one version, few libp2p features, and
//! nothing of the machine that a file was written on.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Longest source file, in lines. Files aim for 200.
const MAX_LINES: usize = 800;

/// Longest `main.rs` of a program.
const MAX_MAIN_LINES: usize = 40;

#[test]
fn the_top_level_holds_what_it_should_and_nothing_else() {
    let must = ["Cargo.toml", "daemon", "console", "protocol", "assets", "tests", "README.md"];
    let may = [
        "Cargo.lock",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "clippy.toml",
        "deny.toml",
        "docs",
        "rustfmt.toml",
    ];
    let files = files();
    for name in must.iter().chain(&may) {
        assert!(root().join(name).exists(), "`{name}` is missing at the top level");
    }
    for file in &files {
        let top = file.iter().next().and_then(OsStr::to_str).expect("a name");
        let known = must.contains(&top) || may.contains(&top) || top.starts_with('.');
        assert!(known, "`{top}` has no place at the top level ({})", file.display());
    }
}

#[test]
fn no_source_file_is_longer_than_800_lines() {
    let kinds = ["rs", "go", "js", "mjs", "ts", "py", "sh", "proto"];
    for file in files().iter().filter(|f| !is_generated(f)) {
        if extension(file).is_some_and(|e| kinds.contains(&e)) {
            let lines = read(file).lines().count();
            assert!(
                lines <= MAX_LINES,
                "{} has {lines} lines, more than {MAX_LINES}: split it",
                file.display()
            );
        }
    }
}

#[test]
fn the_programs_live_in_their_libraries() {
    for main in ["daemon/src/main.rs", "console/src/main.rs"] {
        let lines = read(Path::new(main)).lines().count();
        assert!(lines <= MAX_MAIN_LINES, "{main} has {lines} lines, more than {MAX_MAIN_LINES}");
    }
}

#[test]
fn every_module_begins_by_saying_what_it_owns() {
    let mut silent = Vec::new();
    for file in files().iter().filter(|f| extension(f) == Some("rs") && !is_generated(f)) {
        let text = read(file);
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        let purpose = first.strip_prefix("//!").unwrap_or_default().trim();
        if purpose.len() < 10 || purpose.contains("to be filled") {
            silent.push(file.display().to_string());
        }
    }
    assert!(silent.is_empty(), "these must begin with `//!` and their purpose: {}", silent.join(", "));
}

#[test]
fn there_is_one_version_and_the_changelog_knows_it() {
    let mut version = None;
    for package in packages() {
        let (name, this) =
            (package["name"].as_str().expect("a name"), package["version"].as_str().expect("a version"));
        let version = version.get_or_insert_with(|| this.to_owned());
        assert_eq!(version, this, "{name} has a version of its own");
        let manifest = read(Path::new(package["manifest_path"].as_str().expect("a path")));
        assert!(manifest.contains("version.workspace = true"), "{name} takes its version from the workspace");
    }
    let version = version.expect("packages");
    let log = read(Path::new("CHANGELOG.md"));
    let mut headings = log.lines().filter_map(|line| line.strip_prefix("## "));
    assert_eq!(headings.next(), Some("[Unreleased]"), "the first heading of CHANGELOG.md");
    if let Some(newest) = headings.next() {
        assert!(
            newest.starts_with(&format!("[{version}] - ")),
            "CHANGELOG.md has `{newest}`, the crates {version}"
        );
    }
}

#[test]
fn libp2p_comes_with_few_features() {
    for package in packages() {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let (of, name) =
                (package["name"].as_str().expect("a name"), dependency["name"].as_str().expect("a name"));
            if dependency["kind"] == "dev" || !name.starts_with("libp2p") {
                continue;
            }
            assert_ne!(name, "libp2p-kad", "{of} depends on {name} outside dev-dependencies");
            assert_eq!(dependency["uses_default_features"], false, "{of}: {name} without default features");
            for feature in dependency["features"].as_array().expect("features") {
                let too_much = ["kad", "full"].iter().any(|f| feature == f);
                assert!(!too_much, "{of} asks {name} for `{feature}` outside dev-dependencies");
            }
        }
    }
}

#[test]
fn no_file_names_a_directory_of_the_machine_it_was_written_on() {
    // Put together here, so that this file passes its own test.
    let places = ["root", "work", "home", "Users"].map(|name| format!("/{name}/"));
    for file in files() {
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for place in &places {
                // Preceded by a piece of path it is somebody's relative directory.
                let in_path = |c: char| c.is_alphanumeric() || "._-~})*".contains(c);
                let hit = line.match_indices(place.as_str()).any(|(at, _)| !line[..at].ends_with(in_path));
                assert!(!hit, "{}:{}: a path of one machine: {}", file.display(), number + 1, line.trim());
            }
        }
    }
}

#[test]
fn lock_files_name_the_public_registries_only() {
    let known = ["registry+https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/"];
    for file in files() {
        let key = match file.file_name().and_then(OsStr::to_str) {
            Some("Cargo.lock") => "source = \"",
            Some("package-lock.json") => "\"resolved\": \"",
            _ => continue,
        };
        for (number, line) in read(&file).lines().enumerate() {
            if let Some(source) = line.trim().strip_prefix(key) {
                let public = known.iter().any(|k| source.starts_with(k));
                assert!(public, "{}:{}: not a public registry: {source}", file.display(), number + 1);
            }
        }
    }
    // Settings that would bind everybody to the registry of one machine.
    for file in files() {
        let keys: &[&str] = match file.file_name().and_then(OsStr::to_str) {
            Some(".npmrc") => &["registry", "proxy", "https-proxy"],
            Some("pip.conf") => &["index-url", "extra-index-url", "proxy"],
            Some("config.toml") if file.iter().any(|part| part == ".cargo") => {
                &["registry", "replace-with", "proxy"]
            }
            _ => continue,
        };
        for line in read(&file).lines() {
            let key = line.split('=').next().unwrap_or_default().trim();
            assert!(!keys.contains(&key), "{} sets {key} for everybody", file.display());
        }
    }
}

/// Both need systemd's own tool; where it is not installed there is nothing to ask.
#[test]
fn the_unit_is_valid_and_its_exposure_is_at_most_2() {
    let dir = tempfile::tempdir().expect("a directory");
    let unit = dir.path().join("hydrad.service");
    let text = read(Path::new("assets/systemd/hydrad.service"));
    fs::write(&unit, &text).expect("a copy");
    // In tenths: 20 is 2.0.
    let Some((secure, said)) = systemd_analyze(&["security", "--offline=true", "--threshold=20"], &unit)
    else {
        return;
    };
    assert!(secure, "the unit is exposed to more than 2.0:\n{said}");
    // The programs need not be installed on the machine that tests.
    for exec in ["ExecStart=/usr/bin/hydrad", "ExecReload=/usr/bin/hydractl"] {
        assert!(text.contains(exec), "{exec}");
    }
    let text = text.replace("=/usr/bin/hydrad", "=/bin/true").replace("=/usr/bin/hydractl", "=/bin/true");
    fs::write(&unit, text).expect("a copy");
    let (valid, said) = systemd_analyze(&["verify"], &unit).expect("as before");
    assert!(valid && said.trim().is_empty(), "systemd-analyze verify:\n{said}");
}

/// Whether it succeeded, and all it said; `None` where it is not installed.
fn systemd_analyze(arguments: &[&str], unit: &Path) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        other => other.expect("systemd-analyze runs"),
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The project's files relative to its root: what git knows or would add; without git all
/// but build products.
fn files() -> Vec<PathBuf> {
    let git = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    if let Ok(output) = git
        && output.status.success()
    {
        let names = String::from_utf8(output.stdout).expect("names in UTF-8");
        let all = names.split('\0').filter(|n| !n.is_empty()).map(PathBuf::from);
        return all.filter(|f| root().join(f).is_file()).collect();
    }
    let mut out = Vec::new();
    walk(&root(), &mut out);
    out
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("list {}: {e}", dir.display())) {
        let path = entry.expect("an entry").path();
        let skipped = ["target", "node_modules", ".git"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !skipped {
            walk(&path, out);
        } else if path.is_file() {
            out.push(path.strip_prefix(root()).expect("below the root").to_owned());
        }
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("read {}: {e}", file.display()))
}

fn extension(file: &Path) -> Option<&str> {
    file.extension().and_then(OsStr::to_str)
}

fn is_generated(file: &Path) -> bool {
    file.iter().any(|part| part == "generated" || part == "vendor")
}

/// The workspace's packages, as cargo sees them.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages").clone();
    assert_eq!(packages.len(), 4, "daemon, console, protocol, tests");
    packages
}
