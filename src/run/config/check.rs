//! Refusals: values out of range, settings that contradict each other, settings that would do nothing.

use std::path::PathBuf;

use super::{Batch, Config, ConfigContext, HeldOut, SourceKind};
use crate::data::{Normalize, Rotation, Whitening, check_columns};
use crate::engine::device::Selector;
use crate::error::{Error, Result};
use crate::io::paths::Paths;
use crate::io::text::{counted, there_are};
use crate::io::threads::MOST as MOST_THREADS;
use crate::math::number::MOST;
use crate::math::objective::{Activation, Objective, Penalty, RhoHatMode};
use crate::math::optim::Optimizer;
use crate::math::params::check_shape;

/// Refuses with `text` unless `holds`.
fn ensure(holds: bool, text: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::usage(text())) }
}

/// Refuses activations that their layer does not take and weights out of range.
///
/// # Errors
/// [`Error::Usage`] with the setting and its range.
pub fn check_objective(objective: &Objective) -> Result<()> {
    let Objective { activation, penalty: Penalty { rho, .. }, beta, lambda, .. } = *objective;
    ensure(activation.suits_hidden_layers(), || {
        let (name, suited) = (activation.name(), Activation::of_hidden_layers().map(Activation::name));
        let suited = suited.collect::<Vec<_>>().join(" or ");
        format!("`activation` {name}: the hidden layer is {suited}; {name} is for `output`")
    })?;
    ensure(rho > 0.0 && rho < 1.0, || format!("`rho` {rho}: the mean activation lies between 0 and 1"))?;
    for (name, value) in [("`beta`", beta), ("`lambda`", lambda)] {
        ensure(value >= 0.0 && value.is_finite(), || format!("{name} {value}: a weight is 0 or more"))?;
    }
    Ok(())
}

impl Config {
    pub(super) fn check(&self, facts: &ConfigContext<'_>) -> Result<()> {
        check_objective(&self.objective())?;
        self.check_data(facts.kind)?;
        self.check_init(facts)?;
        self.check_length()?;
        match self.optimizer {
            Optimizer::Lbfgs => self.check_lbfgs()?,
            _ => self.check_descent(facts.kind)?,
        }
        self.check_rho_hat()?;
        self.check_rows(facts.kind)?;
        self.check_fit(facts)?;
        self.check_cut()?;
        self.check_validation(facts.kind)?;
        self.selectors().map(|_| ())
    }

    fn check_data(&self, kind: SourceKind) -> Result<()> {
        check_shape(self.shape(kind)?)?;
        let (rows, visible) = self.size(kind)?;
        let most = rows.checked_mul(visible.max(self.hidden)).filter(|&numbers| numbers <= MOST);
        ensure(most.is_some(), || {
            let what = if matches!(kind, SourceKind::Rows { .. }) { "rows" } else { "`samples`" };
            let width = format!("{visible} numbers and {} hidden units", self.hidden);
            format!("{what} {rows}: examples of {width} fit no memory; lower their number or `hidden`")
        })?;
        ensure(self.divide.is_none() || matches!(kind, SourceKind::Rows { .. }), || {
            "`divide` is for rows, but the data are pictures, whose bytes are divided by 255; leave it out"
                .to_owned()
        })?;
        let said = [
            self.meaning.map(|it| format!("`as` {it}")),
            self.axes.as_ref().map(|it| format!("`axes` {it}")),
            self.recursive.map(|_| "`recursive`".to_owned()),
            self.format.map(|it| format!("`format` {it}")),
            self.use_columns.as_ref().map(|it| format!("`use_columns` {it}")),
            self.label_column.as_ref().map(|it| format!("`label_column` {it}")),
            self.labels.as_ref().map(|it| format!("`labels` {}", it.display())),
            self.classes.as_ref().map(|it| format!("`classes` {it}")),
        ];
        if let Some(said) = said.into_iter().flatten().next().filter(|_| self.data.is_none()) {
            return Err(Error::usage(format!("{said} says what DATA is, but there is none; leave it out")));
        }
        let taken = [("`take`", self.take), ("`first`", self.first)];
        for (name, count) in taken.into_iter().filter(|_| kind == SourceKind::BuiltIn) {
            ensure(count.is_none(), || {
                format!(
                    "{name} {}: some of DATA are taken, but there is none; leave it out",
                    count.unwrap_or_default()
                )
            })?;
        }
        let for_images = [
            ("`patch`", self.patch.is_some()),
            ("`samples`", self.samples.is_some()),
            ("replacement", self.replacement.is_some()),
            ("`color`", self.color.is_some()),
            ("`whiten`", self.whiten.is_some()),
        ];
        self.check_whitening(visible)?;
        if matches!(kind, SourceKind::Rows { .. }) {
            for (name, given) in for_images {
                ensure(!given, || match name {
                    "`whiten`" => format!(
                        "{name} is for images, but the data are rows; leave it out, or use `whitening` zca"
                    ),
                    _ => format!("{name} is for images, but the data are rows; leave it out"),
                })?;
            }
            return self.check_shape(visible);
        }
        ensure(self.shape.is_none(), || {
            "`shape` gives rows the form of pictures, but the data are pictures; leave it out".to_owned()
        })?;
        let (samples, visible) = self.size(kind)?;
        ensure(visible > 0, || "`patch` 0: a patch needs at least one pixel".to_owned())?;
        ensure(samples > 0, || "`samples` 0: training needs at least one patch".to_owned())
    }

