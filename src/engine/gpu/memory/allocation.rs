//! The tensors of an engine as a list, from which they are allocated and which the memory plan sums: neither can hold a
//! tensor that the other forgets.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, bytes, packed, packed_buffers, padded};
use crate::engine::variant::Memory;
use crate::error::Result;
use crate::io::memory::Footprint;

/// The line of a memory plan that a tensor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    Parameters,
    OptimizerState,
    Activations,
    Data,
}

/// The tensors of one name.
#[derive(Clone, Debug)]
pub(crate) struct Allocation {
    name: &'static str,
    category: Category,
    extent: Extent,
    /// Numbers in textures, where kernels read textures.
    textures: usize,
}

/// How many tensors there are, of which sizes, and how they lie.
#[derive(Clone, Debug)]
enum Extent {
    /// `[rows, cols]`, each in a buffer of its own.
    Matrices(Vec<(usize, usize)>),
    /// By their lengths, each in a buffer of its own.
    Vectors(Vec<usize>),
    /// By their lengths, one behind the other in as few buffers as bindings of `limit` numbers allow.
    Packed { lens: Vec<usize>, limit: usize },
    /// Pairs by their lengths, each packed by itself.
    Pairs { lens: Vec<[usize; 2]>, limit: usize },
}

impl Allocation {
    /// Matrices, each in a buffer of its own.
    pub fn matrices(
        name: &'static str,
        category: Category,
        sizes: impl IntoIterator<Item = (usize, usize)>,
    ) -> Self {
        let extent = Extent::Matrices(sizes.into_iter().collect());
        Self { name, category, extent, textures: 0 }
    }

    /// One matrix.
    pub fn matrix(name: &'static str, category: Category, rows: usize, cols: usize) -> Self {
        Self::matrices(name, category, [(rows, cols)])
    }

    /// Vectors, each in a buffer of its own.
    pub fn vectors(name: &'static str, category: Category, lens: impl IntoIterator<Item = usize>) -> Self {
        Self { name, category, extent: Extent::Vectors(lens.into_iter().collect()), textures: 0 }
    }

    /// Vectors, one behind the other in as few buffers as bindings of `limit` numbers allow.
    pub fn packed(
        name: &'static str,
        category: Category,
        lens: impl IntoIterator<Item = usize>,
        limit: usize,
    ) -> Self {
        let extent = Extent::Packed { lens: lens.into_iter().collect(), limit };
        Self { name, category, extent, textures: 0 }
    }

    /// Pairs of vectors, each pair in one buffer if a binding of `limit` numbers could hold both.
    pub fn pairs(
        name: &'static str,
        category: Category,
        lens: impl IntoIterator<Item = [usize; 2]>,
        limit: usize,
    ) -> Self {
        Self {
            name,
            category,
            extent: Extent::Pairs { lens: lens.into_iter().collect(), limit },
            textures: 0,
        }
    }

    /// The same, parts of which are copied one after the other into shared textures of so many numbers in all, where kernels
    /// read textures.
    pub fn copied_in_turn(self, textures: usize) -> Self {
        Self { textures, ..self }
    }

    /// The same, held by so many textures besides where kernels read textures.
    pub fn copied(self, copies: usize) -> Self {
        Self { textures: copies * self.numbers(), ..self }
    }

    /// The same, of whose matrices a texture holds the first `rows` rows where kernels read textures.
    pub fn copied_rows(self, rows: usize) -> Self {
        let textures = match &self.extent {
            Extent::Matrices(sizes) => {
                sizes.iter().map(|size| padded(size.0.min(rows)) * padded(size.1)).sum()
            }
            Extent::Vectors(_) | Extent::Packed { .. } | Extent::Pairs { .. } => self.numbers(),
        };
        Self { textures, ..self }
    }

    /// Numbers in buffers, padding included.
    fn numbers(&self) -> usize {
        match &self.extent {
            Extent::Matrices(sizes) => sizes.iter().map(|&(rows, cols)| padded(rows) * padded(cols)).sum(),
            Extent::Vectors(lens) => lens.iter().copied().map(padded).sum(),
            Extent::Packed { lens, limit } => packed_buffers(lens.iter().copied(), *limit).0.iter().sum(),
            Extent::Pairs { lens, limit } => {
                lens.iter().map(|&pair| packed_buffers(pair, *limit).0.iter().sum::<usize>()).sum()
            }
        }
    }

