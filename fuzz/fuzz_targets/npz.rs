//! Fuzzes what reads `.npz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.npz", &rhohat_fuzz::packed(data, rhohat_fuzz::npz), rhohat_fuzz::readers::read_data);
});
