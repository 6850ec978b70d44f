//! docs/cli.md is what the command line says of itself, and the keys of docs/console.md are those that
//! the screen acts by. Bless with `HYDRA_BLESS=1`.

use std::path::Path;

#[test]
fn the_reference_of_commands_is_fresh() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let fresh = hydractl::cli::reference::markdown();
    if std::env::var_os("HYDRA_BLESS").is_some() {
        std::fs::create_dir_all(kept.parent().expect("docs")).expect("make docs");
        std::fs::write(&kept, &fresh).expect("bless");
    }
    assert!(
        std::fs::read_to_string(&kept).is_ok_and(|kept| kept == fresh),
        "docs/cli.md is stale: HYDRA_BLESS=1 cargo test -p hydractl --test reference"
    );
}

#[test]
fn the_keys_in_the_documentation_are_those_of_the_screen() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/console.md");
    let page = std::fs::read_to_string(&path).expect("docs/console.md");
    let (before, rest) = page.split_once("test reference -->\n").expect("where the keys begin");
    let (_, after) = rest.split_once("<!-- end of keys -->").expect("where they end");
    let keys = hydractl::tui::input::user::markdown();
    let fresh = format!("{before}test reference -->\n{keys}<!-- end of keys -->{after}");
    if std::env::var_os("HYDRA_BLESS").is_some() {
        std::fs::write(&path, &fresh).expect("bless");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/console.md");
    assert!(
        kept == fresh,
        "the keys in docs/console.md are stale: HYDRA_BLESS=1 cargo test --workspace --test reference"
    );
}
