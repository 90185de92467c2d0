//! The softmax layer: its λ by rows that are held out, then the layer by all rows. J is convex in it, so that each search may
//! begin where the one before has ended.

use std::sync::Arc;

use super::settings::ClassifySettings;
use super::summary::TriedLambda;
use crate::data::shuffle::Shuffle;
use crate::data::stratified;
use crate::engine::device::Choice;
use crate::engine::network::{Labelled, NetworkEngine, NetworkObjective};
use crate::error::{Error, Result};
use crate::math::network::{Network, NetworkDecay, NetworkShape};
use crate::math::optim::OptimizerConfig;
use crate::run::session::{ProgressObserver, Stage};
use crate::train::confusion::most_probable;
use crate::train::{Ended, Observer, Progress, Recipe, StepContext, train};

/// A softmax layer and how it came about.
#[derive(Clone, Debug)]
pub struct Softmax {
    /// The layer alone, a network without hidden layers.
    pub network: Network<f32>,
    /// Its λ.
    pub lambda: f64,
    /// All that were tried, where there was a choice.
    pub tried: Vec<TriedLambda>,
}

/// Trains a softmax layer on labelled rows; `None` where whoever follows has asked it to stop.
///
/// # Errors
/// [`Error::Diverged`], those of the device.
pub fn fit(
    choice: &Choice,
    settings: &ClassifySettings,
    rows: &Arc<Labelled<f32>>,
    classes: usize,
    observer: &mut dyn ProgressObserver,
) -> Result<Option<Softmax>> {
    let shape = NetworkShape { inputs: rows.examples.cols, hidden: Vec::new(), classes };
    let mut network = Network::zeros(shape);
    let mut lambdas = settings.softmax_lambda.clone();
    let mut tried = Vec::new();
    // From the largest, whose layer is nearest to the zeros that it begins with.
    lambdas.sort_by(|a, b| b.total_cmp(a));
    lambdas.dedup();
    if let [_, _, ..] = lambdas[..] {
        let drawn = (settings.seed, "held-out rows");
        let [kept, held_out] = stratified(&rows.labels, classes, settings.hold_out, drawn);
        let (kept, held_out) = (Arc::new(rows.listed(&kept)?), rows.listed(&held_out)?);
        for (number, &lambda) in lambdas.iter().enumerate() {
            observer.stage(Stage::ChoosingDecay { number: number + 1, of: lambdas.len() });
            let Some((trained, probabilities)) =
                search(choice, settings, (&network, lambda), &kept, Some(&held_out), observer)?
            else {
                return Ok(None);
            };
            network = trained;
            let predicted = most_probable(&probabilities, classes);
            let right = predicted.iter().zip(&held_out.labels).filter(|(p, l)| p == l).count();
            tried.push(TriedLambda { lambda, accuracy: right as f64 / held_out.labels.len() as f64 });
        }
    }
    let lambda = best(&tried).unwrap_or(lambdas[0]);
    observer.stage(Stage::TrainingSoftmax);
    let found = search(choice, settings, (&network, lambda), rows, None, observer)?;
    Ok(found.map(|(network, _)| Softmax { network, lambda, tried }))
}

/// The λ of the highest accuracy; of several the largest, whose weights are the smallest.
fn best(tried: &[TriedLambda]) -> Option<f64> {
    let better = |a: &&TriedLambda, b: &&TriedLambda| {
        a.accuracy.total_cmp(&b.accuracy).then(a.lambda.total_cmp(&b.lambda))
    };
    tried.iter().max_by(better).map(|tried| tried.lambda)
}

/// Refuses classes of which no row can be held out, where λ is to be chosen.
///
/// # Errors
/// [`Error::Usage`] names the class.
pub fn check_rows(settings: &ClassifySettings, labels: &[usize], classes: &[String]) -> Result<()> {
    if settings.softmax_lambda.len() < 2 {
        return Ok(());
    }
    let mut counts = vec![0_usize; classes.len()];
    labels.iter().for_each(|&label| counts[label] += 1);
    match counts.iter().position(|&count| count == 1) {
        None => Ok(()),
        Some(class) => {
            let fact = format!("class {} has one row, and none can be held out to choose λ", classes[class]);
            Err(Error::usage(format!("{fact}; give more rows, or one `softmax_lambda`")))
        }
    }
}

/// L-BFGS from a start under λ; the layer, and the probabilities of other rows where they are asked for.
fn search(
    choice: &Choice,
    settings: &ClassifySettings,
    (start, lambda): (&Network<f32>, f64),
    rows: &Arc<Labelled<f32>>,
    others: Option<&Labelled<f32>>,
    observer: &mut dyn ProgressObserver,
) -> Result<Option<(Network<f32>, Vec<f32>)>> {
    let decay = NetworkDecay { hidden: 0.0, softmax: lambda };
    let objective = NetworkObjective { activations: Vec::new(), decay };
    let mut engine = choice.open_network(objective, start, rows)?;
    let recipe = Recipe {
        optimizer: OptimizerConfig::Lbfgs,
        resampling: None,
        steps: settings.iterations,
        shuffle: Shuffle::rows(settings.seed),
        report_every: 1,
        yardstick: None,
    };
    if train(&mut *engine, &recipe, &mut Followed(observer))?.ended == Ended::Stopped {
        return Ok(None);
    }
    let probabilities = match others {
        Some(others) => engine.probabilities(&others.examples.values)?,
        None => Vec::new(),
    };
    Ok(Some((engine.params()?, probabilities)))
}

/// Ends when whoever follows asks for it. Reports are not handed on: a layer that is half trained is none.
struct Followed<'a>(&'a mut dyn ProgressObserver);

impl Observer<dyn NetworkEngine> for Followed<'_> {
    fn report(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }

    fn after_step(&mut self, _: &mut StepContext<'_, dyn NetworkEngine>) -> Result<Option<Ended>> {
        #[cfg(feature = "files")]
        crate::run::checkpoint::fail_point::reach("softmax-step");
        Ok(self.0.stops().then_some(Ended::Stopped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_one_row_leaves_nothing_to_choose_by() {
        let (usual, names) = (ClassifySettings::default(), ["cat".to_owned(), "dog".to_owned()]);
        let text = check_rows(&usual, &[0, 0, 1], &names).unwrap_err().to_string();
        assert!(text.contains("class dog") && text.contains("softmax_lambda"), "{text}");
        assert!(check_rows(&usual, &[0, 0, 1, 1], &names).is_ok());
        let one = ClassifySettings { softmax_lambda: vec![1e-3], ..usual };
        assert!(check_rows(&one, &[0, 0, 1], &names).is_ok());
    }

    #[test]
    fn of_equal_accuracies_the_largest_lambda_is_taken() {
        let tried = |lambda, accuracy| TriedLambda { lambda, accuracy };
        assert_eq!(best(&[tried(1e-2, 0.5), tried(1e-3, 0.9), tried(1e-4, 0.9)]), Some(1e-3));
        assert_eq!(best(&[]), None);
    }
}
