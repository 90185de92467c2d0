//! `rhohat classify`: softmax on the codes of models, fine-tuning, and how well classes are told apart.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::stack::models_of;
use super::train::Display;
use crate::api::{ClassifierTrainer, Data, Model, TrainedClassifier};
use crate::cli::args::ClassifyArgs;
use crate::cli::asserted::ResultOf;
use crate::cli::flags::in_text;
use crate::cli::output::print;
use crate::cli::signals;
use crate::cli::table::Table as Columns;
use crate::error::{Error, Result, plain, shown};
use crate::io::paths::PathText;
use crate::io::text::counted;
use crate::run::classify::{ClassifierSummary, ClassifySettings, Judged, settings_of};
use crate::run::config::UserSettings;
use crate::run::session::Place;
use crate::train::Ended;
use crate::train::confusion::Confusion;

/// Columns of a terminal that the table may take.
const WIDTH: usize = 1000;
/// Mistakes that are told.
const MISTAKES: usize = 3;

/// What a classifier learns from, as its run keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Inputs {
    /// Settings of the data, as a run of `train` has them.
    data: Table,
    encoder: Vec<PathText>,
    test: Option<PathText>,
    test_labels: Option<PathText>,
}

/// Trains and prints.
pub fn run(args: &ClassifyArgs) -> anyhow::Result<u8> {
    args.asserted.check(ResultOf::Classify)?;
    let (settings, inputs) = asked(args)?;
    let display = Display::new("classify", None);
    let data = UserSettings::new(None, inputs.data.clone())?;
    let of_data =
        Data::given_by(&data)?.ok_or_else(|| Error::usage("DATA is missing; name what to learn from"))?;
    let table = Table::try_from(&inputs).map_err(|error| Error::usage(format!("settings: {error}")))?;
    let mut trainer = ClassifierTrainer::with(settings, place(args), table);
    for encoder in &inputs.encoder {
        for model in models_of(encoder)? {
            trainer = trainer.on(&Model::load(&model)?);
        }
    }
    if let Some(test) = &inputs.test {
        trainer = match share_of(test) {
            Some(share) => trainer.test_share(share),
            None => trainer.test(&Data::open_as(&**test, &reading_of_test(&data, &inputs)?)?),
        };
    }
    let trained = trainer.fit_with(&of_data, display)?;
    let Some(TrainedClassifier { summary, .. }) = trained else {
        tracing::info!("stopped before the softmax layer was trained: nothing is kept of it");
        return Ok(signals::asked().map_or(1, |signal| 128 + signal));
    };
    let printed = print(args.json, &summary, text);
    match signals::asked().filter(|_| summary.ended == Some(Ended::Stopped)) {
        Some(signal) => {
            if let Some(files) = &summary.files {
                tracing::info!("rhohat classify --resume {} goes on with it", shown(&files.run));
            }
            Ok(128 + signal)
        }
        None => {
            printed?;
            args.asserted.of(&summary)?;
            Ok(0)
        }
    }
}

fn place(args: &ClassifyArgs) -> Place {
    match (&args.run, &args.out, &args.resume) {
        (Some(run), ..) => Place::Run(run.clone()),
        (_, Some(out), _) => Place::Out(out.clone()),
        (.., Some(run)) => Place::Resume(run.clone()),
        _ => Place::Dated,
    }
}

/// The settings and what is learned from: those of the run that goes on, with flags over them, or those of the flags.
fn asked(args: &ClassifyArgs) -> Result<(ClassifySettings, Inputs)> {
    let begun: Option<&PathBuf> = args.resume.as_ref();
    let (mut settings, known) = match begun {
        Some(run) => {
            let (settings, inputs) = settings_of(run)?;
            let damaged = |error: toml::de::Error| Error::input(&**run, error.message().to_owned());
            (settings, Some(inputs.try_into().map_err(damaged)?))
        }
        None => (ClassifySettings::default(), None),
    };
    let ClassifyArgs { softmax_lambda, hold_out, iterations, fine_tune, hidden_lambda, .. } = args;
    let ClassifyArgs { optimizer, momentum, batch, seed, device, checkpoint_every, .. } = args;
    fn put<T: Clone>(setting: &mut T, given: &Option<T>) {
        setting.clone_from(given.as_ref().unwrap_or(&setting.clone()));
    }
    put(&mut settings.softmax_lambda, softmax_lambda);
    put(&mut settings.hold_out, hold_out);
    put(&mut settings.iterations, iterations);
    put(&mut settings.fine_tune, fine_tune);
    put(&mut settings.hidden_lambda, hidden_lambda);
    put(&mut settings.optimizer, optimizer);
    put(&mut settings.momentum, momentum);
    put(&mut settings.batch, batch);
    put(&mut settings.seed, seed);
    put(&mut settings.device, device);
    put(&mut settings.checkpoint_every, checkpoint_every);
    settings.lr = args.lr.or(settings.lr);
    settings.baseline &= !args.no_baseline;
    let data = args.read.settings(args.divide).table()?;
    let ClassifyArgs { encoder, test, test_labels, .. } = args;
    if let (Some(run), Some(known)) = (begun, known) {
        if data.is_empty() && encoder.is_empty() && test.is_none() && test_labels.is_none() {
            return Ok((settings, known));
        }
        let fact = format!("--resume {}: a run goes on with the data that it began with", shown(run));
        let remedy = "leave the flags of data, encoders and tests out, or begin another run with --out";
        return Err(Error::usage(format!("{fact}; {remedy}")));
    }
    let is_share = test.as_ref().is_some_and(|test| share_of(test).is_some());
    if is_share && test_labels.is_some() {
        let fact = "--test-labels: a share of DATA is tested by the labels of DATA";
        return Err(Error::usage(format!("{fact}; leave it out, or give --test DATA of their own")));
    }
    let absolute = |path: &PathText| -> PathText {
        std::path::absolute(&**path).map_or_else(|_| path.clone(), |path| (&*path).into())
    };
    let inputs = Inputs {
        data: UserSettings::new(None, data)?.all(),
        encoder: encoder.iter().map(absolute).collect(),
        test: test.as_ref().map(|test| if is_share { test.clone() } else { absolute(test) }),
        test_labels: test_labels.as_ref().map(absolute),
    };
    Ok((settings, inputs))
}

