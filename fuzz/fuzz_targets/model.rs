//! Fuzzes what reads models.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("model.safetensors", data, rhohat_fuzz::readers::read_model);
});
