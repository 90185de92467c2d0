//! Fuzzes what reads configurations.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("config.toml", data, rhohat_fuzz::readers::read_config);
});
