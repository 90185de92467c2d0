//! Fuzzes what reads PNG.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.png", data, rhohat_fuzz::readers::read_data);
});
