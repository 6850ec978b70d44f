//! libFuzzer calls `hydra_tests::fuzzing::ipns_validate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::ipns_validate(data));
