//! What the units of each layer look for: their weights projected onto the inputs, and the examples that excite them most.

use super::codes::{Chain, Encoder, projection};
use super::sitting::Sitting;
use crate::engine::evenly;
use crate::error::Result;
use crate::math::network::Network;
use crate::train::diagnostics::{JUDGED, spaced};

/// Units of a layer that are shown.
const UNITS: usize = 60;
/// Examples of a unit that are shown.
const EXAMPLES: usize = 8;

/// Some units of a layer.
#[derive(Debug)]
pub struct LayerUnits {
    /// Units of the layer in all.
    pub hidden: usize,
    /// The numbers of those that are shown.
    pub units: Vec<usize>,
    /// Weights of the inputs `[units, n]`, projected through the layers below.
    pub weights: Vec<f32>,
    /// The examples that excite each most, and their activations, the largest first.
    pub top: Vec<Vec<(usize, f32)>>,
    /// These examples `[…, n]`, one unit behind the other.
    pub examples: Vec<f32>,
}

/// Looks at the units of a network over some of the rows that it has learned from.
///
/// # Errors
/// Those of the device.
pub fn of_layers(sitting: &Sitting, network: &Network<f32>) -> Result<Vec<LayerUnits>> {
    let activations: Vec<_> = sitting.encoders.iter().map(|encoder| encoder.activation).collect();
    let encoders = Encoder::of_network(network, &activations);
    let examples = &sitting.rows.examples;
    let rows = spaced(examples.rows, JUDGED);
    let mut values: Vec<f32> = rows.iter().flat_map(|&row| examples.row(row)).copied().collect();
    let mut width = examples.cols;
    let mut layers = Vec::new();
    for (l, encoder) in encoders.iter().enumerate() {
        let mut chain = Chain::open(&sitting.choice, std::slice::from_ref(encoder), width)?;
        values = chain.encode(&values)?;
        width = encoder.shape().hidden;
        let units = evenly(width, UNITS);
        let weights = projection(&encoders[..=l]);
        let weights = units.iter().flat_map(|&unit| &weights[unit * examples.cols..][..examples.cols]);
        let top: Vec<Vec<(usize, f32)>> =
            units.iter().map(|&unit| most_exciting(&rows, values.iter().skip(unit).step_by(width))).collect();
        let shown = top.iter().flatten().flat_map(|&(row, _)| examples.row(row)).copied().collect();
        layers.push(LayerUnits {
            hidden: width,
            weights: weights.copied().collect(),
            units,
            top,
            examples: shown,
        });
    }
    Ok(layers)
}

/// The rows with the largest activations; of equals the first.
fn most_exciting<'a>(rows: &[usize], activations: impl Iterator<Item = &'a f32>) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = rows.iter().copied().zip(activations.copied()).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(EXAMPLES);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_with_the_largest_activations_come_first() {
        let found = most_exciting(&[0, 5, 10, 15], [0.1_f32, 0.9, 0.9, 0.2].iter());
        assert_eq!(found, [(5, 0.9), (10, 0.9), (15, 0.2), (0, 0.1)]);
        let many: Vec<usize> = (0..100).collect();
        let values: Vec<f32> = many.iter().map(|&row| row as f32).collect();
        let found = most_exciting(&many, values.iter());
        assert_eq!((found.len(), found[0]), (EXAMPLES, (99, 99.0)));
    }
}
