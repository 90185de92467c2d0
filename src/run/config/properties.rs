//! What settings decide, and what becomes of them where something else changes; `settings` has a row for each.

use super::settings::PROPERTIES;

/// A property of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// Follows from others, from the data or from the machine where it was not chosen. All others say what is learned and
    /// from what.
    Derivable,
    /// Derivable ones follow from it, as they do from the shape of the data.
    Binding,
    /// The default of the learning rate follows from it, whatever else stays.
    OfRate,
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

impl Property {
    /// Whether a setting has it.
    pub fn is_of(self, name: &str) -> bool {
        PROPERTIES.iter().any(|(setting, properties)| *setting == name && properties.contains(&self))
    }

    /// The settings that have it.
    pub fn settings(self) -> impl Iterator<Item = &'static str> {
        PROPERTIES.iter().filter(move |(_, properties)| properties.contains(&self)).map(|(name, _)| *name)
    }
}

/// Whether there is a setting of this name.
pub fn is_setting(name: &str) -> bool {
    PROPERTIES.iter().any(|(setting, _)| *setting == name)
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
        let rows: BTreeSet<&str> = PROPERTIES.iter().map(|(name, _)| *name).collect();
        assert_eq!(rows, known);
        assert_eq!(rows.len(), PROPERTIES.len(), "a setting has two rows");
    }

    #[test]
    fn settings_that_follow_from_data_or_machine_are_derivable() {
        for name in Property::OfData.settings().chain(Property::OfMachine.settings()) {
            assert!(Property::Derivable.is_of(name), "{name}");
        }
    }
}
