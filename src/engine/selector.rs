//! The words that choose a device: `auto`, `cpu`, `gpu`, `gpu:N`, `reference`, `software`, or part of a name.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A parsed `--device`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// A real GPU, else the CPU engine.
    Auto,
    /// The f32 engine on all cores.
    Cpu,
    /// A real GPU, or the n-th of those listed by `rhohat devices`.
    Gpu(Option<usize>),
    /// The slow f64 reference.
    Reference,
    /// The WGSL kernels on a software adapter.
    Software,
    /// The adapter whose name contains this text, whatever its case.
    Named(String),
}

impl FromStr for Selector {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "gpu" => Self::Gpu(None),
            "reference" => Self::Reference,
            "software" => Self::Software,
            "" => return Err(Error::usage("`device` needs a value; `rhohat devices` lists them")),
            _ => match text.strip_prefix("gpu:") {
                Some(number) => Self::Gpu(Some(number.parse().map_err(|_| {
                    Error::usage(format!(
                        "`device` {text}: {number:?} is no adapter number; see `rhohat devices`"
                    ))
                })?)),
                None => Self::Named(text.to_owned()),
            },
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(None) => f.write_str("gpu"),
            Self::Gpu(Some(number)) => write!(f, "gpu:{number}"),
            Self::Reference => f.write_str("reference"),
            Self::Software => f.write_str("software"),
            Self::Named(name) => f.write_str(name),
        }
    }
}
