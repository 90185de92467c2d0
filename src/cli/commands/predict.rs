//! `rhohat predict`: the class of each row, and how well classes are told apart where labels are known.

use serde_json::json;

use super::classify::mistakes;
use super::outputs::{Kind, Wanted};
use crate::api::{Classifier, Data};
use crate::cli::args::PredictArgs;
use crate::cli::asserted::ResultOf;
use crate::cli::output::print;
use crate::cli::progress;
use crate::data::Labels;
use crate::data::write::{RowsHeader, RowsKind};
use crate::error::{Error, plain};
use crate::io::atomic_write;
use crate::io::paths::PathText;
use crate::io::text::counted;
use crate::run::classify::{csv, svg};
use crate::run::config::UserSettings;
use crate::train::confusion::{Confusion, most_probable};

/// Names of classes that are told with their counts.
const NAMED: usize = 12;

/// Predicts, prints and writes.
pub fn run(args: &PredictArgs) -> anyhow::Result<()> {
    args.asserted.check(ResultOf::Predict)?;
    let given: Vec<&std::path::Path> = args.read.data.iter().map(|path| &**path).collect();
    let inputs: Vec<&std::path::Path> =
        given.iter().copied().chain(args.read.labels.as_deref()).chain([&*args.classifier]).collect();
    let wanted = |flag, path, kinds| Wanted { flag, path, kinds, inputs: &inputs, force: Some(args.force) };
    let out = args.out.as_deref().map(|path| wanted("-o", path, &Kind::ROWS).check()).transpose()?;
    let kinds = &[Kind::Svg, Kind::Rows(RowsKind::Csv)];
    let picture =
        args.confusion.as_deref().map(|path| wanted("--confusion", path, kinds).check()).transpose()?;
    let classifier = Classifier::load(&args.classifier)?.device(args.device.clone());
    let settings = UserSettings::new(None, args.read.settings(None).table()?)?;
    let data =
        Data::given_by(&settings)?.ok_or_else(|| Error::usage("DATA is missing; name rows or pictures"))?;
    if picture.is_some() && data.labels().is_none() {
        let fact = "--confusion: a confusion matrix needs labels";
        return Err(Error::usage(format!(
            "{fact}; give --labels FILE, --label-column, or --recursive for class folders"
        ))
        .into());
    }
    let stage = progress::stage("classifying");
    let probabilities = classifier.probabilities(&data)?;
    drop(stage);
    let classes = classifier.classes();
    let predicted = most_probable(&probabilities.values, classes.len());
    let confusion = match data.labels() {
        Some(_) => Some(classifier.confusion_of(&data, &predicted)?),
        None => None,
    };
    let labels =
        Labels { names: classes.to_vec(), of: predicted.iter().map(|&class| class as u32).collect() };
    if let Some(out) = &out {
        let (rows, cols) = (probabilities.rows, probabilities.cols);
        let header =
            RowsHeader { name: "probabilities", column: "p", rows, cols, labels: Some(&labels), shape: None };
        out.check_size(&header)?;
        let mut values = Some(probabilities.values);
        out.write_rows(&header, || Ok(values.take()))?;
    }
    if let (Some(picture), Some(confusion)) = (&picture, &confusion) {
        let text = if picture.kind == Kind::Svg { svg(confusion) } else { csv(confusion) };
        atomic_write::write(picture.path(), |to| to.write_all(text.as_bytes()))?;
    }
    let report = json!({
        "examples": predicted.len(),
        "classes": classes,
        "predicted": labels.counts(),
        "accuracy": confusion.as_ref().map(Confusion::accuracy),
        "confusion": confusion.as_ref().map(|confusion| &confusion.counts),
        "out": args.out.as_deref().map(PathText::from),
        "confusion_out": args.confusion.as_deref().map(PathText::from),
    });
    print(args.json, &report, |_| {
        let mut lines = vec![told(&labels)];
        if let Some(confusion) = &confusion {
            let share = 100.0 * confusion.accuracy();
            lines.push(format!("accuracy    {share:.2} % of {}", counted(predicted.len(), "row")));
            lines.extend(mistakes(confusion));
        }
        lines.extend(
            out.iter()
                .chain(&picture)
                .map(|out| format!("written     {}", plain(&out.path().display().to_string()))),
        );
        lines.join("\n")
    })?;
    args.asserted.of(&report)?;
    Ok(())
}

/// How many rows were taken for each class.
fn told(labels: &Labels) -> String {
    let counts = labels.names.iter().zip(labels.counts());
    let mut told: Vec<String> =
        counts.take(NAMED).map(|(name, count)| format!("{} {count}", plain(name))).collect();
    if labels.names.len() > NAMED {
        told.push("…".to_owned());
    }
    format!("classes     {}", told.join(", "))
}
