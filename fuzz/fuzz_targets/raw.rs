//! Fuzzes what reads files without a header.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.u8", data, rhohat_fuzz::readers::read_raw);
});
