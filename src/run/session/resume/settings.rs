//! Differences between the settings of today and those of a checkpoint: settings that a run keeps, that change its J, or
//! that decide no step.

use crate::error::{Error, Result};
use crate::run::Changes;
use crate::run::config::{Batch, Config, Property, UserSettings};
use toml::Table;

use super::Resumed;

impl Resumed {
    /// Refuses settings that are given and would make another run of it, whether a flag or an edited `config.toml` has
    /// them.
    ///
    /// # Errors
    /// [`Error::Usage`] with both values.
    pub fn admit(&self, given: &UserSettings, flags: &Table) -> Result<()> {
        let set = given.all();
        let changes = self.changes_to(&set).into_iter().filter(|(name, _)| set.contains_key(name));
        self.admit_changes(&changes.collect(), given, flags)
    }

    /// The same for all settings, those that were left out among them.
    ///
    /// # Errors
    /// As [`Resumed::admit`].
    pub fn admit_all(&self, config: &Config, given: &UserSettings, flags: &Table) -> Result<()> {
        let of_order = |name: &str| ["shuffle_block", "shuffle_order"].contains(&name);
        let mut changes = self.changes(config);
        // Where every update takes all rows there is no order.
        changes.retain(|(name, _)| config.batch != Batch::Full || !of_order(name));
        self.admit_changes(&changes, given, flags)
    }

    fn admit_changes(&self, changes: &Changes, given: &UserSettings, flags: &Table) -> Result<()> {
        if self.of_010 && flags.contains_key("divide") {
            return Err(Error::usage(
                "`divide`: version 0.1.0 began this run, and divided bytes by 255; leave it out",
            ));
        }
        let kept = |change: &&Change| Property::OfRun.is_of(&change.0) && !is_moved(change);
        let Some((name, (was, is))) = changes.iter().find(kept) else { return Ok(()) };
        let config = self.run.config();
        let (said, remedy) = if flags.contains_key(name) {
            (format!("`{name}` {is}"), "leave it out")
        } else if given.all().get(name).is_none() {
            (format!("{} does not say {name}, which is {is} by default", config.display()), "put it back")
        } else {
            (format!("{} says {name} = {is}", config.display()), "put it back")
        };
        let was = if was == "none" { "no such setting" } else { was };
        Err(Error::usage(format!(
            "{said}: the run has {was}, and keeps its shape, its data and its optimiser; {remedy}, or begin a new run \
             with `config` RUN/config.toml"
        )))
    }

    /// Settings that are others than the state was taken under.
    pub(super) fn changes(&self, config: &Config) -> Changes {
        self.changes_to(&config.to_table())
    }

    fn changes_to(&self, after: &Table) -> Changes {
        let text =
            |table: &Table, name: &str| table.get(name).map_or("none".to_owned(), toml::Value::to_string);
        let names =
            self.settings.keys().chain(after.keys().filter(|name| !self.settings.contains_key(*name)));
        let pairs = names.map(|name| (name.clone(), (text(&self.settings, name), text(after, name))));
        let was_in_010 = |name: &str| self.of_010 && ["divide", "replacement"].contains(&name);
        let counts = |name: &str| !name.ends_with("_as_given") && !was_in_010(name);
        pairs.filter(|(name, (was, is))| was != is && counts(name)).collect()
    }

    /// Whether J is another function than the one of the checkpoint.
    pub(super) fn has_another_j(&self, config: &Config) -> bool {
        self.data_changed
            || self.stale
            || self.changes(config).iter().any(|(name, _)| Property::OfObjective.is_of(name))
    }
}

/// A setting, its value before and now.
type Change = (String, (String, String));

/// Whether another value of a setting decides steps to come.
pub(super) fn decides(change: &Change) -> bool {
    !Property::OfSitting.is_of(&change.0) && !is_moved(change)
}

/// Whether held-out data lie elsewhere; whether they are the same is told by their content.
fn is_moved((name, (was, is)): &Change) -> bool {
    let is_path = |value: &str| value.starts_with(['"', '\'', '{', '[']);
    name == "validation" && is_path(was) && is_path(is)
}
