//! Fuzzes what reads IDX packed by gzip.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    rhohat_fuzz::run("a.gz", &rhohat_fuzz::packed(data, rhohat_fuzz::gz), rhohat_fuzz::readers::read_data);
});
