//! The CPU engine: f32, all cores, the same bits for any number of threads.
