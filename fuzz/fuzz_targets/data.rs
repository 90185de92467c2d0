//! Fuzzes what reads data, of whatever format: files are recognised by their content.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.data", &rhohat_fuzz::packed(data), rhohat_fuzz::readers::read_data);
});
