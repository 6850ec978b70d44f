//! docs/cli.md is what the command line says of itself. Bless with `HYDRA_BLESS=1`.

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
