//! Passes over rows: forward, softmax and its losses, deltas, gradients. The memory of a pass is kept for the next one.

use std::slice::ChunksMut;

use rayon::prelude::*;

use super::row_block::{RowBlock, softmax};
use super::weights::LayerPanels;
use crate::engine::cpu::buffer::{Buffer, LINE, Panels, PanelsMut, panels, spread, width};
use crate::engine::cpu::matmul::{Fill, transposed_product};
use crate::engine::network::Labelled;
use crate::math::activation::Activation;
use crate::math::network::NetworkShape;

/// Rows of a chunk, whose activations are held at a time and whose gradients are summed up in f32.
const CHUNK: usize = 4096;
/// Tasks that a chunk is cut into, as far as its rows go.
const BLOCKS: usize = 16;
/// Rows of a block at least and at most.
const BLOCK: [usize; 2] = [16, 256];
/// Panels of a gradient that a task computes.
const PANELS: usize = 2;

/// The memory of passes.
#[derive(Debug)]
pub struct Pass {
    /// (inputs, outputs) of every layer.
    layers: Vec<(usize, usize)>,
    activations: Vec<Activation>,
    /// X of a chunk, by blocks.
    x: Buffer,
    /// Activations of the hidden layers from below, then δ of the softmax layer in the place of its inputs, by blocks.
    values: Vec<Buffer>,
    /// δ of the hidden layers, by blocks.
    deltas: Vec<Buffer>,
    /// Sums over the rows of a block: of the δ of all layers, then its loss.
    sums: Vec<f64>,
}

/// How a chunk is cut.
#[derive(Clone, Copy)]
struct Cut {
    rows: usize,
    block: usize,
}

impl Cut {
    fn of(rows: usize) -> Self {
        let [least, most] = BLOCK;
        Self { rows, block: rows.div_ceil(BLOCKS).clamp(least, most) }
    }

    fn blocks(self) -> usize {
        self.rows.div_ceil(self.block)
    }
}

impl Pass {
    /// Has no memory yet.
    pub fn new(shape: &NetworkShape, activations: &[Activation]) -> Self {
        let layers: Vec<(usize, usize)> = shape.layers().collect();
        let buffers = |count| vec![Buffer::default(); count];
        Self {
            values: buffers(layers.len()),
            deltas: buffers(layers.len() - 1),
            layers,
            activations: activations.to_vec(),
            x: Buffer::default(),
            sums: Vec::new(),
        }
    }

    /// Σ −log P of the labels, and its gradient, flat, over the rows of a list, or over all.
    pub fn gradient(
        &mut self,
        weights: &[LayerPanels],
        data: &Labelled<f32>,
        list: Option<&[usize]>,
    ) -> (f64, Vec<f64>) {
        let mut losses = 0.0;
        let mut biases: Vec<Vec<f64>> =
            self.layers.iter().map(|&(_, outputs)| vec![0.0; width(outputs)]).collect();
        // In panels, as the products leave them.
        let mut totals: Vec<Vec<f64>> =
            self.layers.iter().map(|&(inputs, outputs)| vec![0.0; outputs * width(inputs)]).collect();
        let count = list.map_or(data.labels.len(), <[usize]>::len);
        for first in (0..count).step_by(CHUNK) {
            let cut = Cut::of(CHUNK.min(count - first));
            let row = |at: usize| list.map_or(first + at, |list| list[first + at]);
            self.deltas_of(weights, data, cut, row, true);
            losses += self.take_sums(cut, Some(&mut biases));
            self.add_gradients(cut, &mut totals);
        }
        let mut flat =
            Vec::with_capacity(self.layers.iter().map(|(inputs, outputs)| outputs * (inputs + 1)).sum());
        for ((&(inputs, outputs), total), bias) in self.layers.iter().zip(totals).zip(biases) {
            for row in 0..outputs {
                let in_panels = |panel: usize| {
                    &total[(panel * outputs + row) * LINE..][..LINE.min(inputs - panel * LINE)]
                };
                (0..panels(inputs)).for_each(|panel| flat.extend_from_slice(in_panels(panel)));
            }
            flat.extend_from_slice(&bias[..outputs]);
        }
        (losses, flat)
    }

