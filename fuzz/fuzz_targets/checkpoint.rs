//! Fuzzes what reads checkpoints and goes on with them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.checkpoint", data, rhohat_fuzz::readers::read_checkpoint);
});
