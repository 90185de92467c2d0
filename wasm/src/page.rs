//! What a page holds: its data, and the run that it steps through.

use rhohat::data::{Form, Preprocess};
use rhohat::run::picture::{self, Layout, form_of};
use rhohat::{Data, Error, Model, Params, Result, Shape, Trainer, Training};
use serde_json::{Value, json};

use crate::answer::{Advanced, Begun, Example, State, json};
#[cfg(feature = "gpu")]
use crate::gpu::{Checks, GpuRun};
use crate::request::{numbers, pictures, text};

/// What of a preprocessing has to be the same for a model to go on: all but limits, which differ from data to data, and what is measured
/// of neighbours.
const PREPARED: [&str; 8] =
    ["patch", "channels", "shape", "whiten", "divide", "whitening", "columns", "normalize"];

/// The data and the run of a page.
#[derive(Default)]
pub struct Page {
    data: Option<Data>,
    training: Option<Training>,
    #[cfg(feature = "gpu")]
    gpu: Option<GpuRun>,
    #[cfg(feature = "gpu")]
    checks: Checks,
}

impl Page {
    pub fn take_built_in(&mut self) -> Result<Vec<u8>> {
        self.taken(Data::built_in())
    }

    pub fn take_rows(&mut self, bytes: Vec<u8>, width: usize) -> Result<Vec<u8>> {
        let numbers = numbers(&bytes)?;
        drop(bytes);
        let rows = Data::from_rows(numbers, width)?;
        self.taken(rows)
    }

    pub fn take_pictures(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let pictures = Data::from_pictures(pictures(bytes)?)?;
        self.taken(pictures)
    }

    fn taken(&mut self, data: Data) -> Result<Vec<u8>> {
        let words = data.to_string();
        *self = Self { data: Some(data), ..Self::default() };
        Ok(words.into_bytes())
    }

    pub fn begin(&mut self, settings: &[u8]) -> Result<Vec<u8>> {
        // One run at a time: the memory of the last one goes first.
        *self = Self { data: self.data.take(), ..Self::default() };
        let data = self.data.get_or_insert_with(Data::built_in);
        let trainer = Trainer::default().settings(text(settings)?)?.device("cpu");
        let mut training = trainer.begin(data)?;
        let (Shape { visible, hidden }, examples) = (training.shape(), training.examples());
        let (planned, run) = (training.planned(), training.stepwise());
        let form = form_of(Some(run.preprocess()), visible);
        let config = run.config();
        let begun = Begun {
            data: data.to_string(),
            visible,
            hidden,
            examples,
            planned,
            settings: serde_json::to_value(config.to_table()).expect("settings have a JSON form"),
            optimizer: config.optimizer,
            batch: config.batch.rows(),
            form: form.map(|Form { height, width, channels }| [width, height, channels]),
        };
        self.training = Some(training);
        json(&begun)
    }

    pub fn advance(&mut self, steps: usize) -> Result<Vec<u8>> {
        let training = self.run()?;
        let ended = training.advance(steps)?;
        json(&Advanced { steps: training.steps(), ended })
    }

    pub fn state(&mut self) -> Result<Vec<u8>> {
        let training = self.run()?;
        let cost = training.cost()?;
        json(&State::of(training.steps(), cost))
    }

    pub fn features(&mut self, limit: usize) -> Result<Vec<u8>> {
        let run = self.run()?.stepwise();
        let weights = run.engine().params()?;
        let Shape { visible, hidden } = weights.shape;
        let preprocess = run.preprocess();
        let form = form_or_line(preprocess, visible);
        let shown = preprocess.weights_of_inputs(&weights.w1[..limit.min(hidden) * visible]);
        let canvas = picture::features(&shown, form, Layout { per_row: None, zoom: Some(1) })?;
        let head = [canvas.width, canvas.height, canvas.channels].map(|number| (number as u32).to_le_bytes());
        Ok([head.as_flattened(), &canvas.pixels].concat())
    }

    pub fn example(&mut self, number: usize) -> Result<Vec<u8>> {
        let run = self.run()?.stepwise();
        let input = run.examples(&[number])?;
        let code = run.engine().encode_rows(&input)?;
        let reconstruction = run.engine().decode_rows(&code)?;
        json(&Example { input, code, reconstruction })
    }