    /// Settings of a decorrelation go with one.
    fn check_whitening(&self, columns: usize) -> Result<()> {
        let of_it = [("`epsilon`", self.epsilon), ("`variance`", self.variance)];
        let Some(whitening) = self.whitening() else {
            let Some((name, Some(value))) = of_it.into_iter().find(|(_, value)| value.is_some()) else {
                return Ok(());
            };
            return Err(Error::usage(format!(
                "{name} {value} is for `whitening` pca or zca; leave it out, or give one of them"
            )));
        };
        check_columns(whitening, columns)?;
        let Whitening { kind, epsilon, variance } = whitening;
        ensure(self.whiten != Some(true), || {
            format!(
                "`whiten` filters whole pictures, and `whitening` {} decorrelates their patches; give one of them",
                kind.name()
            )
        })?;
        ensure(epsilon >= 0.0 && epsilon.is_finite(), || {
            format!("`epsilon` {epsilon}: it is added to variances; give 0 or more, as 0.1")
        })?;
        let Some(share) = variance else { return Ok(()) };
        ensure(kind == Rotation::Pca, || {
            format!("`variance` {share}: zca keeps all columns; leave it out, or use `whitening` pca")
        })?;
        ensure(share > 0.0 && share <= 1.0, || {
            format!("`variance` {share}: a share of the variance lies above 0 and up to 1, as 0.99")
        })
    }

    /// Rows that are pictures have as many numbers as these.
    fn check_shape(&self, columns: usize) -> Result<()> {
        let Some(form) = self.shape else { return Ok(()) };
        let numbers = form.numbers().unwrap_or(usize::MAX);
        ensure(numbers == columns, || {
            format!(
                "`shape` {form}: pictures of {numbers} numbers, but the rows have {columns}; give the right `shape`, or leave it out"
            )
        })
    }

    /// The start model has the last word on the shape.
    fn check_init(&self, facts: &ConfigContext<'_>) -> Result<()> {
        let Some(file) = facts.init else { return Ok(()) };
        if let Some(start) = self.start {
            let fact = format!("`start` {} says how weights are drawn, but `init` brings them", start.name());
            return Err(Error::usage(format!("{fact}; leave one of them out")));
        }
        let (found, wanted) = (file.shape(), self.shape(facts.kind)?);
        ensure(wanted.hidden == found.hidden, || {
            let fact = format!("`hidden` {}: the model of `init` has {}", wanted.hidden, found.hidden);
            format!("{fact} hidden units; leave `hidden` out")
        })?;
        let learned_from =
            facts.meta().map_or(found.visible, |meta| meta.preprocess.inputs_of(found.visible));
        ensure(wanted.visible == learned_from, || {
            let fact = format!("the data have {} numbers an example", wanted.visible);
            format!(
                "{fact}, but the model of `init` has {learned_from} visible units; {}",
                match facts.kind {
                    SourceKind::Rows { .. } => "give data of that width",
                    SourceKind::BuiltIn | SourceKind::Images { .. } =>
                        "set `patch` (and `color`) to its patches",
                }
            )
        })
    }

    fn check_length(&self) -> Result<()> {
        ensure(self.epochs.is_none() || self.steps.is_none(), || {
            "`epochs` and `steps` both set the length of the run; give one of them".to_owned()
        })
    }

