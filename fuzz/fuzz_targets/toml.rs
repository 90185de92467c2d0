//! Fuzzes what reads configurations.
#![no_main]

rhohat_fuzz::fuzzer!("config.toml", read_config);
