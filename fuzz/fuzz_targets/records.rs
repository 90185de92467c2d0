//! Fuzzes what reads CIFAR files.
#![no_main]

rhohat_fuzz::fuzzer!("data_batch_1.bin", read_records);
