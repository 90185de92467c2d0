//! What a device can run of the variants, and which one suits its kind.
//!
//! Software adapters load from storage buffers number by number, but from textures four at a time, and their registers
//! are fast: there a large tile that goes round by broadcast wins, fed from textures.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::padded;
use crate::engine::gpu::ops::{GRADIENTS, tiles};
use crate::engine::variant::{Memory, Product, ProductSize, Variant};
use crate::error::{Error, Result};

impl Variant {
    /// Those of [`Self::all`] that `gpu` can run.
    pub fn supported(gpu: &Gpu) -> Vec<Self> {
        Self::all().filter(|variant| variant.refusal(gpu).is_none()).collect()
    }

    /// The fastest by experience: settled by measurement on software adapters, where everything else is ten times
    /// slower; on GPUs the largest tiles that keep them busy at a size, and the largest of all where none is known. It
    /// depends on nothing else, see [`Adapter::wanted_workgroups`].
    ///
    /// [`Adapter::wanted_workgroups`]: crate::engine::gpu::device::adapter::Adapter::wanted_workgroups
    pub fn preselected(gpu: &Gpu, size: Option<ProductSize>) -> Self {
        let wanted = match size {
            _ if gpu.adapter.is_software() => Self::of(Product::Broadcast, Memory::Textures),
            None => Self::of(Product::Tiled, Memory::Buffers),
            Some(size) => Self::tiled_for(size, gpu.adapter.wanted_workgroups()),
        };
        if wanted.refusal(gpu).is_none() { wanted } else { Self::PLAIN }
    }

    /// For each product the largest tiles that are at least so many, else the smallest.
    fn tiled_for(ProductSize { visible, hidden, rows }: ProductSize, workgroups: usize) -> Self {
        let largest = |count: usize, rows: usize, cols: usize| {
            let suffices =
                |product: &Product| count * tiles(*product, padded(rows), padded(cols)) >= workgroups;
            Product::TILED.into_iter().find(suffices).unwrap_or(Product::TILED[Product::TILED.len() - 1])
        };
        let (nt, nn) = (largest(1, rows, hidden), largest(1, rows, visible));
        Self { nt, nn, tn: largest(GRADIENTS, hidden, visible), memory: Memory::Buffers }
    }

    /// Those of [`Self::supported`] that may be the fastest, the likelier first. On GPUs subgroup broadcast leaves three of
    /// four invocations of a subgroup idle, textures gain nothing, and `direct` reads every number eight times. Smaller
    /// tiles keep many processors busy, of which a software adapter has few.
    pub fn raced(gpu: &Gpu) -> Vec<Self> {
        let mut raced = Self::supported(gpu);
        if gpu.adapter.is_software() {
            raced.retain(|variant| !variant.nt.is_tiled() || variant.nt == Product::Tiled);
        } else {
            raced.retain(|variant| variant.memory == Memory::Buffers);
            raced.sort_by_key(|variant| !variant.nt.is_tiled());
        }
        raced
    }

