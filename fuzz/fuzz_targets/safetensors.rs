//! Fuzzes what reads safetensors as data.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.safetensors", data, rhohat_fuzz::readers::read_data);
});
