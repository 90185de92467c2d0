//! What of a network stays on the device: parameters, labelled examples, and the tensors that all passes share.

use std::sync::Arc;

use super::cut::Cut;
use super::vectors::{self, LayerVector};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{Tensor, bytes, padded, staging};
use crate::engine::gpu::memory::storage::SharedTexture;
use crate::engine::gpu::ops::sum_blocks;
use crate::engine::gpu::recording::{Commands, Recorder};
use crate::engine::gpu::step::examples::{DeviceRows, ExamplePart, PassRows};
use crate::engine::network::{Labelled, NetworkCut, NetworkObjective, cost_of_sums};
use crate::error::{Error, Result};
use crate::math::network::Network;
use crate::math::objective::Cost;
use crate::math::params::Matrix;

/// A network with its examples.
#[derive(Debug)]
pub(super) struct Resident {
    pub gpu: Arc<Gpu>,
    pub cut: Cut,
    pub objective: NetworkObjective,
    pub params: Vec<LayerVector>,
    /// Examples m.
    pub count: usize,
    parts: Vec<ExamplePart>,
    /// y `[m]`, and on the host.
    pub labels: Tensor,
    pub host_labels: Vec<u32>,
    pub work: Work,
    /// J's sums are read back through it.
    staging: wgpu::Buffer,
}

/// The tensors of a pass.
#[derive(Debug)]
pub(super) struct Work {
    /// The activations of each layer, `[chunk, units]`; Z, then δ, in the last.
    pub activations: Vec<Tensor>,
    /// The deltas of hidden layers, `[chunk, widest]`, by turns.
    pub deltas: [Tensor; 2],
    /// Zeros `[widest]` in the place of the slope of a penalty.
    pub no_penalty: Tensor,
    /// The slices of products.
    pub products: Tensor,
    /// −log P of the labels `[m]`.
    pub losses: Tensor,
    /// Block sums of ‖W‖² for the host, one tensor a layer.
    pub squares: Vec<Tensor>,
}

impl Resident {
    /// Uploads parameters and examples.
    ///
    /// # Errors
    /// [`Error::Usage`] for more examples than 32 bits number; where something fits no binding, or the device has no
    /// room.
    pub fn new(
        gpu: Arc<Gpu>,
        objective: NetworkObjective,
        network: &Network<f32>,
        data: &Labelled<f32>,
        wanted: NetworkCut,
    ) -> Result<Self> {
        let count = data.labels.len();
        if u32::try_from(count).is_err() {
            let fact = format!("{count} examples: a device numbers those that it holds by 32 bits");
            return Err(Error::usage(format!("{fact}; give fewer, or use `device` cpu")));
        }
        let cut = Cut::new(&gpu, &network.shape, count, wanted)?;
        let limit = cut.rows.limit;
        if count > limit {
            let fact = format!("{count} examples have {} bytes of labels", bytes(count));
            let rule = format!("{} binds at most {} bytes here", gpu.adapter.info.name, bytes(limit));
            return Err(Error::usage(format!("{fact}, {rule}; give fewer, or use `device` cpu")));
        }
        let params = vectors::zeros(&gpu, "parameters", Category::Parameters, &network.shape)?;
        vectors::write(&gpu, &params, &network.shape, &network.to_flat());
        let parts = upload(&gpu, &cut, &data.examples)?;
        let [labels] = allocate(&gpu, [Allocation::vectors("labels", Category::Data, [count])])?;
        let labels = single(labels);
        let host_labels: Vec<u32> = data.labels.iter().map(|&label| label as u32).collect();
        gpu.queue.write_buffer(&labels.buffer, 0, bytemuck::cast_slice(&host_labels));
        let work = Work::new(&gpu, &cut, &params, count)?;
        let sums: usize = work.squares.iter().map(|sums| sums.cols).sum();
        let staging = staging(&gpu, (count + sums).max(1))?;
        Ok(Self { gpu, cut, objective, params, count, parts, labels, host_labels, work, staging })
    }

    /// The examples in parts.
    pub fn parts(&self) -> &[ExamplePart] {
        &self.parts
    }

