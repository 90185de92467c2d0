//! The parameters of the autoencoder: shapes, start values, the order in which they lie in one flat vector.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::math::number::MOST;
use crate::math::random::Stream;

/// f32 or f64: what parameters and data are held in. Only the reference engine holds f64.
pub trait Real: Copy + Default + Send + Sync + std::fmt::Debug + PartialEq + 'static {
    /// Rounds to this type.
    fn from_f64(x: f64) -> Self;
    /// Widens without loss.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    fn from_f64(x: f64) -> Self {
        x as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn from_f64(x: f64) -> Self {
        x
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// Rows of examples, dense and row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix<T> {
    /// Number of examples m.
    pub rows: usize,
    /// Numbers an example n.
    pub cols: usize,
    /// `[rows, cols]`.
    pub values: Vec<T>,
}

impl<T: Real> Matrix<T> {
    /// Wraps `values`, which must hold `rows` × `cols` numbers.
    pub fn new(rows: usize, cols: usize, values: Vec<T>) -> Self {
        assert_eq!(values.len(), rows * cols, "a matrix of {rows}×{cols} needs as many values");
        Self { rows, cols, values }
    }

    /// Example `i`, `[cols]`.
    pub fn row(&self, i: usize) -> &[T] {
        &self.values[i * self.cols..(i + 1) * self.cols]
    }

    /// The same numbers in another type.
    pub fn cast<U: Real>(&self) -> Matrix<U> {
        Matrix { rows: self.rows, cols: self.cols, values: cast(&self.values) }
    }
}

/// Number of visible and hidden units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// n, the width of an example.
    pub visible: usize,
    /// h, the hidden units.
    pub hidden: usize,
}

impl Shape {
    /// Numbers in all four tensors: 2·n·h + h + n.
    pub fn parameters(self) -> usize {
        2 * self.visible * self.hidden + self.hidden + self.visible
    }
}

/// A tensor of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamTensor {
    /// Encoder weights W1 `[h, n]`.
    W1,
    /// Encoder bias b1 `[h]`.
    B1,
    /// Decoder weights D `[h, n]`.
    D,
    /// Decoder bias b2 `[n]`.
    B2,
}

impl ParamTensor {
    /// All four, in the order of flat vectors.
    pub const ALL: [Self; 4] = [Self::W1, Self::B1, Self::D, Self::B2];

    /// Its name in model files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "encoder.weight",
            Self::B1 => "encoder.bias",
            Self::D => "decoder.weight",
            Self::B2 => "decoder.bias",
        }
    }

    /// Its numbers.
    pub fn len(self, shape: Shape) -> usize {
        match self {
            Self::W1 | Self::D => shape.visible * shape.hidden,
            Self::B1 => shape.hidden,
            Self::B2 => shape.visible,
        }
    }

    /// Its place in a flat vector, in the order of [`Params::to_flat`].
    pub fn range(self, shape: Shape) -> Range<usize> {
        let before = Self::ALL.into_iter().take_while(|&tensor| tensor != self);
        let start = before.map(|tensor| tensor.len(shape)).sum();
        start..start + self.len(shape)
    }
}

/// The four tensors of the autoencoder. The decoder is kept as D `[h, n]`, whose row j is the dictionary atom of
/// hidden unit j, so that both weight matrices are cut into hidden blocks by rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Params<T> {
    /// n and h.
    pub shape: Shape,
    /// Encoder weights `[h, n]`.
    pub w1: Vec<T>,
    /// Encoder bias `[h]`.
    pub b1: Vec<T>,
    /// Decoder weights D `[h, n]`, the transpose of PyTorch's `decoder.weight`.
    pub d: Vec<T>,
    /// Decoder bias `[n]`.
    pub b2: Vec<T>,
}

impl<T: Real> Params<T> {
    /// All zeros.
    pub fn zeros(shape: Shape) -> Self {
        let [w1, b1, d, b2] = ParamTensor::ALL.map(|tensor| vec![T::default(); tensor.len(shape)]);
        Self { shape, w1, b1, d, b2 }
    }

    /// The same numbers in another type.
    pub fn cast<U: Real>(&self) -> Params<U> {
        Params {
            shape: self.shape,
            w1: cast(&self.w1),
            b1: cast(&self.b1),
            d: cast(&self.d),
            b2: cast(&self.b2),
        }
    }

    /// One of the tensors.
    pub fn tensor(&self, tensor: ParamTensor) -> &[T] {
        match tensor {
            ParamTensor::W1 => &self.w1,
            ParamTensor::B1 => &self.b1,
            ParamTensor::D => &self.d,
            ParamTensor::B2 => &self.b2,
        }
    }

    /// The tensors with their names in model files, in the order W1, b1, D, b2.
    pub fn tensors(&self) -> [(&'static str, &[T]); 4] {
        ParamTensor::ALL.map(|tensor| (tensor.name(), self.tensor(tensor)))
    }

    /// All numbers in one vector: W1, b1, D, b2.
    pub fn to_flat(&self) -> Vec<T> {
        self.tensors().map(|(_, tensor)| tensor).concat()
    }

    /// Writes them into `flat`, in the order of [`Params::to_flat`].
    pub fn copy_to_flat(&self, mut flat: &mut [T]) {
        assert_eq!(flat.len(), self.shape.parameters(), "a flat vector holds all parameters");
        for (_, tensor) in self.tensors() {
            let (to, rest) = flat.split_at_mut(tensor.len());
            to.copy_from_slice(tensor);
            flat = rest;
        }
    }

    /// Cuts a vector in the order of [`Params::to_flat`] into tensors.
    pub fn from_flat(shape: Shape, flat: &[T]) -> Self {
        assert_eq!(flat.len(), shape.parameters(), "a flat vector holds all parameters");
        let [w1, b1, d, b2] = ParamTensor::ALL.map(|tensor| flat[tensor.range(shape)].to_vec());
        Self { shape, w1, b1, d, b2 }
    }

    /// The name of the first tensor that holds NaN or infinity, judged on bits.
    pub fn first_not_finite(&self) -> Option<&'static str> {
        self.tensors()
            .into_iter()
            .find(|(_, t)| t.iter().any(|x| !x.to_f64().is_finite()))
            .map(|(name, _)| name)
    }
}

impl Params<f32> {
    /// The lecture's start: W uniform in ±√6/√(n+h+1), biases 0. The same bits on every platform.
    pub fn random(shape: Shape, seed: u64) -> Self {
        let reach = (6.0 / (shape.visible + shape.hidden + 1) as f64).sqrt();
        let draw = |tensor: ParamTensor| -> Vec<f32> {
            let mut stream = Stream::new(seed, tensor.name());
            (0..tensor.len(shape)).map(|_| ((2.0 * stream.unit() - 1.0) * reach) as f32).collect()
        };
        Self { w1: draw(ParamTensor::W1), d: draw(ParamTensor::D), ..Self::zeros(shape) }
    }
}

/// Checks that hidden and visible units exist and that their product can be indexed.
pub fn check_shape(shape: Shape) -> Result<()> {
    if shape.hidden == 0 {
        return Err(Error::usage("`hidden` 0: a hidden layer needs at least one unit"));
    }
    match shape.visible.checked_mul(shape.hidden) {
        Some(weights) if weights <= MOST => Ok(()),
        _ => Err(Error::usage(format!(
            "{} visible times {} hidden units fit no memory; lower `hidden`",
            shape.visible, shape.hidden
        ))),
    }
}

/// Converts number by number.
pub fn cast<T: Real, U: Real>(values: &[T]) -> Vec<U> {
    values.iter().map(|x| U::from_f64(x.to_f64())).collect()
}
