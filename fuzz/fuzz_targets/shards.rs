//! Fuzzes what reads a folder of safetensors files, of which one is damaged.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("b.safetensors", data, rhohat_fuzz::readers::read_shards);
});
