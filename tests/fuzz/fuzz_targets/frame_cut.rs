//! libFuzzer calls `hydra_tests::fuzzing::frame_cut`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::frame_cut(data));
