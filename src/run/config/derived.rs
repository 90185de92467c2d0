//! Chosen and derived settings of a `config.toml`. What the user chose stands at the top; what followed from it, from the
//! data and from the machine (how work is cut, kernels, defaults of the optimiser) stands in `[derived]`. A repetition
//! takes both, so that it has the same bits; once something differs that they were derived from, the derived ones are
//! dropped and found anew.

use toml::{Table, Value};

use super::properties::Property;
use super::{Batch, Config, SourceKind, UserSettings};
use crate::math::objective::RhoHatMode;
use crate::math::optim::Optimizer;

/// The table of derived settings in a file.
const TABLE: &str = "derived";
/// The setting that tells which version's rules a file follows.
const FORMAT: &str = "format";
/// The rules that this version writes.
const CURRENT: i64 = 2;
/// Rows of DATA that derived settings were made for.
const ROWS: &str = "data_rows";
/// Numbers of each of these rows.
const COLS: &str = "data_cols";
/// Settings that every file of 0.1.0 has, so that one without a format is known by them.
const ALWAYS_IN_010: [&str; 16] = [
    "hidden",
    "activation",
    "output",
    "rho",
    "beta",
    "lambda",
    "rho_hat",
    "optimizer",
    "batch",
    "normalize",
    "seed",
    "checkpoint_every",
    "device",
    "threads",
    "chunk",
    "block",
];

/// The writer of a file of settings, who decides how it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Written {
    /// A person, or nobody: there may be no file.
    #[default]
    ByHand,
    /// A run of version 0.1.0, which had no derived settings and divided bytes by 255 whatever they were.
    Of010,
    /// A run of this version.
    Here,
}

/// Takes the derived settings out of the table of a file, and tells who wrote it.
///
/// # Errors
/// Says which entry cannot be read.
pub(super) fn split(table: &mut Table) -> Result<(Table, Written), String> {
    let derived = match table.remove(TABLE) {
        None => Table::new(),
        Some(Value::Table(derived)) => derived,
        Some(other) => return Err(format!("{TABLE}: a table of settings is needed, but it is {other}")),
    };
    let known = |name: &&String| Property::Derivable.is_of(name) || is_shape(name);
    if let Some(name) = derived.keys().find(|name| !known(name)) {
        return Err(format!("{TABLE}.{name}: no such derived setting; leave it out"));
    }
    match table.remove(FORMAT) {
        Some(Value::Integer(CURRENT)) => Ok((derived, Written::Here)),
        Some(other) => Err(format!(
            "{FORMAT} {other}, but this version of rhohat reads {CURRENT} and those of 0.1.0; use the version that \
             wrote it"
        )),
        None if ALWAYS_IN_010.iter().all(|name| table.contains_key(*name)) => {
            Ok((derived_of_010(table), Written::Of010))
        }
        None => Ok((derived, Written::ByHand)),
    }
}

/// Whether an entry of the table is no setting, but what the settings were made for.
pub(super) fn is_shape(name: &str) -> bool {
    [ROWS, COLS].contains(&name)
}

/// In a file of 0.1.0 the cut, the kernels and warm-ups of no length were nobody's choice.
fn derived_of_010(table: &mut Table) -> Table {
    let mut derived = Table::new();
    for name in ["chunk", "block", "force_variant", "stream"] {
        derived.extend(table.remove(name).map(|value| (name.to_owned(), value)));
    }
    for name in ["warmup", "beta_warmup"] {
        if table.get(name) == Some(&Value::Integer(0)) {
            derived.extend(table.remove(name).map(|value| (name.to_owned(), value)));
        }
    }
    derived
}

impl UserSettings {
    /// Settings over data of this kind: derived ones of a file are dropped, and that is told, where what they were derived
    /// from is another now. Chosen ones that mean nothing to another optimiser go with them.
    pub fn over_data(mut self, kind: SourceKind) -> Self {
        let data = self.other_data(kind);
        let other = data.clone().or_else(|| self.another_base());
        if let Some(why) = other {
            self.rebased = true;
            self.drop_derived(&why, |name| data.is_some() || !Property::OfData.is_of(name));
            self.drop_foreign();
        }
        if let Some(name) = Property::OfRate.settings().find(|name| self.flag_differs(name)) {
            self.drop_derived(&self.difference(name), |name| name == "lr");
        }
        self.drop_dependent();
        // Whether rows are held or streamed changes no bit: the memory of the day decides.
        self.derived.remove("stream");
        self
    }

    /// Settings of a run that is gone on with: only what the machine decides is dropped, where another device or another
    /// limit of memory is asked for. What decides the order and the course stays.
    pub fn gone_on_with(mut self) -> Self {
        if let Some(name) = ["device", "memory"].into_iter().find(|name| self.flag_differs(name)) {
            let why = self.difference(name);
            self.drop_derived(&why, |name| Property::OfMachine.is_of(name));
        }
        self.drop_dependent();
        self.derived.remove("stream");
        self
    }