    fn check_lbfgs(&self) -> Result<()> {
        if let Batch::Rows(rows) = self.batch {
            let remedy = "use `batch` full, or `optimizer` adam or sgd";
            return Err(Error::usage(format!("`batch` {rows}: lbfgs takes all rows at once; {remedy}")));
        }
        ensure(self.revive.is_none(), || {
            "`revive` means nothing to lbfgs, whose search would have to begin anew; \
             leave it out, or use `optimizer` adam or sgd"
                .to_owned()
        })?;
        ensure(self.beta_warmup.is_none(), || {
            "`beta_warmup` means nothing to lbfgs, which compares J from iteration to iteration; \
             leave it out, or use `optimizer` adam or sgd"
                .to_owned()
        })?;
        let for_descent = [
            ("`lr`", self.lr.is_some()),
            ("`schedule`", self.schedule.is_some()),
            ("`warmup`", self.warmup.is_some()),
            ("`momentum`", self.momentum.is_some()),
            ("`epochs`", self.epochs.is_some()),
        ];
        for (name, given) in for_descent {
            ensure(!given, || {
                format!(
                    "{name} means nothing to lbfgs, whose line search sets the rate and `steps` the length; \
                         leave it out, or use `optimizer` adam or sgd"
                )
            })?;
        }
        Ok(())
    }

    fn check_descent(&self, kind: SourceKind) -> Result<()> {
        let (rows, _) = self.size(kind)?;
        if let Batch::Rows(batch) = self.batch {
            ensure((1..=rows).contains(&batch), || {
                format!("`batch` {batch}: {}; give 1 to {rows}, or full", there_are(rows, "example"))
            })?;
        }
        let rate = self.lr.unwrap_or_default();
        ensure(rate > 0.0 && rate.is_finite(), || format!("`lr` {rate}: a learning rate is above 0"))?;
        let updates = self.updates(rows);
        self.check_warmups(updates)?;
        ensure(self.revive.is_none_or(|every| (1..updates).contains(&every)), || {
            let every = self.revive.unwrap_or_default();
            format!(
                "`revive` {every}: the run has {}; give 1 or more, and fewer than those",
                counted(updates, "update")
            )
        })?;
        let Some(momentum) = self.momentum else { return Ok(()) };
        ensure(self.optimizer == Optimizer::Sgd, || {
            "`momentum` is for sgd; adam has its own averages: leave it out, or use `optimizer` sgd"
                .to_owned()
        })?;
        ensure((0.0..1.0).contains(&momentum), || format!("`momentum` {momentum}: give 0 or more, below 1"))
    }

    fn check_warmups(&self, updates: usize) -> Result<()> {
        for (name, warmup) in [("`warmup`", self.warmup), ("`beta_warmup`", self.beta_warmup)] {
            let warmup = warmup.unwrap_or_default();
            ensure(warmup <= updates, || {
                format!(
                    "{name} {warmup}: the run has only {}; lower it or raise `steps`",
                    counted(updates, "update")
                )
            })?;
        }
        let beta_warmup = self.beta_warmup.unwrap_or_default();
        ensure(beta_warmup == 0 || self.beta > 0.0, || {
            format!(
                "`beta_warmup` {beta_warmup}: `beta` 0 leaves nothing to warm up; leave it out, or raise `beta`"
            )
        })
    }

    fn check_rho_hat(&self) -> Result<()> {
        let ema = self.rho_hat == RhoHatMode::Ema;
        ensure(!ema || self.batch != Batch::Full, || {
            "`rho_hat` ema averages over mini-batches, but every update takes all rows; \
             use `rho_hat` exact, or `optimizer` adam with `batch` N"
                .to_owned()
        })?;
        let Some(decay) = self.rho_hat_decay else { return Ok(()) };
        ensure(ema, || "`rho_hat_decay` is for `rho_hat` ema; leave it out".to_owned())?;
        ensure((0.0..1.0).contains(&decay), || format!("`rho_hat_decay` {decay}: give 0 or more, below 1"))
    }

    fn check_rows(&self, kind: SourceKind) -> Result<()> {
        ensure(self.raw.is_none() || self.data.is_some(), || {
            "`raw` says what files hold, but there is no DATA; leave it out".to_owned()
        })?;
        ensure(self.stream != Some(true) || kind.row_bytes().is_some(), || {
            "`stream`: these data can only be read at once; leave it out, or save them as a .npy of rows, \
             numpy.save('converted.npy', numpy.ascontiguousarray(a, '<f4'))"
                .to_owned()
        })?;
        let streams_on = self.selector()? != Selector::Reference;
        ensure(self.stream != Some(true) || streams_on, || {
            "`stream`: the reference holds all rows; leave it out, or use another `device`".to_owned()
        })?;
        let Some(run) = self.shuffle_block else { return Ok(()) };
        ensure(run > 0, || "`shuffle_block` 0: at least one row stays together with itself".to_owned())?;
        ensure(self.batch != Batch::Full, || {
            format!(
                "`shuffle_block` {run} is for mini-batches, but every update takes all rows; leave it out"
            )
        })
    }

