//! The parameters of a classifier: encoders one above the other, and a softmax layer on the codes of the last. Shapes, start
//! values, the order in which all lie in one flat vector.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::math::params::{Params, Real, cast};

/// The widths of a network: inputs, hidden layers from below, classes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkShape {
    /// n, the width of an example.
    pub inputs: usize,
    /// h of every hidden layer; none for softmax on the inputs themselves.
    pub hidden: Vec<usize>,
    /// Classes, at least two.
    pub classes: usize,
}

impl NetworkShape {
    /// (inputs, outputs) of every layer, the softmax layer last.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + ExactSizeIterator {
        let below = std::iter::once(&self.inputs).chain(&self.hidden);
        let above = self.hidden.iter().chain(std::iter::once(&self.classes));
        let pairs: Vec<(usize, usize)> = below.copied().zip(above.copied()).collect();
        pairs.into_iter()
    }

    /// Numbers in all tensors.
    pub fn parameters(&self) -> usize {
        self.layers().map(|(inputs, outputs)| outputs * (inputs + 1)).sum()
    }

    /// Widths joined by arrows, for people: `784 → 200 → 10`.
    pub fn words(&self) -> String {
        let widths = std::iter::once(&self.inputs).chain(&self.hidden).chain([&self.classes]);
        widths.map(usize::to_string).collect::<Vec<_>>().join(" → ")
    }
}

/// Weights and biases of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer<T> {
    /// Weights `[outputs, inputs]`, as PyTorch's `Linear` has them.
    pub weight: Vec<T>,
    /// Biases `[outputs]`.
    pub bias: Vec<T>,
}

/// The parameters of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network<T> {
    /// Its widths.
    pub shape: NetworkShape,
    /// The hidden layers from below, and the softmax layer.
    pub layers: Vec<DenseLayer<T>>,
}

impl<T: Real> Network<T> {
    /// All zeros.
    pub fn zeros(shape: NetworkShape) -> Self {
        let layer = |(inputs, outputs)| DenseLayer {
            weight: vec![T::default(); inputs * outputs],
            bias: vec![T::default(); outputs],
        };
        Self { layers: shape.layers().map(layer).collect(), shape }
    }

    /// The encoders of autoencoders, each of which reads the codes of the one before, and a softmax layer of zeros: with no
    /// weights all classes are as likely, and J is convex in those of the softmax layer, so that no other start is better.
    ///
    /// # Panics
    /// Where an encoder reads something else.
    pub fn of_encoders(encoders: &[Params<T>], inputs: usize, classes: usize) -> Self {
        let hidden: Vec<usize> = encoders.iter().map(|params| params.shape.hidden).collect();
        let mut network = Self::zeros(NetworkShape { inputs, hidden, classes });
        let widths: Vec<usize> = network.shape.layers().map(|(inputs, _)| inputs).collect();
        for ((layer, params), width) in network.layers.iter_mut().zip(encoders).zip(widths) {
            assert_eq!(params.shape.visible, width, "an encoder reads what the layer below it gives");
            *layer = DenseLayer { weight: params.w1.clone(), bias: params.b1.clone() };
        }
        network
    }

    /// The same numbers in another type.
    pub fn cast<U: Real>(&self) -> Network<U> {
        let layer =
            |layer: &DenseLayer<T>| DenseLayer { weight: cast(&layer.weight), bias: cast(&layer.bias) };
        Network { shape: self.shape.clone(), layers: self.layers.iter().map(layer).collect() }
    }

    /// The name of the first tensor that holds NaN or infinity, as a file has it.
    pub fn first_not_finite(&self) -> Option<String> {
        let is_bad = |values: &[T]| values.iter().any(|x| !x.to_f64().is_finite());
        self.layers.iter().enumerate().find_map(|(l, layer)| {
            let part = if is_bad(&layer.weight) { 0 } else { 1 };
            (part == 0 || is_bad(&layer.bias)).then(|| tensor_names(l)[part].clone())
        })
    }

