//! libFuzzer calls `hydra_tests::fuzzing::message_read`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::message_read(data));
