//! The machine and the program that a benchmark was made with, in so far as its numbers depend on them. The name of the machine
//! in its network is left out: results are shown to others.

use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::engine::cpu;
use crate::io::memory::Bytes;
use crate::io::text::{counted, rounded};

/// A machine with its system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The model of the processor, or its architecture where the system does not tell.
    pub processor: String,
    /// Its architecture, as Rust names it.
    pub architecture: String,
    /// Threads that this program may use.
    pub threads: usize,
    /// Bytes of memory; `None` where the system does not tell.
    pub memory: Option<u64>,
    /// The operating system and its version.
    pub system: String,
    /// The version of its kernel.
    pub kernel: Option<String>,
    /// Threads that wanted to run in the minute before, on average (the load); `None` where the system does not tell.
    pub load: Option<f64>,
}

impl Host {
    /// This one, now.
    pub fn here() -> Self {
        let kinds = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let memory = System::new_with_specifics(kinds).ok().map(|system| system.total_memory());
        Self {
            processor: cpu::processor(),
            architecture: std::env::consts::ARCH.to_owned(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory.filter(|&bytes| bytes > 0),
            system: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            kernel: System::kernel_version().ok(),
            // Windows has no such number.
            load: System::load_average().ok().map(|load| load.one).filter(|_| cfg!(unix)),
        }
    }

    /// One line for people.
    pub fn words(&self) -> String {
        let memory = self.memory.map(|bytes| format!(", {}", Bytes(bytes))).unwrap_or_default();
        let load = self.load.map(|load| format!(", load {}", rounded(load))).unwrap_or_default();
        let threads = counted(self.threads, "thread");
        format!("{}, {threads}{memory}, {}{load}", self.processor, self.system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_in_a_line_with_what_is_known_of_it() {
        let host = Host {
            processor: "A".into(),
            architecture: "x86_64".into(),
            threads: 2,
            memory: Some(8_000_000_000),
            system: "Linux (B 12)".into(),
            kernel: None,
            load: Some(0.5),
        };
        assert_eq!(host.words(), "A, 2 threads, 8.00 GB, Linux (B 12), load 0.5");
        let less = Host { threads: 1, memory: None, load: None, ..host };
        assert_eq!(less.words(), "A, 1 thread, Linux (B 12)");
    }

    #[test]
    fn this_machine_has_a_processor_threads_and_a_system() {
        let host = Host::here();
        assert!(!host.processor.is_empty() && host.threads > 0 && !host.system.is_empty(), "{host:?}");
        assert!(host.memory.is_some_and(|bytes| bytes > 1 << 26), "{host:?}");
        assert_eq!(host.load.is_some(), cfg!(unix));
    }
}