    /// All tensors in one vector: weights and biases of each layer, from below.
    pub fn to_flat(&self) -> Vec<T> {
        let of = |layer: &DenseLayer<T>| [&layer.weight[..], &layer.bias[..]].concat();
        self.layers.iter().flat_map(of).collect()
    }

    /// Tensors out of one vector.
    ///
    /// # Panics
    /// For a vector of another length.
    pub fn from_flat(shape: NetworkShape, flat: &[T]) -> Self {
        assert_eq!(flat.len(), shape.parameters(), "a network of {} has as many numbers", shape.words());
        let ranges = ranges(&shape);
        let layer = |(weight, bias): (Range<usize>, Range<usize>)| DenseLayer {
            weight: flat[weight].to_vec(),
            bias: flat[bias].to_vec(),
        };
        Self { layers: ranges.into_iter().map(layer).collect(), shape }
    }
}

/// The names of weights and biases of layer `l`, counted from 0, as `nn.Sequential` has them, where an activation follows each
/// layer.
pub fn tensor_names(l: usize) -> [String; 2] {
    ["weight", "bias"].map(|tensor| format!("{}.{tensor}", 2 * l))
}

/// Where weights and biases of each layer lie in a flat vector.
pub fn ranges(shape: &NetworkShape) -> Vec<(Range<usize>, Range<usize>)> {
    let mut at = 0;
    let range = |length: usize, at: &mut usize| {
        let start = *at;
        *at += length;
        start..*at
    };
    let of = |(inputs, outputs)| {
        let weight = range(inputs * outputs, &mut at);
        (weight, range(outputs, &mut at))
    };
    shape.layers().map(of).collect()
}

/// The weights of the decay ½ λ ‖W‖², which biases have none of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkDecay {
    /// λ of the hidden layers.
    pub hidden: f64,
    /// λ of the softmax layer.
    pub softmax: f64,
}

impl NetworkDecay {
    /// λ of every layer.
    pub fn of_layers(self, shape: &NetworkShape) -> Vec<f64> {
        let mut all = vec![self.hidden; shape.hidden.len()];
        all.push(self.softmax);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::params::Shape;

    fn shape() -> NetworkShape {
        NetworkShape { inputs: 5, hidden: vec![4, 3], classes: 2 }
    }

    #[test]
    fn layers_lie_between_neighbouring_widths() {
        assert_eq!(shape().layers().collect::<Vec<_>>(), [(5, 4), (4, 3), (3, 2)]);
        assert_eq!(shape().parameters(), 4 * 6 + 3 * 5 + 2 * 4);
        assert_eq!(shape().words(), "5 → 4 → 3 → 2");
        let alone = NetworkShape { hidden: Vec::new(), ..shape() };
        assert_eq!(alone.layers().collect::<Vec<_>>(), [(5, 2)]);
    }

    #[test]
    fn flat_vectors_come_back() {
        let flat: Vec<f64> = (0..shape().parameters()).map(|i| i as f64).collect();
        let network = Network::from_flat(shape(), &flat);
        assert_eq!(network.layers[1].bias, [36.0, 37.0, 38.0]);
        assert_eq!(network.to_flat(), flat);
        let last = ranges(&shape()).pop().unwrap();
        assert_eq!((last.0, last.1), (39..45, 45..47));
    }

    #[test]
    fn encoders_become_layers_under_a_softmax_of_zeros() {
        let encoders =
            [(5, 4), (4, 3)].map(|(visible, hidden)| Params::<f32>::random(Shape { visible, hidden }, 1));
        let network = Network::of_encoders(&encoders, 5, 2);
        assert_eq!(network.shape, shape());
        assert_eq!(network.layers[1].weight, encoders[1].w1);
        assert_eq!(network.layers[2].weight, [0.0; 6]);
    }
}
