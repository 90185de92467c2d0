//! The trait of an engine for classifiers: hidden layers that began as encoders, and a softmax layer, under
//!
//! ```text
//! A0 = X     Al = f(A(l-1) Wlᵀ + bl)     P = softmax(AL Wsᵀ + bs)
//! J  = −1/m Σ log P[i, y(i)]  +  Σ λl/2 ‖Wl‖²
//! ```
//!
//! for examples X with labels y. [`Cost::reconstruction`] holds the cross-entropy, the first term; there is no penalty.

use crate::engine::{Rows, State, Update, check_list};
use crate::error::{Error, Result};
use crate::math::activation::Activation;
use crate::math::network::{Network, NetworkDecay, NetworkShape};
use crate::math::objective::Cost;
use crate::math::optim::SearchSpace;
use crate::math::params::{Matrix, Real};

/// Examples with the number of the class of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled<T> {
    /// X `[m, n]`.
    pub examples: Matrix<T>,
    /// y `[m]`, each below the number of classes.
    pub labels: Vec<usize>,
}

impl<T: Real> Labelled<T> {
    /// Joins examples and labels for a network of `classes` classes.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are not as many of both, or a label is none of the classes.
    pub fn new(examples: Matrix<T>, labels: Vec<usize>, classes: usize) -> Result<Self> {
        if examples.rows != labels.len() {
            let (rows, count) = (examples.rows, labels.len());
            return Err(Error::usage(format!("{rows} examples have {count} labels; give one a row")));
        }
        match labels.iter().position(|&label| label >= classes) {
            Some(row) => Err(Error::usage(format!(
                "the label of example {row} is class {} of {classes}, counted from 0",
                labels[row]
            ))),
            None => Ok(Self { examples, labels }),
        }
    }

    /// The same in f64.
    pub fn wide(&self) -> Labelled<f64> {
        Labelled { examples: self.examples.cast(), labels: self.labels.clone() }
    }

    /// Those of some rows, in the order of the list.
    ///
    /// # Errors
    /// [`Error::Usage`] for an example that there is not.
    pub fn listed(&self, rows: &[usize]) -> Result<Self> {
        check_list(rows, self.examples.rows)?;
        let values = rows.iter().flat_map(|&row| self.examples.row(row)).copied().collect();
        let examples = Matrix::new(rows.len(), self.examples.cols, values);
        Ok(Self { examples, labels: rows.iter().map(|&row| self.labels[row]).collect() })
    }
}

/// What a network minimises.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkObjective {
    /// f of every hidden layer, from below.
    pub activations: Vec<Activation>,
    /// λ.
    pub decay: NetworkDecay,
}

/// How the rows of a network are wanted to be cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCut {
    /// Most rows that are computed at a time; `None` for as many as fit.
    pub chunk: Option<usize>,
    /// Most bytes of a binding; `None` for as many as the adapter can.
    pub binding_limit: Option<u64>,
}

/// One update.
#[derive(Clone, Copy, Debug)]
pub struct NetworkStep<'a> {
    /// The examples that the gradient is taken over.
    pub rows: Rows<'a>,
    /// The rule.
    pub update: Update,
    /// Whether J before the update comes back.
    pub report: bool,
}

/// An engine for classifiers. It holds the parameters, optimiser state and labelled examples.
pub trait NetworkEngine: SearchSpace + Send {
    /// Widths.
    fn shape(&self) -> &NetworkShape;

    /// Examples m.
    fn examples(&self) -> usize;

    /// The hardware that computes, for people.
    fn adapter(&self) -> String;

    /// J over all examples.
    fn cost(&mut self) -> Result<Cost>;

    /// J and its gradient over all examples.
    fn gradient(&mut self) -> Result<(Cost, Network<f64>)>;

    /// One update of the parameters; J before it where the step asks for a report.
    ///
    /// # Errors
    /// [`Error::Usage`] for an example that there is not; those of the device.
    fn step(&mut self, step: &NetworkStep<'_>) -> Result<Option<Cost>>;

    /// P `[rows, classes]` for any number of rows `[rows, n]`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a length that is no multiple of n; those of the device.
    fn probabilities(&mut self, rows: &[f32]) -> Result<Vec<f32>>;

    /// A copy of the parameters.
    fn params(&mut self) -> Result<Network<f32>>;

    /// Replaces the parameters and forgets the state of the optimiser.
    fn set_params(&mut self, params: &Network<f32>) -> Result<()>;

    /// A copy of all that decides the steps to come, as [`crate::engine::Engine::state`] has it.
    fn state(&mut self, pairs: Option<&[usize]>) -> Result<State<NetworkShape>>;

    /// The first tensor among parameters and moments that holds NaN or infinity, judged on bits.
    fn first_not_finite(&mut self) -> Result<Option<String>> {
        Ok(self.state(None)?.first_not_finite())
    }

    /// Goes on from a state of this shape, whichever engine has made it. A search that is part of it needs no
    /// [`SearchSpace::begin_search`].
    ///
    /// # Panics
    /// For a state that does not pass [`State::check`] or has another shape.
    fn set_state(&mut self, state: &State<NetworkShape>) -> Result<()>;
}

/// J from its sums over `examples` rows: of −log P of the labels, and of the squared weights of each layer.
pub(in crate::engine) fn cost_of_sums(
    objective: &NetworkObjective,
    shape: &NetworkShape,
    examples: usize,
    (losses, squared_weights): (f64, &[f64]),
) -> Cost {
    let lambdas = objective.decay.of_layers(shape);
    let decay = lambdas.iter().zip(squared_weights).map(|(lambda, squares)| lambda / 2.0 * squares).sum();
    Cost { reconstruction: losses / examples as f64, decay, ..Cost::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_one_a_row_and_name_a_class() {
        let rows = || Matrix::new(2, 1, vec![0.0f32, 1.0]);
        assert!(Labelled::new(rows(), vec![0, 1], 2).is_ok());
        let text = Labelled::new(rows(), vec![0], 2).unwrap_err().to_string();
        assert!(text.contains("2 examples have 1 label"), "{text}");
        let text = Labelled::new(rows(), vec![0, 2], 2).unwrap_err().to_string();
        assert!(text.contains("example 1 is class 2 of 2"), "{text}");
    }
}
