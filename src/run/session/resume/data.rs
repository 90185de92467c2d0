//! Whether the data are those that a run has learned from, and what is done where they are others.

use crate::data::Source;
use crate::data::identity::{Inputs, Likeness};
use crate::data::stream::RowSum;
use crate::error::{Error, Result};
use crate::run::DataRecord;
use crate::run::config::{Config, HeldOut};

use super::Resumed;
use crate::run::session::request::JudgedRun;

impl JudgedRun {
    /// Refuses other data than the run has learned from.
    ///
    /// # Errors
    /// [`Error::Input`], and where rows on disk cannot be read.
    pub fn check(&self, source: &Source, now: &DataRecord, config: &Config) -> Result<()> {
        let Some(then) = &self.record else { return Ok(()) };
        match then.inputs.data.compare(&now.inputs.data, source)? {
            Likeness::Same => Ok(()),
            likeness => Err(Error::input(name(config, source), in_words(&likeness))),
        }
    }
}

/// The name of data.
fn name(config: &Config, source: &Source) -> String {
    match (&config.data, source) {
        (Some(paths), _) => paths.name().display().to_string(),
        (None, Source::Images(_)) => "the built-in pictures".to_owned(),
        (None, Source::Rows(_) | Source::Stored(_)) => "the rows".to_owned(),
    }
}

impl Resumed {
    /// Compares the data with those that the run has learned from. Others are refused unless they are asked for, now or in
    /// an earlier sitting.
    ///
    /// # Errors
    /// [`Error::Input`] with what differs.
    pub fn check_data(
        &mut self,
        source: &Source,
        now: &DataRecord,
        config: &Config,
        accepted: bool,
    ) -> Result<()> {
        let name = name(config, source);
        let Some(then) = self.inputs().cloned() else {
            if self.from.is_some() && !self.are_turned(&name, source, now, accepted)? {
                tracing::info!(
                    "{name}: a checkpoint of 0.1.0 does not say what it was learned from; taken to be the same"
                );
            }
            return Ok(());
        };
        self.check_init(&then, &now.inputs, config)?;
        let likeness = then.data.compare(&now.inputs.data, source)?;
        if likeness == Likeness::Same {
            let accepted = accepted || self.was_accepted();
            if expect_rows(source, then.data.sum, accepted) {
                self.data_changed = self.from.is_some();
            }
            return Ok(());
        }
        let told = self.difference(&likeness, now, config);
        let meant = self.record.as_ref().map(|record| record.inputs.data.compare(&now.inputs.data, source));
        let meant = meant.transpose()?.is_some_and(|likeness| likeness == Likeness::Same);
        if !accepted && !meant {
            let remedy = "give the data that it was learning from, or `data_changed` to go on with these";
            return Err(Error::input(name, format!("{told}; {remedy}")));
        }
        tracing::warn!("{name}: {told}; gone on with, since `data_changed` was given");
        self.data_changed = self.from.is_some();
        Ok(())
    }

    /// Whether pictures are others than those of a checkpoint of 0.1.0, which has learned from the pixels as they lie in the
    /// files: those are that the EXIF orientation turns, and they are refused unless they are asked for.
    fn are_turned(&mut self, name: &str, source: &Source, now: &DataRecord, accepted: bool) -> Result<bool> {
        let Source::Images(pictures) = source else { return Ok(false) };
        let (turned, all) = (pictures.turned(), pictures.list().len());
        if turned == 0 {
            return Ok(false);
        }
        let told = format!(
            "{turned} of {all} pictures are turned as the EXIF orientation in the file says, but version 0.1.0, which \
             began this run, took them as they lie in the file"
        );
        let meant = self.record.as_ref().map(|record| record.inputs.data.compare(&now.inputs.data, source));
        if !accepted && meant.transpose()? != Some(Likeness::Same) {
            let remedy =
                "give copies of them without EXIF, or `data_changed` to go on with them as they are shown";
            return Err(Error::input(name, format!("{told}; {remedy}")));
        }
        tracing::warn!("{name}: {told}; gone on with, since `data_changed` was given");
        self.data_changed = true;
        Ok(true)
    }

