//! Fuzzes what reads JPEG.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.jpg", data, rhohat_fuzz::readers::read_data);
});
