//! How much memory a run takes, before it takes any: what each engine will hold, what the machine has, and which cut
//! makes the one fit the other.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result as Checked};
use serde::{Deserialize, Serialize};
#[cfg(feature = "files")]
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The most memory that this process has held so far, bytes, where the system tells it.
#[cfg(feature = "files")]
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Nothing is read in a build without files.
#[cfg(not(feature = "files"))]
pub fn peak() -> Option<u64> {
    None
}

/// A number of bytes, written as `6GB`, `512MiB` or `1000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

/// Names of multiples, longest first.
const UNITS: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit = UNITS.iter().find_map(|&(name, size)| Some((text.strip_suffix(name)?, size)));
        let (number, size) = unit.unwrap_or((text, 1));
        let bytes = number.trim().parse::<f64>().ok().map(|number| number * size as f64);
        match bytes.filter(|bytes| (1.0..9e18).contains(bytes)) {
            Some(bytes) => Ok(Self(bytes as u64)),
            None => Err(format!("{text:?} is no amount of memory; give for example 6GB or 512MiB")),
        }
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        format!("{}B", bytes.0)
    }
}

impl Bytes {
    /// A round amount that is not less, as `--memory` takes it.
    pub fn rounded_up(self) -> String {
        let megabytes = self.0.div_ceil(1_000_000);
        if megabytes < 1_000 {
            format!("{megabytes}MB")
        } else {
            format!("{:.1}GB", megabytes.div_ceil(100) as f64 / 10.0)
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PREFIXES: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
        if self.0 < 1_000 {
            return write!(f, "{} B", self.0);
        }
        let (mut amount, mut prefix) = (self.0 as f64 / 1e3, 0);
        while amount >= 1e3 {
            amount /= 1e3;
            prefix += 1;
        }
        write!(f, "{amount:.2} {}B", PREFIXES[prefix])
    }
}

/// What the machine has left for a new program, limits of its container included; `None` where the system does not say.
#[cfg(feature = "files")]
pub fn available() -> Option<Bytes> {
    let kinds = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kinds).ok()?;
    let of_container = system.cgroup_limits().map(|limits| limits.free_memory);
    let free = system.available_memory();
    let least = of_container.map_or(free, |limit| limit.min(free));
    (least > 0).then_some(Bytes(least))
}

/// Unknown: nothing is asked of the system.
#[cfg(not(feature = "files"))]
pub fn available() -> Option<Bytes> {
    None
}

/// Address space that threads and their heaps reserve beside what they touch; 260 MB were missing at a limit.
const RESERVED: u64 = 320 << 20;
/// Stacks of the threads of two pools, a core.
const STACKS: u64 = 2 * (2 << 20);

/// Asks the system for as much as a plan holds and what threads reserve besides, and gives it back untouched: what a limit of the
/// process or the system refuses is an error here, where an allocation would end the program later.
///
/// # Errors
/// [`Error::Device`] when it is refused.
pub fn grant(plan: u64) -> Checked<()> {
    if is_granted(plan) {
        return Ok(());
    }
    let fact = format!("out of memory: the system refuses the {} of the plan", Bytes(plan));
    Err(Error::device(format!("{fact}; lower `hidden`, `batch` or `chunk`, or raise the limit (ulimit -v)")))
}

/// Whether the system gives as much as a plan holds and what threads reserve besides; see [`grant`].
pub fn is_granted(plan: u64) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    is_given(plan.saturating_add(RESERVED).saturating_add(STACKS * cores))
}

/// Whether the system gives so many bytes, which go back untouched.
pub fn is_given(bytes: u64) -> bool {
    let mut room = Vec::<u8>::new();
    let given = usize::try_from(bytes).is_ok_and(|bytes| room.try_reserve_exact(bytes).is_ok());
    // Seen from outside, or the compiler may leave out an allocation that nobody uses.
    std::hint::black_box(&room);
    given
}

/// Bytes that an engine holds at a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Weights and biases.
    pub parameters: u64,
    /// What the optimiser keeps beside them, gradients included.
    pub optimizer_state: u64,
    /// Activations, deltas and sums of the rows computed at a time.
    pub activations: u64,
    /// Examples: all of them, or those on their way.
    pub data: u64,
    /// Copies that are read faster, of whatever has one.
    pub textures: u64,
}

impl Footprint {
    /// The sum.
    pub fn total(&self) -> u64 {
        self.parameters + self.optimizer_state + self.activations + self.data + self.textures
    }

    /// That of as many engines alike.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        let Self { parameters, optimizer_state, activations, data, textures } = self;
        let [parameters, optimizer_state, activations, data, textures] =
            [parameters, optimizer_state, activations, data, textures].map(|bytes| count * bytes);
        Self { parameters, optimizer_state, activations, data, textures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_units_and_refused_without_sense() {
        for (text, bytes) in [
            ("6GB", 6_000_000_000),
            ("1.5GiB", 3 << 29),
            ("512 MiB", 512 << 20),
            ("4096", 4096),
            ("8kB", 8000),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
            assert_eq!(String::from(Bytes(bytes)).parse(), Ok(Bytes(bytes)));
        }
        for (bytes, text) in [(1, "1MB"), (999_000_001, "1.0GB"), (3_920_704_032, "4.0GB")] {
            assert_eq!(Bytes(bytes).rounded_up(), text);
            assert!(text.parse::<Bytes>().unwrap() >= Bytes(bytes));
        }
        for text in ["", "GB", "-1GB", "six", "0", "1e30TB", "NaN", "infGB"] {
            assert!(text.parse::<Bytes>().unwrap_err().contains("6GB"), "{text}");
        }
    }

    #[test]
    #[cfg(feature = "cli")]
    fn amounts_are_told_as_progress_bars_tell_them() {
        for bytes in [0, 1, 999, 1_000, 1_001, 999_994, 999_999, 1_000_000, 6_000_000_000, u64::MAX] {
            assert_eq!(Bytes(bytes).to_string(), indicatif::DecimalBytes(bytes).to_string());
        }
    }

    #[test]
    fn memory_that_no_system_has_is_refused_before_it_is_taken() {
        assert!(grant(1 << 20).is_ok());
        for bytes in [1 << 60, u64::MAX] {
            let error = grant(bytes).unwrap_err();
            assert_eq!(error.exit_code(), 5);
            assert!(error.to_string().contains("out of memory"), "{error}");
        }
    }

    #[test]
    fn the_machine_says_what_is_left() {
        assert!(available().is_some_and(|left| left > Bytes(1 << 20)));
    }
}
