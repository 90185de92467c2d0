//! Fuzzes what reads the cache of kernels.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("kernels.json", data, rhohat_fuzz::readers::read_cache);
});
