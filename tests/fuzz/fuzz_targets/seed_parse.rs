//! libFuzzer calls `hydra_tests::fuzzing::seed_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::seed_parse(data));
