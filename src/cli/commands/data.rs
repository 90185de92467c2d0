//! `rhohat data`: a first look at data, before anything is learned from them.

use indicatif::HumanCount;
use serde_json::{Value, json};

use super::outputs::{Kind, Wanted};
use crate::Error;
use crate::cli::args::DataArgs;
use crate::cli::output::print;
use crate::cli::progress;
use crate::data::{DataContents, DataDescription, DataLook, Form, Labels, Opened};
use crate::io::paths::PathText;
use crate::io::text::{counted, rounded};
use crate::run::data_log;
use crate::run::picture::samples::{samples, usual_form};

/// Columns that are named, and labels that are counted, at most.
const NAMED: usize = 8;

/// Looks and prints; draws some examples where that is asked for.
pub fn run(args: &DataArgs) -> anyhow::Result<()> {
    let inputs: Vec<_> = args.read.data.iter().map(|path| &**path).collect();
    let wanted = args.out.as_deref().map(|path| {
        let (kinds, inputs) = (&[Kind::Png], &inputs[..]);
        Wanted { flag: "-o", path, kinds, inputs, force: Some(args.force) }.check()
    });
    let out = wanted.transpose()?;
    let paths: Vec<PathText> = args.read.data.iter().cloned().map(PathText::from).collect();
    let opened = Opened::all(&paths, &args.read.reading())?.taking(args.read.taken(0))?;
    let description = &opened.description;
    let scale = description.usual_scale();
    data_log::log(description, scale, None);
    check_shape(args, description)?;
    let stage = progress::stage("looking at the data");
    let look = DataLook::of(&opened, &mut |done| {
        if done % 1024 == 0 {
            stage.say(format!("looking at the data, {} so far", HumanCount(done as u64)));
        }
    })?;
    if let Some(out) = out {
        let range = (look.min.unwrap_or_default(), look.max.unwrap_or_default());
        let form = args.shape.map_or_else(|| form_of(&opened), |form| Ok(Some(form)))?;
        samples(&opened.source, form, range)?.save(out.path())?;
    }
    drop(stage);
    let mut report =
        json!({ "data": description.json(scale), "out": args.out.as_deref().map(PathText::from) });
    merge(&mut report, json!(look));
    if let Some(labels) = &description.labels {
        report["labels"] =
            labels.names.iter().cloned().zip(labels.counts().into_iter().map(Value::from)).collect();
    }
    print(args.json, &report, |_| text(args, description, &look))
}

/// The form that rows are drawn in where nobody says it; a line tells why those that could be squares are none.
fn form_of(opened: &Opened) -> crate::Result<Option<Form>> {
    let (form, why) = usual_form(&opened.source)?;
    if let Some(why) = why {
        tracing::info!("{why}; drawn as a line each, --shape draws them as pictures");
    }
    Ok(form)
}

/// The fields of one object in another.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// Refuses a form that rows have not.
fn check_shape(args: &DataArgs, data: &DataDescription) -> crate::Result<()> {
    let Some(form) = args.shape else { return Ok(()) };
    let fact = match data.contents {
        DataContents::Rows { cols, .. } if form.numbers() == Some(cols) => return Ok(()),
        DataContents::Rows { cols, .. } => format!("--shape {form}: the rows have {cols} numbers"),
        DataContents::Pictures { .. } => format!("--shape {form} is for rows, but the data are pictures"),
    };
    Err(Error::usage(format!("{fact}; leave it out, or give another one")))
}

fn text(args: &DataArgs, data: &DataDescription, look: &DataLook) -> String {
    let shown = |x: Option<f64>| x.map_or("none".to_owned(), rounded);
    let mut lines = vec![
        format!("range      {} to {}", shown(look.min), shown(look.max)),
        format!("mean       {}, standard deviation {}", shown(look.mean), shown(look.deviation)),
    ];
    let share = 100.0 * look.zeros as f64 / look.numbers.max(1) as f64;
    let kind = if look.whole { "whole numbers" } else { "numbers" };
    lines.push(format!("numbers    {} {kind}, {share:.1} % of them 0", HumanCount(look.numbers)));
    if let Some((row, column)) = look.first_bad {
        let fact = format!("{} NaN and {} infinite", HumanCount(look.nan), HumanCount(look.infinite));
        lines.push(format!(
            "not finite {fact}, the first in example {row}, column {column} (counted from 0); training refuses them"
        ));
    }
    if let Some(count) = look.constant_columns {
        let more = if count > NAMED { ", …" } else { "" };
        let named = look.constant.iter().take(NAMED).map(usize::to_string).collect::<Vec<_>>().join(", ");
        let named = if count > 0 { format!(": {named}{more} (counted from 0)") } else { String::new() };
        lines.push(format!("constant   {}{named}", counted(count, "column")));
    }
    lines.push(format!("flat       {} of one value", counted(look.flat, "example")));
    lines.push(format!("duplicates {} equal to an earlier one", counted(look.duplicates, "example")));
    lines.extend(data.labels.as_deref().map(labels_in_words));
    lines.extend(advice(data, look).map(|advice| format!("to train   {advice}")));
    lines.extend(args.out.as_deref().map(|out| format!("samples    {}", out.display())));
    lines.join("\n")
}

fn labels_in_words(labels: &Labels) -> String {
    format!("labels     {}", labels.in_words(NAMED))
}

/// What the range asks for.
fn advice(data: &DataDescription, look: &DataLook) -> Option<String> {
    let (min, max) = look.min.zip(look.max)?;
    if matches!(data.contents, DataContents::Pictures { .. }) || data.pixels {
        return None;
    }
    Some(if min >= 0.0 && max <= 1.0 {
        "the numbers lie in the reach of sigmoid outputs as they are".to_owned()
    } else if look.whole && min >= 0.0 && max <= 255.0 && max > 16.0 {
        "if these are bytes of pixels, --divide 255; if they are counts, --normalize minmax or --output linear".to_owned()
    } else {
        "beyond the reach of sigmoid outputs: --normalize minmax or standard, or --output linear".to_owned()
    })
}
