//! The committed code is what the `.proto` files give: no protoc, no git. Bless with `HYDRA_BLESS=1`.

use std::fs;
use std::path::Path;

use prost::Message as _;

#[test]
fn generated_code_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "hydra/v1/belly_service.proto",
        "hydra/v1/config_service.proto",
        "hydra/v1/event_service.proto",
        "hydra/v1/head_service.proto",
        "hydra/v1/log_service.proto",
        "hydra/v1/network_service.proto",
        "hydra/v1/peer_service.proto",
        "hydra/v1/prefetch_service.proto",
        "hydra/v1/record_service.proto",
        "hydra/v1/stats_service.proto",
        "hydra/v1/status_service.proto",
    ];
    let descriptors = protox::compile(files, [root.join("proto")]).expect("the proto files compile");
    let scratch = tempfile::tempdir().expect("a scratch directory");
    fs::write(scratch.path().join("descriptor.bin"), descriptors.encode_to_vec()).expect("write descriptor");
    tonic_prost_build::configure()
        .out_dir(scratch.path())
        .emit_rerun_if_changed(false)
        .compile_fds(descriptors)
        .expect("code is generated");

    let committed = root.join("src/generated");
    let bless = std::env::var_os("HYDRA_BLESS").is_some();
    for entry in fs::read_dir(scratch.path()).expect("read scratch") {
        let fresh = entry.expect("entry").path();
        let name = fresh.file_name().expect("a file").to_owned();
        let fresh = fs::read(&fresh).expect("read fresh");
        let kept = committed.join(&name);
        if bless {
            fs::create_dir_all(&committed).expect("make src/generated");
            fs::write(&kept, &fresh).expect("bless");
        }
        assert!(
            fs::read(&kept).is_ok_and(|kept| kept == fresh),
            "{} is stale: HYDRA_BLESS=1 cargo test -p hydra-protocol",
            kept.display()
        );
    }
}
