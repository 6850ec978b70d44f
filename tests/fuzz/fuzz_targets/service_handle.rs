//! libFuzzer calls `hydra_tests::fuzzing::service_handle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::service_handle(data));