    /// Σ −log P of the labels of all rows.
    pub fn losses(&mut self, weights: &[LayerPanels], data: &Labelled<f32>) -> f64 {
        let mut losses = 0.0;
        for first in (0..data.labels.len()).step_by(CHUNK) {
            let cut = Cut::of(CHUNK.min(data.labels.len() - first));
            self.deltas_of(weights, data, cut, |at| first + at, false);
            losses += self.take_sums(cut, None);
        }
        losses
    }

    /// P `[rows, classes]` of dense rows.
    pub fn probabilities(&mut self, weights: &[LayerPanels], rows: &[f32]) -> Vec<f32> {
        let (inputs, classes) = (self.layers[0].0, self.layers[self.layers.len() - 1].1);
        let mut all = Vec::with_capacity(rows.len() / inputs * classes);
        for chunk in rows.chunks(CHUNK * inputs) {
            let cut = Cut::of(chunk.len() / inputs);
            self.reserve(cut);
            let activations = self.activations.clone();
            let blocks = self.blocks(cut).into_par_iter().zip(chunk.par_chunks(cut.block * inputs));
            let of_block = |(mut block, x): (RowBlock<'_>, &[f32])| {
                spread(x, inputs, PanelsMut::new(block.x, block.rows));
                block.forward(weights, &activations);
                let mut out = Vec::with_capacity(block.rows * classes);
                block.each_row_of_softmax(classes, |_, z| {
                    softmax(z);
                    out.extend_from_slice(z);
                });
                out
            };
            all.extend(blocks.flat_map_iter(of_block).collect::<Vec<f32>>());
        }
        all
    }

    /// The rows of a chunk forward, and if `back` their deltas in all layers.
    fn deltas_of(
        &mut self,
        weights: &[LayerPanels],
        data: &Labelled<f32>,
        cut: Cut,
        row: impl Fn(usize) -> usize + Sync,
        back: bool,
    ) {
        self.reserve(cut);
        let (inputs, classes) = (self.layers[0].0, self.layers[self.layers.len() - 1].1);
        let activations = self.activations.clone();
        self.blocks(cut).into_par_iter().enumerate().for_each(|(number, mut block)| {
            let first = number * cut.block;
            let mut x = PanelsMut::new(block.x, block.rows);
            for panel in 0..panels(inputs) {
                let wide = LINE.min(inputs - panel * LINE);
                for (at, line) in x.panel(panel).iter_mut().enumerate() {
                    let values = &data.examples.row(row(first + at))[panel * LINE..][..wide];
                    line[..wide].copy_from_slice(values);
                    line[wide..].fill(0.0);
                }
            }
            block.sums.fill(0.0);
            block.forward(weights, &activations);
            let mut losses = 0.0;
            let mut sums = vec![0.0; width(classes)];
            block.each_row_of_softmax(classes, |at, z| {
                let label = data.labels[row(first + at)];
                let of_label = f64::from(z[label]);
                losses += softmax(z) - of_label;
                z[label] -= 1.0;
                sums.iter_mut().zip(z).for_each(|(sum, delta)| *sum += f64::from(*delta));
            });
            block.put_sums(&sums, losses);
            if back {
                block.backward(weights, &activations);
            }
        });
    }

    /// Adds up what the blocks have summed over their rows, in their order; the loss.
    fn take_sums(&self, cut: Cut, mut biases: Option<&mut Vec<Vec<f64>>>) -> f64 {
        let part = self.part();
        let mut losses = 0.0;
        for sums in self.sums[..cut.blocks() * part].chunks_exact(part) {
            let mut at = 0;
            for bias in biases.iter_mut().flat_map(|biases| biases.iter_mut()) {
                let of_layer = &sums[at..at + bias.len()];
                bias.iter_mut().zip(of_layer).for_each(|(sum, more)| *sum += more);
                at += bias.len();
            }
            losses += sums[part - 1];
        }
        losses
    }