    /// Drops what only means something beside a setting that is another now.
    fn drop_dependent(&mut self) {
        let is_average = self.get("rho_hat").ok().flatten() == Some(RhoHatMode::Ema);
        if !is_average {
            self.derived.remove("rho_hat_decay");
        }
        if self.get("batch").ok().flatten() == Some(Batch::Full) {
            self.derived.remove("shuffle_block");
            self.derived.remove("shuffle_order");
        }
    }

    /// The difference to the settings that the derived ones were made for.
    fn another_base(&self) -> Option<String> {
        let other = Property::Binding.settings().find(|name| self.flag_differs(name));
        other.map(|name| self.difference(name))
    }

    /// Whether the data, or the model to start from, are others than the settings were made for, and how.
    fn other_data(&self, kind: SourceKind) -> Option<String> {
        let named = ["data", "init", "take", "first"].into_iter().find(|name| self.flag_differs(name));
        named.map(|name| self.difference(name)).or_else(|| match (self.written, kind) {
            (Written::ByHand | Written::Of010, _) => None,
            (Written::Here, SourceKind::Rows { rows, cols, .. }) => {
                let was = [ROWS, COLS].map(|name| self.derived.get(name).and_then(Value::as_integer));
                (was != [rows, cols].map(|number| i64::try_from(number).ok())).then(|| {
                    let text =
                        |number: Option<i64>| number.map_or("no".to_owned(), |number| number.to_string());
                    format!("DATA are {rows} rows of {cols}, not {} of {}", text(was[0]), text(was[1]))
                })
            }
            (Written::Here, SourceKind::BuiltIn | SourceKind::Images { .. }) => {
                self.derived.contains_key(ROWS).then(|| "DATA are pictures, not rows".to_owned())
            }
        })
    }

    /// Whether a flag says another thing than the file.
    fn flag_differs(&self, name: &str) -> bool {
        self.written != Written::ByHand
            && self.flags.get(name).is_some_and(|value| self.of_file(name) != Some(value))
    }

    fn difference(&self, name: &str) -> String {
        let was = self.of_file(name).map_or("not set".to_owned(), Value::to_string);
        format!("{name} is {}, not {was}", self.flags[name])
    }

    fn drop_derived(&mut self, why: &str, goes: impl Fn(&str) -> bool) {
        let dropped: Vec<String> =
            self.derived.keys().filter(|name| goes(name) && !is_shape(name)).cloned().collect();
        self.derived.retain(|name, _| !dropped.iter().any(|other| other == name));
        let told: Vec<&str> = dropped.iter().map(String::as_str).filter(|name| *name != "stream").collect();
        if !told.is_empty() {
            tracing::info!("{why}: {} found anew", told.join(", "));
        }
    }

    /// Drops what the file says of another optimiser than the one that is asked for.
    fn drop_foreign(&mut self) {
        if !self.flag_differs("optimizer") {
            return;
        }
        let wanted = self.get::<Optimizer>("optimizer").ok().flatten();
        let foreign: Vec<&str> = match wanted {
            Some(Optimizer::Lbfgs) => Property::OfFirstOrder.settings().collect(),
            Some(Optimizer::Sgd) => vec!["lr"],
            Some(_) => vec!["lr", "momentum"],
            None => Vec::new(),
        };
        let mut goes: Vec<&str> = foreign.into_iter().filter(|name| self.only_in_file(name)).collect();
        if wanted == Some(Optimizer::Lbfgs) {
            let batch_of_rows = self.table.get("batch").is_some_and(Value::is_integer);
            goes.extend(Some("batch").filter(|name| batch_of_rows && self.only_in_file(name)));
            let average = self.get::<RhoHatMode>("rho_hat").ok().flatten();
            let is_exact = average.is_none_or(|mode| mode == RhoHatMode::Exact);
            goes.extend(Some("rho_hat").filter(|name| !is_exact && self.only_in_file(name)));
        }
        self.table.retain(|name, _| !goes.contains(&name));
        if !goes.is_empty() {
            tracing::info!("{}: {} of the file left out", self.difference("optimizer"), goes.join(", "));
        }
    }

    fn only_in_file(&self, name: &str) -> bool {
        self.table.contains_key(name) && !self.flags.contains_key(name)
    }
}

impl Config {
    /// The text of `config.toml`.
    pub fn to_toml(&self) -> String {
        let (derived, chosen): (Table, Table) = self
            .to_table()
            .into_iter()
            .partition(|(name, _)| Property::Derivable.is_of(name) && !self.chosen.contains(name));
        let shape = self.data_shape.map(|(rows, cols)| [(ROWS, rows), (COLS, cols)]);
        let shape = shape.into_iter().flatten().map(|(name, number)| {
            (name.to_owned(), Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
        });
        let derived: Table = derived.into_iter().chain(shape).collect();
        let text = |table: &Table| toml::to_string(table).expect("settings have a TOML form");
        format!(
            "# The settings of this run. `rhohat train --config FILE` repeats it.\n{FORMAT} = {CURRENT}\n{}\n\
             # What followed from them, from the data and from the machine.\n[{TABLE}]\n{}",
            text(&chosen),
            text(&derived)
        )
    }
}