    fn check_validation(&self, kind: SourceKind) -> Result<()> {
        if let Some(held_out) = self.held_out_kind {
            if let Some(HeldOut::Share(share)) = self.validation {
                let fact = format!("`validation` {share} of the examples, and held-out data of their own");
                return Err(Error::usage(format!("{fact}; give one of them")));
            }
            self.check_held_out(kind, held_out)?;
            return ensure(self.patience != Some(0), || "`patience` 0: give 1 or more".to_owned());
        }
        let Some(HeldOut::Share(share)) = self.validation else {
            return ensure(self.patience.is_none(), || {
                "`patience` waits for held-out examples; give `validation`, or leave it out".to_owned()
            });
        };
        ensure(share > 0.0 && share < 1.0, || {
            format!("`validation` {share}: a share of the examples lies between 0 and 1")
        })?;
        ensure(self.size(kind)?.0 > 0, || {
            format!("`validation` {share}: there is one example alone; leave it out")
        })?;
        ensure(self.patience != Some(0), || "`patience` 0: give 1 or more".to_owned())
    }

    /// Held-out data are of the kind and the width of those that are learned from.
    fn check_held_out(&self, kind: SourceKind, held_out: SourceKind) -> Result<()> {
        let (fact, remedy) = match (kind, held_out) {
            (SourceKind::Rows { cols, .. }, SourceKind::Rows { cols: found, .. }) if cols != found => (
                format!("rows of {found} numbers, but those of DATA have {cols}"),
                "give held-out rows of that width",
            ),
            (SourceKind::Rows { .. }, SourceKind::Rows { .. }) => return Ok(()),
            (SourceKind::Rows { .. }, _) => {
                ("pictures, but DATA are rows".to_owned(), "hold out rows, or a share of DATA")
            }
            (_, SourceKind::Rows { .. }) => {
                ("rows, but DATA are pictures".to_owned(), "hold out pictures, or a share of DATA")
            }
            _ => return Ok(()),
        };
        Err(Error::input(self.held_out_name(), format!("{fact}; {remedy}")))
    }

    /// Held-out data in messages.
    pub fn held_out_name(&self) -> PathBuf {
        let paths = self.validation.as_ref().and_then(HeldOut::data);
        paths.map_or_else(|| "held-out data".into(), Paths::name)
    }

    /// A sample is for rows whose limits are not known yet.
    fn check_fit(&self, facts: &ConfigContext<'_>) -> Result<()> {
        let Some(fit) = self.fit_rows else { return Ok(()) };
        let refused = |why: &str| Err(Error::usage(format!("`fit_rows` {fit}: {why}")));
        let SourceKind::Rows { rows, .. } = facts.kind else {
            return refused("the data are images, fitted on all `samples` of them; leave it out");
        };
        let goes_on = facts.meta().is_some_and(|meta| {
            (meta.preprocess.normalize, meta.preprocess.whitening) == (self.normalize, self.whitening())
        });
        match self.normalize {
            Normalize::None if self.whitening.is_none() => {
                refused("`normalize` none fits nothing; leave it out, or use `normalize` unit or lecture")
            }
            _ if goes_on => refused("the normalisation of the `init` model goes on; leave it out"),
            _ if !(1..=rows).contains(&fit) => {
                refused(&format!("{}; give 1 to {rows}", there_are(rows, "row")))
            }
            _ => Ok(()),
        }
    }

    fn check_cut(&self) -> Result<()> {
        ensure(self.threads <= MOST_THREADS, || {
            format!("`threads` {}: give {MOST_THREADS} at most, or 0 for one a core", self.threads)
        })?;
        let shards = self.sharding()?.shards;
        ensure(shards <= self.hidden, || {
            let (units, hidden) = (there_are(self.hidden, "hidden unit"), self.hidden);
            format!(
                "`shards` {shards}: {units}, and no shard is empty; give {hidden} at most, or fewer devices"
            )
        })?;
        ensure(self.chunk != Some(0), || "`chunk` 0: a chunk needs at least one row".to_owned())?;
        ensure(self.block.is_none_or(|block| (1..=self.hidden).contains(&block)), || {
            let hidden = self.hidden;
            format!(
                "`block` {}: {}; give 1 to {hidden}",
                self.block.unwrap_or_default(),
                there_are(hidden, "hidden unit")
            )
        })
    }
}