    /// Adds δᵀA of a chunk to the gradients of all layers, by panels of their columns.
    fn add_gradients(&self, cut: Cut, totals: &mut [Vec<f64>]) {
        for (l, (&(inputs, outputs), total)) in self.layers.iter().zip(totals).enumerate() {
            let below = if l == 0 { &self.x } else { &self.values[l - 1] };
            let delta = if l + 1 == self.layers.len() { &self.values[l] } else { &self.deltas[l] };
            let (n, h) = (width(inputs), width(outputs));
            let (below, delta) = (&below[..cut.rows * n], &delta[..cut.rows * h]);
            total.par_chunks_mut(PANELS * outputs * LINE).enumerate().for_each_init(
                Buffer::default,
                |c, (task, total)| {
                    c.reserve(total.len());
                    let c = &mut c[..total.len()];
                    let cols = (total.len() / outputs).min(inputs - task * PANELS * LINE);
                    let blocks = delta.chunks(cut.block * h).zip(below.chunks(cut.block * n));
                    for (number, (delta, below)) in blocks.enumerate() {
                        let rows = delta.len() / h;
                        let below = Panels::new(below, rows).skip_panels(task * PANELS);
                        let fill = if number == 0 { Fill::Replace } else { Fill::Add };
                        let c = PanelsMut::new(c, outputs);
                        transposed_product(c, Panels::new(delta, rows), below, outputs, cols, fill);
                    }
                    total.iter_mut().zip(&*c).for_each(|(sum, g)| *sum += f64::from(*g));
                },
            );
        }
    }

    /// Sums that a block leaves: of the δ of each layer, padded, and the loss.
    fn part(&self) -> usize {
        self.layers.iter().map(|&(_, outputs)| width(outputs)).sum::<usize>() + 1
    }

    fn reserve(&mut self, cut: Cut) {
        self.x.reserve(cut.rows * width(self.layers[0].0));
        for (l, &(_, outputs)) in self.layers.iter().enumerate() {
            self.values[l].reserve(cut.rows * width(outputs));
            if let Some(delta) = self.deltas.get_mut(l) {
                delta.reserve(cut.rows * width(outputs));
            }
        }
        let sums = cut.blocks() * self.part();
        if self.sums.len() < sums {
            self.sums.resize(sums, 0.0);
        }
    }

    /// The memory of each block of a chunk.
    fn blocks(&mut self, cut: Cut) -> Vec<RowBlock<'_>> {
        let part = self.part();
        let widths: Vec<usize> = self.layers.iter().map(|&(_, outputs)| width(outputs)).collect();
        let mut x = by_blocks(&mut self.x, cut, width(self.layers[0].0));
        let each = |(buffer, &width)| by_blocks(buffer, cut, width);
        let mut values: Vec<_> = self.values.iter_mut().zip(&widths).map(each).collect();
        let mut deltas: Vec<_> = self.deltas.iter_mut().zip(&widths).map(each).collect();
        let mut sums = self.sums.chunks_exact_mut(part);
        (0..cut.blocks())
            .map_while(|number| {
                let rows = cut.block.min(cut.rows - number * cut.block);
                let (values, deltas) = (next_of(&mut values), next_of(&mut deltas));
                Some(RowBlock { rows, x: x.next()?, values, deltas, sums: sums.next()? })
            })
            .collect()
    }
}

/// The next block of each matrix.
fn next_of<'a>(matrices: &mut [ChunksMut<'a, f32>]) -> Vec<&'a mut [f32]> {
    matrices.iter_mut().filter_map(Iterator::next).collect()
}

/// The blocks of a matrix of such a width.
fn by_blocks(buffer: &mut Buffer, cut: Cut, width: usize) -> ChunksMut<'_, f32> {
    buffer[..cut.rows * width].chunks_mut(cut.block * width)
}