    /// Compares held-out data of their own with those that the run was judged by. Others are refused unless they are asked for,
    /// now or in an earlier sitting; the lowest J then is another.
    ///
    /// # Errors
    /// [`Error::Input`] with what differs.
    pub fn check_held_out(
        &mut self,
        source: Option<&Source>,
        now: &DataRecord,
        config: &Config,
        accepted: bool,
    ) -> Result<()> {
        let then = self.inputs().and_then(|inputs| inputs.validation.clone());
        let (Some(then), Some(source), Some(is)) = (&then, source, &now.inputs.validation) else {
            if then.is_none() == source.is_none() || self.from.is_none() {
                return Ok(());
            }
            let fact = match &then {
                Some(then) => {
                    format!("the run is judged by held-out data of their own, {then}, which are not given")
                }
                None => "the run is judged by no held-out data of their own".to_owned(),
            };
            let remedy = "give those that it had, or begin a new run with `config` RUN/config.toml";
            return Err(Error::input(self.run.path(), format!("{fact}; {remedy}")));
        };
        let (name, likeness) = (config.held_out_name(), then.compare(is, source)?);
        if likeness == Likeness::Same {
            if expect_rows(source, then.sum, accepted || self.was_accepted()) {
                self.held_out_changed = self.from.is_some();
            }
            return Ok(());
        }
        // The words are those of data that are learned from.
        let mut told = in_words(&likeness).replace("the run has learned from", "the run was judged by");
        let files = self.record.as_ref().and_then(|record| now.held_out.differences(&record.held_out));
        if let Some(files) = files {
            told += &format!(": {files}");
        }
        let meant = self.record.as_ref().and_then(|record| record.inputs.validation.as_ref());
        let meant = meant.map(|meant| meant.compare(is, source)).transpose()? == Some(Likeness::Same);
        if !accepted && !meant {
            let remedy = "give the held-out data that it had, or `data_changed` to go on with these";
            return Err(Error::input(name, format!("{told}; {remedy}")));
        }
        tracing::warn!("{}: {told}; gone on with, since `data_changed` was given", name.display());
        self.held_out_changed = self.from.is_some();
        Ok(())
    }

    /// Whether an earlier sitting has accepted other data and come to no checkpoint on them.
    fn was_accepted(&self) -> bool {
        let at = self.record.as_ref().and_then(|record| record.accepted_at);
        at.is_some() && at == self.from.as_ref().map(|(_, checkpoint)| checkpoint.position.steps)
    }

    /// The record of the data from now on: of those that were looked at, and of the start model from before.
    pub fn completed(&self, mut record: DataRecord) -> DataRecord {
        let before = self.inputs().and_then(|inputs| inputs.init.clone());
        record.inputs.init = record.inputs.init.or(before);
        let steps = self.from.as_ref().map(|(_, checkpoint)| checkpoint.position.steps);
        record.accepted_at = steps.filter(|_| self.data_changed || self.held_out_changed);
        record
    }

    /// The difference in words.
    fn difference(&self, likeness: &Likeness, now: &DataRecord, config: &Config) -> String {
        let mut told = in_words(likeness);
        let inventory = self.record.as_ref().map(|record| &record.inventory);
        if let Some(files) = inventory.and_then(|then| now.inventory.differences(then)) {
            told += &format!(": {files}");
        }
        if matches!(config.validation, Some(HeldOut::Share(_))) {
            told += "; held-out rows are drawn anew from them, so that some may have been learned from";
        }
        told
    }

    /// A model to start from matters where the run starts.
    fn check_init(&self, then: &Inputs, now: &Inputs, config: &Config) -> Result<()> {
        if then.init == now.init || now.init.is_none() && self.from.is_some() {
            return Ok(());
        }
        let is_path_of_run = config.to_table().get("init") == self.settings.get("init");
        if self.from.is_some() && is_path_of_run {
            tracing::info!("the model of `init` has changed since; nothing more is taken from it");
            return Ok(());
        }
        let remedy = "bring it back, leave `init` out, or begin a new run with `config` RUN/config.toml";
        let fact = "the model of `init` is another than the one that the run was begun with";
        Err(Error::input(self.run.path(), format!("{fact}; {remedy}")))
    }
}

/// How data compare with those before, in words.
fn in_words(likeness: &Likeness) -> String {
    match likeness {
        Likeness::Same => "the same data".to_owned(),
        Likeness::Appended { was, is } => {
            format!("{} rows more than the run has learned from stand behind its {was}", is - was)
        }
        Likeness::Other(why) => why.clone(),
    }
}

/// Rows on disk are the same as far as samples of them tell. The first pass that reads them whole will know better, unless
/// others are `accepted`: then whoever accepts them is taken at his word, which is the result.
fn expect_rows(source: &Source, sum: Option<RowSum>, accepted: bool) -> bool {
    let (Some(store), Some(sum)) = (source.stored(), sum) else { return false };
    if accepted {
        tracing::info!(
            "no sample of the rows has changed; since `data_changed` was given, a search begins anew all the same"
        );
    } else {
        store.check().has_to_be(sum);
    }
    accepted
}