/// The share of DATA that `--test` names, where it is none of DATA of their own.
fn share_of(test: &PathText) -> Option<f64> {
    test.to_str()?.parse().ok()
}

/// Rows of the test are read as those that are learned from, with labels of their own.
fn reading_of_test(data: &UserSettings, inputs: &Inputs) -> Result<crate::Reading> {
    let labels = inputs.test_labels.as_ref().map(|path| path.to_path_buf());
    Ok(crate::Reading { labels, ..data.reading()? })
}

/// The result for people.
fn text(summary: &ClassifierSummary) -> String {
    let widths: Vec<String> = summary.widths.iter().map(usize::to_string).collect();
    let tested = match summary.test_examples {
        Some(count) => format!("tested on {count}"),
        None => "not tested: --test says on what".to_owned(),
    };
    let mut lines = vec![format!(
        "classifier  {} of {} classes, trained on {}, {tested}",
        widths.join(" → "),
        summary.classes.len(),
        counted(summary.examples, "row")
    )];
    let mut table = Columns::new(["", "test", "training", "lambda", ""]);
    let mut add = |name: &str, Judged { training, test, .. }: Judged, lambda: f64, how: String| {
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        let test = test.map_or("–".to_owned(), percent);
        table.push(vec![name.to_owned(), test, percent(training), format!("{lambda:e}"), how]);
    };
    if let Some(baseline) = &summary.baseline {
        add("softmax on inputs", baseline.judged, baseline.softmax_lambda, String::new());
    }
    let chosen = summary.tried.iter().find(|tried| tried.lambda == summary.softmax_lambda);
    let how = chosen.map_or(String::new(), |tried| {
        format!("best of {} on held-out rows: {:.2} %", summary.tried.len(), 100.0 * tried.accuracy)
    });
    add(summary.softmax_on(), summary.before, summary.softmax_lambda, how);
    if let Some(judged) = summary.fine_tuned {
        let how = format!("{} in {:.1} s", counted(summary.steps, "step"), summary.fine_tune_seconds);
        add("fine-tuned", judged, summary.softmax_lambda, how);
    }
    lines.extend(table.lines(WIDTH).0);
    lines.extend(summary.lambdas_at_ends().iter().map(|told| format!("lambda      {}", in_text(told))));
    lines.push(format!(
        "J           {:.4} = cross-entropy {:.4} + decay {:.4}",
        summary.j,
        summary.cross_entropy,
        summary.j - summary.cross_entropy
    ));
    lines.extend(mistakes(&summary.confusion));
    lines.push(format!("device      {} ({})", plain(&summary.adapter), plain(&summary.device)));
    if let Some(files) = &summary.files {
        lines.push(format!("model       {}", shown(&files.model)));
        lines.push(format!("confusion   {}", shown(&files.confusion_picture)));
        lines.extend(files.report.as_ref().map(|report| format!("report      {}", shown(report))));
    }
    lines.join("\n")
}

/// The mistakes that are made most often, in a line; nothing where none is.
pub fn mistakes(confusion: &Confusion) -> Option<String> {
    let name = |class: usize| plain(&confusion.classes[class]).into_owned();
    let told: Vec<String> = confusion
        .mistakes(MISTAKES)
        .into_iter()
        .map(|(class, taken_for, count)| format!("{} for {} {count}×", name(class), name(taken_for)))
        .collect();
    let wrong = confusion.examples() - confusion.right();
    (!told.is_empty())
        .then(|| format!("mistaken    {wrong} of {}: {}, …", confusion.examples(), told.join(", ")))
}
