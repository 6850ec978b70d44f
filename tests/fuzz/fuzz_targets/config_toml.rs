//! libFuzzer calls `hydra_tests::fuzzing::config_toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::config_toml(data));
