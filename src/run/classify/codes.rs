//! Codes of examples: what the encoders below a classifier make of them, one after the other, and what their units look for.

use crate::data::batches::ExampleSet;
use crate::engine::device::{Choice, ParamsAndExamples};
use crate::engine::reference::kernels::matmul_nn;
use crate::engine::setup::Setup;
use crate::engine::{Chunking, Engine, RhoHat};
use crate::error::Result;
use crate::math::activation::Activation;
use crate::math::network::{DenseLayer, Network};
use crate::math::objective::Objective;
use crate::math::params::{Matrix, Params, Shape, cast};

/// Rows that are handed to an engine at a time.
const ROWS: usize = 4096;

/// An encoder: the hidden layer of an autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    /// W `[h, n]` and b `[h]`.
    pub layer: DenseLayer<f32>,
    /// f.
    pub activation: Activation,
}

impl Encoder {
    /// n and h.
    pub fn shape(&self) -> Shape {
        let hidden = self.layer.bias.len();
        Shape { visible: self.layer.weight.len() / hidden.max(1), hidden }
    }

    /// The hidden layers of a network, from below.
    pub fn of_network(network: &Network<f32>, activations: &[Activation]) -> Vec<Self> {
        let of =
            |(layer, &activation): (&DenseLayer<f32>, &Activation)| Self { layer: layer.clone(), activation };
        network.layers.iter().zip(activations).map(of).collect()
    }
}

/// The encoder as an autoencoder that never decodes: engines have no other way to encode rows.
struct WithoutDecoder<'a>(&'a Encoder);

impl ParamsAndExamples for WithoutDecoder<'_> {
    fn single(&self) -> Result<(Params<f32>, ExampleSet)> {
        let shape = self.0.shape();
        let layer = self.0.layer.clone();
        let params = Params { w1: layer.weight, b1: layer.bias, ..Params::zeros(shape) };
        Ok((params, Matrix::new(0, shape.visible, Vec::new()).into()))
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        let shape = self.0.shape();
        Ok((self.single()?.0.cast(), Matrix::new(0, shape.visible, Vec::new())))
    }
}

/// Engines of encoders, from below, each of which reads the codes of the one before.
pub struct Chain {
    engines: Vec<Box<dyn Engine>>,
    /// n of the lowest.
    inputs: usize,
}

impl Chain {
    /// Sets up the engines.
    ///
    /// # Errors
    /// Those of the device.
    ///
    /// # Panics
    /// Where an encoder reads something else than the one below gives.
    pub fn open(choice: &Choice, encoders: &[Encoder], inputs: usize) -> Result<Self> {
        let mut width = inputs;
        let mut engines = Vec::new();
        for encoder in encoders {
            let Shape { visible, hidden } = encoder.shape();
            assert_eq!(width, visible, "an encoder reads what the layer below it gives");
            let objective = Objective { activation: encoder.activation, ..Objective::default() };
            let setup = Setup { objective, cut: Chunking::default(), rho_hat: RhoHat::default(), threads: 0 };
            engines.push(choice.open(&setup, &WithoutDecoder(encoder))?);
            width = hidden;
        }
        Ok(Self { engines, inputs })
    }

    /// The codes `[rows, h]` of rows `[rows, n]`; the rows themselves where there is no encoder.
    ///
    /// # Errors
    /// Those of the device.
    pub fn encode(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let mut codes = Vec::new();
        for piece in rows.chunks(ROWS * self.inputs) {
            let mut values = piece.to_vec();
            for engine in &mut self.engines {
                values = engine.encode_rows(&values)?;
            }
            codes.extend(values);
        }
        Ok(codes)
    }
}

/// The codes `[rows, h]` that encoders, from below, make of rows `[rows, n]`; `told` hears how many rows are done.
///
/// # Errors
/// Those of the device.
pub fn encode(
    choice: &Choice,
    encoders: &[Encoder],
    rows: &Matrix<f32>,
    told: &mut dyn FnMut(usize),
) -> Result<Matrix<f32>> {
    let mut chain = Chain::open(choice, encoders, rows.cols)?;
    let hidden = encoders.last().map_or(rows.cols, |encoder| encoder.shape().hidden);
    let mut values = Vec::with_capacity(rows.rows * hidden);
    for piece in rows.values.chunks(ROWS * rows.cols) {
        told(values.len() / hidden);
        values.extend(chain.encode(piece)?);
    }
    Ok(Matrix::new(rows.rows, hidden, values))
}

/// The weights `[h, n]` by which the inputs reach the units of the topmost encoder, as if no activation were in between: its own
/// times those of each layer below it.
pub fn projection(encoders: &[Encoder]) -> Vec<f32> {
    let Some((lowest, above)) = encoders.split_first() else { return Vec::new() };
    let inputs = lowest.shape().visible;
    let mut weights: Vec<f64> = cast(&lowest.layer.weight);
    for encoder in above {
        let Shape { visible, hidden } = encoder.shape();
        let own: Vec<f64> = cast(&encoder.layer.weight);
        weights = matmul_nn(&own, &weights, hidden, inputs, visible);
    }
    cast(&weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_an_upper_layer_are_projected_through_the_layers_below() {
        let encoder = |weight: &[f32], outputs| Encoder {
            layer: DenseLayer { weight: weight.to_vec(), bias: vec![0.0; outputs] },
            activation: Activation::Sigmoid,
        };
        let below = encoder(&[1.0, 0.0, 2.0, 0.0, 1.0, -1.0], 2);
        assert_eq!(projection(std::slice::from_ref(&below)), below.layer.weight);
        let above = encoder(&[3.0, -1.0], 1);
        assert_eq!(projection(&[below, above]), [3.0, -1.0, 7.0]);
    }
}