    pub fn examples(&mut self, first: usize, count: usize) -> Result<Vec<u8>> {
        let rows: Vec<usize> = (first..first.saturating_add(count)).collect();
        let examples = self.run()?.stepwise().examples(&rows)?;
        Ok(bytemuck::cast_slice(&examples).to_vec())
    }

    pub fn parameters(&mut self) -> Result<Vec<u8>> {
        let params = self.run()?.stepwise().engine().params()?;
        Ok(bytemuck::cast_slice(&params.to_flat()).to_vec())
    }

    pub fn take_parameters(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let engine = self.run()?.stepwise().engine();
        let (shape, flat) = (engine.shape(), numbers(bytes)?);
        if flat.len() != shape.parameters() {
            return Err(Error::usage(format!(
                "{} numbers for {} parameters",
                flat.len(),
                shape.parameters()
            )));
        }
        engine.set_params(&Params::from_flat(shape, &flat))?;
        Ok(Vec::new())
    }

    pub fn model(&mut self) -> Result<Vec<u8>> {
        Ok(self.run()?.model()?.to_bytes())
    }

    pub fn take_model(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let model = Model::from_bytes(bytes)?;
        let engine = self.run()?.stepwise().engine();
        let [has, wanted] = [model.shape(), engine.shape()];
        if has != wanted {
            let of = |Shape { visible, hidden }| format!("{visible} visible and {hidden} hidden units");
            let fact = format!("the model has {}, but the run {}", of(has), of(wanted));
            return Err(Error::usage(format!("{fact}; choose data of that width and as many hidden units")));
        }
        let prepared = |model: &Model| -> Value {
            let meta: Value = serde_json::from_str(&model.metadata()).expect("metadata are JSON");
            meta["preprocess"].clone()
        };
        let [of_model, of_run] = [prepared(&model), prepared(&self.run()?.model()?)];
        let others: Vec<&str> = PREPARED.into_iter().filter(|name| of_model[name] != of_run[name]).collect();
        if !others.is_empty() {
            let fact = format!("the model's data were prepared otherwise ({})", others.join(", "));
            return Err(Error::usage(format!(
                "{fact}; the program goes on from it: rhohat train DATA --init MODEL"
            )));
        }
        self.run()?.stepwise().engine().set_params(model.params())?;
        // Another range is another scale of the same numbers.
        let words = if of_model["limits"] == of_run["limits"] { "" } else { "its data had another range" };
        Ok(words.into())
    }

    /// Lets the host's device go on with the run that has begun.
    #[cfg(feature = "gpu")]
    pub fn begin_on_gpu(&mut self) -> Result<Vec<u8>> {
        let (run, described) = GpuRun::begin(self.run()?.stepwise())?;
        self.gpu = Some(run);
        Ok(described)
    }

    /// The run on the host's device.
    #[cfg(feature = "gpu")]
    pub fn gpu(&mut self) -> Result<&mut GpuRun> {
        self.gpu.as_mut().ok_or_else(|| Error::usage("no run has begun on the device; begin one"))
    }

    /// The checks of the host's device.
    #[cfg(feature = "gpu")]
    pub fn checks(&mut self) -> &mut Checks {
        &mut self.checks
    }

    fn run(&mut self) -> Result<&mut Training> {
        self.training.as_mut().ok_or_else(|| Error::usage("no run has begun; begin one"))
    }
}

/// The form of examples that are pictures; others are drawn as a line of their numbers.
fn form_or_line(preprocess: &Preprocess, visible: usize) -> Form {
    let inputs = preprocess.inputs_of(visible);
    form_of(Some(preprocess), visible).unwrap_or(Form { height: 1, width: inputs, channels: 1 })
}

/// What [`crate::begin`] has to be told for a model's parameters to fit.
pub fn settings_of_model(bytes: &[u8]) -> Result<Vec<u8>> {
    let model = Model::from_bytes(bytes)?;
    let (objective, Shape { visible, hidden }) = (model.objective(), model.shape());
    let meta: Value = serde_json::from_str(&model.metadata()).expect("metadata are JSON");
    json(&json!({ "hidden": hidden, "visible": visible, "objective": objective, "metadata": meta }))
}
