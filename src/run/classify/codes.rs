//! Codes of examples: what the encoders below a classifier make of them, one after the other.

use crate::data::batches::ExampleSet;
use crate::engine::device::{Choice, ParamsAndExamples};
use crate::engine::setup::Setup;
use crate::engine::{Chunking, RhoHat};
use crate::error::Result;
use crate::math::activation::Activation;
use crate::math::network::{DenseLayer, Network};
use crate::math::objective::Objective;
use crate::math::params::{Matrix, Params, Shape};

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

/// The codes `[rows, h]` that encoders, from below, make of rows `[rows, n]`; `told` hears how many rows of how many passes are
/// done.
///
/// # Errors
/// Those of the device.
///
/// # Panics
/// Where an encoder reads something else than the one below gives.
pub fn encode(
    choice: &Choice,
    encoders: &[Encoder],
    rows: &Matrix<f32>,
    told: &mut dyn FnMut(usize),
) -> Result<Matrix<f32>> {
    let mut codes = rows.clone();
    for encoder in encoders {
        let Shape { visible, hidden } = encoder.shape();
        assert_eq!(codes.cols, visible, "an encoder reads what the layer below it gives");
        let objective = Objective { activation: encoder.activation, ..Objective::default() };
        let setup = Setup { objective, cut: Chunking::default(), rho_hat: RhoHat::default(), threads: 0 };
        let mut engine = choice.open(&setup, &WithoutDecoder(encoder))?;
        let mut values = Vec::with_capacity(codes.rows * hidden);
        for piece in codes.values.chunks(ROWS * visible) {
            told(values.len() / hidden);
            values.extend(engine.encode_rows(piece)?);
        }
        codes = Matrix::new(rows.rows, hidden, values);
    }
    Ok(codes)
}
