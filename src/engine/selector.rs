//! The words that choose a device: `auto`, `cpu`, `gpu`, `gpu:N`, `pci:BUS`, `reference`, `software`, or part of a name; and lists of
//! them, for a model that is spread over several.

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
    /// The adapter at this place of the PCI bus, as `rhohat devices` writes it.
    Pci(String),
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
        if is_list(text) {
            return Err(Error::usage(format!("`device` {text}: one device computes this; name one of them")));
        }
        Self::of_word(text)
    }
}

/// Whether several devices are named. Names of adapters have commas, too: in a list the first device is a word.
fn is_list(text: &str) -> bool {
    let first = text.split_once(',').map(|(first, _)| Selector::of_word(first.trim()));
    first.is_some_and(|first| !matches!(first, Ok(Selector::Named(_))))
}

impl Selector {
    /// All devices of a list, in its order; of one device alone it is a list, too.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no device, and for devices that would not compute alike.
    pub fn list(text: &str) -> Result<Vec<Self>> {
        if !is_list(text) {
            return Ok(vec![Self::of_word(text)?]);
        }
        let all = text.split(',').map(|word| Self::of_word(word.trim())).collect::<Result<Vec<_>>>()?;
        if let Some(other) = all.iter().find(|selector| matches!(selector, Self::Named(_) | Self::Auto)) {
            return Err(Error::usage(format!(
                "`device` {text}: {other} in a list; a list takes gpu:N, pci:BUS, cpu, software and reference"
            )));
        }
        let is_webgpu = |selector: &&Self| !matches!(selector, Self::Cpu | Self::Reference);
        let are_alike = all.iter().all(|selector| *selector == all[0]);
        if !are_alike && !all.iter().all(|selector| is_webgpu(&selector)) {
            return Err(Error::usage(format!(
                "`device` {text}: engines of unlike kinds differ in last bits, and would drift apart; name devices of one kind"
            )));
        }
        Ok(all)
    }

    /// The first device of a list: it computes what takes one device.
    pub fn first_of(text: &str) -> &str {
        if is_list(text) { text.split(',').next().unwrap_or(text).trim() } else { text }
    }

    fn of_word(text: &str) -> Result<Self> {
        if let Some(place) = text.strip_prefix("pci:") {
            return match place {
                "" => Err(Error::usage(
                    "`device` pci: needs a place, as in pci:0000:65:00.0; see `rhohat devices`",
                )),
                _ => Ok(Self::Pci(place.to_lowercase())),
            };
        }
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
            Self::Pci(place) => write!(f, "pci:{place}"),
            Self::Reference => f.write_str("reference"),
            Self::Software => f.write_str("software"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_devices_of_one_kind_and_names_may_have_commas() {
        let listed = |text| Selector::list(text).map_err(|error| error.to_string());
        assert_eq!(listed("cpu,cpu"), Ok(vec![Selector::Cpu; 2]));
        assert_eq!(listed("gpu:0, gpu:2"), Ok(vec![Selector::Gpu(Some(0)), Selector::Gpu(Some(2))]));
        let place = |place: &str| Selector::Pci(place.to_owned());
        assert_eq!(
            listed("pci:0000:65:00.0,pci:0000:B1:00.0"),
            Ok(vec![place("0000:65:00.0"), place("0000:b1:00.0")])
        );
        let name = "llvmpipe (LLVM 15.0.6, 256 bits)";
        assert_eq!(listed(name), Ok(vec![Selector::Named(name.to_owned())]));
        for (text, why) in [
            ("cpu,reference", "drift apart"),
            ("gpu:0,cpu", "drift apart"),
            ("cpu,", "needs a value"),
            ("gpu:0,NVIDIA", "NVIDIA in a list"),
            ("auto,auto", "auto in a list"),
            ("gpu:0,gpu:x", "no adapter number"),
            ("pci:", "needs a place"),
        ] {
            let refused = listed(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn where_one_device_computes_a_list_is_refused_and_the_first_can_be_asked_for() {
        let refused = "cpu,cpu".parse::<Selector>().unwrap_err().to_string();
        assert!(refused.contains("name one of them"), "{refused}");
        assert_eq!(Selector::first_of("gpu:1,gpu:0"), "gpu:1");
        assert_eq!(Selector::first_of("Arc, A770"), "Arc, A770");
    }
}
