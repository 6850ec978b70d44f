//! libFuzzer calls `hydra_tests::fuzzing::index_set`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::index_set(data));