    /// Why `gpu` cannot run it.
    pub fn refusal(self, gpu: &Gpu) -> Option<&'static str> {
        if self.products().iter().any(|product| product.memory() != self.memory) {
            return Some("direct and tiled kernels read buffers alone, broadcast reads textures alone");
        }
        if self.products().contains(&Product::Broadcast) && !gpu.has_subgroups() {
            return Some("it has no subgroups of eight or more invocations");
        }
        (self.memory == Memory::Textures && !gpu.has_textures())
            .then_some("it has no textures of four 32-bit floats that compute shaders can read")
    }

    /// Itself, or a refusal that names the adapter and what it can run.
    pub fn check(self, gpu: &Gpu) -> Result<Self> {
        match self.refusal(gpu) {
            None => Ok(self),
            Some(why) => {
                let names: Vec<String> = Self::supported(gpu).iter().map(Self::to_string).collect();
                let (adapter, names) = (&gpu.adapter.info.name, names.join(", "));
                Err(Error::usage(format!(
                    "`force_variant` {self}: {adapter} cannot run it, {why}; it runs {names}"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wgpu::DeviceType;

    use super::*;
    use crate::engine::Chunking;
    use crate::engine::gpu::device::adapter::inert;
    use crate::engine::gpu::memory::partition::Partition;
    use crate::engine::gpu::memory::segment::SegmentLayout;
    use crate::engine::gpu::memory::workspace::slices_of;
    use crate::engine::gpu::ops::Gemm;
    use crate::math::params::Shape;

    /// A shape, and its kernels and slices on discrete and on integrated GPUs.
    type Expected = ([usize; 3], [&'static str; 2], [[usize; 3]; 2]);

    const GPUS: [DeviceType; 2] = [DeviceType::DiscreteGpu, DeviceType::IntegratedGpu];

    /// A device that computes nothing and says that it is of a kind.
    fn device(kind: DeviceType) -> Gpu {
        let mut adapter = inert().unwrap();
        adapter.info.device_type = kind;
        Gpu::open(adapter).unwrap()
    }

    /// The kernels of a shape, how often each of A·Bᵀ, A·B and Aᵀ·B is split, and units of the widest block.
    fn chosen(gpu: &Gpu, [visible, hidden, rows]: [usize; 3]) -> (String, [usize; 3], usize) {
        let cut = Chunking::default();
        let partition = Partition::new(gpu, Shape { visible, hidden }, rows, cut).unwrap();
        let hidden = partition.widest;
        let variant = Variant::preselected(gpu, Some(ProductSize { visible, hidden, rows }));
        let Partition { workgroups, limit: room, .. } = partition;
        let of_product = |product, cols, k| Gemm { product, workgroups, rows, cols, k, room }.split().count;
        let slices = [
            of_product(variant.nt, hidden, visible),
            of_product(variant.nn, visible, hidden),
            slices_of(variant.tn, workgroups, room, SegmentLayout::new(visible, &(0..hidden)), rows).count,
        ];
        (variant.to_string(), slices, hidden)
    }

    #[test]
    fn tiles_are_as_large_as_a_gpu_stays_busy_with_and_no_sum_but_of_tiny_results_is_split() {
        let [discrete, integrated] = GPUS.map(device);
        let cases: [Expected; 6] = [
            (
                [64, 25, 10_000],
                ["tiled32x32/buffers", "tiled+tiled+tiled32x32/buffers"],
                [[1, 1, 40], [1, 1, 8]],
            ),
            (
                [64, 256, 1_000],
                ["tiled32x32/buffers", "tiled+tiled32x32+tiled32x32/buffers"],
                [[1, 1, 4], [1, 1, 1]],
            ),
            ([784, 196, 1_000], ["tiled32x32+tiled64x64+tiled32x32/buffers", "tiled/buffers"], [[1; 3]; 2]),
            ([784, 1_024, 512], ["tiled32x32+tiled32x32+tiled/buffers", "tiled/buffers"], [[1; 3]; 2]),
            ([784, 4_096, 512], ["tiled+tiled32x32+tiled/buffers", "tiled/buffers"], [[1; 3]; 2]),
            // In blocks of 5 456 and 2 736 units, as bindings of 128 MiB have it.
            ([3_072, 8_192, 256], ["tiled64x64+tiled32x32+tiled/buffers", "tiled/buffers"], [[1; 3]; 2]),
        ];
        for (shape, names, slices) in cases {
            for ((gpu, name), slices) in [&discrete, &integrated].into_iter().zip(names).zip(slices) {
                let (variant, found, _) = chosen(gpu, shape);
                let kind = gpu.adapter.info.device_type;
                assert_eq!((variant.as_str(), found), (name, slices), "{shape:?} on {kind:?}");
            }
        }
        assert_eq!(chosen(&discrete, [3_072, 8_192, 256]).2, 5_456, "the last shape is cut");
    }

    #[test]
    fn where_no_shape_is_known_gpus_have_the_largest_tiles() {
        for kind in GPUS.into_iter().chain([DeviceType::VirtualGpu, DeviceType::Other]) {
            let gpu = device(kind);
            assert_eq!(gpu.variant(), Variant::of(Product::Tiled, Memory::Buffers), "{kind:?}");
            let size = ProductSize { visible: 8, hidden: 8, rows: 8 };
            let tiny = Variant::preselected(&gpu, Some(size));
            assert_eq!(tiny, Variant::of(Product::Tiled32x32, Memory::Buffers), "{kind:?}");
        }
    }

    #[test]
    fn gpus_race_the_tiled_kernels_first_and_nothing_that_reads_textures() {
        let of = |product| Variant::of(product, Memory::Buffers);
        let wanted = [Product::Tiled, Product::Tiled64x64, Product::Tiled32x32, Product::Direct].map(of);
        assert_eq!(Variant::raced(&device(DeviceType::DiscreteGpu)), wanted);
        let on_software = [Product::Direct, Product::Tiled].map(of);
        assert_eq!(
            Variant::raced(&device(DeviceType::Cpu)),
            on_software,
            "the inert device has no subgroups"
        );
    }
}
