//! libFuzzer calls `hydra_tests::fuzzing::addr_class_admit`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hydra_tests::fuzzing::addr_class_admit(data));
