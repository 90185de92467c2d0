//! What the loop asks of an engine, so that autoencoders and classifiers are trained by the same loop.

use super::measures::{Measures, Yardstick};
use super::resample::resample;
use crate::engine::network::{NetworkEngine, NetworkStep};
use crate::engine::{Engine, ReusedBuffers, Rows, State, StateShape, Step, Update};
use crate::error::Result;
use crate::math::network::NetworkShape;
use crate::math::objective::{Cost, Objective};
use crate::math::optim::SearchSpace;
use crate::math::params::Shape;
use crate::math::random::Stream;

/// An engine as the loop sees it. Names are others than those of the engines, which have methods for more callers.
pub trait Learner {
    /// The widths that its state has.
    type Widths: StateShape;

    /// Examples m.
    fn count(&self) -> usize;

    /// The engine as L-BFGS sees it.
    fn space(&mut self) -> &mut dyn SearchSpace;

    /// One update from the gradient over `rows`, with a share of β; J before it where it is asked for.
    ///
    /// # Errors
    /// Those of the device.
    fn update(
        &mut self,
        rows: Rows<'_>,
        update: Update,
        beta_share: f64,
        report: bool,
    ) -> Result<Option<Cost>>;

    /// J over all examples, or over `most` where they are fetched from disk; and over how many.
    ///
    /// # Errors
    /// Those of the device.
    fn cost_of_some(&mut self, most: usize) -> Result<(Cost, usize)>;

    /// What a report says of the parameters beside J, where it is measured.
    ///
    /// # Errors
    /// Those of the device.
    fn measured(&mut self, yardstick: Option<&Yardstick>, cost: &Cost) -> Result<Option<Measures>>;

    /// Gives dead units new weights; how many.
    ///
    /// # Errors
    /// Those of the device.
    fn revive(&mut self, objective: &Objective, rho_hat: &[f64], stream: &mut Stream) -> Result<usize>;

    /// The first tensor among parameters and moments that holds NaN or infinity.
    ///
    /// # Errors
    /// Those of the device.
    fn not_finite(&mut self) -> Result<Option<String>>;

    /// A copy of all that decides the steps to come, in memory from `spare` where there is some.
    ///
    /// # Errors
    /// Those of the device.
    fn copied_state(
        &mut self,
        pairs: Option<&[usize]>,
        spare: &mut ReusedBuffers,
    ) -> Result<State<Self::Widths>>;
}

impl Learner for dyn Engine + '_ {
    type Widths = Shape;

    fn count(&self) -> usize {
        self.examples()
    }

    fn space(&mut self) -> &mut dyn SearchSpace {
        self
    }

    fn update(
        &mut self,
        rows: Rows<'_>,
        update: Update,
        beta_share: f64,
        report: bool,
    ) -> Result<Option<Cost>> {
        let beta = beta_share * self.objective().beta;
        self.step(&Step { rows, update, beta, report })
    }

    fn cost_of_some(&mut self, most: usize) -> Result<(Cost, usize)> {
        self.sampled_cost(most)
    }

    fn measured(&mut self, yardstick: Option<&Yardstick>, cost: &Cost) -> Result<Option<Measures>> {
        yardstick.map(|yardstick| yardstick.measure(self, cost)).transpose()
    }

    fn revive(&mut self, objective: &Objective, rho_hat: &[f64], stream: &mut Stream) -> Result<usize> {
        let rho_hat = self.of_all_units(rho_hat)?;
        resample(self, objective, &rho_hat, stream)
    }

    fn not_finite(&mut self) -> Result<Option<String>> {
        self.first_not_finite()
    }

    fn copied_state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        self.state(pairs, spare)
    }
}

/// A classifier has no penalty, and its units are those of its autoencoders: none is dead by ρ̂.
impl Learner for dyn NetworkEngine + '_ {
    type Widths = NetworkShape;

    fn count(&self) -> usize {
        self.examples()
    }

    fn space(&mut self) -> &mut dyn SearchSpace {
        self
    }

    fn update(&mut self, rows: Rows<'_>, update: Update, _: f64, report: bool) -> Result<Option<Cost>> {
        self.step(&NetworkStep { rows, update, report })
    }

    fn cost_of_some(&mut self, _: usize) -> Result<(Cost, usize)> {
        Ok((self.cost()?, self.examples()))
    }

    fn measured(&mut self, _: Option<&Yardstick>, _: &Cost) -> Result<Option<Measures>> {
        Ok(None)
    }

    fn revive(&mut self, _: &Objective, _: &[f64], _: &mut Stream) -> Result<usize> {
        Ok(0)
    }

    fn not_finite(&mut self) -> Result<Option<String>> {
        self.first_not_finite()
    }

    fn copied_state(
        &mut self,
        pairs: Option<&[usize]>,
        _: &mut ReusedBuffers,
    ) -> Result<State<NetworkShape>> {
        self.state(pairs)
    }
}
