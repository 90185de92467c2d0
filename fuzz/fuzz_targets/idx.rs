//! Fuzzes what reads IDX.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.idx", data, rhohat_fuzz::readers::read_data);
});
