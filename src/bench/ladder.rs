//! The shapes of whole steps: `n:h:m`, lists of them, the named ladders.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::math::params::Shape;

/// Visible units, hidden units and examples of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Visible units.
    pub n: usize,
    /// Hidden units.
    pub h: usize,
    /// Examples.
    pub m: usize,
}

impl Size {
    /// Floating-point operations of the five products of a step, a multiply-add counting twice.
    pub fn flops(self) -> f64 {
        10.0 * self.m as f64 * self.n as f64 * self.h as f64
    }

    /// Operations of a product a byte that it has to move at least, each operand and the result once. It is the same
    /// for all five products of a step.
    pub fn intensity(self) -> f64 {
        let Self { n, h, m } = self;
        let [n, h, m] = [n, h, m].map(|length| length as f64);
        2.0 * m * n * h / (4.0 * (m * n + n * h + m * h))
    }

    /// The units alone.
    pub fn units(self) -> Shape {
        Shape { visible: self.n, hidden: self.h }
    }

    /// Bytes that an engine holds for it at least: parameters, velocity, gradient, examples, activations and deltas.
    fn bytes(self) -> Option<u64> {
        let [n, h, m] = [self.n, self.h, self.m].map(|length| length as u64);
        let weights = n.checked_mul(h)?.checked_mul(2)?;
        let rows = m.checked_mul(n.checked_add(h)?)?;
        weights.checked_mul(3)?.checked_add(rows.checked_mul(2)?)?.checked_mul(4)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.n, self.h, self.m)
    }
}

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Error::usage(format!(
                "{text:?} is no shape: {why}; write visible:hidden:examples, as in 784:196:1000"
            ))
        };
        let parts: Vec<&str> = text.split(':').collect();
        let [n, h, m] = parts[..] else {
            return Err(bad(&format!("{} instead of 3 numbers between colons", parts.len())));
        };
        let number = |part: &str| match part.parse() {
            Ok(0) => Err(bad("a length of 0")),
            Ok(number) => Ok(number),
            Err(_) => Err(bad(&format!("{part:?} is no whole number"))),
        };
        Ok(Self { n: number(n)?, h: number(h)?, m: number(m)? })
    }
}

/// Ladders that have names.
pub const LADDERS: [&str; 4] = ["usual", "small", "lecture", "large"];

/// The ladder that a text names or lists.
///
/// # Errors
/// [`Error::Usage`] with the part that is wrong.
pub fn ladder(text: &str) -> Result<Vec<Size>> {
    let size = |(n, h, m)| Size { n, h, m };
    match text {
        "usual" => {
            Ok([(64, 25, 1000), (64, 25, 10_000), (784, 196, 1000), (784, 1024, 512)].map(size).to_vec())
        }
        "small" => Ok([(64, 25, 1000), (64, 256, 500), (192, 192, 500)].map(size).to_vec()),
        "lecture" => Ok([(64, 25, 10_000), (64, 256, 1000), (784, 196, 1000)].map(size).to_vec()),
        "large" => Ok([(784, 1024, 512), (784, 4096, 512), (3072, 8192, 256)].map(size).to_vec()),
        list => {
            list.split(',').map(|item| item.trim().parse()).collect::<Result<_>>().map_err(
                |error| match error {
                    Error::Usage(why) => {
                        Error::usage(format!("{why}, or name a ladder: {}", LADDERS.join(", ")))
                    }
                    other => other,
                },
            )
        }
    }
}

/// Refuses a shape that the memory at hand cannot hold, before anything is allocated on its word.
///
/// # Errors
/// [`Error::Usage`] with both sizes.
pub fn check_memory(size: Size) -> Result<()> {
    let available = available_memory().unwrap_or(1 << 46);
    match size.bytes() {
        Some(bytes) if bytes <= available => Ok(()),
        bytes => Err(Error::usage(format!(
            "a step of {size} takes {} of memory, {} are free; take a smaller shape",
            bytes.map_or("more than any address space".to_owned(), gibibytes),
            gibibytes(available)
        ))),
    }
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64)
}

/// Free memory where the system tells it as Linux does.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_ladders_are_read() {
        let size = Size { n: 64, h: 25, m: 10_000 };
        assert_eq!("64:25:10000".parse::<Size>().unwrap(), size);
        assert_eq!(size.to_string(), "64:25:10000");
        assert_eq!(ladder("64:25:10000, 3:2:1").unwrap(), [size, Size { n: 3, h: 2, m: 1 }]);
        assert_eq!(ladder("lecture").unwrap()[0], size);
        for name in LADDERS {
            assert!(
                ladder(name).unwrap().windows(2).all(|pair| pair[0].flops() <= pair[1].flops()),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_no_shape_is_refused_with_the_part_that_is_wrong() {
        for (text, words) in [
            ("", "1 instead of 3"),
            ("1:2", "2 instead of 3"),
            ("1:2:3:4", "4 instead of 3"),
            ("1:x:3", "\"x\" is no whole number"),
            ("1:-2:3", "\"-2\""),
            ("1:2:0", "a length of 0"),
            ("1:2:99999999999999999999", "is no whole number"),
        ] {
            let error = text.parse::<Size>().unwrap_err();
            assert!(error.to_string().contains(words), "{text:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
        assert!(ladder("1:2:3,medium").unwrap_err().to_string().contains("name a ladder"));
    }

    #[test]
    fn operations_and_intensity() {
        let size = Size { n: 2, h: 3, m: 4 };
        assert_eq!(size.flops(), 240.0);
        // 48 operations of a product on 8 + 6 + 12 numbers of 4 bytes.
        assert_eq!(size.intensity(), 48.0 / 104.0);
    }

    #[test]
    fn what_no_memory_holds_is_refused() {
        assert!(check_memory(Size { n: 64, h: 25, m: 100 }).is_ok());
        for huge in [1_000_000_000, usize::MAX] {
            assert_eq!(check_memory(Size { n: huge, h: huge, m: 1 }).unwrap_err().exit_code(), 2);
        }
    }
}