    fn allocate(self, gpu: &Gpu) -> Result<Vec<Tensor>> {
        match self.extent {
            Extent::Matrices(sizes) => {
                sizes.into_iter().map(|(rows, cols)| Tensor::zeros(gpu, self.name, rows, cols)).collect()
            }
            Extent::Vectors(lens) => {
                lens.into_iter().map(|len| Tensor::vector(gpu, self.name, len)).collect()
            }
            Extent::Packed { lens, limit } => packed(gpu, self.name, lens, limit),
            Extent::Pairs { lens, limit } => {
                let pairs = lens.into_iter().map(|pair| packed(gpu, self.name, pair, limit));
                Ok(pairs.collect::<Result<Vec<_>>>()?.concat())
            }
        }
    }
}

/// Allocates the tensors of a list, zeroed; those of each name in the place of their allocation.
///
/// # Errors
/// When the device has no room for one.
pub(crate) fn allocate<const N: usize>(gpu: &Gpu, list: [Allocation; N]) -> Result<[Vec<Tensor>; N]> {
    let made = list.into_iter().map(|allocation| allocation.allocate(gpu)).collect::<Result<Vec<_>>>()?;
    Ok(made.try_into().expect("as many as there are allocations"))
}

/// The tensor of an allocation that has one.
pub(crate) fn single(tensors: Vec<Tensor>) -> Tensor {
    let [tensor] = <[Tensor; 1]>::try_from(tensors).expect("the allocation is of one tensor");
    tensor
}

/// Bytes of the tensors of lists, with their textures where kernels read `memory`.
pub(crate) fn footprint(allocations: impl IntoIterator<Item = Allocation>, memory: Memory) -> Footprint {
    let mut footprint = Footprint::default();
    for allocation in allocations {
        *match allocation.category {
            Category::Parameters => &mut footprint.parameters,
            Category::OptimizerState => &mut footprint.optimizer_state,
            Category::Activations => &mut footprint.activations,
            Category::Data => &mut footprint.data,
        } += bytes(allocation.numbers());
        if memory == Memory::Textures {
            footprint.textures += bytes(allocation.textures);
        }
    }
    footprint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::device::adapter::{adapters, select};
    use crate::engine::selector::Selector;

    fn list() -> [Allocation; 4] {
        [
            Allocation::matrices("matrices", Category::Parameters, [(3, 5), (8, 9)]).copied(3),
            Allocation::vectors("vectors", Category::OptimizerState, [9, 1]).copied_in_turn(16),
            Allocation::packed("packed", Category::Activations, [3, 100, 20], 128),
            Allocation::matrix("matrix", Category::Data, 17, 2).copied_rows(9),
        ]
    }

    #[test]
    fn a_plan_sums_tensors_with_their_padding_and_textures_where_kernels_read_them() {
        let [parameters, optimizer_state, activations, data] = [4 * 192, 4 * 24, 4 * 256, 4 * 192];
        let without = Footprint { parameters, optimizer_state, activations, data, textures: 0 };
        assert_eq!(footprint(list(), Memory::Buffers), without);
        let textures = 3 * parameters + 4 * 16 + 4 * 128;
        assert_eq!(footprint(list(), Memory::Textures), Footprint { textures, ..without });
    }

    #[test]
    fn the_buffers_of_a_list_have_the_bytes_that_its_plan_sums() {
        if std::env::var("RHOHAT_SKIP_GPU_TESTS").is_ok_and(|value| value == "1") {
            eprintln!("SKIPPED because of RHOHAT_SKIP_GPU_TESTS: allocations");
            return;
        }
        let gpu = Gpu::open(select(&Selector::Software, &adapters()).unwrap().unwrap()).unwrap();
        for allocation in list() {
            let planned = footprint([allocation.clone()], Memory::Buffers).total();
            let [tensors] = allocate(&gpu, [allocation]).unwrap();
            let mut buffers: Vec<wgpu::Buffer> = Vec::new();
            for tensor in &tensors {
                if !buffers.contains(&*tensor.buffer) {
                    buffers.push((*tensor.buffer).clone());
                }
            }
            assert_eq!(buffers.iter().map(wgpu::Buffer::size).sum::<u64>(), planned, "{tensors:?}");
        }
    }
}
