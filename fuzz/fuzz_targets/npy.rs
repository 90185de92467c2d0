//! Fuzzes what reads `.npy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.npy", data, rhohat_fuzz::readers::read_data);
});
