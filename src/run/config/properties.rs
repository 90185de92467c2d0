//! One row a setting: what it decides, and what becomes of it where something else changes.

use Property::{Binding, Derivable, OfData, OfFirstOrder, OfMachine, OfObjective, OfRun, OfSitting};

/// A property of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// Follows from others, from the data or from the machine where it was not chosen. All others say what is learned and
    /// from what.
    Derivable,
    /// Derivable ones follow from it, as they do from the shape of the data.
    Binding,
    /// Derivable, and follows from the data: the examples stay what they are while the data are the same.
    OfData,
    /// Derivable, and follows from the machine at the start of every sitting unless it decides bits.
    OfMachine,
    /// Means something to SGD and Adam alone.
    OfFirstOrder,
    /// Kept by a run for good: its shape, how it reads what it learns from, its optimiser.
    OfRun,
    /// Changes J: a search of L-BFGS begins anew, and the lowest J over held-out examples is another.
    OfObjective,
    /// Decides no step: an end that was reached stands. What paths lead to is compared by its content.
    OfSitting,
}

/// All settings. Where several of one property are told of, it is in this order.
const SETTINGS: [(&str, &[Property]); 48] = [
    ("data", &[OfSitting]),
    ("data_as_given", &[]),
    ("raw", &[OfRun]),
    ("as", &[OfRun]),
    ("axes", &[OfRun]),
    ("divide", &[Derivable, OfData, OfRun]),
    ("hidden", &[Binding, OfRun]),
    ("activation", &[OfRun]),
    ("output", &[OfRun]),
    ("rho", &[OfObjective]),
    ("beta", &[OfObjective]),
    ("lambda", &[OfObjective]),
    ("optimizer", &[Derivable, Binding, OfRun]),
    ("lr", &[Derivable, OfFirstOrder]),
    ("schedule", &[Derivable, OfFirstOrder]),
    ("warmup", &[Derivable, OfFirstOrder]),
    ("momentum", &[Derivable, OfFirstOrder]),
    ("beta_warmup", &[Derivable, OfFirstOrder]),
    ("revive", &[OfFirstOrder]),
    ("epochs", &[Derivable, OfFirstOrder]),
    ("rho_hat", &[Derivable]),
    ("rho_hat_decay", &[Derivable, OfFirstOrder]),
    ("shuffle_block", &[Derivable, OfFirstOrder, OfRun]),
    ("shuffle_order", &[Derivable, OfFirstOrder, OfRun]),
    ("batch", &[Derivable, Binding]),
    ("steps", &[Derivable]),
    ("chunk", &[Derivable, OfMachine]),
    ("block", &[Derivable, OfMachine]),
    ("force_variant", &[Derivable, OfMachine]),
    ("binding_limit", &[]),
    ("stream", &[Derivable, OfSitting]),
    ("device", &[Binding]),
    ("threads", &[OfSitting]),
    ("memory", &[Binding, OfSitting]),
    ("samples", &[Derivable, Binding, OfData, OfRun]),
    ("patch", &[Derivable, Binding, OfData, OfRun]),
    ("color", &[Derivable, Binding, OfData, OfRun]),
    ("replacement", &[Derivable, OfData, OfRun]),
    ("whiten", &[Derivable, OfData, OfRun]),
    ("normalize", &[Derivable, OfData, OfRun]),
    ("fit_rows", &[OfRun]),
    ("init", &[OfSitting]),
    ("init_as_given", &[]),
    ("seed", &[OfRun]),
    ("validation", &[OfRun]),
    ("patience", &[]),
    ("checkpoint_every", &[OfSitting]),
    ("max_time", &[OfSitting]),
];

impl Property {
    /// Whether a setting has it.
    pub fn is_of(self, name: &str) -> bool {
        SETTINGS.iter().any(|(setting, properties)| *setting == name && properties.contains(&self))
    }

    /// The settings that have it.
    pub fn settings(self) -> impl Iterator<Item = &'static str> {
        SETTINGS.iter().filter(move |(_, properties)| properties.contains(&self)).map(|(name, _)| *name)
    }
}

/// Whether there is a setting of this name.
pub fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|(setting, _)| *setting == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::run::config::Config;

    #[test]
    fn every_setting_has_one_row() {
        let error = toml::from_str::<Config>("nonsense = 1").unwrap_err().to_string();
        let (_, known) = error.split_once("expected one of ").expect("an unknown setting is refused");
        let known: BTreeSet<&str> = known.split('`').skip(1).step_by(2).collect();
        let rows: BTreeSet<&str> = SETTINGS.iter().map(|(name, _)| *name).collect();
        assert_eq!(rows, known);
        assert_eq!(rows.len(), SETTINGS.len(), "a setting has two rows");
    }

    #[test]
    fn settings_that_follow_from_data_or_machine_are_derivable() {
        for name in OfData.settings().chain(OfMachine.settings()) {
            assert!(Derivable.is_of(name), "{name}");
        }
    }
}