    /// All examples as the rows of a pass.
    pub fn all_rows(&self) -> PassRows<'_> {
        PassRows::Resident(&self.parts)
    }

    /// An empty recording.
    pub fn recorder(&self) -> Recorder<'_> {
        let mut recorder = self.cut.rows.recorder(&self.gpu);
        recorder.scratch = Some(self.work.products.clone());
        recorder
    }

    /// J over `rows` rows from the sums that the last pass leaves, in the submission of `commands`.
    pub fn read_cost(&self, commands: Commands<'_>, rows: usize) -> Result<Cost> {
        let squares = self.work.squares.iter().map(|sums| (sums, sums.cols));
        let parts: Vec<_> = squares.chain([(&self.work.losses, rows)]).collect();
        let read = commands.read(&self.staging, &parts)?;
        let mut rest = &read[..];
        let mut sum = |count: usize| {
            let (own, others) = rest.split_at(count);
            rest = others;
            own.iter().map(|&x| f64::from(x)).sum::<f64>()
        };
        let squares: Vec<f64> = self.work.squares.iter().map(|sums| sum(sums.cols)).collect();
        let losses = sum(rows);
        Ok(cost_of_sums(&self.objective, &self.cut.shape, rows, (losses, &squares)))
    }

    /// Refuses to take J or its gradient over no examples.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are none.
    pub fn check_examples(&self) -> Result<()> {
        if self.count > 0 {
            return Ok(());
        }
        Err(Error::usage("there are no examples, over which a network has no cost; give some"))
    }
}

/// Uploads examples in parts that one binding holds.
fn upload(gpu: &Gpu, cut: &Cut, examples: &Matrix<f32>) -> Result<Vec<ExamplePart>> {
    let [tensors] = allocate(gpu, DeviceRows::resident(&cut.rows, examples.rows))?;
    let firsts = (0..examples.rows).step_by(cut.rows.part_rows());
    let fill = |(first, x): (usize, Tensor)| {
        x.write(gpu, &examples.values[first * examples.cols..(first + x.rows) * examples.cols]);
        x.buffer.make_constant();
        gpu.check().map(|()| ExamplePart { first, x })
    };
    firsts.zip(tensors).map(fill).collect()
}

impl Work {
    fn new(gpu: &Gpu, cut: &Cut, params: &[LayerVector], count: usize) -> Result<Self> {
        const ACTIVATIONS: Category = Category::Activations;
        let chunk = cut.rows.chunk;
        let widest = cut.shape.hidden.iter().copied().max().unwrap_or(1);
        let units = cut.shape.layers().map(|(_, outputs)| (chunk, outputs));
        // Networks without hidden layers have no deltas of their own.
        let rows = if cut.shape.hidden.is_empty() { 1 } else { chunk };
        let squares = params.iter().map(|layer| sum_blocks(layer.weights.len()));
        let [activations, deltas, no_penalty, products, losses, squares] = allocate(
            gpu,
            [
                Allocation::matrices("activations", ACTIVATIONS, units),
                Allocation::matrices("hidden deltas", ACTIVATIONS, [(rows, widest); 2]),
                Allocation::vectors("no penalty", ACTIVATIONS, [widest]),
                Allocation::vectors("slices of products", ACTIVATIONS, [cut.room()]),
                Allocation::vectors("losses", ACTIVATIONS, [count]),
                Allocation::vectors("sums of weights", ACTIVATIONS, squares),
            ],
        )?;
        let [no_penalty, products, losses] = [no_penalty, products, losses].map(single);
        let deltas = <[Tensor; 2]>::try_from(deltas).expect("two were asked for");
        no_penalty.buffer.make_constant();
        Ok(Self {
            activations: activations.iter().map(with_texture).collect(),
            deltas: deltas.each_ref().map(with_texture),
            no_penalty,
            products,
            losses,
            squares,
        })
    }
}

/// The same matrix, all of whose parts share one texture where kernels read textures: chunks differ in length.
pub(super) fn with_texture(tensor: &Tensor) -> Tensor {
    tensor.copied_into(&SharedTexture::new(padded(tensor.rows) * tensor.stride()))
}
