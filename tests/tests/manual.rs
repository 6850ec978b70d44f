//! The manual page of hydrad is what its command line says of itself. Bless with `HYDRA_BLESS=1`.

use std::path::Path;

use hydractl::cli::man;

#[test]
fn the_page_of_the_daemon_is_fresh() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/man/hydrad.8");
    let fresh = man::whole(hydrad::commands::command(), 8).text;
    if std::env::var_os("HYDRA_BLESS").is_some() {
        std::fs::create_dir_all(kept.parent().expect("assets/man")).expect("make assets/man");
        std::fs::write(&kept, &fresh).expect("bless");
    }
    assert!(
        std::fs::read_to_string(&kept).is_ok_and(|kept| kept == fresh),
        "assets/man/hydrad.8 is stale: HYDRA_BLESS=1 cargo test --workspace --test manual"
    );
}
